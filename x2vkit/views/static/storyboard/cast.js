// @ts-check
/** Who carries over from shot to shot: a name, a description and a seed each. */
import { h } from "../lib/elements.js";

export class Cast {
  /** @param {import("./board.js").Board} board */
  constructor(board) {
    this.board = board;
    this.root = h("div", { class: "x2v-film-cast" });
  }

  /** Draw the cast anew. */
  show() {
    const rows = Object.entries(this.board.board.cast).map(([name, one]) => this._row(name, one));
    this.root.replaceChildren(...rows);
    this.root.hidden = !rows.length;
  }

  /** @param {string} name @param {{ description: string, seed: number }} one */
  _row(name, one) {
    const { view } = this.board;
    const said = h("input", { type: "text", maxlength: 200, value: one.description });
    said.setAttribute("aria-label", `Who the ${name} is`);
    view.listen(said, "input", () => {
      one.description = said.value;
      this.board.cards.changed(name);
      this.board.edited();
    });
    const other = h(
      "button",
      { class: "x2v-button", type: "button", title: "Somebody else of the same description" },
      "Recast",
    );
    view.listen(other, "click", () => {
      one.seed += 1;
      this.board.cards.changed(name);
      this.board.edited();
    });
    return h(
      "div",
      { class: "x2v-film-line" },
      h("label", { class: "x2v-film-field" }, h("span", {}, `The ${name}`), said),
      other,
    );
  }
}
