// @ts-check
/** The storyboard as a whole: what is edited, what is asked of the kernel, and what it answers. */
import { h } from "../lib/elements.js";
import { Cards } from "./cards.js";
import { Cast } from "./cast.js";
import { Film, download } from "./film.js";

/** @typedef {Record<string, any>} Shot as `Shot` in studio/film/board.py */
/** @typedef {{ got: string, rule: string, cure: string }} Problem */

/** Milliseconds without an answer after which a page is taken to have no kernel. */
const PATIENCE = 1500;
/** Milliseconds after the last key that an edit is told to the kernel. */
const EDITED = 600;
/** Seconds that a fade lets two shots overlap. */
const FADE = 0.5;

export class Board {
  /** @param {import("../lib/view.js").View} view */
  constructor(view) {
    this.view = view;
    this.board = structuredClone(view.metadata.board);
    this.answered = false;
    this.busy = false;
    this.timer = 0;
    this.film = new Film(view);
    this.cast = new Cast(this);
    this.cards = new Cards(this);
    this.idea = h("input", { class: "x2v-film-idea", type: "text", maxlength: 1000, "aria-label": "Idea" });
    this.idea.placeholder = "An idea: a dog loses its hat and finds it again";
    this.tell = this._button("Write storyboard", () =>
      this.emit({ kind: "tell", idea: this.idea.value, id: "tell" }),
    );
    this.make = this._button("Make film", () => this.ask());
    this.make.classList.add("x2v-film-go");
    this.stop = this._button("Stop", () => this.emit({ kind: "cancel" }));
    this.file = this._button("Save .toml", () => this.emit({ kind: "toml", board: this.board, id: "toml" }));
    this.progress = h("progress", { max: 1, value: 0, "aria-label": "Film made" });
    this.status = h("span", { role: "status" });
    this.problem = h("p", { class: "x2v-film-problem", role: "alert", hidden: true });
    this.notes = h("ul", { class: "x2v-film-notes x2v-muted" });
    this.title = h("input", { type: "text", maxlength: 200, "aria-label": "Title of the film" });
    this.shape = h(
      "select",
      { "aria-label": "Shape of the film" },
      ...view.metadata.options.shape.map((name) => h("option", { value: name }, name)),
    );
    this.note = h(
      "p",
      { class: "x2v-film-note", hidden: true },
      "No kernel answers, so no film can be made here: this is the last one. Open it in a notebook with ",
      h("code", {}, "x2v.views.Storyboard()"),
      ".",
    );
  }

  async start() {
    const { view } = this;
    view.listen(this.idea, "keydown", (event) => event.key === "Enter" && this.tell.click());
    view.listen(this.title, "input", () => this.change({ title: this.title.value }));
    view.listen(this.shape, "change", () => this.change({ shape: this.shape.value }, true));
    const head = h("div", { class: "x2v-film-line" }, this.idea, this.tell);
    const about = h(
      "div",
      { class: "x2v-film-line" },
      h("label", { class: "x2v-film-field" }, h("span", {}, "Title"), this.title),
      h("label", { class: "x2v-film-field x2v-film-small" }, h("span", {}, "Shape"), this.shape),
    );
    const bar = h("div", { class: "x2v-film-line" }, this.make, this.stop, this.file, this.status);
    view.root.append(
      head, this.note, about, this.cast.root, this.notes, this.cards.root,
      bar, this.progress, this.problem, this.film.root,
    ); // prettier-ignore
    this.show();
    this.film.read();
    this.cards.read();
    this.film.video.poster = this.cards.picture(0);
    view.onData(() => this.film.read());
    const on = (message, /** @type {DataView[]} */ buffers) => this.onMessage(message, buffers ?? []);
    view.model.on("msg:custom", on);
    view.signal.addEventListener("abort", () => view.model.off("msg:custom", on));
    this.emit({ kind: "hello" });
    const patience = setTimeout(() => (this.note.hidden = this.answered), PATIENCE);
    view.signal.addEventListener("abort", () => clearTimeout(patience));
    view.signal.addEventListener("abort", () => clearTimeout(this.timer));
  }

  /** Say something to the kernel. @param {any} message */
  emit(message) {
    this.view.model.send(message);
  }

  /** Draw all of the board anew. */
  show() {
    const { board } = this;
    this.title.value = board.title;
    this.shape.value = board.shape;
    this.notes.replaceChildren(...board.notes.map((note) => h("li", {}, note)));
    this.notes.hidden = !board.notes.length;
    this.cast.show();
    this.cards.show();
    this.able();
  }

  /** Which buttons can be pressed now. */
  able() {
    for (const one of [this.tell, this.file]) one.disabled = !this.answered;
    this.make.disabled = !this.answered || this.busy;
    this.stop.hidden = !this.busy;
    this.progress.hidden = !this.busy;
    this.seconds();
  }

  /** How long the film will be, where nothing else is said. */
  seconds() {
    if (this.busy) return;
    const fades = this.board.shots.slice(1).filter((shot) => shot.cut === "fade").length;
    const total = this.board.shots.reduce((sum, shot) => sum + Number(shot.seconds || 0), -FADE * fades);
    this.status.textContent = `${this.board.shots.length} shots, ${total.toFixed(1)} s`;
  }

  /** Something of the whole film was set. @param {Record<string, any>} change @param {boolean} [every] */
  change(change, every = false) {
    Object.assign(this.board, change);
    if (every) this.cards.changed();
    this.edited();
  }

  /** Tell the kernel how the board stands, once the reader pauses. */
  edited() {
    this.problem.hidden = true;
    this.seconds();
    clearTimeout(this.timer);
    if (!this.answered) return;
    this.timer = setTimeout(() => this.emit({ kind: "edit", board: this.board, id: "edit" }), EDITED);
  }

  /** Make the film. */
  ask() {
    clearTimeout(this.timer);
    this.problem.hidden = true;
    this.emit({ kind: "make", board: this.board, id: "make" });
  }

  /** @param {any} message @param {DataView[]} buffers */
  onMessage(message, buffers) {
    const { kind } = message;
    if (kind === "hello") {
      this.answered = true;
      this.note.hidden = true;
    } else if (kind === "board") {
      this.board = message.board;
      this.cards.forget();
      this.show();
    } else if (kind === "busy") {
      this.busy = true;
      this.status.textContent = "Loading the model …";
      this.progress.value = 0;
    } else if (kind === "shot") {
      const part = (message.step + 1) / message.steps;
      this.progress.value = (message.shot + part) / message.shots;
      this.status.textContent = `Shot ${message.shot + 1} of ${message.shots}`;
      this.cards.working(message.shot);
    } else if (kind === "ready") {
      this.progress.value = (message.shot + 1) / message.shots;
      this.cards.ready(message.shot, buffers[0]);
    } else if (kind === "film") {
      this._end();
      this.film.show(buffers[0], message.chapters);
      const made = message.made.length;
      this.status.textContent = `${message.seconds.toFixed(1)} s; made ${made} of ${this.board.shots.length} shots`;
    } else if (kind === "stopped") {
      this._end("Stopped; the shots that were ready stay ready");
    } else if (kind === "problems") {
      if (message.id === "make") this._end();
      this.say(message);
    } else if (kind === "file") {
      download(this.view.root, message, buffers[0]);
    }
    if (kind !== "film" && kind !== "shot" && kind !== "stopped") this.able();
  }

  /** @param {Problem} problem */
  say({ got, rule, cure }) {
    this.problem.textContent = `${got}: ${rule}. ${cure.charAt(0).toUpperCase()}${cure.slice(1)}.`;
    this.problem.hidden = false;
  }

  /** @param {string} [text] */
  _end(text) {
    this.busy = false;
    this.cards.working(-1);
    this.able();
    if (text) this.status.textContent = text;
  }

  /** @param {string} text @param {() => void} act @returns {HTMLButtonElement} */
  _button(text, act) {
    const button = h("button", { class: "x2v-button", type: "button" }, text);
    this.view.listen(button, "click", act);
    return button;
  }
}
