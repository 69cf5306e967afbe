// @ts-check
/**
 * The palette: what can be asked of a model, as words to click. A word goes into the prompt where a caption
 * would have it (compose.js), and words that the prompt holds are marked. One stop of the Tab key; arrows go
 * from word to word.
 */
import { compose, held } from "./compose.js";
import { h } from "./elements.js";

/** Colours as they are shown beside their words. @type {Record<string, string>} */
const SWATCHES = {
  red: "#d8393f", orange: "#f08a24", yellow: "#f2cc3d", green: "#3fa34d", blue: "#3577d4", purple: "#8a4fc3",
  brown: "#8b5a36", white: "#ffffff",
}; // prettier-ignore

export class Palette {
  /**
   * @param {import("./compose.js").Palette} palette
   * @param {{ text: HTMLTextAreaElement, changed: (text: string) => void,
   *   listen: (target: EventTarget, type: string, act: (event: any) => void) => void }} on text: where the
   *   prompt is typed; changed: told of the prompt with a word put in
   */
  constructor(palette, on) {
    this.on = on;
    this.palette = palette;
    /** @type {{ chip: import("./compose.js").Chip, button: any }[]} */
    this.chips = [];
    const label = "Words for the prompt";
    const about = {
      class: "x2v-palette",
      role: "toolbar",
      "aria-label": label,
      "aria-orientation": "horizontal",
    };
    this.root = h("div", about);
    on.listen(this.root, "keydown", (event) => this._key(event));
    on.listen(on.text, "input", () => this.mark());
    this.show(palette);
  }

  /** The words of a model. @param {import("./compose.js").Palette} palette */
  show(palette) {
    this.palette = palette;
    this.chips = [];
    const groups = palette.groups.map(({ name, words }) =>
      h(
        "div",
        { class: "x2v-palette-group", role: "group", "aria-label": name },
        h("span", { class: "x2v-palette-name", "aria-hidden": "true" }, name),
        h("span", { class: "x2v-palette-words" }, ...words.map((chip) => this._chip(chip))),
      ),
    );
    this.root.replaceChildren(...groups);
    this.root.hidden = !groups.length;
    this._stop(0);
    this.mark();
  }

  /** Mark the words that the prompt holds. */
  mark() {
    const texts = held(this.on.text.value, this.palette);
    for (const { chip, button } of this.chips)
      button.setAttribute("aria-pressed", String(texts.has(chip.text)));
  }

  /** @param {import("./compose.js").Chip} chip */
  _chip(chip) {
    const color = chip.kind === "colour" ? SWATCHES[chip.text] : "";
    const dot = color ? h("i", { class: "x2v-palette-dot", style: `background:${color}` }) : null;
    const about = { type: "button", class: "x2v-palette-word", tabindex: -1, "aria-pressed": "false" };
    const button = h("button", { ...about, title: chip.text }, dot, chip.label);
    this.on.listen(button, "click", () =>
      this._choose(
        chip,
        this.chips.findIndex((one) => one.button === button),
      ),
    );
    this.chips.push({ chip, button });
    return button;
  }

  /** @param {import("./compose.js").Chip} chip @param {number} index */
  _choose(chip, index) {
    const { text } = this.on;
    const made = compose(text.value, text.selectionStart ?? text.value.length, this.palette, chip);
    this._stop(index);
    text.value = made.text;
    text.setSelectionRange(made.caret, made.caret);
    this.on.changed(made.text);
    this.mark();
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const at = this.chips.findIndex(({ button }) => button === event.target);
    const last = this.chips.length - 1;
    /** @type {Record<string, number>} */
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last };
    if (at < 0 || !(event.key in next) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const to = Math.min(Math.max(next[event.key], 0), last);
    this._stop(to);
    this.chips[to].button.focus();
  }

  /** Which word the Tab key stops at. @param {number} index */
  _stop(index) {
    this.chips.forEach(({ button }, i) => button.setAttribute("tabindex", i === index ? "0" : "-1"));
  }
}
