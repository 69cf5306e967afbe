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
  }

  measure() {
    this.width = this.root.clientWidth;
  }

  /** The box under the pointer. @param {PointerEvent} event */
  at(event) {
    const place = this.canvas.getBoundingClientRect();
    const x = event.clientX - place.left;
    const y = event.clientY - place.top;
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
