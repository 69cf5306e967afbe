// @ts-check
/** Exact numbers by the pointer. */
import { h } from "./elements.js";

/** A small box by the pointer, for exact numbers. It takes no part in the selection. */
export class Tooltip {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    this.box = h("div", { class: "x2v-tip", role: "status", "aria-live": "off", hidden: true });
    view.root.append(this.box);
  }

  /**
   * @param {PointerEvent | MouseEvent} event
   * @param {string} text lines are kept
   * @param {Element | null} [around] what is pointed at, which the box keeps off: it then stands below
   */
  show(event, text, around = null) {
    const root = this.view.root.getBoundingClientRect();
    this.box.textContent = text;
    this.box.hidden = false;
    const x = event.clientX - root.left + 14;
    const below = around ? around.getBoundingClientRect().bottom - 8 : event.clientY;
    const y = below - root.top + 14;
    this.box.style.left = `${Math.max(0, Math.min(x, root.width - this.box.offsetWidth - 4))}px`;
    this.box.style.top = `${Math.max(0, Math.min(y, root.height - this.box.offsetHeight - 4))}px`;
  }

  hide() {
    this.box.hidden = true;
  }
}
