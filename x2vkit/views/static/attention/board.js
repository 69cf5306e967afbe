// @ts-check
/** One frame with heat over it. */
import { heatWords, shade } from "../lib/colors.js";
import { h } from "../lib/elements.js";
import { Picture } from "../lib/picture.js";

/** How opaque the heat over a picture is where there is least and most of it (as attention.py). */
const FAINT = 0.45;
const STRONG = 0.9;

const BARE = heatWords();
const OVER = heatWords((level) => FAINT + (STRONG - FAINT) * level);

/**
 * One frame with heat over it, a mark on the patch that is asked, and one on the patch under the pointer.
 */
export class Board {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {import("./scenes.js").Scenes} scenes
   * @param {import("./sequence.js").Sequence} sequence
   * @param {{ label: string, time?: number, ticks?: boolean }} options ticks: a large one, with title, axes
   *   and caption
   */
  constructor(view, scenes, { rows, columns }, { label, time = 0, ticks = false }) {
    this.view = view;
    this.rows = rows;
    this.columns = columns;
    this.time = time;
    const { width, height } = scenes.final;
    this.picture = new Picture(view, { width, height, label: "", smooth: true });
    this.picture.canvas.setAttribute("aria-hidden", "true");
    this.drawn = "";
    this.canvas = h("canvas", {
      width: columns,
      height: rows,
      class: "x2v-blocks x2v-attention-heat",
      role: "img",
      "aria-label": label,
    });
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.image = this.context.createImageData(columns, rows);
    this.words = new Uint32Array(this.image.data.buffer);
    this.marked = h("div", { class: "x2v-attention-mark", hidden: true });
    this.hovered = h("div", { class: "x2v-attention-hover", hidden: true });
    this.stage = this.picture.stage;
    this.stage.classList.add("x2v-attention-stage");
    this.stage.append(this.canvas, this.marked, this.hovered);
    this.root = this.picture.root;
    if (ticks) this.addAxes();
    else this.root.replaceChildren(this.stage);
  }

  /** Rows and columns of patches, named as in every view. */
  addAxes() {
    const names = (letter, count, side) => {
      const step = Math.max(1, Math.ceil(count / 8));
      return [...Array(count).keys()]
        .filter((i) => i % step === 0)
        .map((i) => {
          const name = h("span", {}, `${letter}${i}`);
          name.style[side] = `${(100 * (i + 0.5)) / count}%`;
          return name;
        });
    };
    const box = h("div", { class: "x2v-attention-axes" });
    this.stage.replaceWith(box);
    box.append(
      h(
        "div",
        { class: "x2v-attention-columns", "aria-hidden": "true" },
        ...names("c", this.columns, "left"),
      ),
      h("div", { class: "x2v-attention-rows", "aria-hidden": "true" }, ...names("r", this.rows, "top")),
      this.stage,
    );
  }

  /**
   * @param {number} time
   * @param {import("./scenes.js").Backdrop} scene
   * @param {Float32Array | null} shares of each patch; null for no heat
   * @param {(share: number) => number} level place on the colour scale, 0..1
   */
  show(time, scene, shares, level) {
    this.time = time;
    this.picture.canvas.hidden = !scene;
    this.stage.classList.toggle("x2v-attention-under", scene !== null && shares !== null);
    if (scene && scene.key !== this.drawn) scene.paint(this.picture);
    this.drawn = scene ? scene.key : "";
    this.canvas.hidden = !shares;
    if (!shares) return;
    const colors = scene ? OVER : BARE;
    for (let i = 0; i < shares.length; i++) this.words[i] = colors[shade(level(shares[i]))];
    this.context.putImageData(this.image, 0, 0);
  }

  /** @typedef {{ row: number, column: number }} Patch */

  /** @param {Patch | null} patch */
  mark(patch) {
    this.put(this.marked, patch);
  }

  /** @param {Patch | null} patch */
  hover(patch) {
    this.put(this.hovered, patch);
  }

  /** @param {string} text */
  title(text) {
    if (this.picture.title.textContent !== text) this.picture.title.textContent = text;
  }

  /** @param {string} text */
  caption(text) {
    this.picture.caption(text);
  }

  /**
   * @param {{ choose: (patch: Patch) => void, hover: (patch: Patch | null, event: PointerEvent) => void }}
   *   on
   */
  listen({ choose, hover }) {
    const { view, stage } = this;
    let dragging = false;
    const go = (event) => {
      const patch = this.at(event);
      if (patch) choose(patch);
    };
    const end = () => {
      if (dragging) view.commit();
      dragging = false;
    };
    view.listen(stage, "pointerdown", (event) => {
      if (event.button) return;
      dragging = true;
      stage.setPointerCapture(event.pointerId);
      go(event);
    });
    view.listen(stage, "pointermove", (event) => {
      if (dragging) go(event);
      hover(this.at(event), event);
    });
    view.listen(stage, "pointerup", end);
    view.listen(stage, "pointercancel", end);
    view.listen(stage, "pointerleave", (event) => hover(null, event));
  }

  /** @param {HTMLElement} box @param {Patch | null} patch */
  put(box, patch) {
    box.hidden = !patch;
    if (!patch) return;
    const wide = 100 / this.columns;
    const tall = 100 / this.rows;
    const sides = { left: wide * patch.column, top: tall * patch.row, width: wide, height: tall };
    for (const [name, value] of Object.entries(sides)) box.style.setProperty(name, `${value}%`);
  }

  /** @param {PointerEvent} event @returns {Patch | null} */
  at(event) {
    const box = this.stage.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * this.columns);
    const row = Math.floor(((event.clientY - box.top) / box.height) * this.rows);
    return row < 0 || column < 0 || row >= this.rows || column >= this.columns ? null : { row, column };
  }
}
