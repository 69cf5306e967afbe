// @ts-check
/** Seed, shape and steps; and the link that carries them with the prompt. */
import { button } from "../lib/controls.js";
import { h, uid } from "../lib/elements.js";

const MOST_STEPS = 20;
const SEEDS = 10_000;
/** Largest seed: where a browser stops to count exactly. */
const LAST_SEED = 2 ** 53 - 1;
export const FIRST_PROMPT = "a dog wearing a blue hat playing in the snow";

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
    /** The last seed that was one. */
    this.good = 0;
    this.rule = h("p", { class: "x2v-web-rule", role: "status", hidden: true });
    this.steps = h("input", { id: uid("steps"), type: "range", min: 1, max: MOST_STEPS, step: 1 });
    this.count = h("output", { for: this.steps.id });
    const dice = button(view, { label: "Another clip of the same words", text: "Another clip" }, () => {
      this._take(String(Math.floor(Math.random() * SEEDS)));
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
      this.rule,
      line("Steps", this.steps, this.count),
      line("Shape", this.shape),
      h("div", { class: "x2v-web-line" }, copy),
    );
    view.listen(this.steps, "input", () => this._show());
    view.listen(this.seed, "change", () => this._take(this.seed.value) && changed());
    view.listen(this.seed, "input", () => (this.rule.hidden = true));
    for (const input of [this.shape, this.steps]) view.listen(input, "change", changed);
  }

  enable() {
    this.root.disabled = false;
  }

  /** @param {{ seed: string, steps: number, shape: string }} asked seed: as it was written */
  set({ seed, steps, shape }) {
    this._take(seed);
    this.steps.value = String(steps);
    this.shape.value = shape;
    this._show();
  }

  _show() {
    this.count.textContent = this.steps.value;
  }

  /** Take a seed, or keep the last good one and say what a seed is. @param {string} text */
  _take(text) {
    const value = text.trim() ? Number(text) : NaN;
    const good = Number.isInteger(value) && value >= 0 && value <= LAST_SEED;
    if (good) this.good = value;
    this.seed.value = String(this.good);
    this.rule.hidden = good;
    this.rule.textContent = good
      ? ""
      : `${text.trim() ? `“${text.slice(0, 40)}”` : "What stood there"} is no seed: a seed is a whole number from ` +
        `0 to 2⁵³ − 1 (${LAST_SEED}). ${this.good} stays.`;
    return good;
  }

  asked() {
    const written = this.seed.value; // maybe not yet let go
    if (written !== String(this.good)) this._take(written);
    return {
      seed: this.good,
      steps: Number(this.steps.value),
      shape: this.shape.value,
      guidance: this.guidance,
    };
  }

  /** Put what is asked into the address. @param {any} asked @param {string} second prompt, where there is one */
  link({ prompt, seed, steps, shape }, second) {
    const words = new URLSearchParams({ prompt, seed, steps, shape, ...(second ? { second } : {}) });
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
    second: asked.get("second"),
    seed: asked.get("seed") ?? "0",
    steps: whole(asked.get("steps"), 1, MOST_STEPS, manifest.steps),
    shape: Object.hasOwn(manifest.shapes, shape) ? shape : Object.keys(manifest.shapes)[0],
  };
}

/** @param {string | null} text @param {number} low @param {number} high @param {number} usual */
function whole(text, low, high, usual) {
  const value = text ? Math.round(Number(text)) : NaN;
  return value >= low && value <= high ? value : usual;
}
