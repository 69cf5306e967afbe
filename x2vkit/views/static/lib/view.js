// @ts-check
/** `View`: one rendering of one view, with its data, its selection and what must end with it. */
import { h } from "./elements.js";
import { unpack } from "./unpack.js";

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
    this.metadata = model.get("metadata");
    /** @type {Record<string, any>} typed arrays by name; `.shape` beside each in `shapes` */
    this.arrays = {};
    /** @type {Record<string, number[]>} */
    this.shapes = {};
    /** @type {Selection} where the reader is now; change it with `select` */
    this.selection = { ...model.get("selection") };
    this.ending = new AbortController();
    /** Aborted when this rendering ends. */
    this.signal = this.ending.signal;
    /** @type {HTMLElement} where everything is drawn */
    this.root = h("div", {
      class: "x2v",
      role: "group",
      tabindex: "0",
      "aria-label": this.metadata.label ?? "x2vkit",
    });
    // JupyterLab listens to keys before anyone else, and its rules match what has the focus before they look at
    // what that is in; so all that gets the focus asks it to leave the keys typed there alone.
    const ask = (element) => element.setAttribute("data-lm-suppress-shortcuts", "true");
    ask(this.root);
    this.drawers = new Set();
    this.dataDrawers = new Set();
    /** Told of what Python or a linked view selected. @type {Set<(news: Selection) => void>} */
    this.guests = new Set();
    this.changed = new Set();
    this.request = 0;
    this.draws = 0;
    /** Counts what Python sent; and which of that `arrays` are of, 0 while something newer is unpacked. */
    this.turn = 0;
    this.loaded = 0;
    el.append(this.root);
    this.listen(this.root, "focusin", (event) => ask(event.composedPath()[0]));
    /** Once `arrays` are there. @type {Promise<void>} */
    this.ready = this._load();
    this._join();
    const on = (event, listener) => {
      model.on(event, listener);
      this.signal.addEventListener("abort", () => model.off(event, listener));
    };
    on("change:selection", () => this._take(model.get("selection"), false));
    on("change:group", () => this._join());
    on("change:buffer", () => this._renew());
    on("change:metadata", () => this._renew());
  }

  /**
   * Listen until this rendering ends.
   * @param {EventTarget} target
   * @param {string} type
   * @param {any} listener
   */
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

  /** Called when Python put other content into the view (`View.show`); metadata and arrays are new by then. */
  onData(renew) {
    this.dataDrawers.add(renew);
  }

  /** Draw again soon though nothing was selected, as after a change of size or theme. */
  redraw() {
    this._schedule();
  }

  /**
   * The pictures of a `SpriteSheet`.
   * @param {string} name
   * @returns {Promise<import("./picture.js").Pictures>}
   */
  async image(name) {
    const entry = this.metadata.arrays.find((one) => one.name === name);
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

  /** Take over what Python sent: all of it at once, when it is unpacked, unless something newer came meanwhile. */
  async _load() {
    const turn = ++this.turn;
    const metadata = this.model.get("metadata");
    const content = await unpack(metadata.arrays ?? [], this.model.get("buffer"));
    if (this.signal.aborted || turn !== this.turn) return;
    Object.assign(this, { metadata, selection: { ...this.model.get("selection") }, ...content });
    this.loaded = turn;
  }

  _renew() {
    if (this.renewing) return; // metadata and buffer come in one message, as two events
    this.renewing = true;
    this.loaded = 0;
    queueMicrotask(async () => {
      this.renewing = false;
      if (this.signal.aborted) return;
      await (this.ready = this._load());
      if (!this.loaded) return;
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
    const { limits = {}, choices = {} } = this.metadata;
    /** @type {Selection} */
    const news = {};
    for (let [key, value] of Object.entries(change)) {
      if (!(key in this.selection)) continue;
      if (key in limits && typeof value === "number")
        value = Math.min(Math.max(Math.round(value), 0), limits[key]);
      else if (key in choices && !choices[key].some((one) => same(one, value))) continue;
      if (!same(value, this.selection[key])) news[key] = value;
    }
    if (!Object.keys(news).length) return;
    Object.assign(this.selection, news);
    this._schedule(Object.keys(news));
    if (!tell) {
      for (const listen of this.guests) listen(news);
      return;
    }
    for (const other of groups().get(this.model.get("group")) ?? [])
      if (other !== this) other._take(news, false);
  }

  /** @param {string[]} [keys] */
  _schedule(keys = []) {
    for (const key of keys) this.changed.add(key);
    if (this.request || this.signal.aborted) return;
    this.request = requestAnimationFrame(() => {
      this.request = 0;
      if (!this.loaded) return; // what is newer draws everything
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

/** @param {any} a @param {any} b */
export function same(a, b) {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
