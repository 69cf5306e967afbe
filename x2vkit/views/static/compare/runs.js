// @ts-check
/** One run, unpacked: its frames, and the latents of all its steps. */
import { Geometry } from "../lib/geometry.js";
import { LatentPainter } from "../lib/painter.js";

/**
 * @typedef {{ name: string, label: string, prompt: [string, boolean][], unknown: string[], own: number[],
 *   kept: number[], rate: number, size: number[], clip: number[], t: Float32Array, width: number,
 *   height: number, reader: Sheet, painter: LatentPainter, predicted: Float32Array, noisy: Float32Array,
 *   each: number, room: Float32Array }} Run
 * own: its step beside each common level; kept: the steps whose latents are here, `each` numbers a step; rate: its
 * frame rate, of the highest; size: frames, height and width of its pictures; clip: those of the clip itself
 */

/** All of one run. @param {import("../lib/view.js").View} view @param {number} i @returns {Promise<Run>} */
export async function readRun(view, i) {
  const { arrays, shapes } = view;
  const metadata = view.metadata.runs[i];
  const t = arrays[`t.${i}`];
  const [, height, width] = metadata.size;
  const [, ...shape] = shapes[`pred_x0.${i}`];
  const predicted = arrays[`pred_x0.${i}`];
  const painter = new LatentPainter(
    arrays[`weight.${i}`],
    arrays[`bias.${i}`],
    shape,
    new Geometry(metadata.geometry),
  );
  return {
    ...metadata,
    t,
    width,
    height,
    reader: new Sheet(await view.image(`frames.${i}`)),
    painter,
    predicted,
    noisy: arrays[`latents.${i}`] ?? noisyLatents(arrays[`start.${metadata.noise}`], predicted, t),
    each: shape.reduce((a, b) => a * b, 1),
    room: new Float32Array(width * height * 3),
  };
}

/** The pictures of a sprite sheet, one at a time as pixels: all at once would be hundreds of megabytes. */
class Sheet {
  /** @param {import("../lib/picture.js").Pictures} pictures */
  constructor(pictures) {
    this.pictures = pictures;
    this.canvas = new OffscreenCanvas(pictures.width, pictures.height);
    this.context = /** @type {OffscreenCanvasRenderingContext2D} */ (
      this.canvas.getContext("2d", { willReadFrequently: true, alpha: false })
    );
  }

  /** Show one of them, with its numbers. @param {number} index @param {import("../lib/picture.js").Picture} picture */
  pixels(index, picture) {
    const { bitmap, width, height, columns } = this.pictures;
    const x = (index % columns) * width;
    const y = Math.floor(index / columns) * height;
    this.context.drawImage(bitmap, x, y, width, height, 0, 0, width, height);
    picture.data.data.set(this.context.getImageData(0, 0, width, height).data);
    picture.put();
  }
}

/**
 * What the model saw at each step. Euler's step goes straight from the latents towards the predicted clip,
 * so the noise and the predictions say it all: x' = (t'/t) x + (1 - t'/t) pred_x0.
 * @param {Float32Array} start (C, f, h, w)
 * @param {Float32Array} pred_x0 (S, C, f, h, w)
 * @param {Float32Array} t (S + 1)
 */
function noisyLatents(start, pred_x0, t) {
  const size = start.length;
  const out = new Float32Array(pred_x0.length);
  out.set(start);
  for (let step = 1, i = size; step < t.length - 1; step++) {
    const keep = t[step] / t[step - 1];
    for (const end = i + size; i < end; i++) out[i] = keep * out[i - size] + (1 - keep) * pred_x0[i - size];
  }
  return out;
}
