// @ts-check
/** Tokens that are neither words nor patches, drawn as what they are: sound along time, pictures as pictures. */
import { heatWords, shade } from "../lib/colors.js";
import { h } from "../lib/elements.js";
import { percent } from "./shares.js";

const WORDS = heatWords();

/** What tokens of each kind are, for a title. @type {Record<string, string>} */
const NAMES = {
  audio: "Sound, along time",
  image: "The start picture",
  history: "Earlier parts of the clip",
  padding: "Filler that fills up the prompt",
};

export class Others {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {import("./sequence.js").Sequence} sequence
   * @param {(event: PointerEvent, index: number | null) => void} hover
   */
  constructor(view, sequence, hover) {
    this.cards = sequence.others.map(({ kind, name, span }) => {
      const count = span[1] - span[0];
      const { width, height, place } = layOf(kind, count, sequence);
      const canvas = h("canvas", {
        width,
        height,
        class: "x2v-blocks",
        role: "img",
        "aria-label": `${name} tokens`,
      });
      canvas.style.aspectRatio = kind === "audio" || kind === "padding" ? "" : `${width} / ${height}`;
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      const note = h("span", { class: "x2v-muted" });
      const title = h("div", { class: "x2v-title" }, `${NAMES[kind]}: ${count} tokens`);
      const root = h("div", { class: `x2v-attention-other x2v-attention-${kind}` }, title, canvas, note);
      const where = Array.from({ length: count }, (_, i) => place(i)[1] * width + place(i)[0]);
      view.listen(canvas, "pointermove", (event) => {
        const box = canvas.getBoundingClientRect();
        const x = Math.floor(((event.clientX - box.left) / box.width) * width);
        const y = Math.floor(((event.clientY - box.top) / box.height) * height);
        const i = where.indexOf(y * width + x);
        hover(event, i < 0 ? null : span[0] + i);
      });
      view.listen(canvas, "pointerleave", (event) => hover(event, null));
      return { kind, span, context, image: context.createImageData(width, height), where, note, root };
    });
    this.root = h("div", { class: "x2v-attention-others" }, ...this.cards.map(({ root }) => root));
    this.root.hidden = !this.cards.length;
  }

  /**
   * @param {import("./seen.js").Seen} seen
   * @param {(share: number) => number} level place of a share on the colour scale
   */
  show(seen, level) {
    this.cards.forEach(({ span, context, image, where, note }, card) => {
      const words = new Uint32Array(image.data.buffer);
      where.forEach((to, i) => (words[to] = WORDS[shade(level(seen.row[span[0] + i]))]));
      context.putImageData(image, 0, 0);
      const part = percent(seen.others[card][1]);
      note.textContent = seen.map ? "" : seen.to ? `gets ${part}` : `each gives ${part} on average`;
    });
  }
}

/**
 * Where the tokens of a kind stand: in a line; or as the pictures that they were cut from, where their number
 * says so (a single token before a square is one for the whole picture).
 * @returns {{ width: number, height: number, place: (i: number) => [number, number] }}
 */
function layOf(kind, count, { rows, columns, each }) {
  const line = { width: count, height: 1, place: (i) => /** @type {[number, number]} */ ([i, 0]) };
  if (kind === "audio" || kind === "padding") return line;
  if (count % each === 0) {
    const frames = count / each;
    const at = (i) => [Math.floor(i / each) * (columns + 1) + (i % columns), Math.floor(i / columns) % rows];
    return { width: frames * (columns + 1) - 1, height: rows, place: /** @type {any} */ (at) };
  }
  for (const whole of [0, 1]) {
    const side = Math.round(Math.sqrt(count - whole));
    if (side < 2 || side * side !== count - whole) continue;
    const at = (i) =>
      i < whole ? [0, 0] : [2 * whole + ((i - whole) % side), Math.floor((i - whole) / side)];
    return { width: side + 2 * whole, height: side, place: /** @type {any} */ (at) };
  }
  return line;
}
