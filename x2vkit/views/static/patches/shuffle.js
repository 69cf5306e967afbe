// @ts-check
/** What order carries: shuffling and dropping patches, and the sequence that they make. */
import { Slider, button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { orderWords } from "./order.js";

const ORDERS = [
  ["all", "Shuffle all"],
  ["places", "Shuffle places"],
  ["times", "Shuffle moments"],
];

export class Shuffle {
  /** @param {import("./state.js").State} state */
  constructor(state) {
    const { view } = state;
    this.view = view;
    this.orders = ORDERS.map(([kind, label]) =>
      button(view, { label, pressed: false }, () => {
        const { order, shuffle } = view.selection;
        view.select({ order: kind, shuffle: order === "none" ? shuffle : (shuffle + 1) % 1000 });
        view.commit();
      }),
    );
    const format = (value) => `${value} % of the patches`;
    const drop = new Slider(view, { key: "drop", label: "Drop", max: view.metadata.limits.drop, format });
    const back = button(view, { label: "Put back" }, () => this.restore());
    this.text = h("div", { class: "x2v-muted", role: "status", "aria-live": "polite" });
    const words = view.metadata.words.map((word) => h("span", {}, word));
    const after = words.length ? "and then the patches:" : "the patches:";
    this.parts = [
      h("div", { class: "x2v-bar" }, ...this.orders, back),
      drop.root,
      this.text,
      h("div", { class: "x2v-title" }, "The sequence: what the transformer reads"),
      h("div", { class: "x2v-patches-words" }, ...words, h("span", { class: "x2v-muted" }, after)),
    ];
  }

  restore() {
    this.view.select({ order: "none", drop: 0 });
    this.view.commit();
  }

  /** @param {import("./state.js").Now} now */
  draw({ choice, size, arranged }) {
    ORDERS.forEach(([kind], i) => this.orders[i].setAttribute("aria-pressed", String(choice.order === kind)));
    const others = this.view.metadata.others;
    const share = 100 * ((others + arranged.left) / (others + size.tokens)) ** 2;
    const left = `${arranged.left.toLocaleString("en")} tokens are left`;
    const cost = `attention costs ${Math.max(1, Math.round(share))} % of what it did`;
    const dropped = choice.drop ? ` With ${choice.drop} % dropped, ${left}, and ${cost}.` : "";
    const text = orderWords(choice.order, size.tokens) + dropped;
    if (this.text.textContent !== text) this.text.textContent = text;
  }
}
