// @ts-check
/** What can be chosen: step and layer, direction, colours, what stands under the heat. */
import { Choice } from "../lib/controls.js";
import { Picker } from "./picker.js";

/** Layers captured at a step. @param {any} metadata @param {number} step @returns {number[]} */
export function layersAt(metadata, step) {
  return metadata.sites.filter((site) => site[0] === step).map((site) => site[1]);
}

/**
 * Numbers to pick a step and a layer by.
 * @param {import("../lib/view.js").View} view
 * @param {() => number} step the one that is shown
 */
export function pickers(view, step) {
  const { metadata, arrays } = view;
  const { limits, steps } = metadata;
  return {
    step: new Picker(view, {
      key: "step",
      label: "Step",
      count: limits.step + 1,
      there: (i) => steps.includes(i),
      name: (i) => `step ${i + 1} of ${limits.step + 1}, noise ${Math.round(100 * arrays.t[i])} %`,
    }),
    layer: new Picker(view, {
      key: "layer",
      label: "Layer",
      count: limits.layer + 1,
      there: (i) => layersAt(metadata, step()).includes(i),
      name: (i) => `layer ${i + 1}`,
    }),
  };
}

/** @type {[any, string][]} */
const DIRECTIONS = [
  ["to", "where it looks"],
  ["from", "who looks at it"],
];
/** @type {[any, string][]} */
const COLOURS = [
  [false, "linear"],
  [true, "logarithmic"],
];
/** @type {[any, string][]} */
const UNDER = [
  ["final", "finished clip"],
  ["predicted", "prediction at this step"],
  ["nothing", "nothing (exact colours)"],
];

/** Menus. @param {import("../lib/view.js").View} view */
export function menus(view) {
  const under = UNDER.filter(([key]) => key !== "predicted" || view.arrays.pred_x0);
  return [
    new Choice(view, { key: "direction", label: "Show", options: DIRECTIONS }),
    new Choice(view, { key: "log", label: "Colours", options: COLOURS }),
    new Choice(view, { key: "under", label: "Under the heat", options: under }),
  ];
}
