// @ts-check
/** A Compare of chosen clips, inside the Playground. */
import compare from "../compare/index.js";
import { button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { nest } from "../lib/nested.js";

export class Comparison {
  /** @param {import("../lib/view.js").View} view */
  constructor(view) {
    this.view = view;
    this.root = h("div", { class: "x2v-play-compare" });
    this.end = () => {};
  }

  /** @param {any} message @param {DataView} buffer what a Compare of its own would be given */
  show({ metadata, selection }, buffer) {
    this.end();
    const place = h("div", {});
    const end = nest(this.view, compare, { metadata, selection, buffer }, place);
    this.end = () => {
      end();
      this.root.replaceChildren();
      this.end = () => {};
    };
    const title = h("span", { class: "x2v-title" }, "Chosen clips");
    const close = button(this.view, { label: "Close the comparison", text: "Close" }, () => this.end());
    this.root.replaceChildren(h("div", { class: "x2v-play-head" }, title, close), place);
    this.root.scrollIntoView({ block: "nearest" });
  }
}
