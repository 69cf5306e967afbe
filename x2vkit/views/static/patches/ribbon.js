// @ts-check
/** Rows of small pictures over the whole width. */
import { sharp } from "../lib/canvas.js";
import { h } from "../lib/elements.js";

/** A canvas over the whole width on which small pictures stand in rows; `boxes` says where. */
export class Ribbon {
  /** @param {string} label */
  constructor(label) {
    this.canvas = h("canvas", { role: "img", "aria-label": label });
    this.root = h("div", { class: "x2v-ribbon" }, this.canvas);
    this.width = 0;
    this.drawn = "";
    /** @type {{ x: number, y: number, w: number, h: number, index: number }[]} */
    this.boxes = [];
    /**
     * In place of boxes, where there are very many: what lies at a point.
     * @type {((x: number, y: number) => number) | null}
     */
    this.find = null;
    /** What is below a mark that moves, drawn once. */
    this.base = new OffscreenCanvas(1, 1);
    this.kept = "";
  }

  measure() {
    this.width = this.root.clientWidth;
  }

  /** The box under the pointer. @param {PointerEvent} event */
  at(event) {
    const place = this.canvas.getBoundingClientRect();
    const x = event.clientX - place.left;
    const y = event.clientY - place.top;
    if (this.find) {
      const index = this.find(x, y);
      return index < 0 ? null : { index };
    }
    return (
      this.boxes.find((box) => x >= box.x && x < box.x + box.w && y >= box.y && y < box.y + box.h) ?? null
    );
  }

  /**
   * A context to draw in, or null where this key is drawn already.
   * @param {string} key
   * @param {number} height
   */
  start(key, height) {
    key += `,${this.width},${globalThis.devicePixelRatio}`;
    if (key === this.drawn || !this.width) return null;
    this.drawn = key;
    this.boxes = [];
    return sharp(this.canvas, this.width, height);
  }

  /**
   * Draw what does not move, or put it back where this key says that it was drawn already.
   * @param {CanvasRenderingContext2D} context
   * @param {string} key
   * @param {() => void} draw
   */
  below(context, key, draw) {
    const { canvas, base } = this;
    key += `,${canvas.width},${canvas.height}`;
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    if (key === this.kept) context.drawImage(base, 0, 0);
    context.restore();
    if (key === this.kept) return;
    draw();
    base.width = canvas.width;
    base.height = canvas.height;
    base.getContext("2d")?.drawImage(canvas, 0, 0);
    this.kept = key;
  }
}

let counter = 0;

/** @type {WeakMap<object, number>} */
const numbers = new WeakMap();

/** A name for objects that are made once for each of their values. @param {...object} objects */
export function arrangedKey(...objects) {
  return objects
    .map((one) => {
      if (!numbers.has(one)) numbers.set(one, (counter += 1));
      return numbers.get(one);
    })
    .join();
}
