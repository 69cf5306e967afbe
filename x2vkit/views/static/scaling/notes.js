// @ts-check
/** How well the laws predict, and sources. */
import { h } from "../lib/elements.js";
import { jointLaw } from "./laws.js";
import { power } from "../lib/numbers.js";

/** Of the runs that ship. */
const TRUTH =
  "These runs are the default model's own family: its architecture and its data at five sizes, about 2,000 steps " +
  "each. Points that are not yet 25 % below the loss at the start are left out, a cut that was chosen by the four " +
  "smaller sizes alone. The default model went on far beyond them, at falling rates; base and 4x are of an earlier " +
  "architecture. No law is fitted to these three.";

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
    told.length && metadata.apart.length ? h("p", {}, TRUTH) : null,
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
