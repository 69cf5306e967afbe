// @ts-check
/** The clip: previews of one that is being made, then its frames, with the plan's boxes over it. */
import { h } from "../lib/elements.js";
import { Picture } from "../lib/picture.js";
import { Player } from "../lib/player.js";
import { Boxes } from "./boxes.js";
import { paintFrame, paintPreview } from "./paint.js";

/** The largest side of the clip, in CSS pixels. */
const TALLEST = 440;

export class Stage {
  /** @param {import("../lib/view.js").View} view @param {any} manifest */
  constructor(view, manifest) {
    this.view = view;
    this.manifest = manifest;
    this.picture = new Picture(view, { width: 128, height: 128, label: "The clip", smooth: true });
    this.progress = h("progress", { max: 1, value: 0, "aria-label": "Steps done" });
    this.player = new Player(view, { fps: manifest.fps, autoplay: true });
    this.boxes = new Boxes(view, this.picture.stage, this.player, {
      shown: (plan) => this.plan(plan),
      moved: (plan) => this.onMoved(plan),
    });
    this.loading = h("progress", { max: 1, value: 0, "aria-label": "Loading" });
    this.waiting = h("p", {}, "Opening…");
    /** Over the picture until there is one. */
    this.cover = h("div", { class: "x2v-web-wait" }, this.waiting, this.loading);
    this.picture.stage.append(this.cover);
    this.toggle = h("input", { type: "checkbox", checked: true });
    this.note = h("span", {}, " show the plan: drag a box to move its subject, a corner to resize it");
    this.choice = h("label", { class: "x2v-muted", hidden: true }, this.toggle, this.note);
    /** The clip, and beside it another one that is compared. */
    this.pictures = h("div", { class: "x2v-web-pictures" }, this.picture.root);
    this.root = h(
      "div",
      { class: "x2v-web-stage" },
      this.pictures,
      this.progress,
      this.player.root,
      this.choice,
    );
    this.player.root.hidden = this.progress.hidden = true;
    /** The clip that is being made. */
    this.next = { grid: [0, 0, 0], size: [1, 128, 128], steps: 1, prompt: "" };
    /** The prompt of what is shown, and the one that stands above it. */
    this.shown = this.wanted = "";
    /** @type {Float32Array | null} */
    this.latents = null;
    /** @type {import("./model.js").Made | null} */
    this.made = null;
    /** @type {import("./plan.js").Plan | null} */
    this.planned = null;
    /** Told of a plan that was moved. @type {(plan: import("./plan.js").Plan) => void} */
    this.onMoved = () => {};
    view.listen(this.toggle, "change", () => view.redraw());
    view.onSelect(({ frame }) => this._draw(frame));
  }

  /**
   * What is waited for, said where the first clip will stand; nothing once there is a picture.
   * @param {string} text
   * @param {number | null} [part] that has come; null: nobody knows; undefined: nothing is waited for
   */
  wait(text, part) {
    this.waiting.textContent = text;
    this.loading.hidden = part === undefined;
    if (typeof part === "number") this.loading.value = Math.min(1, part);
    else this.loading.removeAttribute("value");
  }

  /** Bytes of the model that have come, of all that it needs. @param {number} come @param {number} all */
  arrive(come, all) {
    if (come >= all) return this.wait("Starting the model…", null);
    this.wait(`Loading the model: ${(come / 1e6).toFixed(1)} of ${(all / 1e6).toFixed(1)} MB`, come / all);
  }

  /** The prompt that stands above: a clip of another one is marked as older. @param {string} prompt */
  asked(prompt) {
    this.wanted = prompt;
    this.view.redraw();
  }

  /** A clip begins. @param {import("./model.js").Asked} asked */
  begin(asked) {
    const { steps } = asked;
    this.next = nextOf(asked, this.manifest);
    this.progress.max = steps;
    this.progress.value = 0;
  }

  /** @param {import("./plan.js").Plan | null} plan */
  plan(plan) {
    this.planned = plan;
    this.view.redraw();
  }

  /** What a step takes the clip to be. @param {number} step @param {Float32Array} pred_x0 */
  preview(step, pred_x0) {
    const [frames, height, width] = this.next.size;
    this.made = null;
    this.latents = pred_x0;
    this.progress.value = step + 1;
    this.shown = this.next.prompt;
    if (!step) this._size(frames, height, width);
    this.view.redraw();
  }

  /** The finished clip. @param {import("./model.js").Made} made */
  show(made) {
    this.made = made;
    this.latents = null;
    this.shown = made.asked.prompt;
    this.view.redraw();
  }

  /** A clip of before, once the one that followed was given up. @param {import("./model.js").Made} made */
  back(made) {
    this._size(made.size.frames, made.size.height, made.size.width);
    this.plan(made.plan);
    this.show(made);
  }

  _size(frames, height, width) {
    const { view, player } = this;
    this.cover.hidden = true;
    this.progress.hidden = false;
    this.choice.hidden = !this.manifest.planner;
    this.picture.resize(width, height);
    this.picture.root.style.maxWidth = `${Math.round((TALLEST * width) / Math.max(width, height))}px`;
    view.metadata.limits = { ...view.metadata.limits, frame: frames - 1 };
    player.root.hidden = frames === 1;
    player.last = frames - 1;
    player.slider.input.max = String(frames - 1);
    if (view.selection.frame > frames - 1) view.select({ frame: 0 });
    if (frames > 1) player.play();
  }

  /** @param {number} frame */
  _draw(frame) {
    this.boxes.draw(this.toggle.checked ? this.planned : null, frame);
    const older = this.shown !== this.wanted;
    this.root.classList.toggle("x2v-web-older", older);
    if (this.made) {
      paintFrame(this.picture, this.made, frame);
      const { prompt, seed } = this.made.asked;
      this.picture.caption(`${older ? "of the older prompt: " : ""}“${prompt.slice(0, 120)}”, seed ${seed}`);
    } else if (this.latents) {
      paintPreview(this.picture, this.latents, frame, this.next, this.manifest, this.decoder());
      const whose = older
        ? `of the older prompt “${this.shown.slice(0, 120)}”`
        : "what this step takes the clip to be";
      this.picture.caption(`preview: ${whose}`);
    }
  }

  /** The linear decoder, set once the model has come. @type {() => import("./paint.js").Decoder} */
  decoder = () => ({ weight: new Float32Array(), bias: new Float32Array() });
}

/** @param {import("./model.js").Asked} asked @param {any} manifest @returns {import("./paint.js").Next} */
export function nextOf({ steps, shape, prompt }, manifest) {
  const { grid, size } = manifest.shapes[shape];
  return { grid, size, steps, prompt };
}
