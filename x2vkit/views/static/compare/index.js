// @ts-check
/**
 * Runs side by side, in step: a card a run with its picture and its difference from the reference, and
 * below them the runs' paths through latent space.
 */
import { Card, MOST } from "./card.js";
import { Paths } from "./paths.js";
import { readRun } from "./runs.js";
import { Choice, stepName } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { commonKeys, keys } from "../lib/keys.js";
import { mount } from "../lib/mount.js";
import { pageNotes } from "../lib/notes.js";
import { Player } from "../lib/player.js";
import { presets } from "../lib/presets.js";
import { promptLine } from "../lib/prompt.js";
import { ScaleBar } from "../lib/scalebar.js";
import { terms } from "../lib/terms.js";

const SHOW = {
  final: "finished clips",
  predicted: "clips predicted at the step",
  noisy: "noisy latents at the step",
};

export default mount(async (view) => {
  const { metadata, arrays } = view;
  const runs = await Promise.all(metadata.runs.map((_, i) => readRun(view, i)));
  const cards = runs.map((run, i) => new Card(view, run, i));
  const grid = h("div", { class: "x2v-compare-runs" }, ...cards.map((card) => card.root));
  const body = h("div", { class: "x2v-compare-body" }, grid);
  body.style.setProperty("--runs", String(runs.length));
  body.style.setProperty("--runs-narrow", String(runs.length === 4 ? 2 : Math.min(runs.length, 3)));

  const player = new Player(view, { fps: metadata.fps, autoplay: true });
  const stepper = new Player(view, {
    fps: 8,
    key: "step",
    label: "Step",
    format: stepName(view, arrays.levels),
    loop: false,
  });
  const show = new Choice(view, {
    key: "show",
    label: "Show",
    options: metadata.show.map((/** @type {"final"} */ key) => [key, SHOW[key]]),
  });
  const scale = new ScaleBar({
    label: "difference: mean of red, green, blue, of 255 levels",
    high: `${MOST}+`,
  });
  const controls = h("div", { class: "x2v-compare-controls" }, show.root, stepper.root, player.root);
  const notes = h(
    "div",
    { class: "x2v-compare-notes" },
    scale.root,
    h(
      "div",
      { class: "x2v-muted" },
      `Keys: ← → frames, ↑ ↓ steps, space plays, ${runs.map((_, i) => i + 1).join(" ")} choose the reference.`,
    ),
  );
  body.append(
    h(
      "div",
      { class: "x2v-compare-below" },
      "noisy" in metadata.explained
        ? new Paths(view, runs).root
        : h(
            "p",
            { class: "x2v-muted x2v-compare-paths" },
            "No paths: these runs share no latent space (other sizes, or another autoencoder).",
          ),
      notes,
    ),
  );

  view.root.append(
    h(
      "div",
      {},
      metadata.prompt === null ? null : promptLine(metadata.prompt, metadata.runs[0].unknown),
      h("div", { class: "x2v-muted" }, metadata.shared),
      h("div", { class: "x2v-compare-noise" }, metadata.noise),
      pageNotes(metadata),
    ),
    presets(view),
    controls,
    body,
    terms(view, ["noise level", "latent", "pred_x0", "guidance", "NFE"]),
  );
  commonKeys(view, player);
  keys(view, Object.fromEntries(runs.map((_, i) => [String(i + 1), () => view.select({ reference: i })])));

  view.onSelect((selection, changed) => {
    // Who moves through the steps wants to see them.
    if (selection.show === "final" && changed.has("step") && !changed.has("show"))
      view.select({ show: "predicted" });
    for (const card of cards) card.draw(selection);
    for (const card of cards) card.compare(cards[selection.reference]);
  });
});
