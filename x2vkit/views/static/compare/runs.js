// @ts-check
/** One run, unpacked: its frames, and the latents of all its steps. */
import { Geometry } from "../lib/geometry.js";
import { LatentPainter } from "../lib/painter.js";

/**
 * @typedef {{ name: string, label: string, prompt: [string, boolean][], unknown: string[], own: number[],
 *   t: Float32Array, width: number, height: number, frames: ImageData[], predicted: Kept | null, noisy: Kept
 *   | null }} Run
 * @typedef {{ painter: LatentPainter, latents: Float32Array, size: number }} Kept latents of all steps
 */

/** All of one run. @param {import("../lib/view.js").View} view @param {number} i @returns {Promise<Run>} */
export async function readRun(view, i) {
  const { arrays, shapes } = view;
  const metadata = view.metadata.runs[i];
  const t = arrays[`t.${i}`];
  const [, height, width] = metadata.size;
  /** @type {Run} */
  const run = {
    ...metadata,
    t,
    width,
    height,
    frames: unroll(await view.image(`frames.${i}`)),
    predicted: null,
    noisy: null,
  };
  const pred_x0 = arrays[`pred_x0.${i}`];
  if (!pred_x0) return run;
  const geometry = new Geometry(metadata.geometry);
  const [, C, f, rows, columns] = shapes[`pred_x0.${i}`];
  const painter = new LatentPainter(
    arrays[`weight.${i}`],
    arrays[`bias.${i}`],
    [C, f, rows, columns],
    geometry,
  );
  const size = C * f * rows * columns;
  run.predicted = { painter, latents: pred_x0, size };
  run.noisy = {
    painter,
    latents: arrays[`latents.${i}`] ?? noisyLatents(arrays[`start.${metadata.noise}`], pred_x0, t),
    size,
  };
  return run;
}

/**
 * The pictures of a sprite sheet, as pixels.
 * @param {import("../lib/picture.js").Pictures} pictures
 * @returns {ImageData[]}
 */
function unroll({ bitmap, count, width, height, columns }) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
    canvas.getContext("2d", { willReadFrequently: true, alpha: false })
  );
  context.drawImage(bitmap, 0, 0);
  return Array.from({ length: count }, (_, i) =>
    context.getImageData((i % columns) * width, Math.floor(i / columns) * height, width, height),
  );
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
