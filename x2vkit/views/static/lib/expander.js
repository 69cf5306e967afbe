// @ts-check
/**
 * Expand: what becomes of each word of a prompt in the model's world, and whole sentences to take instead. What
 * finds them is `x2v.expand`, elsewhere. Knows nothing about pages.
 */
import { h } from "./elements.js";

/**
 * @typedef {{ prompt: string, sentences: string[], lines: { said: string, kind: string, read: string,
 *   why: string }[] }} Expansion kind: kept, understood as, or left out
 * @typedef {{ prompt: () => string, ask: (prompt: string, seed: number) => void,
 *   take: (sentence: string) => void,
 *   listen: (target: EventTarget, type: string, act: (event: any) => void) => void }} Events
 */

const ABOUT = "Any words at all become sentences that the model knows, with a line for each word";

export class Expander {
  /** @param {Events} on */
  constructor(on) {
    this.on = on;
    /** What was asked for last. */
    this.asked = { prompt: "", seed: 0 };
    this.button = h("button", { type: "button", class: "x2v-expand-go", title: ABOUT }, "Expand");
    this.status = h("span", { class: "x2v-expand-status", role: "status" });
    this.found = h("section", { class: "x2v-expand-found", "aria-label": "Expansion", hidden: true });
    on.listen(this.button, "click", () => this._ask(on.prompt(), 0));
    const bar = h("div", { class: "x2v-expand-bar" }, this.button, this.status);
    this.root = h("div", { class: "x2v-expand" }, bar, this.found);
  }

  /** @param {string} prompt @param {number} seed */
  _ask(prompt, seed) {
    if (!prompt.trim()) return this.fail("Write something first, in any words");
    this.asked = { prompt, seed };
    this.status.textContent = "Reading the words…";
    this.on.ask(prompt, seed);
  }

  /** What became of the prompt; an answer that was overtaken is not shown. @param {Expansion} expansion */
  show({ prompt, sentences, lines }) {
    if (prompt !== this.asked.prompt) return;
    this.status.textContent = "";
    const words = lines.map(told);
    const head = (text) => h("span", { class: "x2v-expand-head" }, text);
    this.found.replaceChildren(
      head(`What becomes of “${prompt}”`),
      h("ul", { class: "x2v-expand-lines", "aria-label": "What became of each word" }, ...words),
      head("Take one of these"),
      ...sentences.map((sentence) => this._sentence(sentence)),
      this._tools(),
    );
    this.found.hidden = false;
  }

  /** @param {string} problem a sentence */
  fail(problem) {
    this.found.hidden = true;
    this.status.textContent = problem;
  }

  /** Another prompt is typed. */
  clear() {
    this.asked = { prompt: "", seed: 0 };
    this.fail("");
  }

  /** @param {string} sentence */
  _sentence(sentence) {
    const about = { type: "button", class: "x2v-expand-take", "aria-pressed": "false" };
    const it = h("button", about, sentence);
    this.on.listen(it, "click", () => {
      for (const other of this.found.querySelectorAll(".x2v-expand-take"))
        other.setAttribute("aria-pressed", String(other === it));
      this.on.take(sentence);
    });
    return it;
  }

  _tools() {
    const { prompt, seed } = this.asked;
    const others = h("button", { type: "button", title: "What is not said, filled in otherwise" }, "Others");
    const back = h("button", { type: "button", title: `Write “${prompt}” again` }, "My own words");
    const close = h("button", { type: "button", title: "Close the expansion" }, "Close");
    this.on.listen(others, "click", () => this._ask(prompt, seed + 1));
    this.on.listen(back, "click", () => this.on.take(prompt));
    this.on.listen(close, "click", () => {
      this.clear();
      this.button.focus();
    });
    return h("div", { class: "x2v-expand-bar" }, others, back, close);
  }
}

/** What became of a word. @param {Expansion["lines"][number]} line */
function told({ said, kind, read, why }) {
  const left = kind === "left out";
  const became = kind === "kept" ? " kept" : left ? " left out" : " understood as ";
  return h(
    "li",
    { "data-kind": kind },
    h(left ? "del" : "b", {}, said),
    became,
    kind === "understood as" ? h("b", { class: "x2v-expand-read" }, read) : null,
    why ? h("span", { class: "x2v-expand-why" }, ` (${why})`) : null,
  );
}
