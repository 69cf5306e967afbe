// @ts-check
/**
 * The whole way from words to a clip: a card a stage, all of them at the same step and frame. Each opens into
 * its view, below and in step with this one.
 */
import attention from "../attention/index.js";
import denoise from "../denoise/index.js";
import { button, stepName } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { commonKeys } from "../lib/keys.js";
import { mount } from "../lib/mount.js";
import { nest } from "../lib/nested.js";
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
  const inside = new Inside(view);
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

/** The place below where one of the other views is open. */
class Inside {
  /** @param {import("../lib/view.js").View} view */
  constructor(view) {
    this.view = view;
    this.open = "";
    this.end = () => {};
    this.root = h("div", { class: "x2v-over-inside", hidden: true });
    view.onSelect(() => this._show());
    view.onData(() => this._show());
  }

  /** Open a view, or close it if it is open. @param {string} name */
  choose(name) {
    this.view.select({ inside: this.view.selection.inside === name ? "" : name });
    this.view.commit();
  }

  _show() {
    const name = this.view.selection.inside;
    const content = this.view.metadata.inside?.[name];
    const state = name && !content ? `${name} to come` : name;
    if (state === this.open) return;
    this.open = state;
    this.end();
    this.end = () => {};
    this.root.hidden = !name;
    this.root.replaceChildren();
    if (!name) return;
    const [module, title] = MODULES[name];
    const close = button(this.view, { label: `Close ${title}`, text: "Close" }, () => this.choose(name));
    const place = h(
      "div",
      {},
      content ? null : h("p", { class: "x2v-muted" }, "Opening… (this needs the kernel)"),
    );
    this.root.append(
      h("div", { class: "x2v-over-head" }, h("span", { class: "x2v-title" }, `Inside: ${title}`), close),
      place,
    );
    if (!content) return;
    place.replaceChildren();
    this.end = nest(
      this.view,
      module,
      { ...content, buffer: this.view.model.get("buffer"), linked: true },
      place,
    );
    this.root.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }
}
