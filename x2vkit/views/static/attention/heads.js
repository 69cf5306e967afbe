// @ts-check
/** All heads as small multiples. */
import { leveller, percent } from "./shares.js";
import { whenPressed } from "./picker.js";
import { heatWords, shade } from "../lib/colors.js";
import { h } from "../lib/elements.js";

/** Widest picture of a head, of its height: longer clips go on in another line. */
const WIDEST = 7;

const WORDS = heatWords();

/** The mean and every head as small multiples, each with its own brightest; click one to see it large. */
export class Heads {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {import("./sequence.js").Sequence} sequence
   */
  constructor(view, sequence) {
    const { times, rows, columns } = sequence;
    const { heads, decades } = view.metadata;
    this.sequence = sequence;
    this.decades = decades;
    const lines = Math.max(1, Math.round(Math.sqrt((times * columns) / (WIDEST * rows))));
    /** Latent frames in a line. */
    this.per = Math.ceil(times / lines);
    const height = Math.ceil(times / this.per) * (rows + 1) - 1;
    this.cards = [null, ...heads.keys()].map((head) => {
      const canvas = h("canvas", {
        width: this.per * (columns + 1) - 1,
        height,
        class: "x2v-blocks",
        "aria-hidden": "true",
      });
      canvas.style.aspectRatio = `${canvas.width} / ${height}`;
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      const title = head === null ? "mean" : `head ${heads[head] + 1}`;
      const stats = h("span", { class: "x2v-muted" });
      const note = h("div", { class: "x2v-muted" });
      const it = h(
        "button",
        { type: "button", class: "x2v-attention-head", "data-head": head ?? "mean" },
        h("div", { class: "x2v-attention-head-title" }, h("b", {}, title), stats),
        canvas,
        note,
      );
      whenPressed(view, it, () => view.select({ head }));
      return { head, it, context, image: context.createImageData(canvas.width, height), title, stats, note };
    });
    this.note = h("div", { class: "x2v-muted" });
    this.root = h(
      "div",
      { class: "x2v-attention-heads" },
      h("div", { class: "x2v-title" }, `Heads (t0 … t${times - 1}, each with its own brightest)`),
      h("div", { class: "x2v-attention-cards" }, ...this.cards.map(({ it }) => it)),
      this.note,
    );
  }

  /** @param {import("./seen.js").Seen} seen @param {number | null} chosen @param {boolean} log */
  show(seen, chosen, log) {
    const { L, N, T, video } = this.sequence;
    this.root.hidden = seen.map !== "";
    if (seen.map) return;
    this.cards.forEach(({ head, it, context, image, title, stats, note }, card) => {
      const { entropy, reach, words: text, most } = seen.figures[card];
      const level = leveller(most, log, this.decades);
      const shares = head === null ? seen.mean : seen.heads.subarray(head * L, (head + 1) * L);
      this._paint(image, shares.subarray(video, video + N), level);
      context.putImageData(image, 0, 0);
      stats.textContent = `${entropy.toFixed(1)} bits${reach === null ? "" : ` · reach ${reach.toFixed(2)}`}`;
      note.textContent = `most ${percent(most)}${T ? ` · words\u00a0${percent(text)}` : ""}`;
      it.setAttribute("aria-pressed", String(head === chosen));
      const far = reach === null ? "" : `temporal reach ${reach.toFixed(2)} latent frames, `;
      const figures = `entropy ${entropy.toFixed(1)} bits, ${far}words ${percent(text)}`;
      it.setAttribute("aria-label", `${title}: ${figures}, most on a patch ${percent(most)}`);
    });
    this._say(seen);
  }

  /** Latent frames side by side, in as many lines as they need. */
  _paint(image, patches, level) {
    const { times, rows, columns } = this.sequence;
    const words = new Uint32Array(image.data.buffer);
    for (let time = 0, i = 0; time < times; time++) {
      const left = (time % this.per) * (columns + 1);
      const top = Math.floor(time / this.per) * (rows + 1);
      for (let row = 0; row < rows; row++) {
        let to = (top + row) * image.width + left;
        for (let column = 0; column < columns; column++, i++, to++)
          words[to] = WORDS[shade(level(patches[i]))];
      }
    }
  }

  /** @param {import("./seen.js").Seen} seen */
  _say(seen) {
    const { L, T } = this.sequence;
    const bits = `bits: entropy, 0 (one token) to ${Math.log2(L).toFixed(1)} (all alike)`;
    const far = seen.figures[0].reach === null ? " (of a patch only)" : "";
    const words = T ? `; words: ${seen.to ? "on all of them" : "their mean"}` : "";
    this.note.textContent = `${bits}; reach: mean distance in latent frames${far}; most: on one patch${words}`;
  }
}
