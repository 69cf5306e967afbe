// @ts-check
/** The clips that were made, as cards: open, star, choose for a comparison. */
import { button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { paint, pictures } from "./media.js";

/**
 * @typedef {{ id: number, settings: Record<string, any>, line: string, fps: number, seconds: number,
 *   starred: boolean, shape: number[], columns: number, mime: string, unknown: string[] }} Entry as
 *   `Entry.metadata` in run/session.py
 * @typedef {{ metadata: Entry, pictures: import("./media.js").Pictures, card?: any, thumb?: any }} Kept
 */

/** How many clips a comparison takes. */
const [FEWEST, MOST] = [2, 6];

export class History {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {import("./problems.js").Problems} problems
   * @param {{ open: (entry: Entry) => void, star: (entry: Entry) => void, compare: (ids: number[]) => void,
   *   answered: () => boolean }} on answered: whether there is a kernel
   */
  constructor(view, problems, on) {
    this.view = view;
    this.on = on;
    /** @type {Map<number, Kept>} */
    this.entries = new Map();
    /** @type {Set<number>} */
    this.chosen = new Set();
    this.list = h("ul", { class: "x2v-play-history" });
    const label = "Compare the chosen clips side by side";
    this.pair = button(view, { label, text: "Compare" }, () => on.compare([...this.chosen]));
    const text = `Choose ${FEWEST} to ${MOST} clips to compare. A star keeps a clip; the oldest without one go.`;
    const title = h("span", { class: "x2v-title" }, "History");
    const head = h(
      "div",
      { class: "x2v-play-head" },
      title,
      this.pair,
      h("span", { class: "x2v-muted" }, text),
    );
    this.root = h("section", { "aria-label": "History" }, head, problems.slot("compare"), this.list);
  }

  /** Take over the history that the widget's state holds. */
  async read() {
    const { metadata, arrays } = this.view;
    const ids = new Set(metadata.history.map((entry) => entry.id));
    for (const entry of metadata.history) await this.keep(entry, arrays[`clip.${entry.id}`]);
    for (const id of this.entries.keys()) if (!ids.has(id)) this.entries.delete(id);
    const newest = [...this.entries.values()].sort((a, b) => b.metadata.id - a.metadata.id);
    this.list.replaceChildren(...newest.map((entry) => this._card(entry)));
    this.mark();
  }

  /** A clip, from a message or from the state, whichever comes first. @param {Entry} metadata @param {any} sheet */
  async keep(metadata, sheet) {
    const made = this.entries.has(metadata.id) ? null : await pictures(sheet, metadata);
    const have = this.entries.get(metadata.id); // it can have come while the picture was opened
    if (have) have.metadata = metadata;
    else if (made) this.entries.set(metadata.id, { metadata, pictures: made });
  }

  /** @param {Kept} entry */
  _card(entry) {
    const { view, on } = this;
    const { metadata } = entry;
    const { prompt } = metadata.settings;
    const asked = this._asked(metadata.settings);
    const told = `${prompt || "no words"}, ${asked.join(", ")}`;
    const { width, height } = entry.pictures;
    entry.thumb = h("canvas", {
      width,
      height,
      class: "x2v-smooth",
      role: "img",
      "aria-label": `Clip: ${told}`,
    });
    const words = h("span", { class: "x2v-play-words1" }, prompt || "(no words)");
    const rest = h("span", { class: "x2v-muted" }, asked.join(" · "));
    const title = "Show it, and go back to its settings";
    const open = h("button", { type: "button", class: "x2v-play-open", title }, entry.thumb, words, rest);
    view.listen(open, "click", () => on.open(entry.metadata));
    const starred = { label: `Star: ${told}`, text: metadata.starred ? "★" : "☆", pressed: metadata.starred };
    const star = button(view, starred, () => on.star(entry.metadata));
    star.setAttribute("aria-pressed", String(metadata.starred));
    star.disabled = !on.answered();
    const box = h("input", { type: "checkbox", checked: this.chosen.has(metadata.id) });
    view.listen(box, "change", () => {
      this.chosen[box.checked ? "add" : "delete"](metadata.id);
      this.mark();
    });
    const line = h(
      "div",
      { class: "x2v-play-line" },
      star,
      h("label", { class: "x2v-muted" }, box, " compare"),
    );
    entry.card = h("li", { class: "x2v-play-card" }, open, line);
    return entry.card;
  }

  /** What is not as usual. @param {Record<string, any>} settings */
  _asked(settings) {
    const { usual } = this.view.metadata;
    const parts = [`seed ${settings.seed}`];
    if (settings.steps !== usual.steps) parts.push(`${settings.steps} steps`);
    if (settings.guidance !== usual.guidance) parts.push(`guidance ${settings.guidance}`);
    if (settings.shape !== usual.shape) parts.push(settings.shape);
    if (settings.model !== usual.model) parts.push(settings.model);
    if (settings.image !== null) parts.push("from a picture");
    return parts;
  }

  /** What can be compared now. */
  mark() {
    for (const id of [...this.chosen]) if (!this.entries.has(id)) this.chosen.delete(id);
    const count = this.chosen.size;
    this.pair.textContent = count ? `Compare ${count}` : "Compare";
    this.pair.disabled = !this.on.answered() || count < FEWEST || count > MOST;
  }

  /** @param {number} frame @param {number} current the entry that is shown */
  draw(frame, current) {
    for (const [id, entry] of this.entries) {
      if (entry.thumb) paint(entry.thumb, entry.pictures, frame);
      entry.card?.setAttribute("aria-current", String(id === current));
    }
  }
}
