// @ts-check
/** Pictures of fixed pixels with a title and a caption. */
import { h } from "./elements.js";

/**
 * @typedef {{ bitmap: ImageBitmap, count: number, height: number, width: number, columns: number }}
 *   Pictures
 */

/**
 * A titled picture of fixed pixels, enlarged by the browser: in whole blocks, or smooth for finished clips.
 */
export class Picture {
  /**
   * @param {import("./view.js").View} view
   * @param {{ width: number, height: number, label: string, title?: string, smooth?: boolean }} options
   * label: what it is, for a screen reader; title: above it, the label by default
   */
  constructor(view, { width, height, label, title = label, smooth = false }) {
    this.canvas = h("canvas", {
      width,
      height,
      role: "img",
      "aria-label": label,
      class: smooth ? "x2v-smooth" : "x2v-blocks",
    });
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
    this.data = this.context.createImageData(width, height);
    this.title = h("div", { class: "x2v-title" }, title);
    this.note = h("figcaption", { class: "x2v-muted" }, "\u00a0");
    /** Where overlays go: exactly over the canvas. */
    this.stage = h("div", { class: "x2v-stage" }, this.canvas);
    this.stage.style.aspectRatio = `${width} / ${height}`;
    this.root = h("figure", { class: "x2v-picture" }, this.title, this.stage, this.note);
  }

  /**
   * One of the pictures of a sprite sheet.
   * @param {Pictures} pictures
   * @param {number} index
   */
  image({ bitmap, width, height, columns }, index) {
    const x = (index % columns) * width;
    const y = Math.floor(index / columns) * height;
    this.context.drawImage(bitmap, x, y, width, height, 0, 0, this.canvas.width, this.canvas.height);
  }

  /** Give it other pixels. @param {number} width @param {number} height */
  resize(width, height) {
    if (this.canvas.width === width && this.canvas.height === height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    this.data = this.context.createImageData(width, height);
    this.stage.style.aspectRatio = `${width} / ${height}`;
  }

  /** Show what was written into `this.data`. */
  put() {
    this.context.putImageData(this.data, 0, 0);
  }

  /** The line below the picture. @param {string} text */
  caption(text) {
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  /** The pixel under the pointer, or null outside. @param {PointerEvent | MouseEvent} event */
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * this.canvas.width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * this.canvas.height);
    return x < 0 || y < 0 || x >= this.canvas.width || y >= this.canvas.height ? null : { x, y };
  }
}
