// @ts-check
/** The stages as cards: a title, a picture that lives, two lines of numbers, a way inside. */
import { button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { Geometry } from "../lib/geometry.js";
import { LatentPainter, placeOf } from "../lib/painter.js";
import { Picture } from "../lib/picture.js";

/** What each stage does, in a sentence or two. @type {Record<string, string>} */
const DOES = {
  words: "The prompt becomes tokens: one vector for each word. The model knows some hundred words.",
  plan: "From the words alone, a small model says where everything will be in each frame.",
  noise: "The clip begins as random numbers. The seed fixes them: the same seed, the same clip.",
  patches: "Neighbouring positions make a patch. Each is a token, as a word is.",
  transformer:
    "All tokens look at each other, and the model predicts the clip behind the noise. Step by step, " +
    "noise is taken away.",
  latents: "What is left: a clip in the autoencoder's own language, one grey tile for each channel.",
  decoder:
    "It turns each position into pixels of several frames. Here: what a plain linear map makes of them.",
  clip: "The decoded clip. All its frames were made together, none after another.",
};

/** What a button says it opens. @type {Record<string, string>} */
const OPENS = { denoise: "the steps", patches: "the patches", attention: "attention" };

/** One card of the row. */
export class Stage {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {{ key: string, title: string, numbers: string[], opens: string }} stage
   * @param {(name: string) => void} open
   */
  constructor(view, { key, title, numbers, opens }, open) {
    this.key = key;
    this.opens = opens;
    this.place = h("div", { class: "x2v-over-picture" });
    this.open = opens
      ? button(view, { label: `${title}: open ${OPENS[opens]}`, text: `Open ${OPENS[opens]}` }, () =>
          open(opens),
        )
      : null;
    this.root = h(
      "section",
      { class: "x2v-over-stage", "data-stage": key, "aria-label": title },
      h("div", { class: "x2v-title" }, title),
      this.place,
      h("div", { class: "x2v-over-numbers" }, ...numbers.map((line) => h("div", {}, line))),
      h("p", { class: "x2v-muted" }, DOES[key] ?? ""),
      this.open,
    );
  }
}

/** Everything that is drawn in the cards. */
export class Drawn {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {import("../lib/picture.js").Pictures} final
   * @param {Map<string, Stage>} stages
   */
  constructor(view, final, stages) {
    const { metadata, arrays, shapes } = view;
    const [, ...shape] = shapes.pred_x0;
    this.view = view;
    this.final = final;
    this.geometry = new Geometry(metadata.geometry);
    this.size = shape.reduce((a, b) => a * b, 1);
    this.painter = new LatentPainter(arrays.weight, arrays.bias, shape, this.geometry);
    this.floats = new Float32Array(this.painter.width * this.painter.height * 3);
    this.place = (step) => placeOf(metadata.kept, step);
    stages.get("words")?.place.append(words(metadata.words, metadata.unknown));
    const plan = stages.get("plan");
    this.plan = plan && new PlanPicture(arrays.plan, final, plan.place);
    /** @type {Record<string, Picture>} */
    this.pictures = {};
    for (const key of ["noise", "patches", "transformer", "decoder", "clip"])
      this._picture(stages, key, this.painter.width, this.painter.height, true);
    const [channels, , rows, columns] = shapes.channels;
    this.across = Math.ceil(Math.sqrt(channels));
    this._picture(stages, "latents", this.across * columns, Math.ceil(channels / this.across) * rows, false);
    const [, tall, wide] = metadata.grid;
    this.pictures.patches?.stage.append(lines(tall, wide));
  }

  /** @param {{ step: number, frame: number }} selection */
  draw({ step, frame }) {
    const { arrays } = this.view;
    this._latents("noise", arrays.latents, 0, frame);
    this._latents("patches", arrays.latents, this.place(step), frame);
    this._latents("transformer", arrays.pred_x0, this.place(step), frame);
    this._latents("decoder", arrays.last, 0, frame);
    this._channels(frame);
    this.pictures.clip?.image(this.final, frame);
    this.plan?.draw(frame);
  }

  _picture(stages, key, width, height, smooth) {
    const stage = stages.get(key);
    if (!stage) return;
    const picture = new Picture(this.view, { width, height, label: `${key}, a picture`, smooth });
    this.pictures[key] = picture;
    stage.place.append(picture.stage);
  }

  _latents(key, latents, step, frame) {
    const picture = this.pictures[key];
    if (!picture) return;
    LatentPainter.pixels(this.painter.floats(latents, step * this.size, frame, this.floats), picture.data);
    picture.put();
  }

  /** The channels of the last latents at a frame as grey tiles; grey is zero. */
  _channels(frame) {
    const picture = this.pictures.latents;
    if (!picture) return;
    const [channels, times, rows, columns] = this.view.shapes.channels;
    const time = this.geometry.latentFrameOf(frame);
    const { data, width } = picture.data;
    data.fill(128); // a place without a channel looks like zeros
    for (let at = 3; at < data.length; at += 4) data[at] = 255;
    for (let c = 0; c < channels; c++) {
      const top = Math.floor(c / this.across) * rows;
      const left = (c % this.across) * columns;
      for (let i = 0; i < rows * columns; i++) {
        const value = this.view.arrays.channels[(c * times + time) * rows * columns + i];
        const at = 4 * ((top + Math.floor(i / columns)) * width + left + (i % columns));
        data[at] = data[at + 1] = data[at + 2] = 128 + 42 * value; // clamped by the array itself
      }
    }
    picture.put();
  }
}

/** The plan's boxes of all frames, and strongly those of one. */
class PlanPicture {
  /**
   * @param {Float32Array} tracks (F, 2, 4)
   * @param {{ width: number, height: number }} size
   * @param {HTMLElement} place
   */
  constructor(tracks, { width, height }, place) {
    this.boxes = [];
    const svg = h("svg", {
      viewBox: `0 0 ${width} ${height}`,
      class: "x2v-over-plan",
      role: "img",
      "aria-label": "Where the plan puts the subjects, frame by frame",
    });
    for (let i = 0; i < tracks.length / 4; i++) {
      const [x0, y0, x1, y1] = tracks.subarray(4 * i, 4 * i + 4);
      if (!Number.isFinite(x0)) continue;
      const box = h("rect", {
        x: x0 * width,
        y: y0 * height,
        width: (x1 - x0) * width,
        height: (y1 - y0) * height,
        class: i % 2 ? "x2v-over-second" : "x2v-over-first",
      });
      svg.append(box);
      this.boxes.push({ frame: Math.floor(i / 2), box });
    }
    place.append(svg);
  }

  /** @param {number} frame */
  draw(frame) {
    for (const one of this.boxes) one.box.classList.toggle("x2v-over-now", one.frame === frame);
  }
}

/** The text tokens as chips. @param {string[]} all @param {string[]} unknown */
function words(all, unknown) {
  const chip = (word, kind) => h("span", { class: `x2v-over-word ${kind}` }, word);
  const left = unknown.map((word) => chip(word, "x2v-over-unknown"));
  return h("div", { class: "x2v-over-words" }, ...all.map((word) => chip(word, "")), ...left);
}

/** The patches' edges over a picture. @param {number} rows @param {number} columns */
function lines(rows, columns) {
  const at = (count) => [...Array(count - 1).keys()].map((i) => (i + 1) / count);
  const line = (x1, y1, x2, y2) => h("line", { x1, y1, x2, y2 });
  return h(
    "svg",
    { viewBox: "0 0 1 1", preserveAspectRatio: "none", class: "x2v-over-lines", "aria-hidden": "true" },
    ...at(rows).map((y) => line(0, y, 1, y)),
    ...at(columns).map((x) => line(x, 0, x, 1)),
  );
}
