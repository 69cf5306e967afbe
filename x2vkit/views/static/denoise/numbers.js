// @ts-check
/** Pictures as numbers, and how far two of them lie apart. */

/** Reads single pictures of a sprite sheet back as numbers. */
export class Reader {
  /** @param {import("../lib/picture.js").Pictures} pictures */
  constructor(pictures) {
    this.pictures = pictures;
    this.canvas = new OffscreenCanvas(pictures.width, pictures.height);
    this.context = /** @type {OffscreenCanvasRenderingContext2D} */ (
      this.canvas.getContext("2d", { willReadFrequently: true, alpha: false })
    );
  }

  /** @param {number} index @param {Float32Array} out (H, W, 3) in -1..1 */
  floats(index, out) {
    const { bitmap, width, height, columns } = this.pictures;
    const x = (index % columns) * width;
    const y = Math.floor(index / columns) * height;
    this.context.drawImage(bitmap, x, y, width, height, 0, 0, width, height);
    const data = this.context.getImageData(0, 0, width, height).data;
    for (let i = 0, j = 0; j < data.length; i += 3, j += 4) {
      out[i] = data[j] / 127.5 - 1;
      out[i + 1] = data[j + 1] / 127.5 - 1;
      out[i + 2] = data[j + 2] / 127.5 - 1;
    }
    return out;
  }
}

/** @param {Float32Array} values in place, to -1..1 */
export function clip(values) {
  for (let i = 0; i < values.length; i++) values[i] = values[i] < -1 ? -1 : values[i] > 1 ? 1 : values[i];
  return values;
}

/**
 * Mean over red, green, blue of how far two pictures lie apart, of 255 levels.
 * @param {Float32Array} a
 * @param {Float32Array} b
 * @param {Float32Array} out
 */
export function difference(a, b, out) {
  for (let i = 0, j = 0; j < out.length; i += 3, j++) {
    out[j] = (Math.abs(a[i] - b[i]) + Math.abs(a[i + 1] - b[i + 1]) + Math.abs(a[i + 2] - b[i + 2])) * 42.5;
  }
}

/** @param {Float32Array} values */
export function mean(values) {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
