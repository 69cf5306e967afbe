// @ts-check
/** Pictures of latents by the trace's linear decoder. */

/**
 * The place of what lies next to a step, among the steps that were sent.
 * @param {number[]} kept
 * @param {number} step
 */
export function placeOf(kept, step) {
  return kept.reduce((best, one, i) => (Math.abs(one - step) < Math.abs(kept[best] - step) ? i : best), 0);
}

/**
 * Pictures of latents by one linear map from a cell to its pixels (Trace.preview_weight), a frame at a time:
 * about 1 ms at 128 x 128, so that any step and frame is drawn while a slider moves.
 *
 *     P pixels of a cell: temporal stride x spatial stride x spatial stride x 3 colours
 */
export class LatentPainter {
  /**
   * @param {Float32Array} weight (P, C)
   * @param {Float32Array} bias (P)
   * @param {number[]} shape [C, f, h, w]
   * @param {import("./geometry.js").Geometry} geometry
   */
  constructor(weight, bias, [C, f, h, w], geometry) {
    this.geometry = geometry;
    this.C = C;
    this.f = f;
    this.h = h;
    this.w = w;
    this.width = w * geometry.spatialStride;
    this.height = h * geometry.spatialStride;
    this.weight = weight;
    this.bias = bias;
    this.cell = new Float32Array(C);
  }

  /**
   * One frame as floats, nominally -1..1 and not clipped -> Float32Array (H, W, 3).
   * @param {Float32Array} latents
   * @param {number} offset where (C, f, h, w) begins in it
   * @param {number} frame
   * @param {Float32Array} [out]
   */
  floats(latents, offset, frame, out = new Float32Array(this.height * this.width * 3)) {
    const { C, f, h: rows, w: columns, weight, bias, cell, width, geometry } = this;
    const { temporalStride, spatialStride: side, lead } = geometry;
    const time = geometry.latentFrameOf(frame);
    const first = ((frame + lead) % temporalStride) * side * side * 3;
    const plane = rows * columns;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let at = offset + time * plane + row * columns + column;
        for (let c = 0; c < C; c++, at += f * plane) cell[c] = latents[at];
        let line = first;
        for (let y = 0; y < side; y++) {
          let to = ((row * geometry.spatialStride + y) * width + column * side) * 3;
          for (const end = to + side * 3; to < end; to++, line++) {
            let sum = bias[line];
            for (let c = 0, k = line * C; c < C; c++, k++) sum += weight[k] * cell[c];
            out[to] = sum;
          }
        }
      }
    }
    return out;
  }

  /** The same as a picture. @param {Float32Array} floats @param {ImageData} image */
  static pixels(floats, image) {
    const data = image.data;
    for (let i = 0, j = 0; i < floats.length; i += 3, j += 4) {
      data[j] = (floats[i] + 1) * 127.5;
      data[j + 1] = (floats[i + 1] + 1) * 127.5;
      data[j + 2] = (floats[i + 2] + 1) * 127.5;
      data[j + 3] = 255;
    }
    return image;
  }
}
