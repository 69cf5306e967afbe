// @ts-check
/** A grid of clips over two settings. */
import { button } from "../lib/controls.js";
import { h, uid } from "../lib/elements.js";
import { paint, pictures } from "./media.js";

const NAMES = ["seed", "guidance", "steps", "prompt", "shape", "model"];
/** @type {Record<string, string>} */
const VALUES = { seed: "0..3", guidance: "1, 4, 8", steps: "2, 5, 20", shape: "square, wide" };
const HOW = "numbers as 0, 1, 5 or 0..5; prompts parted by ;  — at most 36 clips";

/** @typedef {[string, string]} Side a setting, and its values as they are written */

export class Grid {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {import("./problems.js").Problems} problems
   * @param {{ make: (across: Side, down: Side) => void, stop: () => void, goOn: (settings: any) => void }} on
   */
  constructor(view, problems, on) {
    this.view = view;
    this.on = on;
    /** Clips still to come. */
    this.left = 0;
    /** @type {{ canvas: any, pictures: import("./media.js").Pictures }[]} */
    this.cells = [];
    /** @type {any[][]} */
    this.places = [];
    const across = this._side("Across", "seed");
    const down = this._side("Down", "guidance");
    this.go = button(view, { label: "Make the grid", text: "Make the grid" }, () => {
      problems.say({ grid: null });
      if (this.left) on.stop();
      else on.make(across.chosen(), down.chosen());
    });
    this.status = h("span", { class: "x2v-muted", role: "status" }, HOW);
    this.place = h("div", { class: "x2v-play-gridplace" });
    const parts = [across.root, down.root, this.go, this.status];
    this.set = h("fieldset", { class: "x2v-play-gridset", disabled: true }, ...parts);
    const title = h("summary", { class: "x2v-title" }, "A grid over two settings");
    this.root = h("details", { class: "x2v-play-grid" }, title, this.set, problems.slot("grid"), this.place);
  }

  _side(title, first) {
    const { view } = this;
    const id = uid("values");
    const options = NAMES.map((name) => h("option", { value: name, selected: name === first }, name));
    const menu = h("select", { "aria-label": `${title}: which setting` }, ...options);
    const label = `${title}: its values`;
    const values = h("input", { id, class: "x2v-play-values", "aria-label": label, value: VALUES[first] });
    view.listen(menu, "change", () => {
      const name = menu.value;
      if (name === "prompt") values.value = `${view.selection.prompt}; a blue car in the city`;
      else values.value = name === "model" ? view.metadata.models.join(", ") : VALUES[name];
    });
    const root = h("span", { class: "x2v-play-line" }, h("label", { for: id }, title), menu, values);
    /** @type {() => Side} */
    const chosen = () => [menu.value, values.value];
    return { root, chosen };
  }

  /** @param {any} message */
  begin({ across, down }) {
    this.cells = [];
    this.left = across.values.length * down.values.length;
    this.go.textContent = "Stop";
    this.status.textContent = `${this.left} clips to go`;
    this.places = down.values.map(() => across.values.map(() => h("td", {})));
    const caption = `${across.setting} across, ${down.setting} down`;
    const heads = across.values.map((value) => h("th", { scope: "col" }, `${value}`));
    const rows = down.values.map((value, row) =>
      h("tr", {}, h("th", { scope: "row" }, `${value}`), ...this.places[row]),
    );
    const head = h("thead", {}, h("tr", {}, h("td", {}), ...heads));
    const table = h(
      "table",
      {},
      h("caption", { class: "x2v-muted" }, caption),
      head,
      h("tbody", {}, ...rows),
    );
    this.place.replaceChildren(table);
  }

  /** @param {any} metadata @param {DataView} sheet */
  async add(metadata, sheet) {
    this.left -= 1;
    this.status.textContent = `${this.left} clips to go`;
    const made = await pictures(sheet, metadata);
    const { seed, guidance, steps, prompt } = metadata.settings;
    const canvas = h("canvas", { width: made.width, height: made.height, class: "x2v-smooth" });
    const label = `Go on from seed ${seed}, guidance ${guidance}, ${steps} steps: ${prompt}`;
    const about = { "aria-label": label, title: "Go on from this clip" };
    const open = h("button", { type: "button", class: "x2v-play-open", ...about }, canvas);
    this.view.listen(open, "click", () => this.on.goOn(metadata.settings));
    this.places[metadata.row][metadata.column].replaceChildren(open);
    this.cells.push({ canvas, pictures: made });
  }

  /** @param {string} text */
  end(text) {
    this.left = 0;
    this.go.textContent = "Make the grid";
    this.status.textContent = text;
  }

  /** @param {number} frame */
  draw(frame) {
    for (const cell of this.cells) paint(cell.canvas, cell.pictures, frame);
  }
}
