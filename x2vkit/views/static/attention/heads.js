// @ts-check
/** All heads as small multiples. */
import { leveller, percent } from "./shares.js";
import { whenPressed } from "./picker.js";
import { heat } from "../lib/colors.js";
import { h } from "../lib/elements.js";
import { tokenPlace } from "../lib/geometry.js";

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
    this.cards = [null, ...heads.keys()].map((head) => {
      const canvas = h("canvas", {
        width: times * columns + times - 1,
        height: rows,
        class: "x2v-blocks",
        "aria-hidden": "true",
      });
      canvas.style.aspectRatio = `${canvas.width} / ${rows}`;
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
      return { head, it, context, image: context.createImageData(canvas.width, rows), title, stats, note };
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
    const { L, N, T, video, columns, grid } = this.sequence;
    this.cards.forEach(({ head, it, context, image, title, stats, note }, card) => {
      const { entropy, reach, words: text, most } = seen.figures[card];
      const level = leveller(most, log, this.decades);
      const shares = head === null ? seen.mean : seen.heads.subarray(head * L, (head + 1) * L);
      for (let i = 0; i < N; i++) {
        const { time, row, column } = tokenPlace(i, grid);
        const to = 4 * (row * image.width + time * (columns + 1) + column);
        [image.data[to], image.data[to + 1], image.data[to + 2]] = heat(level(shares[video + i]));
        image.data[to + 3] = 255;
      }
      context.putImageData(image, 0, 0);
      stats.textContent = `${entropy.toFixed(1)} bits${reach === null ? "" : ` · reach ${reach.toFixed(2)}`}`;
      note.textContent = `most ${percent(most)}${T ? ` · words\u00a0${percent(text)}` : ""}`;
      it.setAttribute("aria-pressed", String(head === chosen));
      const far = reach === null ? "" : `temporal reach ${reach.toFixed(2)} latent frames, `;
      const figures = `entropy ${entropy.toFixed(1)} bits, ${far}words ${percent(text)}`;
      it.setAttribute("aria-label", `${title}: ${figures}, most on a patch ${percent(most)}`);
    });
    const bits = `bits: entropy, 0 (one token) to ${Math.log2(L).toFixed(1)} (all alike)`;
    const far = seen.figures[0].reach === null ? " (of a patch only)" : "";
    const words = T ? `; words: ${seen.to ? "on all of them" : "their mean"}` : "";
    this.note.textContent = `${bits}; reach: mean distance in latent frames${far}; most: on one patch${words}`;
  }
}
