// @ts-check
/** How well the laws predict, and sources. */
import { h } from "../lib/elements.js";
import { jointLaw } from "./laws.js";
import { power } from "../lib/numbers.js";

/** Of the runs that ship. */
const TRUTH =
  "These runs did not all begin alike (the largest one saw far more stills first), and they were made before " +
  "the default model's architecture. They have not been trained anew: the error above is that of an uneven " +
  "family, and no law is fitted to the default model.";

/**
 * What the laws said before the largest-compute run was looked at, and where the large models' numbers come from.
 * @param {any} metadata
 */
export function notes(metadata) {
  const told = metadata.predictions.map(({ by, predicted, measured, error }) => {
    const numbers = `${predicted.toFixed(4)}, measured ${measured.toFixed(4)}`;
    return h("li", {}, `${by}: ${numbers}, error ${(100 * error).toFixed(1)} %`);
  });
  const large = metadata.large.map((one) => {
    const range = one.low === one.high ? power(one.low) : `${power(one.low)} to ${power(one.high)}`;
    return h("li", {}, `${one.name}: ${range} FLOPs from ${one.source}`);
  });
  const rate = (metadata.machine.peak * metadata.machine.use) / 1e12;
  return h(
    "details",
    { class: "x2v-scaling-notes" },
    h("summary", {}, "How well the laws predict, and sources"),
    told.length
      ? h("div", {}, "The largest-compute run, predicted by laws fitted without it:", h("ul", {}, ...told))
      : null,
    told.length && metadata.later.length ? h("p", {}, TRUTH) : null,
    metadata.joint
      ? h("div", {}, "The joint law, of parameters N and clips D:", jointLaw(metadata.joint.values))
      : null,
    h(
      "div",
      {},
      `Large models (GPU time as published, times ${rate} TFLOP/s, this view's assumption):`,
      h("ul", {}, ...large),
    ),
    h(
      "div",
      { class: "x2v-muted" },
      "Keys: ↑ ↓ checkpoints, ← → frames, space plays. Drag along the plot; a filled point lies on the frontier.",
    ),
  );
}
