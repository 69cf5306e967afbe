// @ts-check
/** The kernel, as the Playground asks it: one clip at a time, and only once the reader pauses. */
import { h, uid } from "../lib/elements.js";

export class Kernel {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {{ settings: () => Record<string, any>, empty: () => void }} on settings: all that is asked; empty:
   *   there are no words to ask with
   */
  constructor(view, on) {
    this.view = view;
    this.on = on;
    /** What was asked last and has not ended. @type {{ id: string } | null} */
    this.job = null;
    /** Whether there is a kernel, and whether it has loaded a model. */
    this.answered = false;
    this.loaded = false;
    /** Milliseconds from the last key to the first preview, or 0. */
    this.first = 0;
    this.changedAt = 0;
    this.previews = 0;
    this.timer = 0;
    view.signal.addEventListener("abort", () => clearTimeout(this.timer));
  }

  /** Say something to it. @param {any} message @param {ArrayBuffer[]} [buffers] */
  emit(message, buffers) {
    this.view.model.send(message, undefined, buffers);
  }

  /** Whether a message is about what was asked last. @param {any} message */
  asked({ id }) {
    return this.job !== null && id === this.job.id;
  }

  /** Something was set: stop what runs, and ask again. @param {number} wait milliseconds @param {boolean} typed */
  askSoon(wait, typed) {
    if (!this.answered) return;
    this.changedAt = performance.now();
    this.cancel();
    this.timer = setTimeout(() => this.ask(typed), wait);
  }

  /** @param {boolean} typed by typing, so that a longer prompt takes the clip's place */
  ask(typed) {
    clearTimeout(this.timer);
    if (!this.answered) return;
    this.view.commit();
    const settings = this.on.settings();
    if (!settings.prompt.trim()) return this.on.empty();
    this.job = { id: uid("ask") };
    this.emit({ kind: "ask", id: this.job.id, settings, typed });
  }

  cancel() {
    clearTimeout(this.timer);
    if (!this.job) return;
    this.emit({ kind: "cancel" });
    this.job = null;
  }

  /** Ask what words expand to, at once. @param {string} prompt @param {number} seed */
  expand(prompt, seed) {
    this.cancel();
    this.emit({ kind: "expand", prompt, seed });
  }

  /** A preview came. Counts stand on the root, for tests and measurements to read. */
  previewed() {
    const { dataset } = this.view.root;
    this.previews += 1;
    dataset.previews = String(this.previews);
    if (this.first) return;
    this.first = performance.now() - this.changedAt;
    dataset.first = String(Math.round(this.first));
  }

  /** How long the first preview took, for a reader; nothing before anything was changed. */
  get speed() {
    return this.changedAt && this.first ? `, first preview after ${(this.first / 1000).toFixed(2)} s` : "";
  }
}

/** What an exported page or a saved notebook says, where nothing can be made. */
export function noKernel() {
  return h(
    "p",
    { class: "x2v-play-note", role: "status", hidden: true },
    "No kernel answers, so nothing new can be made here: these are the clips that were made. ",
    "To make your own, run ",
    h("code", {}, "x2v.views.Playground()"),
    " in a notebook. For a page that makes clips by itself, write it with ",
    h("code", {}, 'Playground().to_html("page.html", live=True)'),
    " or ",
    h("code", {}, "x2vkit page page.html"),
    ".",
  );
}
