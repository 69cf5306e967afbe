// @ts-check
/** The four pictures of a step. */
import { heatPixels } from "../lib/colors.js";
import { Choice } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { LatentPainter } from "../lib/painter.js";
import { Picture } from "../lib/picture.js";
import { Boxes } from "./boxes.js";
import { MOST } from "./latents.js";
import { difference, mean } from "./numbers.js";

export class Pictures {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {import("./latents.js").Latents} latents
   * @param {import("../lib/picture.js").Pictures} final the finished clip
   */
  constructor(view, latents, final) {
    const { arrays } = view;
    this.view = view;
    this.latents = latents;
    this.final = final;
    const shape = { width: latents.width, height: latents.height };
    this.noisy = new Picture(view, { ...shape, label: "What the model sees", smooth: true });
    this.predicted = new Picture(view, { ...shape, label: "The clip it predicts", smooth: true });
    this.change = new Picture(view, { ...shape, label: "What changed" });
    this.beside = new Picture(view, { ...shape, label: "Beside it", title: "", smooth: true });
    this.plan = arrays.plan ? new Boxes(arrays.plan, this.noisy.stage) : null;
    /** @type {[string, string][]} */
    this.options = [["final", "The finished clip"]];
    if (arrays.pred_x0_cond) {
      this.options.push(["pred_x0_cond", "Without guidance"], ["guidance", "What guidance changes"]);
    }
    const choice = new Choice(view, { key: "beside", label: "Beside it", options: this.options });
    choice.root.classList.add("x2v-denoise-choice");
    this.beside.title.replaceChildren(choice.root);
    this.now = latents.room();
    this.other = latents.room();
    this.amounts = new Float32Array(shape.width * shape.height);
    const all = [this.noisy, this.predicted, this.change, this.beside].map((picture) => picture.root);
    this.root = h("div", { class: "x2v-row x2v-denoise-row" }, ...all);
  }

  /** @param {import("../lib/view.js").Selection} selection */
  draw({ step: wanted, frame, beside }) {
    const { latents, plan, now } = this;
    const { arrays, metadata } = this.view;
    const step = latents.place(wanted);
    const own = latents.kept[step];
    const left = Math.round(100 * arrays.t[own]);
    paint(this.noisy, latents.noisy(step, frame, this.other));
    const which = own === wanted ? "" : ` of step ${own + 1}, the nearest that is here`;
    const dashed = plan ? "; dashed: the plan" : "";
    this.noisy.caption(`noisy latents${which}, ${left} % noise (${metadata.decoder})${dashed}`);
    plan?.show(frame);

    // Guided and unguided are compared through one decoder; alone, the prediction is shown at its best.
    const compared = beside !== "final";
    const predict = (/** @type {number} */ at, /** @type {Float32Array} */ out) =>
      compared ? latents.linear("pred_x0", at, frame, out) : latents.predicted(at, frame, out);
    paint(this.predicted, predict(step, now));
    const decoder = latents.reader && !compared ? "decoded" : metadata.decoder;
    this.predicted.caption(`predicted clean latents, pred_x0 (${decoder})`);
    this._change(step, step > 0 ? predict(step - 1, this.other) : null);
    if (compared) this._compare(step, frame, beside);
    else {
      this.beside.image(this.final, frame);
      this.beside.caption("the last latents, decoded");
    }
    this.beside.canvas.setAttribute("aria-label", this.options.find(([key]) => key === beside)?.[1] ?? "");
  }

  /** @param {number} step @param {Float32Array | null} before the prediction of the step before */
  _change(step, before) {
    if (before) difference(this.now, before, this.amounts);
    else this.amounts.fill(0);
    const much = `${mean(this.amounts).toFixed(1)} of 255 on average`;
    const against = before && this.latents.kept[step - 1] + 1;
    this.change.caption(before ? `against step ${against}: ${much}` : "nothing: this is the first step");
    heatPixels(this.amounts, MOST, this.change.data);
    this.change.put();
  }

  /** What the words alone predict, or what guidance makes of it. */
  _compare(step, frame, beside) {
    const unguided = this.latents.linear("pred_x0_cond", step, frame, this.other);
    if (beside === "pred_x0_cond") {
      paint(this.beside, unguided);
      return this.beside.caption("from the same noise, by the words alone");
    }
    difference(this.now, unguided, this.amounts);
    heatPixels(this.amounts, MOST, this.beside.data);
    this.beside.put();
    const much = `${mean(this.amounts).toFixed(1)} of 255 on average`;
    this.beside.caption(`guidance ${this.view.metadata.guidance}: ${much}`);
  }
}

/** @param {Picture} picture @param {Float32Array} floats */
function paint(picture, floats) {
  LatentPainter.pixels(floats, picture.data);
  picture.put();
}
