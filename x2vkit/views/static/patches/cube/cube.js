// @ts-check
/**
 * A block of spacetime on a canvas, seen from the front, the top and the right, with time going back.
 *
 * Positions are [frame, y, x] in frames and pixels of the clip; a scene says how the block is divided into
 * slabs (along time), rows and columns, and what each piece looks like. Cubes of one `pose` turn and open
 * together. Nothing here knows what the pieces mean.
 */
import { sharp, themeColor } from "../../lib/canvas.js";
import { PALETTE } from "../../lib/colors.js";
import { h } from "../../lib/elements.js";
import { CORNERS, corner, line, outline, wire } from "./box.js";
import { Layout } from "./layout.js";
import { paintBox, paintFront, paintOutline, paintRow, paintRules } from "./paint.js";

/**
 * @typedef {{ slab: number, row: number, column: number, frame: number, y: number, x: number }} Hit
 * @typedef {{ times: [number, number], rows: [number, number], columns: [number, number] }} Region
 * @typedef {import("./box.js").Box} Box
 *
 * @typedef {object} Options
 * @property {string} label for a screen reader
 * @property {any} title above it
 * @property {() => void} turned called when it was turned
 * @property {(hit: Hit | null, event: PointerEvent) => void} hover
 * @property {(hit: Hit) => void} pick
 */

export class Cube {
  /** @param {import("../../lib/view.js").View} view @param {import("./pose.js").Pose} pose @param {Options} options */
  constructor(view, pose, { label, title, turned, hover, pick }) {
    this.view = view;
    this.pose = pose;
    this.canvas = h("canvas", { role: "img", "aria-label": label });
    this.over = h("canvas", { "aria-hidden": "true", class: "x2v-over" });
    const head = h("div", { class: "x2v-title" }, title);
    this.note = h("figcaption", { class: "x2v-muted" }, "\u00a0");
    this.stage = h("div", { class: "x2v-cube" }, this.canvas, this.over);
    this.root = h("figure", { class: "x2v-picture" }, head, this.stage, this.note);
    /** @type {[number, number]} */
    this.size = [0, 0];
    this.drawn = "";
    /** @type {Layout | null} what is drawn */
    this.layout = null;
    this._listen(turned, hover, pick);
  }

  /** @param {string} text */
  caption(text) {
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  /** @param {number} width @param {number} height in CSS pixels */
  resize(width, height) {
    this.size = [width, height];
    this.stage.style.height = `${height}px`;
  }

  /**
   * Draw a scene, unless this key says that it is drawn already.
   * @param {import("./layout.js").Scene} scene
   * @param {string} key
   */
  draw(scene, key) {
    key += [...this.size, this.pose.right, this.pose.up, this.pose.open, globalThis.devicePixelRatio].join();
    if (key === this.drawn || !this.size[0]) return;
    this.drawn = key;
    this.layout = new Layout(scene, this.pose, this.size);
    const context = sharp(this.canvas, ...this.size);
    context.imageSmoothingEnabled = false;
    const colors = { line: themeColor(this.view, "line"), muted: themeColor(this.view, "muted") };
    paintOutline(context, this.layout, colors);
    for (const [piece, box] of this.layout.boxes()) paintBox(context, this.layout, piece, box);
    paintRules(context, this.layout);
  }

  /**
   * Mark a part of the block, and the same place at all other times; and a row of pixels.
   * @param {Region | null} region
   * @param {number} [row]
   */
  mark(region, row = -1) {
    const context = sharp(this.over, ...this.size);
    const { layout } = this;
    if (!layout) return;
    if (row >= layout.scene.cut) paintRow(context, layout, row);
    if (!region) return;
    const [x0, x1] = region.columns;
    const [y0, y1] = region.rows;
    const { times, first, texture } = layout.scene;
    const shown = [];
    const others = [];
    for (let slab = times.length - 2; slab >= 0; slab--) {
      const inside = times[slab] < region.times[1] && times[slab + 1] > region.times[0];
      if (!inside && slab < first) continue;
      (inside ? shown : others).push(layout.box(slab, [0, 0], [x0, y0, x1, y1]));
    }
    this._tube(context, [...shown, ...others], others);
    if (texture) for (const box of shown) paintFront(context, texture(box.slab), box); // even where it is hidden
    this._wires(context, shown);
  }

  /** Mark one piece, wherever it is. @param {number} piece its number, below 0 for none */
  markPiece(piece) {
    const context = sharp(this.over, ...this.size);
    if (!this.layout || piece < 0) return;
    const { rows, columns } = this.layout.scene;
    const across = columns.length - 1;
    const row = Math.floor(piece / across) % (rows.length - 1);
    const column = piece % across;
    const slab = Math.floor(piece / (across * (rows.length - 1)));
    const region = [columns[column], rows[row], columns[column + 1], rows[row + 1]];
    const box = this.layout.box(
      slab,
      [row, column],
      /** @type {[number, number, number, number]} */ (region),
    );
    context.lineJoin = "round";
    this._wires(context, [box]);
  }

  /** The same place at all times: one tube, and where the block is open, one outline a slab. */
  _tube(context, /** @type {Box[]} */ all, /** @type {Box[]} */ others) {
    if (!all.length) return;
    const sorted = [...all].sort((a, b) => b.slab - a.slab);
    const far = sorted[0];
    const near = sorted[sorted.length - 1];
    context.lineJoin = "round";
    context.strokeStyle = PALETTE.orange;
    context.setLineDash([3, 3]);
    context.lineWidth = 1;
    for (const [u, v] of CORNERS) line(context, corner(near, u, v, 0), corner(far, u, v, 1));
    if (this.pose.open > 0.12) for (const box of others) outline(context, box);
    context.setLineDash([]);
  }

  /** Boxes from back to front: each by itself, or as one where they touch. */
  _wires(context, /** @type {Box[]} */ boxes) {
    if (!boxes.length) return;
    const [dX, dY] = [
      boxes.reduce((sum, box) => sum + box.dX, 0),
      boxes.reduce((sum, box) => sum + box.dY, 0),
    ];
    const whole = this.pose.open > 0.05 ? boxes : [{ ...boxes[boxes.length - 1], dX, dY }];
    for (const box of whole) wire(context, box, PALETTE.orange);
  }

  /** The piece under a point, in CSS pixels of the canvas. @returns {Hit | null} */
  hit(px, py) {
    if (!this.layout) return null;
    for (const [, box] of [...this.layout.boxes()].reverse()) {
      const { X, Y, w, tall, dX, dY } = box;
      if (px >= X && px < X + w && py >= Y && py < Y + tall)
        return this._at(box, (px - X) / w, (py - Y) / tall, 0);
      const up = (py - Y) / dY; // dY is below 0
      const across = px - X - up * dX;
      if (up > 0 && up <= 1 && across >= 0 && across < w) return this._at(box, across / w, 0, up);
      const right = (px - X - w) / dX;
      const below = py - Y - right * dY;
      if (right > 0 && right <= 1 && below >= 0 && below < tall) return this._at(box, 1, below / tall, right);
    }
    return null;
  }

  /** What lies in a box at shares of its width, height and depth. @returns {Hit} */
  _at(/** @type {Box} */ { slab, row, column, x0, y0, x1, y1 }, u, v, d) {
    const { times } = /** @type {Layout} */ (this.layout).scene;
    return {
      slab,
      row,
      column,
      frame: Math.min(times[slab] + Math.floor(d * (times[slab + 1] - times[slab])), times[slab + 1] - 1),
      y: Math.min(Math.floor(y0 + v * (y1 - y0)), y1 - 1),
      x: Math.min(Math.floor(x0 + u * (x1 - x0)), x1 - 1),
    };
  }

  /** @param {Options["turned"]} turned @param {Options["hover"]} hover @param {Options["pick"]} pick */
  _listen(turned, hover, pick) {
    const { view, stage } = this;
    /** @type {{ x: number, y: number, moved: boolean } | null} */
    let held = null;
    const at = (event) => {
      const box = stage.getBoundingClientRect();
      return this.hit(event.clientX - box.left, event.clientY - box.top);
    };
    view.listen(stage, "pointerdown", (event) => {
      held = { x: event.clientX, y: event.clientY, moved: false };
      stage.setPointerCapture(event.pointerId);
    });
    view.listen(stage, "pointermove", (event) => {
      if (!held) return hover(at(event), event);
      const x = event.clientX - held.x;
      const y = event.clientY - held.y;
      if (!held.moved && Math.hypot(x, y) < 5) return;
      hover(null, event);
      this.pose.turn(x / 300, -y / 300);
      held = { x: event.clientX, y: event.clientY, moved: true };
      turned();
    });
    view.listen(stage, "pointerup", (event) => {
      const hit = held && !held.moved ? at(event) : null;
      held = null;
      if (hit) pick(hit);
    });
    view.listen(stage, "pointercancel", () => (held = null));
    view.listen(stage, "pointerleave", (event) => hover(null, event));
  }
}
