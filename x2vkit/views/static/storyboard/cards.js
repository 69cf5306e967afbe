// @ts-check
/** The shots as cards in a row: fields to edit, and buttons to move, make again, add and remove. */
import { h } from "../lib/elements.js";

/** @typedef {import("./board.js").Shot} Shot */

/** @type {[string, string, string][]} field, label, placeholder */
const WORDS = [
  ["who", "Who", "the dog"],
  ["what", "What", "running to the left"],
  ["where", "Where", "on the beach"],
];
/** @type {[string, string, string][]} what is seldom set */
const MORE = [
  ["title", "Title over it", ""],
  ["says", "Says", ""],
];
const MOST = 60;

export class Cards {
  /** @param {import("./board.js").Board} board */
  constructor(board) {
    this.board = board;
    /**
     * Shot -> where its picture lies, and whether it was edited since.
     * @type {Map<Shot, { url: string, old: boolean }>}
     */
    this.pictures = new Map();
    this.dragged = -1;
    this.root = h("ol", { class: "x2v-film-cards", "aria-label": "Shots" });
    board.view.signal.addEventListener("abort", () => this.forget());
  }

  get shots() {
    return this.board.board.shots;
  }

  /** The pictures that came with the view. */
  read() {
    this.shots.forEach((shot, i) => {
      const data = this.board.view.arrays[`shot.${i}`];
      if (data) this._keep(shot, data);
    });
    this.show();
  }

  /** Where a shot's picture lies, or nothing. @param {number} at */
  picture(at) {
    return this.pictures.get(this.shots[at])?.url ?? "";
  }

  /** No picture belongs to these shots any more. */
  forget() {
    for (const { url } of this.pictures.values()) URL.revokeObjectURL(url);
    this.pictures.clear();
  }

  /** Draw all cards anew. */
  show() {
    const cards = this.shots.map((shot, i) => this._card(shot, i));
    const add = this._button("+ Shot", "Add a shot", () => this._insert(this.shots.length));
    add.disabled = this.shots.length >= MOST;
    this.root.replaceChildren(...cards, h("li", { class: "x2v-film-add" }, add));
  }

  /** Every shot, or those that speak of somebody, will be another. @param {string} [name] */
  changed(name) {
    this.shots.forEach((shot, i) => {
      if (!name || `${shot.who} ${shot.what}`.toLowerCase().includes(name.toLowerCase())) this._old(shot, i);
    });
  }

  /** A shot is being made; -1 is none. @param {number} at */
  working(at) {
    [...this.root.children].forEach((card, i) => card.setAttribute("aria-busy", String(i === at)));
  }

  /** A shot's picture came. @param {number} at @param {DataView<any>} data */
  ready(at, data) {
    const shot = this.shots[at];
    if (!shot) return;
    this._keep(shot, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    const card = this.root.children[at];
    card.dataset.old = "false";
    card.querySelector(".x2v-film-picture").replaceChildren(this._picture(shot));
  }

  _keep(shot, data) {
    const before = this.pictures.get(shot);
    if (before) URL.revokeObjectURL(before.url);
    const url = URL.createObjectURL(new Blob([data], { type: "image/jpeg" }));
    this.pictures.set(shot, { url, old: false });
  }

  _old(shot, at) {
    const kept = this.pictures.get(shot);
    if (kept) kept.old = true;
    const card = this.root.children[at];
    if (card) card.dataset.old = String(Boolean(kept));
  }

  /** One card. @param {Shot} shot @param {number} at */
  _card(shot, at) {
    const { view } = this.board;
    const card = h("li", { class: "x2v-film-card", draggable: "true", "aria-busy": "false" });
    card.dataset.old = String(Boolean(this.pictures.get(shot)?.old));
    const play = h("button", { class: "x2v-film-picture", type: "button" }, this._picture(shot));
    play.setAttribute("aria-label", `Play from shot ${at + 1}`);
    view.listen(play, "click", () => this.board.film.seek(at));
    const more = h(
      "details",
      {},
      h("summary", {}, "Title, words"),
      ...MORE.map((one) => this._text(shot, at, one)),
    );
    more.open = Boolean(shot.title || shot.says);
    card.append(
      h("div", { class: "x2v-film-number" }, `${at + 1}`, this._moves(shot, at)),
      play,
      ...WORDS.map((one) => this._text(shot, at, one)),
      h("div", { class: "x2v-film-line" }, ...this._choices(shot, at)),
      more,
    ); // prettier-ignore
    this._draggable(card, at);
    return card;
  }

  _choices(shot, at) {
    return [this._select(shot, at, "camera"), this._select(shot, at, "cut"), this._seconds(shot, at)];
  }

  _picture(shot) {
    const kept = this.pictures.get(shot);
    return kept
      ? h("img", { src: kept.url, alt: `${shot.who} ${shot.what} ${shot.where}` })
      : h("span", {}, "not made yet");
  }

  _text(shot, at, [name, label, placeholder]) {
    const input = h("input", { type: "text", maxlength: 200, value: shot[name], placeholder });
    input.dataset.field = name;
    this.board.view.listen(input, "input", () => this._set(shot, at, name, input.value, name !== "title"));
    return h("label", { class: "x2v-film-field" }, h("span", {}, label), input);
  }

  _select(shot, at, name) {
    const options = this.board.view.metadata.options[name].map((one) => h("option", { value: one }, one));
    const select = h("select", { "data-field": name }, ...options);
    select.value = shot[name];
    const label = name === "camera" ? "Camera" : "Begins";
    this.board.view.listen(select, "change", () =>
      this._set(shot, at, name, select.value, name === "camera"),
    );
    return h("label", { class: "x2v-film-field" }, h("span", {}, label), select);
  }

  _seconds(shot, at) {
    const [min, max] = this.board.view.metadata.seconds;
    const input = h("input", { type: "number", min, max, step: 0.25, value: shot.seconds });
    input.dataset.field = "seconds";
    this.board.view.listen(input, "input", () => this._set(shot, at, "seconds", Number(input.value), true));
    return h("label", { class: "x2v-film-field x2v-film-small" }, h("span", {}, "Seconds"), input);
  }

  _set(shot, at, name, value, another) {
    shot[name] = value;
    if (another) this._old(shot, at);
    this.board.edited();
  }

  /** The buttons of a card. */
  _moves(shot, at) {
    const again = this._button("↻", `Another take of shot ${at + 1}`, () => {
      shot.take += 1;
      this._old(shot, at);
      if (this.board.answered && !this.board.busy) this.board.ask();
    });
    const left = this._button("←", `Move shot ${at + 1} earlier`, () => this._move(at, at - 1, "←"));
    const right = this._button("→", `Move shot ${at + 1} later`, () => this._move(at, at + 1, "→"));
    const gone = this._button("✕", `Remove shot ${at + 1}`, () => {
      this.shots.splice(at, 1);
      this._renew();
    });
    left.disabled = at === 0;
    right.disabled = at === this.shots.length - 1;
    gone.disabled = this.shots.length === 1;
    return h("span", { class: "x2v-film-moves" }, again, left, right, gone);
  }

  _insert(at) {
    const last = this.shots[at - 1];
    this.shots.splice(at, 0, {
      ...last,
      camera: "static",
      cut: "cut",
      title: "",
      says: "",
      take: last.take + 1,
    });
    this._renew();
  }

  /** @param {number} from @param {number} to @param {string} [focus] the button that goes along */
  _move(from, to, focus = "") {
    const [shot] = this.shots.splice(from, 1);
    this.shots.splice(to, 0, shot);
    this._renew();
    const buttons = [...this.root.children[to].querySelectorAll(".x2v-film-moves button")];
    const able = buttons.filter((one) => !one.disabled && "←→".includes(one.textContent ?? "?"));
    (able.find((one) => one.textContent === focus) ?? able[0])?.focus();
  }

  _renew() {
    this.show();
    this.board.edited();
  }

  /** A card goes where it is dropped. */
  _draggable(card, at) {
    const { view } = this.board;
    view.listen(card, "dragstart", (event) => {
      const typing = /^(INPUT|SELECT)$/.test(document.activeElement?.tagName ?? "");
      if (typing && card.contains(document.activeElement)) return event.preventDefault();
      this.dragged = at;
      event.dataTransfer.effectAllowed = "move";
    });
    view.listen(card, "dragover", (event) => this.dragged >= 0 && event.preventDefault());
    view.listen(card, "drop", (event) => {
      event.preventDefault();
      if (this.dragged >= 0 && this.dragged !== at) this._move(this.dragged, at);
      this.dragged = -1;
    });
  }

  /** @param {string} text @param {string} label @param {() => void} act @returns {HTMLButtonElement} */
  _button(text, label, act) {
    const button = h(
      "button",
      { class: "x2v-button", type: "button", "aria-label": label, title: label },
      text,
    );
    this.board.view.listen(button, "click", act);
    return button;
  }
}
