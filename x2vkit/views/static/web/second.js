// @ts-check
/** A second prompt beside the first: its clip begins with the same noise, so that only words differ. */
import { button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { Picture } from "../lib/picture.js";
import { paintFrame, paintPreview } from "./paint.js";
import { PromptBox } from "./promptbox.js";

/** @typedef {import("./model.js").Made} Made */

export class Second {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {any} manifest
   * @param {HTMLElement} beside holds the first clip, and the second while there is one
   * @param {{ ask: (typing: boolean) => void, turned: () => void, swap: () => void }} on turned: it was opened or
   *   closed
   */
  constructor(view, manifest, beside, on) {
    this.view = view;
    this.manifest = manifest;
    this.beside = beside;
    this.prompt = new PromptBox(view, manifest, "And what should it show instead?", on.ask);
    this.picture = new Picture(view, { width: 128, height: 128, label: "The second clip", smooth: true });
    this.toggle = button(view, { label: "Compare two prompts", pressed: false }, () => {
      this.open(!this.on);
      on.turned();
    });
    const swap = button(view, { label: "Swap the two" }, on.swap);
    const about = h(
      "p",
      { class: "x2v-muted" },
      "Both begin with the same noise: what differs is the words.",
    );
    this.parts = [this.prompt.root, h("div", { class: "x2v-bar" }, swap, about)];
    /** Holds them while there is a second prompt. */
    this.root = h("div", { class: "x2v-web-second" });
    this.on = false;
    /** @type {Made | null} */
    this.made = null;
    /** @type {{ latents: Float32Array, next: import("./paint.js").Next } | null} */
    this.preview = null;
    view.onSelect(({ frame }) => this._draw(frame));
  }

  /** @param {boolean} on */
  open(on) {
    this.on = on;
    this.root.replaceChildren(...(on ? this.parts : []));
    if (on) this.beside.append(this.picture.root);
    else this.picture.root.remove();
    this.toggle.setAttribute("aria-pressed", String(on));
    this.show(null);
  }

  /** Let the reader change words of the first prompt. @param {string} text */
  begin(text) {
    if (!this.prompt.text) this.prompt.box.value = text;
    this.say("Change a word of the second prompt, and its clip comes here");
    this.prompt.box.focus();
    this.prompt.box.setSelectionRange(text.length, text.length);
  }

  /** @param {string} sentence what stands in the place of a clip */
  say(sentence) {
    this.picture.caption(sentence);
  }

  /** What a step takes its clip to be. @param {import("./paint.js").Next} next @param {Float32Array} pred_x0 */
  step(next, pred_x0) {
    this._size(next.size[2], next.size[1]);
    [this.preview, this.made] = [{ latents: pred_x0, next }, null];
    this.picture.caption("preview: what this step takes the second clip to be");
    this.view.redraw();
  }

  /** @param {Made | null} made */
  show(made) {
    [this.preview, this.made] = [null, made];
    if (!made) {
      this.picture.canvas.style.visibility = "hidden"; // of other words
      return this.say("the second clip comes after the first");
    }
    this._size(made.size.width, made.size.height);
    const { prompt, seed } = made.asked;
    this.picture.caption(`“${prompt.slice(0, 120)}”, the same seed ${seed}`);
    this.view.redraw();
  }

  /** The linear decoder, set once the model has come. @type {() => import("./paint.js").Decoder} */
  decoder = () => ({ weight: new Float32Array(), bias: new Float32Array() });

  /** As large as the first. @param {number} width @param {number} height */
  _size(width, height) {
    const { root, canvas } = this.picture;
    this.picture.resize(width, height);
    root.style.maxWidth = /** @type {any} */ (this.beside.firstElementChild).style.maxWidth;
    canvas.style.visibility = "";
  }

  /** @param {number} frame */
  _draw(frame) {
    if (this.made) paintFrame(this.picture, this.made, frame);
    else if (this.preview)
      paintPreview(
        this.picture,
        this.preview.latents,
        frame,
        this.preview.next,
        this.manifest,
        this.decoder(),
      );
  }
}
