// @ts-check
/** Where a prompt is written, and under it how it is read. */
import { h, uid } from "../lib/elements.js";
import { FIRST_PROMPT } from "./settings.js";
import { readWording } from "./wording.js";
import { WordList } from "./wordlist.js";

export class PromptBox {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {any} manifest
   * @param {string} label
   * @param {(typing: boolean) => void} ask called while somebody types, and at Enter with false
   */
  constructor(view, manifest, label, ask) {
    this.box = h("textarea", {
      ...{ id: uid("prompt"), rows: 2, spellcheck: "false", class: "x2v-web-prompt" },
      placeholder: FIRST_PROMPT,
    });
    this.words = new WordList(view, manifest.lexicon.max_words, (word, instead) => {
      const at = this.box.value.toLowerCase().indexOf(word);
      if (at < 0) return;
      this.box.setRangeText(instead, at, at + word.length);
      ask(false);
    });
    const title = h("label", { for: this.box.id, class: "x2v-title" }, label);
    this.root = h("div", {}, title, this.box, this.words.root);
    view.listen(this.box, "input", () => ask(true));
    view.listen(this.box, "keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey) return;
      event.preventDefault();
      ask(false);
    });
  }

  /** What stands there. */
  get text() {
    return this.box.value.trim();
  }

  /** Say how it is read. @param {import("./words.js").Lexicon} lexicon */
  read(lexicon) {
    const said = readWording(this.box.value, lexicon);
    this.words.show(lexicon.read(said.prompt), said, this.box.value.length);
  }

  /** Why no clip can be made of it, or nothing. @param {import("./words.js").Lexicon} lexicon */
  refusal(lexicon) {
    if (!this.text) return "Type what the clip should show.";
    const { prompt, moved } = readWording(this.text, lexicon);
    const cure = lexicon.knows(FIRST_PROMPT) ? `what it knows: “${FIRST_PROMPT}”` : "other words";
    if (moved.length && !prompt)
      return `This prompt says only what the clip should not show. Write what it should: ${cure}.`;
    if (!lexicon.knows(prompt))
      return `The model knows no word of this prompt, so it makes no clip. Write ${cure}.`;
    return "";
  }
}
