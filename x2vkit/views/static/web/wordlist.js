// @ts-check
/** How the model reads each word of the prompt, as a list under it. */
import { button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { LONGEST } from "./words.js";

/** Words that are shown; a prompt of thousands would fill the page. */
const MOST = 60;
const MOST_NOTES = 8;

export class WordList {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {number} most words of a prompt
   * @param {(word: string, instead: string) => void} write called to put another word into the prompt
   */
  constructor(view, most, write) {
    this.view = view;
    this.most = most;
    this.write = write;
    this.root = h("ul", { class: "x2v-web-words", "aria-label": "How the model reads each word" });
  }

  /**
   * @param {import("./words.js").Reading} reading of what is to be seen
   * @param {import("./wording.js").Wording} said what the prompt negates, and what the model cannot hear
   * @param {number} length of the prompt in characters
   */
  show({ spans, dropped }, { moved, notes: told }, length) {
    const cut = dropped.length > 0;
    const notes = [
      ...told
        .filter((note) => !moved.some(([part]) => note.startsWith(`"${part}" is read`)))
        .slice(0, MOST_NOTES),
      ...(cut ? [`a prompt has at most ${this.most} words; the rest is left out`] : []),
      ...(length > LONGEST ? [`only the first ${LONGEST.toLocaleString("en")} characters are read`] : []),
    ];
    this.root.replaceChildren(
      ...spans.slice(0, MOST).map((span) => (span.read ? known(span, span.read) : this._unknown(span))),
      ...moved.slice(0, MOST).map(([part, governed]) => steered(part, governed)),
      ...notes.map((note) => h("li", { class: "x2v-web-note" }, note)),
    );
  }

  /** @param {import("./words.js").Span} span */
  _unknown({ word, near }) {
    const cures = near.map((instead) =>
      button(this.view, { label: `Write ${instead} instead of ${word}`, text: instead }, () =>
        this.write(word, instead),
      ),
    );
    const text = cures.length ? " unknown; it knows " : " unknown";
    return h("li", { class: "x2v-web-unknown" }, h("del", {}, word.slice(0, 40)), text, ...cures);
  }
}

/** @param {import("./words.js").Span} span @param {string[]} read */
function known({ word }, read) {
  if (read.join(" ") === word) return h("li", {}, word);
  const text = read.length ? ` → ${read.join(" ")}` : " → says nothing";
  return h("li", {}, word, h("span", { class: "x2v-web-read" }, text));
}

/** What a negation governs. @param {string} part @param {string} governed */
function steered(part, governed) {
  return h(
    "li",
    { class: "x2v-web-away" },
    part,
    h("span", { class: "x2v-web-read" }, ` → steers away from ${governed}`),
  );
}
