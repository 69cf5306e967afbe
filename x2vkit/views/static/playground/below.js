// @ts-check
/** Another view below the Playground's own parts: chosen clips compared, or the inside of one. */
import { button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { nest } from "../lib/nested.js";

export class Below {
  /** @param {import("../lib/view.js").View} view @param {any} module what shows it */
  constructor(view, module) {
    this.view = view;
    this.module = module;
    this.root = h("div", { class: "x2v-play-below" });
    this.end = () => {};
  }

  /**
   * @param {string} title
   * @param {any} message @param {DataView} buffer what a view of its own would be given
   */
  show(title, { metadata, selection }, buffer) {
    this.end();
    const place = h("div", {});
    const end = nest(this.view, this.module, { metadata, selection, buffer }, place);
    this.end = () => {
      end();
      this.root.replaceChildren();
      this.end = () => {};
    };
    const named = h("span", { class: "x2v-title" }, title);
    const close = button(this.view, { label: `Close: ${title}`, text: "Close" }, () => this.end());
    this.root.replaceChildren(h("div", { class: "x2v-play-head" }, named, close), place);
    this.root.scrollIntoView({ block: "nearest" });
  }
}
