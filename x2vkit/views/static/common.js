// @ts-check
/**
 * What all views share in the browser. The views' Python half is at the top of ../base.py.
 *
 * How to write a view, static/shades.js:
 *
 *     import { mount, h, Picture, Player, Slider } from "./common.js";
 *
 *     export default mount(async (view) => {
 *       const { frames } = { frames: await view.image("frames") };      // a Strip
 *       const shades = view.arrays.shades;                              // a typed array, row-major
 *       const picture = new Picture(view, { width: 128, height: 128, label: "The clip" });
 *       const player = new Player(view, { fps: view.facts.fps });       // play, loop, speed, frame slider
 *       view.root.append(h("div", { class: "x2v-row" }, picture.root), player.root);
 *       view.onSelect(({ frame }) => {                                  // at first, and after every change
 *         picture.image(frames, frame);
 *         picture.caption(`frame ${frame}: ${shades[frame].toFixed(1)}`);
 *       });
 *     });
 *
 * Rules. Nothing global: look only inside view.root (marimo renders into a ShadowRoot). Listeners through
 * view.listen, timers through view.signal, so that a second run leaves nothing behind. `view.select` while a
 * finger is down or a clip plays: the browser redraws, linked views follow, the kernel hears nothing.
 * `view.commit` once it is let go: one message. Hover goes to a Tooltip, never into the selection.
 * Drawing reads the selection and nothing else. No fetch, no eval, no innerHTML with a prompt in it.
 *
 * `// @ts-check` and JSDoc types: an editor checks this file as it is; there is nothing to build.
 */

// -- elements ---------------------------------------------------------------------------------------------

/**
 * An element with attributes and children. `class`, `for`, `aria-...` as in HTML; strings become text.
 * @param {string} tag @param {Record<string, any>} [attributes] @param {...(Node | string | number | null)} children
 * @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
  const element = SVG_TAGS.has(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child !== null) element.append(typeof child === "number" ? String(child) : child);
  return element;
}

const SVG_TAGS = new Set(["svg", "g", "path", "circle", "line", "rect", "text", "polyline", "tspan", "title"]);

let ids = 0;
/** A new id for aria-labelledby and the like. @param {string} [name] */
export function uid(name = "id") {
  ids += 1;
  return `x2v-${name}-${ids}-${Math.random().toString(36).slice(2, 8)}`;
}

// -- the view ---------------------------------------------------------------------------------------------

/** @typedef {Record<string, any>} Selection what base.py calls `selection` */

/** Linked views of one page: group -> views. Kept on globalThis, since each widget loads this text anew. */
const GROUPS = Symbol.for("x2vkit.groups");
/** @returns {Map<string, Set<View>>} */
function groups() {
  const place = /** @type {any} */ (globalThis);
  return (place[GROUPS] ??= new Map());
}

/** One rendering of one view: its root element, its data, its selection, and what must end with it. */
export class View {
  /** @param {any} model anywidget's model, or the host of an exported page @param {HTMLElement} el */
  constructor(model, el) {
    this.model = model;
    /** @type {Record<string, any>} small JSON from Python */
    this.facts = model.get("facts");
    /** @type {Record<string, any>} typed arrays by name; `.shape` beside each in `shapes` */
    this.arrays = {};
    /** @type {Record<string, number[]>} */
    this.shapes = {};
    /** @type {Selection} where the reader is now; change it with `select` */
    this.selection = {};
    this.ending = new AbortController();
    /** Aborted when this rendering ends. */
    this.signal = this.ending.signal;
    /** @type {HTMLElement} where everything is drawn */
    this.root = h("div", { class: "x2v", role: "group", tabindex: "0", "aria-label": this.facts.label ?? "x2vkit" });
    // JupyterLab listens to keys before anyone else; this asks it to leave those typed in here alone.
    this.root.setAttribute("data-lm-suppress-shortcuts", "true");
    this.drawers = new Set();
    this.dataDrawers = new Set();
    /** Told of what Python or a linked view selected. @type {Set<(news: Selection) => void>} */
    this.guests = new Set();
    this.changed = new Set();
    this.request = 0;
    this.draws = 0;
    el.append(this.root);
    this._read();
    this._join();
    const on = (event, listener) => {
      model.on(event, listener);
      this.signal.addEventListener("abort", () => model.off(event, listener));
    };
    on("change:selection", () => this._take(model.get("selection"), false));
    on("change:group", () => this._join());
    on("change:buffer", () => this._renew());
    on("change:facts", () => this._renew());
  }

  /** Listen until this rendering ends. @param {EventTarget} target @param {string} type @param {any} listener */
  listen(target, type, listener, options = {}) {
    target.addEventListener(type, listener, { ...options, signal: this.signal });
  }

  /** Go elsewhere, in the browser only; redraws before the next frame. @param {Selection} change */
  select(change) {
    this._take(change, true);
  }

  /** Tell the kernel where the reader is, when that is news. For the end of a gesture. */
  commit() {
    const before = this.model.get("selection");
    const news = Object.keys(this.selection).some((key) => !same(before[key], this.selection[key]));
    if (!news) return;
    this.model.set("selection", { ...this.selection });
    this.model.save_changes();
  }

  /**
   * Draw now, and before the next frame after each change of the selection.
   * @param {(selection: Selection, changed: Set<string>) => void} draw gets all keys as changed at first
   */
  onSelect(draw) {
    this.drawers.add(draw);
    draw(this.selection, new Set(Object.keys(this.selection)));
    this._painted();
  }

  /** Called when Python put other content into the view (`View.show`); facts and arrays are new by then. */
  onData(renew) {
    this.dataDrawers.add(renew);
  }

  /** Draw again soon though nothing was selected, as after a change of size or theme. */
  redraw() {
    this._schedule();
  }

  /** The pictures of a `Strip`. @param {string} name @returns {Promise<Pictures>} */
  async image(name) {
    const entry = this.facts.arrays.find((/** @type {any} */ one) => one.name === name);
    const bitmap = await createImageBitmap(new Blob([this.arrays[name]], { type: entry.mime }));
    this.signal.throwIfAborted(); // the view may have ended meanwhile; `mount` takes no offence
    const [count, height, width] = entry.shape;
    return { bitmap, count, height, width, columns: entry.columns };
  }

  /** End this rendering: nothing of it listens, plays or draws afterwards. */
  end() {
    this.ending.abort();
    cancelAnimationFrame(this.request);
    for (const members of groups().values()) members.delete(this);
    this.root.remove();
  }

  _read() {
    this.facts = this.model.get("facts");
    this.selection = { ...this.model.get("selection") };
    Object.assign(this, unpack(this.facts.arrays ?? [], this.model.get("buffer")));
  }

  _renew() {
    if (this.renewing) return; // facts and buffer come in one message, as two events
    this.renewing = true;
    queueMicrotask(() => {
      this.renewing = false;
      if (this.signal.aborted) return;
      this._read();
      for (const renew of this.dataDrawers) renew();
      this._schedule(Object.keys(this.selection));
    });
  }

  _join() {
    for (const members of groups().values()) members.delete(this);
    const group = this.model.get("group");
    if (!group) return;
    if (!groups().has(group)) groups().set(group, new Set());
    /** @type {Set<View>} */ (groups().get(group)).add(this);
  }

  /** @param {Selection} change @param {boolean} tell linked views too */
  _take(change, tell) {
    const limits = this.facts.limits ?? {};
    /** @type {Selection} */
    const news = {};
    for (let [key, value] of Object.entries(change)) {
      if (!(key in this.selection)) continue;
      if (key in limits && typeof value === "number") value = Math.min(Math.max(Math.round(value), 0), limits[key]);
      if (!same(value, this.selection[key])) news[key] = value;
    }
    if (!Object.keys(news).length) return;
    Object.assign(this.selection, news);
    this._schedule(Object.keys(news));
    if (!tell) {
      for (const listen of this.guests) listen(news);
      return;
    }
    for (const other of groups().get(this.model.get("group")) ?? []) if (other !== this) other._take(news, false);
  }

  /** @param {string[]} [keys] */
  _schedule(keys = []) {
    for (const key of keys) this.changed.add(key);
    if (this.request || this.signal.aborted) return;
    this.request = requestAnimationFrame(() => {
      this.request = 0;
      const changed = this.changed;
      this.changed = new Set();
      for (const draw of this.drawers) draw(this.selection, changed);
      this._painted();
    });
  }

  /** A count of drawings on the root, which tests and measurements wait for. */
  _painted() {
    this.draws += 1;
    this.root.dataset.draws = String(this.draws);
  }
}

/**
 * A view's default export, from a function that builds it once per rendering. What it throws, and what
 * Python refused, is said in the widget's place.
 * @param {(view: View) => void | Promise<void>} build
 */
export function mount(build) {
  return {
    /** @param {{ model: any, el: HTMLElement }} place */
    render({ model, el }) {
      let view = new View(model, el);
      const start = async () => {
        try {
          if (view.facts.error) return complain(view, view.facts.error);
          await build(view);
          view.root.dataset.ready = "true";
        } catch (error) {
          if (view.signal.aborted) return;
          console.error(error);
          complain(view, { got: "This view", rule: `it failed to draw (${error})`, cure: "please report it" });
        }
      };
      start();
      // A view that could show nothing is built anew when Python gives it something (View.show).
      const again = () => {
        if (!view.facts.error && !view.root.dataset.error) return;
        view.end();
        view = new View(model, el);
        start();
      };
      model.on("change:facts", again);
      return () => {
        model.off("change:facts", again);
        view.end();
      };
    },
  };
}

/** @param {View} view @param {{got: string, rule: string, cure: string}} error */
function complain(view, { got, rule, cure }) {
  view.root.dataset.error = "true";
  const line = (/** @type {string} */ text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
  view.root.replaceChildren(
    h("div", { class: "x2v-error", role: "alert" },
      h("strong", {}, `Nothing to show: ${got}`), h("p", {}, line(rule)), h("p", {}, `What to do: ${cure}.`)),
  );
}

/** @param {any} a @param {any} b */
function same(a, b) {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

// -- numbers ----------------------------------------------------------------------------------------------

/**
 * Undo base.py's `pack`. float16 and 8-bit arrays arrive as Float32Array.
 * @param {any[]} entries @param {DataView} buffer
 */
export function unpack(entries, buffer) {
  /** @type {Record<string, any>} */
  const arrays = {};
  /** @type {Record<string, number[]>} */
  const shapes = {};
  if (!buffer) return { arrays, shapes };
  // A widget's buffer can begin anywhere in a message; typed arrays cannot. A copy begins at 0.
  const bytes = buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength);
  for (const { name, dtype, shape, offset, bytes: size, scale } of entries) {
    const count = shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
    shapes[name] = shape;
    if (dtype === "image") arrays[name] = new Uint8Array(bytes, offset, size);
    else if (scale) arrays[name] = full(new Int8Array(bytes, offset, count), new Float32Array(bytes, ...scale));
    else if (dtype === "float16") arrays[name] = halves(new Uint16Array(bytes, offset, count));
    else arrays[name] = new (/** @type {any} */ (KINDS)[dtype])(bytes, offset, count);
  }
  return { arrays, shapes };
}

const KINDS = {
  uint8: Uint8Array, int8: Int8Array, uint16: Uint16Array, int16: Int16Array,
  uint32: Uint32Array, int32: Int32Array, float32: Float32Array,
};

/** 8-bit numbers times their scales, each for an equal part of them. @param {Int8Array} small @param {Float32Array} scales */
function full(small, scales) {
  const inner = small.length / Math.max(1, scales.length);
  const out = new Float32Array(small.length);
  for (let row = 0, i = 0; row < scales.length; row++) {
    const by = scales[row];
    for (const end = i + inner; i < end; i++) out[i] = small[i] * by;
  }
  return out;
}

/** IEEE half floats -> Float32Array. @param {Uint16Array} bits */
export function halves(bits) {
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const b = bits[i], exponent = (b >> 10) & 31, fraction = b & 1023;
    const size = exponent === 0 ? fraction * 2 ** -24
      : exponent === 31 ? (fraction ? NaN : Infinity) : (1 + fraction / 1024) * 2 ** (exponent - 15);
    out[i] = b & 0x8000 ? -size : size;
  }
  return out;
}

// -- axes and names (as x2vkit/axes.py and views/style.py) ---------------------------------------------------

/** Frames in one latent frame; the first latent frame holds one frame. */
export const TIME_STRIDE = 4;
/** Pixels along one side of a latent cell. */
export const SPACE_STRIDE = 8;

/** The latent frame that holds a frame. @param {number} frame */
export function latentFrameOf(frame) {
  return Math.floor((frame + TIME_STRIDE - 1) / TIME_STRIDE);
}

/** First and last frame of a latent frame. @param {number} latent @returns {[number, number]} */
export function framesOf(latent) {
  return latent === 0 ? [0, 0] : [TIME_STRIDE * (latent - 1) + 1, TIME_STRIDE * latent];
}

/** The one way to name a patch. @param {number} time @param {number} row @param {number} column */
export function patchName(time, row, column) {
  return `t${time} r${row} c${column}`;
}

/** Where video token `index` lies in a grid [time, rows, columns]. @param {number} index @param {number[]} grid */
export function tokenPlace(index, grid) {
  const [, rows, columns] = grid;
  return { time: Math.floor(index / (rows * columns)), row: Math.floor(index / columns) % rows, column: index % columns };
}

/** The name of video token `index`. @param {number} index @param {number[]} grid */
export function tokenName(index, grid) {
  const { time, row, column } = tokenPlace(index, grid);
  return patchName(time, row, column);
}

/**
 * Pictures of latents by one linear map from a cell to its 4 x 8 x 8 pixels (Trace.preview_weight), a frame at
 * a time: about 1 ms at 128 x 128, so that any step and frame is drawn while a slider moves.
 */
export class LatentPainter {
  /**
   * @param {Float32Array} weight (4 * 8 * 8 * 3, C) @param {Float32Array} bias (4 * 8 * 8 * 3)
   * @param {number[]} grid [C, f, h, w]
   */
  constructor(weight, bias, [C, f, h, w]) {
    this.C = C; this.f = f; this.h = h; this.w = w;
    this.width = w * SPACE_STRIDE;
    this.height = h * SPACE_STRIDE;
    this.weight = weight;
    this.bias = bias;
    this.cell = new Float32Array(C);
  }

  /**
   * One frame as floats, nominally -1..1 and not clipped -> Float32Array (H, W, 3).
   * @param {Float32Array} latents @param {number} offset where (C, f, h, w) begins in it @param {number} frame
   * @param {Float32Array} [out]
   */
  floats(latents, offset, frame, out = new Float32Array(this.height * this.width * 3)) {
    const { C, f, h: rows, w: columns, weight, bias, cell, width } = this;
    const time = latentFrameOf(frame);
    const first = ((frame + TIME_STRIDE - 1) % TIME_STRIDE) * SPACE_STRIDE * SPACE_STRIDE * 3;
    const plane = rows * columns;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let at = offset + time * plane + row * columns + column;
        for (let c = 0; c < C; c++, at += f * plane) cell[c] = latents[at];
        let line = first;
        for (let y = 0; y < SPACE_STRIDE; y++) {
          let to = ((row * SPACE_STRIDE + y) * width + column * SPACE_STRIDE) * 3;
          for (const end = to + SPACE_STRIDE * 3; to < end; to++, line++) {
            let sum = bias[line];
            for (let c = 0, k = line * C; c < C; c++, k++) sum += weight[k] * cell[c];
            out[to] = sum;
          }
        }
      }
    }
    return out;
  }

  /** The same as a picture. @param {Float32Array} floats @param {ImageData} image */
  static pixels(floats, image) {
    const data = image.data;
    for (let i = 0, j = 0; i < floats.length; i += 3, j += 4) {
      data[j] = (floats[i] + 1) * 127.5;
      data[j + 1] = (floats[i + 1] + 1) * 127.5;
      data[j + 2] = (floats[i + 2] + 1) * 127.5;
      data[j + 3] = 255;
    }
    return image;
  }
}

// -- colours (as views/style.py) ---------------------------------------------------------------------------

/** Colours of lines and marks. blue: what is shown; orange: where you are. */
export const PALETTE = {
  blue: "#3f7fd9", orange: "#e07b22", green: "#2a9d78", purple: "#9067c6", red: "#d1495b", grey: "#7c8894",
};

/** From nothing to the most, for amounts. */
export const HEAT = [
  "#0b0724", "#2a0f54", "#571073", "#822580", "#b0357b", "#dc4e69", "#f57b5d", "#fdad74", "#fddda2", "#fcfdbf",
];

/** From less over none to more, for what can be negative. */
export const SIGNED = ["#2166ac", "#67a9cf", "#d1e5f0", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b"];

/** 256 colours between even stops -> Uint8Array of r, g, b. @param {string[]} stops */
export function ramp(stops) {
  const rgb = stops.map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  const out = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) {
    const place = (i / 255) * (stops.length - 1), low = Math.min(Math.floor(place), stops.length - 2);
    for (let c = 0; c < 3; c++) out[3 * i + c] = Math.round(rgb[low][c] + (place - low) * (rgb[low + 1][c] - rgb[low][c]));
  }
  return out;
}

const HEAT_TABLE = ramp(HEAT);

/** The colour of an amount in 0..1 as [r, g, b]. @param {number} value */
export function heat(value, table = HEAT_TABLE) {
  const i = 3 * Math.round(255 * Math.min(Math.max(value || 0, 0), 1));
  return [table[i], table[i + 1], table[i + 2]];
}

/** The colour of an amount in 0..1 for CSS. @param {number} value */
export function heatCss(value) {
  return `rgb(${heat(value).join(" ")})`;
}

/**
 * Amounts as a picture. @param {ArrayLike<number>} values row-major, as many as pixels
 * @param {number} most the value that gets the brightest colour @param {ImageData} image
 */
export function heatPixels(values, most, image, table = HEAT_TABLE) {
  const scale = most > 0 ? 255 / most : 0;
  for (let i = 0, j = 0; i < values.length; i++, j += 4) {
    const k = 3 * Math.min(255, Math.max(0, Math.round(values[i] * scale)));
    image.data[j] = table[k];
    image.data[j + 1] = table[k + 1];
    image.data[j + 2] = table[k + 2];
    image.data[j + 3] = 255;
  }
  return image;
}

/** The scale under a heat map: colours, the values at both ends, what they are. */
export class ScaleBar {
  /** @param {{ label: string, low?: string, high?: string, stops?: string[] }} options */
  constructor({ label, low = "0", high = "", stops = HEAT }) {
    this.low = h("span", {}, low);
    this.high = h("span", {}, high);
    const bar = h("span", { class: "x2v-scale-bar" });
    bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
    this.label = h("span", { class: "x2v-muted" }, label);
    this.root = h("div", { class: "x2v-scale" }, this.low, bar, this.high, this.label);
  }

  /** @param {string} low @param {string} high */
  range(low, high) {
    this.low.textContent = low;
    this.high.textContent = high;
  }
}

// -- pictures ---------------------------------------------------------------------------------------------

/** @typedef {{ bitmap: ImageBitmap, count: number, height: number, width: number, columns: number }} Pictures */

/** A titled picture of fixed pixels, enlarged by the browser: in whole blocks, or smooth for finished clips. */
export class Picture {
  /**
   * @param {View} view
   * @param {{ width: number, height: number, label: string, title?: string, smooth?: boolean }} options
   * label: what it is, for a screen reader; title: above it, the label by default
   */
  constructor(view, { width, height, label, title = label, smooth = false }) {
    this.canvas = h("canvas", { width, height, role: "img", "aria-label": label, class: smooth ? "x2v-smooth" : "x2v-blocks" });
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
    this.data = this.context.createImageData(width, height);
    this.title = h("div", { class: "x2v-title" }, title);
    this.note = h("figcaption", { class: "x2v-muted" }, "\u00a0");
    /** Where overlays go: exactly over the canvas. */
    this.stage = h("div", { class: "x2v-stage" }, this.canvas);
    this.stage.style.aspectRatio = `${width} / ${height}`;
    this.root = h("figure", { class: "x2v-picture" }, this.title, this.stage, this.note);
  }

  /** One of the pictures of a strip. @param {Pictures} pictures @param {number} index */
  image({ bitmap, width, height, columns }, index) {
    const x = (index % columns) * width, y = Math.floor(index / columns) * height;
    this.context.drawImage(bitmap, x, y, width, height, 0, 0, this.canvas.width, this.canvas.height);
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

/** A canvas for lines and text, sharp on any screen: draw in CSS pixels. @param {HTMLCanvasElement} canvas */
export function sharp(canvas, width, height) {
  const ratio = globalThis.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** A colour of the theme as it is now, for canvases. @param {View} view @param {"fg"|"bg"|"muted"|"line"|"accent"} name */
export function themeColor(view, name) {
  return getComputedStyle(view.root).getPropertyValue(`--x2v-${name}`).trim();
}

/** A small box by the pointer, for exact numbers. It takes no part in the selection. */
export class Tooltip {
  /** @param {View} view */
  constructor(view) {
    this.view = view;
    this.box = h("div", { class: "x2v-tip", role: "status", "aria-live": "off", hidden: true });
    view.root.append(this.box);
  }

  /** @param {PointerEvent | MouseEvent} event @param {string} text lines are kept */
  show(event, text) {
    const root = this.view.root.getBoundingClientRect();
    this.box.textContent = text;
    this.box.hidden = false;
    const x = event.clientX - root.left + 14, y = event.clientY - root.top + 14;
    this.box.style.left = `${Math.max(0, Math.min(x, root.width - this.box.offsetWidth - 4))}px`;
    this.box.style.top = `${Math.max(0, Math.min(y, root.height - this.box.offsetHeight - 4))}px`;
  }

  hide() {
    this.box.hidden = true;
  }
}

// -- controls ---------------------------------------------------------------------------------------------

/**
 * A labelled slider over one key of the selection. Moves freely in the browser, commits when let go.
 */
export class Slider {
  /**
   * @param {View} view
   * @param {{ key: string, label: string, max: number, min?: number, format?: (value: number) => string }} options
   * format: what stands beside the slider, and what a screen reader says
   */
  constructor(view, { key, label, max, min = 0, format = String }) {
    const id = uid(key);
    this.input = h("input", { type: "range", id, min, max, step: 1, "data-key": key });
    this.output = h("output", { for: id }, "");
    this.root = h("div", { class: "x2v-slider" }, h("label", { for: id }, label), this.input, this.output);
    view.listen(this.input, "input", () => view.select({ [key]: Number(this.input.value) }));
    view.listen(this.input, "change", () => view.commit());
    view.onSelect((selection) => {
      const value = Number(selection[key]);
      if (Number(this.input.value) !== value) this.input.value = String(value);
      const text = format(value);
      if (this.output.textContent === text) return;
      this.output.textContent = text;
      this.input.setAttribute("aria-valuetext", `${label} ${text}`);
    });
  }
}

/**
 * How a denoising step is named: from 1, with the noise that is left. @param {View} view @param {ArrayLike<number>} t
 * @returns {(step: number) => string}
 */
export function stepName(view, t) {
  return (step) => `${step + 1} of ${view.facts.limits.step + 1}  ·  noise ${Math.round(100 * t[step])} %`;
}

/** The slider over denoising steps, the same in all views. @param {View} view @param {{ t: ArrayLike<number> }} options */
export function stepSlider(view, { t }) {
  return new Slider(view, { key: "step", label: "Step", max: view.facts.limits.step, format: stepName(view, t) });
}

/** A choice of a few, as a menu. */
export class Choice {
  /** @param {View} view @param {{ key: string, label: string, options: [any, string][] }} options value, name */
  constructor(view, { key, label, options }) {
    const id = uid(key);
    this.input = h("select", { id, "data-key": key }, ...options.map(([, name], i) => h("option", { value: i }, name)));
    this.root = h("div", { class: "x2v-choice" }, h("label", { for: id }, label), this.input);
    view.listen(this.input, "change", () => {
      view.select({ [key]: options[Number(this.input.value)][0] });
      view.commit();
    });
    view.onSelect((selection) => {
      this.input.value = String(options.findIndex(([value]) => same(value, selection[key])));
    });
  }
}

/** A button. @param {View} view @param {{ label: string, text?: string, pressed?: boolean }} options */
export function button(view, { label, text = label, pressed }, onClick) {
  const it = h("button", { type: "button", class: "x2v-button", "aria-label": label, title: label, "aria-pressed": pressed }, text);
  view.listen(it, "click", onClick);
  return it;
}

/**
 * Play, loop, speed and a slider over one key of the selection: frames, unless `key` says otherwise. Playing
 * happens in the browser alone, pauses where it cannot be seen, and commits when it stops.
 */
export class Player {
  /**
   * @param {View} view
   * @param {{ fps: number, key?: string, label?: string, format?: (value: number) => string, autoplay?: boolean,
   *   loop?: boolean }} options fps: values a second at speed 1
   */
  constructor(view, { fps, key = "frame", label = "Frame", format, autoplay = false, loop = true }) {
    this.view = view;
    this.fps = fps;
    this.key = key;
    this.last = view.facts.limits?.[key] ?? 0;
    this.speed = 1;
    this.loop = loop;
    this.playing = false;
    this.visible = true;
    this.request = 0;
    this.name = label.toLowerCase();
    this.toggle = button(view, { label: `Play ${this.name}s`, text: PLAY }, () => (this.playing ? this.pause() : this.play()));
    this.looping = button(view, { label: `Loop ${this.name}s`, text: "⟳", pressed: loop }, () => {
      this.loop = !this.loop;
      this.looping.setAttribute("aria-pressed", String(this.loop));
    });
    this.looping.setAttribute("aria-pressed", String(loop));
    const speeds = [0.25, 0.5, 1, 2];
    const menu = h("select", { "aria-label": `Speed of ${this.name}s`, title: "Speed" },
      ...speeds.map((speed) => h("option", { value: speed, selected: speed === 1 }, `${speed}×`)));
    view.listen(menu, "change", () => (this.speed = Number(menu.value)));
    format ??= (value) => `${value + 1} of ${this.last + 1}  ·  ${(value / fps).toFixed(2)} s`;
    this.slider = new Slider(view, { key, label, max: this.last, format });
    view.listen(this.slider.input, "pointerdown", () => this.pause(false));
    this.root = h("div", { class: "x2v-player" }, this.toggle, this.looping, menu, this.slider.root);
    // Two players on one selection would run at twice the speed: whoever is told where to go stops playing.
    view.guests.add((news) => key in news && this.pause(false));
    const watcher = new IntersectionObserver((entries) => {
      this.visible = entries[entries.length - 1].isIntersecting;
      if (this.visible && this.playing) this._run();
    });
    watcher.observe(view.root);
    view.signal.addEventListener("abort", () => {
      watcher.disconnect();
      cancelAnimationFrame(this.request);
      this.playing = false;
    });
    const calm = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches;
    if (autoplay && !calm) this.play();
  }

  play() {
    if (this.playing || this.last < 1 || this.view.signal.aborted) return;
    this.playing = true;
    if (!this.loop && this.view.selection[this.key] >= this.last) this.view.select({ [this.key]: 0 });
    this._say("Pause", PAUSE);
    this._run();
  }

  /** @param {boolean} [commit] false where the end of a gesture will */
  pause(commit = true) {
    if (!this.playing) return;
    this.playing = false;
    cancelAnimationFrame(this.request);
    this._say("Play", PLAY);
    if (commit) this.view.commit();
  }

  /** @param {string} verb @param {string} sign */
  _say(verb, sign) {
    this.toggle.textContent = sign;
    this.toggle.title = `${verb} ${this.name}s`;
    this.toggle.setAttribute("aria-label", this.toggle.title);
  }

  _run() {
    cancelAnimationFrame(this.request);
    let due = performance.now() + 1000 / (this.fps * this.speed);
    const tick = (/** @type {number} */ now) => {
      if (!this.playing || !this.visible) return;
      if (now >= due) {
        const length = 1000 / (this.fps * this.speed);
        const next = this.view.selection[this.key] + Math.floor((now - due) / length) + 1;
        due += length * (Math.floor((now - due) / length) + 1);
        if (next > this.last && !this.loop) {
          this.view.select({ [this.key]: this.last });
          return this.pause();
        }
        this.view.select({ [this.key]: next % (this.last + 1) });
      }
      this.request = requestAnimationFrame(tick);
    };
    this.request = requestAnimationFrame(tick);
  }
}

const PLAY = "\u25b6\ufe0e", PAUSE = "\u275a\u275a"; // text, not emoji

/**
 * Keys for the whole view: key name -> what to do. Ignored where one types, and where a control has focus that
 * uses the key itself. @param {View} view @param {Record<string, () => void>} table
 */
export function keys(view, table) {
  view.listen(view.root, "keydown", (/** @type {KeyboardEvent} */ event) => {
    const target = /** @type {HTMLElement} */ (event.composedPath()[0]);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target !== view.root && /^(INPUT|SELECT|TEXTAREA|BUTTON)$/.test(target.tagName)) return;
    const act = table[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
    view.commit();
  });
}

/** The keys that mean the same in every view. @param {View} view @param {Player | null} player */
export function commonKeys(view, player) {
  const by = (/** @type {string} */ key, /** @type {number} */ step) => () => {
    if (key in view.selection) view.select({ [key]: view.selection[key] + step });
  };
  /** @type {Record<string, () => void>} */
  const table = { ArrowLeft: by("frame", -1), ArrowRight: by("frame", 1), ArrowUp: by("step", -1), ArrowDown: by("step", 1) };
  if (player) table[" "] = () => (player.playing ? player.pause() : player.play());
  keys(view, table);
}

// -- words ------------------------------------------------------------------------------------------------

/**
 * The prompt as one line; words that the model did not know are struck through.
 * @param {string} prompt @param {string[]} [unknown]
 */
export function promptLine(prompt, unknown = []) {
  const strange = new Set(unknown.map((word) => word.toLowerCase()));
  const parts = prompt.split(/(\s+)/).map((word) => {
    const bare = word.toLowerCase().replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
    return strange.has(bare) ? h("del", { title: "The model does not know this word, and did not use it" }, word) : word;
  });
  return h("div", { class: "x2v-prompt" }, ...(prompt.trim() ? parts : ["(no words)"]));
}
