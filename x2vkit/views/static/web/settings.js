// @ts-check
/** Seed, shape and steps; and the link that carries them with the prompt. */
import { button } from "../lib/controls.js";
import { h, uid } from "../lib/elements.js";

const MOST_STEPS = 20;
const SEEDS = 10_000;
/** Largest seed: where a browser stops to count exactly. */
const LAST_SEED = 2 ** 53 - 1;
const FIRST_PROMPT = "a dog wearing a blue hat playing in the snow";

export class Settings {
  /** @param {import("../lib/view.js").View} view @param {any} manifest @param {() => void} changed */
  constructor(view, manifest, changed) {
    this.guidance = manifest.sampling.guidance;
    const shapes = Object.entries(manifest.shapes).map(([name, { size }]) =>
      h("option", { value: name }, `${name}, ${size[2]} × ${size[1]}${size[0] > 1 ? "" : ", one picture"}`),
    );
    this.shape = h("select", { id: uid("shape") }, ...shapes);
    this.seed = h("input", {
      id: uid("seed"),
      type: "number",
      min: 0,
      max: LAST_SEED,
      step: 1,
      class: "x2v-web-seed",
    });
    this.steps = h("input", { id: uid("steps"), type: "range", min: 1, max: MOST_STEPS, step: 1 });
    this.count = h("output", { for: this.steps.id });
    const dice = button(view, { label: "Another clip of the same words", text: "Another clip" }, () => {
      this.seed.value = String(Math.floor(Math.random() * SEEDS));
      changed();
    });
    const copy = button(view, { label: "Copy a link to this clip", text: "Copy link" }, async () => {
      const refused = () => "Copy it from the address bar";
      const copied = navigator.clipboard?.writeText(location.href).then(() => "Copied", refused);
      const said = (await copied) ?? refused();
      copy.textContent = said;
      setTimeout(() => (copy.textContent = "Copy link"), 2000);
    });
    const line = (text, input, ...more) =>
      h("div", { class: "x2v-web-line" }, h("label", { for: input.id }, text), input, ...more);
    this.root = h(
      "fieldset",
      { class: "x2v-web-set", disabled: true },
      line("Seed", this.seed, dice),
      line("Steps", this.steps, this.count),
      line("Shape", this.shape),
      h("div", { class: "x2v-web-line" }, copy),
    );
    view.listen(this.steps, "input", () => this._show());
    for (const input of [this.shape, this.seed, this.steps]) view.listen(input, "change", changed);
  }

  enable() {
    this.root.disabled = false;
  }

  /** @param {{ seed: number, steps: number, shape: string }} asked */
  set({ seed, steps, shape }) {
    this.seed.value = String(seed);
    this.steps.value = String(steps);
    this.shape.value = shape;
    this._show();
  }

  _show() {
    this.count.textContent = this.steps.value;
  }

  asked() {
    const seed = whole(this.seed.value, 0, LAST_SEED, 0);
    this.seed.value = String(seed);
    return { seed, steps: Number(this.steps.value), shape: this.shape.value, guidance: this.guidance };
  }

  /** Put what is asked into the address. @param {any} asked */
  link({ prompt, seed, steps, shape }) {
    const words = new URLSearchParams({ prompt, seed, steps, shape });
    try {
      history.replaceState(null, "", `#${words}`);
    } catch {
      // Some browsers keep a page from disk from changing its address, or one so often.
    }
  }
}

/** What the address asks for; what it does not say is as usual. @param {any} manifest */
export function fromLink(manifest) {
  const asked = new URLSearchParams(location.hash.slice(1));
  const shape = asked.get("shape") ?? "";
  return {
    prompt: asked.get("prompt") ?? FIRST_PROMPT,
    seed: whole(asked.get("seed"), 0, LAST_SEED, 0),
    steps: whole(asked.get("steps"), 1, MOST_STEPS, manifest.steps),
    shape: shape in manifest.shapes ? shape : Object.keys(manifest.shapes)[0],
  };
}

/** @param {string | null} text @param {number} low @param {number} high @param {number} usual */
function whole(text, low, high, usual) {
  const value = text ? Math.round(Number(text)) : NaN;
  return value >= low && value <= high ? value : usual;
}
