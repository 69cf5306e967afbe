// @ts-check
/** The share of one latent frame as a bar. */
import { percent } from "./shares.js";
import { h } from "../lib/elements.js";

/**
 * The part of the attention on one latent frame, and a dashed line where it would be if all tokens were
 * alike.
 */
export class Bar {
  /** @param {string} name */
  constructor(name) {
    this.name = name;
    this.bar = h("div", { class: "x2v-attention-bar" });
    this.even = h("div", { class: "x2v-attention-even" });
    this.number = h("div", { class: "x2v-attention-bar-number" });
    this.root = h(
      "div",
      { class: "x2v-attention-share", role: "img" },
      h("div", { class: "x2v-attention-bars" }, this.even, this.bar),
      this.number,
    );
  }

  /**
   * @param {number} part
   * @param {number} full the height of the chart
   * @param {number} even
   * @param {boolean} to
   */
  show(part, full, even, to) {
    this.bar.style.height = `${(100 * part) / full}%`;
    this.even.style.bottom = `${(100 * even) / full}%`;
    this.number.textContent = `${to ? "" : "mean "}${percent(part)}`;
    this.root.setAttribute(
      "aria-label",
      `${this.name} ${this.number.textContent}; if all tokens were alike ${percent(even)}`,
    );
  }
}
