// @ts-check
/** What the selection means: sizes, order, colours, the patch that is picked and the one that is hovered. */
import { Geometry, tokenName } from "../lib/geometry.js";
import { Tooltip } from "../lib/tooltip.js";
import { paintLatents, shades } from "./colors.js";
import { arrange } from "./order.js";
import { remember } from "./remember.js";
import { boxOf, pointOf, span, tokenAt } from "./tokens.js";

/**
 * @typedef {import("./tokens.js").Point} Point
 * @typedef {import("./tokens.js").Size} Size
 *
 * @typedef {object} Now all that is drawn, worked out from one selection
 * @property {import("../lib/view.js").Selection} choice
 * @property {string} sizeKey says which patch size it is
 * @property {Size} size
 * @property {import("./tokens.js").Arranged} arranged
 * @property {ReturnType<typeof shades>} shade
 * @property {ReturnType<typeof paintLatents>} latents
 * @property {number} token the token that is marked, or -1
 * @property {number} slot where it stands, or -1
 * @property {ReturnType<typeof boxOf> | null} region its pixels
 */

export class State {
  /** @param {import("../lib/view.js").View} view @param {import("../lib/picture.js").Pictures} film the clip */
  constructor(view, film) {
    const { metadata, arrays } = view;
    this.view = view;
    this.film = film;
    this.geometry = new Geometry(metadata.geometry);
    const [F, H, W] = metadata.shape;
    const [C, f, rows, columns] = metadata.latent;
    /** Frames, and pixels of a frame. */
    this.F = F;
    this.H = H;
    this.W = W;
    /** Channels, and latent frames, rows and columns. */
    this.C = C;
    this.f = f;
    this.rows = rows;
    this.columns = columns;
    /** Where latent frames begin and end, in frames. @type {number[]} */
    this.latentTimes = [...Array(this.f).keys()]
      .map((time) => this.geometry.framesOf(time)[0])
      .concat(this.F);
    /** How many times larger the clip's pixels are than those of the pictures. */
    this.shrink = metadata.shrink;
    this.tip = new Tooltip(view);
    /** @type {Point | null} */
    this.hovered = null;
    /** Of a patch length and side, by their places on offer. */
    this.sizeOf = remember((length, side) => this._size(length, side));
    this._arranged = remember((length, side, order, seed, drop) =>
      arrange(this.sizeOf(length, side).grid, order, seed, drop, metadata.drop_seed),
    );
    this._shade = remember((length, side, colors) => {
      const numbers = `patch.${length}.${side}`;
      const own = this.sizeOf(length, side).own ? colors : numbers; // queries and keys are of the model's own size
      return shades(arrays[colors.includes(".") ? own : `${colors}.${length}.${side}`] ?? arrays[numbers]);
    });
    this._latents = remember((channel) => paintLatents(view, channel));
  }

  /** @returns {Size} */
  _size(length, side) {
    const { metadata } = this.view;
    const patch = [metadata.lengths[length], ...metadata.sides[side]];
    const { grid, tokens, numbers } = metadata.costs[length][side];
    const [tall, wide] = [patch[1], patch[2]].map((cells) => cells * this.geometry.spatialStride);
    const edges = (n, size, end) => [...Array(n + 1).keys()].map((i) => Math.min(i * size, end));
    return {
      geometry: new Geometry({ ...metadata.geometry, patch }),
      patch,
      grid,
      tokens,
      numbers,
      tall,
      wide,
      times: edges(grid[0], patch[0], this.f).map((time) => this.latentTimes[time]),
      rows: edges(grid[1], tall, this.H),
      columns: edges(grid[2], wide, this.W),
      own: length === metadata.own[0] && side === metadata.own[1],
    };
  }

  /** The model's own patches. */
  get own() {
    const [length, side] = this.view.metadata.own;
    return this.sizeOf(length, side);
  }

  /** @returns {Now} */
  now() {
    const choice = this.view.selection;
    const { length, side, order, shuffle, drop, colors, channel } = choice;
    const size = this.sizeOf(length, side);
    const arranged = this._arranged(length, side, order, shuffle, drop);
    const point = this.hovered ?? this.picked();
    const token = point ? tokenAt(point, size) : -1;
    return {
      choice,
      sizeKey: `${length}.${side}`,
      size,
      arranged,
      shade: this._shade(length, side, colors),
      latents: this._latents(channel),
      token,
      slot: token < 0 ? -1 : arranged.slots[token],
      region: token < 0 ? null : boxOf(token, size),
    };
  }

  /** The point picked: `pixel` while it lies in `token`, else the token's first. @returns {Point | null} */
  picked() {
    const { token, pixel } = this.view.selection;
    if (token === null) return null;
    if (pixel) {
      const point = { frame: pixel[0], y: pixel[1], x: pixel[2] };
      if (tokenAt(point, this.own) === token) return point;
    }
    const box = boxOf(token, this.own);
    return { frame: box.times[0], y: box.rows[0], x: box.columns[0] };
  }

  /** @param {Point} point */
  pick({ frame, y, x }) {
    this.view.select({ token: tokenAt({ frame, y, x }, this.own), pixel: [frame, y, x] });
    this.view.commit();
  }

  /** @param {Point | null} point @param {PointerEvent} [event] @param {string} [more] a line for the tip */
  hover(point, event, more = "") {
    if (!point && !this.hovered) return;
    this.hovered = point;
    if (point && event) this.tip.show(event, this._describe(point, more));
    else this.tip.hide();
    this.view.redraw();
  }

  /** The point that stands in a slot: the middle of its token, where that came from. @param {number} slot */
  pointIn(slot) {
    const { size, arranged } = this.now();
    return pointOf(arranged.order[slot], size);
  }

  /** The slot that holds a point of what is drawn in slots. @param {Point} point */
  slotAt(point) {
    return tokenAt(point, this.now().size);
  }

  /** A latent position and its numbers. @param {Point} point */
  cellText({ frame, y, x }) {
    const { C, f, rows, columns, geometry } = this;
    const { arrays, selection } = this.view;
    const time = geometry.latentFrameOf(frame);
    const row = Math.floor(y / geometry.spatialStride);
    const column = Math.floor(x / geometry.spatialStride);
    const list = selection.channel >= 0 ? [selection.channel] : [0, 1, 2].slice(0, C);
    const values = list.map((c) =>
      arrays.latents[((c * f + time) * rows + row) * columns + column].toFixed(2),
    );
    const channels = `channel${list.length > 1 ? "s" : ""} ${list.map((c) => c + 1).join(", ")}`;
    return `latent position t${time} r${row} c${column}: ${values.join(", ")} in ${channels}`;
  }

  _describe(/** @type {Point} */ point, more = "") {
    const { size, arranged } = this.now();
    const token = tokenAt(point, size);
    const box = boxOf(token, size);
    const slot = arranged.slots[token];
    const pixels = (range) => span([range[0] * this.shrink, range[1] * this.shrink], 0);
    return [
      `${tokenName(token, size.grid)}  ·  token ${token + 1} of ${size.tokens.toLocaleString("en")}`,
      `frames ${span(box.times)}, rows ${pixels(box.rows)}, columns ${pixels(box.columns)}`,
      `${size.numbers.toLocaleString("en")} numbers: ${size.patch.join(" × ")} cells × ${this.C} channels`,
      ...(slot === token ? [] : [`now stands at ${tokenName(slot, size.grid)}`]),
      ...(arranged.kept[token] ? [] : ["dropped"]),
      ...(more ? [more] : []),
    ].join("\n");
  }
}
