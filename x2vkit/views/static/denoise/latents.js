// @ts-check
/** Pictures of a step's latents as numbers, and the differences between them. */
import { Geometry } from "../lib/geometry.js";
import { LatentPainter, placeOf } from "../lib/painter.js";
import { Reader, clip } from "./numbers.js";

/** The difference that is drawn brightest, of 255 levels. */
export const MOST = 96;

/** All latents of a run, drawn a frame at a time: floats (H, W, 3), nominally -1..1. */
export class Latents {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {import("../lib/picture.js").Pictures | null} decoded predicted clips of all steps, if the run kept them
   */
  constructor(view, decoded) {
    const { metadata, arrays, shapes } = view;
    const [, ...shape] = shapes.pred_x0;
    this.arrays = arrays;
    this.size = shape.reduce((a, b) => a * b, 1);
    this.painter = new LatentPainter(arrays.weight, arrays.bias, shape, new Geometry(metadata.geometry));
    this.width = this.painter.width;
    this.height = this.painter.height;
    this.frames = metadata.limits.frame + 1;
    this.reader = decoded && new Reader(decoded);
    /** The steps that were sent, of all. @type {number[]} */
    this.kept = metadata.kept;
  }

  /** The place among those sent of the step next to this one. @param {number} step */
  place(step) {
    return placeOf(this.kept, step);
  }

  /** A place for one picture. */
  room() {
    return new Float32Array(this.width * this.height * 3);
  }

  /**
   * What the model sees. Here and below, a step is a place in `kept`.
   * @param {number} step
   * @param {number} frame
   * @param {Float32Array} out
   */
  noisy(step, frame, out) {
    return this.painter.floats(this.arrays.latents, step * this.size, frame, out);
  }

  /**
   * What it predicts, through the linear decoder.
   * @param {"pred_x0" | "pred_x0_cond"} name guided, or by the words alone
   * @param {number} step
   * @param {number} frame
   * @param {Float32Array} out
   */
  linear(name, step, frame, out) {
    return clip(this.painter.floats(this.arrays[name], step * this.size, frame, out));
  }

  /** What it predicts, at its best. @param {number} step @param {number} frame @param {Float32Array} out */
  predicted(step, frame, out) {
    if (this.reader) return this.reader.floats(step * this.frames + frame, out);
    return this.linear("pred_x0", step, frame, out);
  }
}
