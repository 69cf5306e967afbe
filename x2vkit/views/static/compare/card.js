// @ts-check
/** One run: its name, its picture, and its difference from the reference. */
import { PALETTE, heatPixels } from "../lib/colors.js";
import { button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { LatentPainter } from "../lib/painter.js";
import { Picture } from "../lib/picture.js";

/** As DIFFERENCE_MOST and COLORS in compare.py. */
export const MOST = 96;

export const COLORS = [
  PALETTE.blue,
  PALETTE.green,
  PALETTE.purple,
  PALETTE.red,
  PALETTE.grey,
  PALETTE.orange,
];

/** One run: its name, its picture, and its difference from the reference. */
export class Card {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {import("./runs.js").Run} run
   * @param {number} index
   */
  constructor(view, run, index) {
    this.run = run;
    /** How far each pixel lies from the reference's. */
    this.amounts = new Float32Array(run.width * run.height);
    this.index = index;
    const { width, height, name } = run;
    const unknown = new Set(run.unknown.map((word) => word.toLowerCase()));
    const words = run.prompt.flatMap(([word, differs]) => {
      const bare = word.toLowerCase().replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
      const text = unknown.has(bare) ? h("del", { title: "The model does not know this word" }, word) : word;
      return [differs ? h("strong", {}, text) : text, " "];
    });
    const said = `${name}${run.label ? `, ${run.label}` : ""}`;
    this.picture = new Picture(view, {
      width,
      height,
      label: `Run ${said}: its clip`,
      title: "",
      smooth: true,
    });
    this.change = new Picture(view, {
      width,
      height,
      label: `Run ${said}: its difference from the reference`,
      title: "",
    });
    this.over = h("div", { class: "x2v-compare-over" });
    this.change.stage.append(this.over);
    this.pick = button(
      view,
      {
        label: `Make ${name} the reference, which the others are compared with`,
        text: "reference",
        pressed: false,
      },
      () => {
        view.select({ reference: index });
        view.commit();
      },
    );
    const badge = h("span", { class: "x2v-compare-badge", "aria-hidden": "true" }, name);
    this.root = h(
      "section",
      { class: "x2v-compare-card", "aria-label": `Run ${said}` },
      h(
        "div",
        { class: "x2v-compare-head" },
        badge,
        h("span", { class: "x2v-compare-label" }, run.label || null),
        this.pick,
      ),
      view.metadata.prompt === null
        ? h("div", { class: "x2v-compare-prompt" }, ...(words.length ? words : ["(no words)"]))
        : null,
      this.picture.root,
      this.change.root,
    );
    this.root.style.setProperty("--run", COLORS[index]);
  }

  /** @param {import("../lib/view.js").Selection} selection */
  draw({ show, step, frame }) {
    const { run, picture } = this;
    const own = run.own[step];
    const at = Math.min(frame, run.frames.length - 1);
    const kept = show === "noisy" ? run.noisy : show === "predicted" ? run.predicted : null;
    if (kept) LatentPainter.pixels(kept.painter.floats(kept.latents, own * kept.size, at), picture.data);
    else picture.data.data.set(run.frames[at].data);
    picture.put();
    const ended = frame > at ? ", its last frame" : "";
    picture.caption(
      kept
        ? `step ${own + 1} of ${run.t.length - 1}, noise ${Math.round(100 * run.t[own])} %${ended}`
        : `finished clip${ended}`,
    );
  }

  /** @param {Card} reference drawn before */
  compare(reference) {
    const { change, picture, over } = this;
    const same = reference === this;
    this.pick.setAttribute("aria-pressed", String(same));
    const sized =
      picture.data.width === reference.picture.data.width &&
      picture.data.height === reference.picture.data.height;
    over.hidden = !same && sized;
    if (same || !sized) {
      over.textContent = same
        ? "the reference"
        : `another size than ${reference.run.name}: no difference map`;
      return change.caption(same ? "the others are compared with this run" : " ");
    }
    const one = picture.data.data;
    const other = reference.picture.data.data;
    const { amounts } = this;
    let sum = 0;
    for (let i = 0, j = 0; j < one.length; i++, j += 4) {
      amounts[i] =
        (Math.abs(one[j] - other[j]) +
          Math.abs(one[j + 1] - other[j + 1]) +
          Math.abs(one[j + 2] - other[j + 2])) /
        3;
      sum += amounts[i];
    }
    heatPixels(amounts, MOST, change.data);
    change.put();
    change.caption(`from ${reference.run.name}: ${(sum / amounts.length).toFixed(1)} of 255 on average`);
  }
}
