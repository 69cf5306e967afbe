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
      name: (i) => {
        const stage = metadata.stages[i] ? `, ${metadata.stages[i]}` : "";
        const section = metadata.sections.length ? `, section ${metadata.sections[i] + 1}` : "";
        const noise = Math.round(100 * arrays.t[i]);
        return `step ${i + 1} of ${limits.step + 1}, noise ${noise} %${stage}${section}`;
      },
    }),
    layer: new Picker(view, {
      key: "layer",
      label: "Layer",
      count: limits.layer + 1,
      there: (i) => layersAt(metadata, step()).includes(i),
      name: (i) => {
        const [stack] = metadata.stacks[metadata.sites.findIndex((site) => site[1] === i)] ?? [];
        const { name } = metadata.reads[stack] ?? {};
        return name && name !== `layer ${i}` ? `layer ${i + 1}: ${name}` : `layer ${i + 1}`;
      },
    }),
  };
}

/** @type {[any, string][]} */
const DIRECTIONS = [
  ["to", "where it looks"],
  ["from", "who looks at it"],
];
/** Maps of words, pooled over heads and layers. */
const MAPS = {
  cross: "where the word goes (all heads and layers)",
  concept: "where the word goes (by what layers put out)",
};
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
  /** @type {[any, string][]} */
  const maps = view.metadata.maps.map((name) => [
    `map.${name}`,
    MAPS[name] ?? `where the word goes (${name})`,
  ]);
  return [
    new Choice(view, { key: "direction", label: "Show", options: [...DIRECTIONS, ...maps] }),
    new Choice(view, { key: "log", label: "Colours", options: COLOURS }),
    new Choice(view, { key: "under", label: "Under the heat", options: UNDER }),
  ];
}
