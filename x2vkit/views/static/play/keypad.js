// @ts-check
/** Keys of a game: arrows, WASD, space, and buttons for a finger. One press is under way at a time. */
import { h } from "../lib/elements.js";

/** @type {Record<string, string>} */
const MEANS = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
  a: "left",
  d: "right",
  w: "up",
  s: "down",
  " ": "jump",
  ".": "stay",
};

const SIGNS = { left: "←", right: "→", up: "↑", down: "↓", jump: "jump", stay: "wait" };

export class Keypad {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {string[]} keys
   * @param {(key: string) => void} press called when a key is pressed, and again as long as it is held
   */
  constructor(view, keys, press) {
    this.view = view;
    this.press = press;
    /** What is held down now. @type {string | null} */
    this.held = null;
    /** What is pressed while nothing is held. @type {string | null} */
    this.idle = null;
    this.busy = false;
    this.enabled = false;
    this.buttons = new Map(keys.map((key) => [key, this._button(key)]));
    this.root = h(
      "div",
      { class: "x2v-world-pad", role: "group", "aria-label": "Keys" },
      ...this.buttons.values(),
    );
  }

  /** @param {boolean} on */
  enable(on) {
    this.enabled = on;
    for (const each of this.buttons.values()) each.disabled = !on;
  }

  /** Keys typed in here. @param {HTMLElement} root */
  listen(root) {
    this.view.listen(root, "keydown", (event) => {
      const target = /** @type {HTMLElement} */ (event.composedPath()[0]);
      if (event.ctrlKey || event.metaKey || event.altKey || target.tagName === "INPUT") return;
      if (target.tagName === "BUTTON" && event.key === " ") return;
      const key = MEANS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!key) return;
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) this.hold(key);
    });
    this.view.listen(root, "keyup", (event) => {
      if (MEANS[event.key.length === 1 ? event.key.toLowerCase() : event.key] === this.held) this.release();
    });
    this.view.listen(root, "focusout", () => this.release());
  }

  /** @param {string} key */
  hold(key) {
    if (!this.enabled) return;
    this.held = key;
    this._mark();
    if (!this.busy) this._go(key);
    else this.waiting = key; // a short press while a step is under way counts
  }

  release() {
    this.held = null;
    this._mark();
  }

  /** A step is over: go on with what is held. */
  next() {
    this.busy = false;
    const key = this.waiting ?? this.held ?? this.idle;
    this.waiting = null;
    if (key && this.enabled) this._go(key);
  }

  stop() {
    this.busy = false;
    this.idle = null;
    this.release();
  }

  _go(key) {
    this.busy = true;
    this.press(key);
  }

  _mark() {
    for (const [key, each] of this.buttons) each.setAttribute("aria-pressed", String(key === this.held));
  }

  _button(key) {
    const it = h(
      "button",
      { type: "button", class: `x2v-button x2v-world-${key}`, "aria-label": key, "aria-pressed": "false" },
      SIGNS[key] ?? key,
    );
    this.view.listen(it, "pointerdown", (event) => {
      event.preventDefault();
      this.view.root.focus({ preventScroll: true });
      this.hold(key);
    });
    for (const end of ["pointerup", "pointerleave", "pointercancel"])
      this.view.listen(it, end, () => this.release());
    this.view.listen(it, "click", (event) => {
      if (event.detail === 0) {
        this.hold(key); // by Enter, or a screen reader
        this.release();
      }
    });
    return it;
  }
}
