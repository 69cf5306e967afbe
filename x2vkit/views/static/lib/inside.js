// @ts-check
/** A view that opens inside another, at the same place. */
import { button } from "./controls.js";
import { h } from "./elements.js";
import { nest } from "./nested.js";

/** The place below a view where another view is open (views/opening.py). */
export class Inside {
  /**
   * @param {import("./view.js").View} view
   * @param {Record<string, [any, string]>} modules name in the selection -> module, title
   */
  constructor(view, modules) {
    this.view = view;
    this.modules = modules;
    this.open = "";
    this.end = () => {};
    this.root = h("div", { class: "x2v-inside", hidden: true });
    view.onSelect(() => this._show());
    view.onData(() => this._show());
  }

  /** Open a view, or close it if it is open. @param {string} name */
  choose(name) {
    this.view.select({ inside: this.view.selection.inside === name ? "" : name });
    this.view.commit();
  }

  _show() {
    const name = this.view.selection.inside;
    const content = this.view.metadata.inside?.[name];
    const state = name && !content ? `${name} to come` : name;
    if (state === this.open) return;
    this.open = state;
    this.end();
    this.end = () => {};
    this.root.hidden = !name;
    this.root.replaceChildren();
    if (!name) return;
    const [module, title] = this.modules[name];
    const close = button(this.view, { label: `Close ${title}`, text: "Close" }, () => this.choose(name));
    const place = h(
      "div",
      {},
      content ? null : h("p", { class: "x2v-muted" }, "Opening… (this needs the kernel)"),
    );
    this.root.append(
      h("div", { class: "x2v-inside-head" }, h("span", { class: "x2v-title" }, `Inside: ${title}`), close),
      place,
    );
    if (!content) return;
    place.replaceChildren();
    this.end = nest(
      this.view,
      module,
      { ...content, buffer: this.view.model.get("buffer"), linked: true },
      place,
    );
    this.root.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }
}
