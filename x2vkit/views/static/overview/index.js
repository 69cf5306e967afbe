// @ts-check
/**
 * The whole way from words to a clip: a card a stage, all of them at the same step and frame. Each opens into
 * its view, below and in step with this one.
 */
import attention from "../attention/index.js";
import denoise from "../denoise/index.js";
import { stepName } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { Inside } from "../lib/inside.js";
import { commonKeys } from "../lib/keys.js";
import { mount } from "../lib/mount.js";
import { pageNotes } from "../lib/notes.js";
import { Player } from "../lib/player.js";
import { promptLine } from "../lib/prompt.js";
import { story } from "../lib/story.js";
import { terms } from "../lib/terms.js";
import patches from "../patches/index.js";
import { Drawn, Stage } from "./stages.js";

/** @type {Record<string, [any, string]>} */
const MODULES = {
  denoise: [denoise, "Denoising, step by step"],
  patches: [patches, "Spacetime patches"],
  attention: [attention, "Attention"],
};

export default mount(async (view) => {
  const { metadata, arrays } = view;
  const final = await view.image("frames");
  const inside = new Inside(view, MODULES);
  const cards = metadata.stages.map((stage) => new Stage(view, stage, (name) => inside.choose(name)));
  const drawn = new Drawn(view, final, new Map(cards.map((card) => [card.key, card])));
  const player = new Player(view, { fps: metadata.fps, autoplay: true });
  const format = stepName(view, arrays.t);
  const stepper = new Player(view, {
    fps: 5,
    key: "step",
    label: "Step",
    format,
    loop: false,
    autoplay: true,
  });
  const tell = story(arrays.t, arrays.change);
  const told = h("p", { class: "x2v-told", role: "status" });
  view.root.append(
    h(
      "div",
      {},
      promptLine(metadata.prompt, metadata.unknown),
      h("div", { class: "x2v-muted" }, metadata.run),
      pageNotes(metadata),
    ),
    h("div", { class: "x2v-over-row" }, ...cards.map((card) => card.root)),
    h("div", { class: "x2v-bar" }, stepper.root, player.root),
    told,
    terms(view, ["token", "plan", "noise level", "patch", "attention", "velocity", "latent", "VAE", "trace"]),
    inside.root,
  );
  commonKeys(view, player);
  view.onSelect((selection) => {
    drawn.draw(/** @type {any} */ (selection));
    const text = tell(selection.step);
    if (told.textContent !== text) told.textContent = text;
    for (const card of cards)
      card.open?.setAttribute("aria-pressed", String(card.opens === selection.inside));
  });
});
