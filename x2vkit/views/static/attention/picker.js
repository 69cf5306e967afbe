// @ts-check
/** Numbers from 1 to pick one of. */
import { h, uid } from "../lib/elements.js";

/** More numbers than these are shown only where there is something to pick. */
const ALL = 24;

/** Numbers from 1 to pick one of; those that were not recorded say why they cannot be. */
export class Picker {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {{ key: string, label: string, count: number, there: (i: number) => boolean, name: (i: number)
   *   => string }} options
   */
  constructor(view, { key, label, count, there, name }) {
    this.there = there;
    this.name = name;
    const id = uid(key);
    this.buttons = [...Array(count).keys()].map((i) => {
      const it = h(
        "button",
        { type: "button", class: "x2v-attention-pick", "data-pick": key, "data-value": i },
        i + 1,
      );
      whenPressed(view, it, () => there(i) && view.select({ [key]: i }));
      return it;
    });
    this.root = h(
      "div",
      { class: "x2v-attention-picker", role: "group", "aria-labelledby": id },
      h("b", { id }, label),
      ...this.buttons,
      count > ALL ? h("span", { class: "x2v-muted" }, `of ${count}`) : null,
    );
  }

  /** @param {number} value */
  show(value) {
    this.buttons.forEach((it, i) => {
      const there = this.there(i);
      it.hidden = !there && this.buttons.length > ALL;
      const name = this.name(i);
      it.title = there
        ? name
        : `${name}: attention was not recorded here; x2vkit.record(..., attention=...) chooses where it is`;
      it.tabIndex = there ? 0 : -1;
      it.setAttribute("aria-label", it.title);
      it.setAttribute("aria-disabled", String(!there));
      it.setAttribute("aria-pressed", String(i === value));
    });
  }
}

/**
 * A click that is a choice. A mouse leaves the focus with the view, so that arrow keys go on moving the
 * patch.
 * @param {import("../lib/view.js").View} view
 * @param {HTMLElement} it
 * @param {() => void} choose
 */
export function whenPressed(view, it, choose) {
  view.listen(it, "click", (event) => {
    choose();
    view.commit();
    if (event.detail) view.root.focus({ preventScroll: true });
  });
}
