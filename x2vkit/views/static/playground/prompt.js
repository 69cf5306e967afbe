// @ts-check
/** The prompt, and how the model reads each of its words. */
import { button } from "../lib/controls.js";
import { h, uid } from "../lib/elements.js";
import { Expander } from "../lib/expander.js";
import { Palette } from "../lib/palette.js";
import { problemText } from "./problems.js";

/**
 * @typedef {{ word: string, read: string[] | null, near: string[] }} Span a word as it was written, as the model
 *   reads it (null: it does not know it), and what it may have been meant to be
 */

const LONGEST = 400;

export class Prompt {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {{ typed: (prompt: string) => void, corrected: (prompt: string) => void, entered: () => void,
   *   focused: () => void, expanded: (prompt: string, seed: number) => void }} on entered: Enter was pressed;
   *   expanded: sentences are asked for
   */
  constructor(view, on) {
    this.view = view;
    this.on = on;
    const [id, words] = [uid("prompt"), uid("words")];
    this.text = h("textarea", {
      id,
      rows: 2,
      spellcheck: "false",
      class: "x2v-play-prompt",
      "aria-describedby": words,
      placeholder: "a dog wearing a blue hat playing in the snow",
      maxlength: LONGEST,
    });
    const label = "How the model reads each word";
    this.words = h("ul", { id: words, class: "x2v-play-words", "aria-label": label });
    this.label = h("label", { for: id, class: "x2v-title" }, "What should the clip show?");
    this.palette = new Palette(this._palette(view.selection.model), {
      text: this.text,
      changed: (text) => on.typed(text),
      listen: (target, type, act) => view.listen(target, type, act),
    });
    this.expander = this._expander();
    this.parts = [this.label, this.text, this.palette.root, this.expander.root, this.words];
    view.listen(this.text, "input", () => {
      this.expander.clear();
      on.typed(this.text.value);
    });
    view.listen(this.text, "focus", () => on.focused());
    view.listen(this.text, "blur", () => view.commit());
    view.listen(this.text, "keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey) return;
      event.preventDefault();
      on.entered();
    });
  }

  _expander() {
    const { view, on } = this;
    const expander = new Expander({
      prompt: () => this.text.value,
      ask: (text, seed) => on.expanded(text, seed),
      take: (text) => on.corrected(text),
      listen: (target, type, act) => view.listen(target, type, act),
    });
    expander.root.hidden = !view.metadata.expands;
    expander.button.disabled = true; // until a kernel answers
    const hear = (message) => {
      if (message.kind === "hello") expander.button.disabled = false;
      if (message.kind === "expand") expander.show(message);
      if (message.kind === "problems" && message.id === "expand")
        expander.fail(problemText(Object.values(message.fields)[0]));
    };
    view.model.on("msg:custom", hear);
    view.signal.addEventListener("abort", () => view.model.off("msg:custom", hear));
    return expander;
  }

  /** @param {string} prompt */
  show(prompt) {
    if (this.text.value !== prompt) this.text.value = prompt;
    this.palette.mark();
  }

  /** The words of another model. @param {string} model */
  showModel(model) {
    this.palette.show(this._palette(model));
  }

  _palette(model) {
    const { palettes, palette_of } = this.view.metadata;
    return palettes[palette_of[model]];
  }

  /** @param {Span[]} spans none takes them away @param {string[]} [notes] what the model cannot show */
  showWords(spans, notes = []) {
    this.words.replaceChildren(
      ...spans.map((span) => (span.read ? known(span, span.read) : this._unknown(span))),
      ...notes.map((note) => h("li", { class: "x2v-play-note" }, note)),
    );
  }

  /** @param {Span} span */
  _unknown({ word, near }) {
    const cures = near.map((known) =>
      button(this.view, { label: `Write ${known} instead of ${word}`, text: known }, () => {
        const prompt = this.text.value;
        const at = prompt.toLowerCase().indexOf(word);
        if (at >= 0) this.on.corrected(prompt.slice(0, at) + known + prompt.slice(at + word.length));
      }),
    );
    const text = cures.length ? " unknown; it knows " : " unknown";
    return h("li", { class: "x2v-play-unknown" }, h("del", {}, word), h("span", {}, text), ...cures);
  }
}

/** @param {Span} span @param {string[]} read */
function known({ word }, read) {
  if (read.join(" ") === word) return h("li", { title: "known" }, word);
  const text = read.length ? ` → ${read.join(" ")}` : " → says nothing";
  return h("li", { title: "read as" }, word, h("span", { class: "x2v-play-read" }, text));
}
