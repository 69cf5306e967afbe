// @ts-check
/** Everything that can be set beside the prompt, and saving. */
import { Choice, Slider, button } from "../lib/controls.js";
import { h, uid } from "../lib/elements.js";

const FILES = [
  [".mp4", "mp4"],
  [".gif", "gif"],
  [".x2v", "trace (.x2v)"],
];
/** Seeds that the dice throw end here. */
const DICE = 1e6;

export class Settings {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {import("./problems.js").Problems} problems
   * @param {{ change: (change: Record<string, any>, slowly: boolean) => void, save: (suffix: string) => void }} on
   *   slowly: more of the same may follow at once, as while a slider moves
   * @param {any[]} upload the parts of the start picture
   */
  constructor(view, problems, on, upload) {
    const { metadata } = view;
    this.view = view;
    this.on = on;
    const field = (name, ...children) =>
      h(
        "div",
        { class: "x2v-play-field" },
        h("div", { class: "x2v-play-line" }, ...children),
        problems.slot(name),
      );
    const label = (text) => h("span", { class: "x2v-play-label" }, text);
    const guidance = (value) => (value === 1 ? "1 (none)" : value.toFixed(1));
    const models = metadata.models.map((name) => [name, name]);
    const model = new Choice(view, { key: "model", label: "Model", options: models });
    view.listen(model.input, "change", () => on.change({ model: view.selection.model }, false));
    this.shapes = Object.entries(metadata.shapes).map(([name, shape]) => this._shape(name, shape));
    const group = { class: "x2v-play-buttons", role: "group", "aria-label": "Shape" };
    const files = FILES.map(([suffix, text]) =>
      button(view, { label: `Save the clip as ${text}`, text }, () => on.save(suffix)),
    );
    this.root = h(
      "fieldset",
      { class: "x2v-play-set", disabled: true },
      h("legend", {}, "Settings"),
      field("seed", ...this._seed()),
      field("steps", this._slider("steps", "Steps", metadata.most.steps, 1, String)),
      field("guidance", this._slider("guidance", "Guidance", metadata.most.guidance, 0.5, guidance)),
      field("shape", label("Shape"), h("span", group, ...this.shapes)),
      field("model", model.root),
      field("image", ...upload),
      field("file", label("Save"), h("span", { class: "x2v-play-buttons" }, ...files)),
    );
  }

  _seed() {
    const { view, on } = this;
    const id = uid("seed");
    const range = { min: 0, max: view.metadata.most.seed, step: 1 };
    this.seed = h("input", { type: "number", id, ...range, "data-key": "seed", class: "x2v-play-number" });
    const typed = () => (this.seed.value === "" ? "" : Number(this.seed.value));
    view.listen(this.seed, "input", () => on.change({ seed: typed() }, true));
    const dice = button(view, { label: "Another seed, at random", text: "" }, () =>
      on.change({ seed: Math.floor(Math.random() * DICE) }, false),
    );
    dice.append(diceSign());
    return [h("label", { for: id }, "Seed"), this.seed, dice];
  }

  _slider(key, label, max, step, format) {
    const slider = new Slider(this.view, { key, label, min: 1, max, format });
    slider.input.step = String(step);
    slider.input.value = String(this.view.selection[key]);
    this.view.listen(slider.input, "input", () =>
      this.on.change({ [key]: Number(slider.input.value) }, true),
    );
    return slider.root;
  }

  _shape(name, [F, H, W]) {
    const label = `${name}: ${F === 1 ? "a still" : `${F} frames`} of ${W} × ${H}`;
    const it = button(this.view, { label, text: name, pressed: false }, () =>
      this.on.change({ shape: name }, false),
    );
    it.dataset.shape = name;
    return it;
  }

  /** @param {import("../lib/view.js").Selection} selection @param {Set<string>} changed */
  draw({ seed, shape }, changed) {
    if (changed.has("seed") && this.seed.value !== String(seed)) this.seed.value = seed;
    for (const one of this.shapes) one.setAttribute("aria-pressed", String(one.dataset.shape === shape));
  }
}

function diceSign() {
  const places = [[5, 5], [11, 11], [5, 11], [11, 5], [8, 8]]; // prettier-ignore
  const dots = places.map(([cx, cy]) => h("circle", { cx, cy, r: 1.4, fill: "currentColor" }));
  const line = { fill: "none", stroke: "currentColor", "stroke-width": 1.4 };
  const frame = h("rect", { x: 1.5, y: 1.5, width: 13, height: 13, rx: 3, ...line });
  return h("svg", { viewBox: "0 0 16 16", width: 18, height: 18, "aria-hidden": "true" }, frame, ...dots);
}
