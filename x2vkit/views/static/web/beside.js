// @ts-check
/** A clip that stays beside the next ones: the same noise with other words, or the same words with other noise. */
import { h } from "../lib/elements.js";
import { Picture } from "../lib/picture.js";
import { paintFrame } from "./paint.js";

export class Beside {
  /** @param {import("../lib/view.js").View} view */
  constructor(view) {
    this.view = view;
    this.picture = new Picture(view, {
      width: 128,
      height: 128,
      label: "The clip that was kept",
      smooth: true,
    });
    this.close = h("button", { type: "button", class: "x2v-button" }, "Take it away");
    this.root = h("div", { class: "x2v-web-beside", hidden: true }, this.picture.root, this.close);
    /** @type {import("./model.js").Made | null} */
    this.made = null;
    view.listen(this.close, "click", () => this.keep(null));
    view.onSelect(({ frame }) => this._draw(frame));
  }

  /** @param {import("./model.js").Made | null} made none takes it away */
  keep(made) {
    this.made = made;
    this.root.hidden = !made;
    if (made) this.picture.resize(made.size.width, made.size.height);
    this.view.redraw();
  }

  /** @param {number} frame */
  _draw(frame) {
    if (!this.made) return;
    paintFrame(this.picture, this.made, frame);
    const { prompt, seed, steps } = this.made.asked;
    this.picture.caption(`kept: “${prompt.slice(0, 120)}”, seed ${seed}, ${steps} steps`);
  }
}
