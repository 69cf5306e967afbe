// @ts-check
/** The words of the prompt, each with its share. */
import { percent } from "./shares.js";
import { whenPressed } from "./picker.js";
import { h } from "../lib/elements.js";

/** The words, each with its share as a bar and a number; click one to ask it. */
export class Words {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {import("./sequence.js").Sequence} sequence
   * @param {(event: PointerEvent, word: number | null) => void} hover
   */
  constructor(view, { words, text }, hover) {
    this.first = text;
    this.items = words.map((word, i) => {
      const bar = h("span", {});
      const number = h("span", { class: "x2v-attention-number" });
      const it = h(
        "button",
        { type: "button", class: "x2v-attention-word", "data-word": i },
        h("span", {}, word),
        h("span", { class: "x2v-attention-track" }, bar),
        number,
      );
      whenPressed(view, it, () => view.select({ word: i }));
      view.listen(it, "pointermove", (event) => hover(event, i));
      view.listen(it, "pointerleave", (event) => hover(event, null));
      return { it, bar, number, word };
    });
    this.title = h("div", { class: "x2v-title" });
    this.part = h("span", {});
    this.split = h("div", { class: "x2v-attention-split", "aria-hidden": "true" }, this.part);
    this.note = h("div", { class: "x2v-muted" });
    const list = this.items.map((item) => item.it);
    this.root = h(
      "div",
      {},
      this.title,
      this.split,
      this.note,
      h("div", { class: "x2v-attention-list", role: "group", "aria-label": "Words of the prompt" }, ...list),
    );
  }

  /** @param {import("./seen.js").Seen} seen @param {number | null} chosen */
  show(seen, chosen) {
    this.root.hidden = !this.items.length; // a model that reads its words elsewhere has none in here
    this.title.textContent = seen.map ? "Words" : seen.to ? "What the words get" : "What each word gives";
    this.split.hidden = !seen.to;
    this.part.style.width = `${100 * seen.words}%`;
    const most = Math.max(...seen.row.subarray(this.first, this.first + this.items.length), 1e-12);
    const others = seen.others.map(([name, part]) => `, ${name} ${percent(part)}`).join("");
    this.note.hidden = seen.map !== "";
    this.note.textContent = seen.to
      ? `words ${percent(seen.words)}, patches ${percent(seen.patches)}${others}`
      : `${percent(seen.words)} on average`;
    const shares = seen.row.subarray(this.first, this.first + this.items.length);
    this.items.forEach(({ it, bar, number, word }, i) => {
      bar.style.width = `${(100 * shares[i]) / most}%`;
      number.textContent = seen.map ? "" : percent(shares[i]);
      it.setAttribute("aria-pressed", String(i === chosen));
      it.setAttribute("aria-label", `ask the word ${word}, ${percent(shares[i])}`);
    });
  }
}
