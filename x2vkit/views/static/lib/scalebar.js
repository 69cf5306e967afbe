// @ts-check
/** The legend of a heat map. */
import { HEAT } from "./colors.js";
import { h } from "./elements.js";

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
