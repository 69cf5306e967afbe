// @ts-check
/** Sliders, menus and buttons over keys of the selection. */
import { h, uid } from "./elements.js";
import { same } from "./view.js";

/**
 * A labelled slider over one key of the selection. Moves freely in the browser, commits when let go.
 */
export class Slider {
  /**
   * @param {import("./view.js").View} view
   * @param {{ key: string, label: string, max: number, min?: number, format?: (value: number) => string }}
   *   options format: what stands beside the slider, and what a screen reader says
   */
  constructor(view, { key, label, max, min = 0, format = String }) {
    const id = uid(key);
    this.input = h("input", { type: "range", id, min, max, step: 1, "data-key": key });
    this.output = h("output", { for: id }, "");
    this.root = h("div", { class: "x2v-slider" }, h("label", { for: id }, label), this.input, this.output);
    view.listen(this.input, "input", () => view.select({ [key]: Number(this.input.value) }));
    view.listen(this.input, "change", () => view.commit());
    view.onSelect((selection) => {
      const value = Number(selection[key]);
      if (Number(this.input.value) !== value) this.input.value = String(value);
      const text = format(value);
      if (this.output.textContent === text) return;
      this.output.textContent = text;
      this.input.setAttribute("aria-valuetext", `${label} ${text}`);
    });
  }
}

/**
 * How a denoising step is named: from 1, with the noise that is left.
 * @param {import("./view.js").View} view
 * @param {ArrayLike<number>} t
 * @returns {(step: number) => string}
 */
export function stepName(view, t) {
  return (step) => `${step + 1} of ${view.metadata.limits.step + 1}  ·  noise ${Math.round(100 * t[step])} %`;
}

/**
 * The slider over denoising steps, the same in all views.
 * @param {import("./view.js").View} view
 * @param {{ t: ArrayLike<number> }} options
 */
export function stepSlider(view, { t }) {
  return new Slider(view, {
    key: "step",
    label: "Step",
    max: view.metadata.limits.step,
    format: stepName(view, t),
  });
}

/** A choice of a few, as a menu. */
export class Choice {
  /**
   * @param {import("./view.js").View} view
   * @param {{ key: string, label: string, options: [any, string][] }} options value, name
   */
  constructor(view, { key, label, options }) {
    const id = uid(key);
    this.input = h(
      "select",
      { id, "data-key": key },
      ...options.map(([, name], i) => h("option", { value: i }, name)),
    );
    this.root = h("div", { class: "x2v-choice" }, h("label", { for: id }, label), this.input);
    view.listen(this.input, "change", () => {
      view.select({ [key]: options[Number(this.input.value)][0] });
      view.commit();
    });
    view.onSelect((selection) => {
      this.input.value = String(options.findIndex(([value]) => same(value, selection[key])));
    });
  }
}

/**
 * A button.
 * @param {import("./view.js").View} view
 * @param {{ label: string, text?: string, pressed?: boolean }} options
 */
export function button(view, { label, text = label, pressed }, onClick) {
  const it = h(
    "button",
    { type: "button", class: "x2v-button", "aria-label": label, title: label, "aria-pressed": pressed },
    text,
  );
  view.listen(it, "click", onClick);
  return it;
}
