// @ts-check
/** Both axes of the plot: compute on a logarithmic one, a figure on a logarithmic or (judged) a plain one. */
import { h } from "../lib/elements.js";
import { at, percent, raise } from "../lib/numbers.js";

/** Where the plot lies in its picture, in units of the SVG. */
export const BOX = { width: 680, height: 400, left: 58, right: 16, top: 14, bottom: 46 };
const INNER = { width: BOX.width - BOX.left - BOX.right, height: BOX.height - BOX.top - BOX.bottom };
/** Where the extrapolated axis ends, as a power of ten of FLOPs. */
export const FAR = 26;
/** No loss is drawn below this. */
const LEAST = 0.001;
const JUDGED_TICKS = [0, 0.25, 0.5, 0.75, 1];
const TICKS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1, 1.5, 2];

export class Axes {
  /** @param {any} metadata @param {any} what the figure @param {boolean} far up to the largest models */
  constructor({ points, law }, what, far) {
    this.what = what;
    const flops = points.map((p) => p.flops);
    this.lowX = Math.log10(Math.min(...flops)) - 0.25;
    this.highX = far ? FAR : Math.log10(Math.max(...flops)) + 1;
    this.lowY = 0;
    this.highY = 1;
    if (what.judged) return;
    const values = points.map((p) => p.values[what.key]).filter((value) => value !== undefined);
    // the law's band at both of its ends, so that it stays inside
    const ends = () => [at(law, Math.min(...flops) / 1.6, "high"), at(law, 10 ** this.highX, "low")];
    const reached = what.key === "loss" && law ? ends() : [];
    this.lowY = Math.log10(0.94 * Math.max(Math.min(...values, ...reached), LEAST));
    this.highY = Math.log10(1.06 * Math.max(...values, ...reached));
  }

  /** @param {number} flops */
  x(flops) {
    return BOX.left + (INNER.width * (Math.log10(flops) - this.lowX)) / (this.highX - this.lowX);
  }

  /** @param {number} value */
  y(value) {
    const part = ((this.what.judged ? value : Math.log10(value)) - this.lowY) / (this.highY - this.lowY);
    return BOX.height - BOX.bottom - INNER.height * part;
  }

  /** Ticks, their numbers, and the names of both axes. */
  draw() {
    const { what, lowX, highX } = this;
    const foot = BOX.height - BOX.bottom;
    const right = BOX.width - BOX.right;
    const parts = [];
    const wide = highX - lowX > 8 ? 2 : 1;
    for (let d = Math.ceil(lowX); d <= highX; d++) {
      const x = this.x(10 ** d);
      parts.push(h("line", { class: "x2v-scaling-grid", x1: x, x2: x, y1: BOX.top, y2: foot }));
      if (d % wide) continue;
      parts.push(h("text", { x, y: foot + 18, "text-anchor": "middle" }, `10${raise(d)}`));
    }
    const [low, high] = what.judged ? [0, 1] : [10 ** this.lowY, 10 ** this.highY];
    for (const v of (what.judged ? JUDGED_TICKS : TICKS).filter((v) => v >= low && v <= high)) {
      const y = this.y(v);
      const name = what.judged ? percent(v) : String(v);
      parts.push(h("line", { class: "x2v-scaling-grid", x1: BOX.left, x2: right, y1: y, y2: y }));
      parts.push(h("text", { x: BOX.left - 7, y: y + 4, "text-anchor": "end" }, name));
    }
    const middle = (BOX.top + foot) / 2;
    const below = { x: (BOX.left + right) / 2, y: BOX.height - 6, "text-anchor": "middle" };
    const turned = { x: 14, y: middle, "text-anchor": "middle", transform: `rotate(-90 14 ${middle})` };
    parts.push(h("text", below, "training compute, FLOPs"), h("text", turned, what.name));
    return parts;
  }
}
