// @ts-check
/** The line of Python that makes the clip again. */
import { button } from "./controls.js";
import { h } from "./elements.js";

export class Code {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    const label = "The line of Python that makes this clip again";
    this.line = h("input", { class: "x2v-code", readonly: true, "aria-label": label });
    this.copy = button(view, { label: "Copy the line of Python", text: "Copy" }, () => this._copy());
    const name = h("span", { class: "x2v-code-name" }, "Python");
    this.root = h("div", { class: "x2v-code-line" }, name, this.line, this.copy);
  }

  /** @param {string} line */
  show(line) {
    this.line.value = line;
  }

  async _copy() {
    try {
      await navigator.clipboard.writeText(this.line.value);
      this.copy.textContent = "Copied";
    } catch {
      this.line.select(); // where a page may not write to the clipboard, a person can
      this.copy.textContent = "Press Ctrl+C";
    }
    setTimeout(() => (this.copy.textContent = "Copy"), 1500);
  }
}
