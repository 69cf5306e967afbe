// @ts-check
/** The clip, put together again from its patches. */
import { tokenPlace } from "../lib/geometry.js";

/** Grey of a dropped patch, as DROPPED in views/patches/order.py. */
const DROPPED = 128;

/**
 * All frames of a sprite sheet below one another, one 32-bit word a pixel.
 * @param {import("../lib/picture.js").Pictures} film
 */
export function unfold({ bitmap, count, height, width, columns }) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
    canvas.getContext("2d", { willReadFrequently: true })
  );
  context.drawImage(bitmap, 0, 0);
  const out = new Uint32Array(count * height * width);
  for (let i = 0; i < count; i++) {
    const part = context.getImageData((i % columns) * width, Math.floor(i / columns) * height, width, height);
    out.set(new Uint32Array(part.data.buffer), i * height * width);
  }
  return out;
}

/**
 * One frame of the clip with token order[i] in slot i, and grey where it was dropped; `rebuilt` in
 * views/patches/order.py says how patches of the first frame are moved.
 * @param {Uint32Array} source
 * @param {ImageData} target
 * @param {number} frame
 * @param {number[]} shape
 * @param {import("./tokens.js").Size} size
 * @param {import("./tokens.js").Arranged} arranged
 */
export function rebuild(source, target, frame, [F, H, W], { geometry, grid, tall, wide }, { order, kept }) {
  const out = new Uint32Array(target.data.buffer);
  const { temporalStride, patch, lead } = geometry;
  const long = temporalStride * patch[0];
  const grey = 0xff000000 | (DROPPED << 16) | (DROPPED << 8) | DROPPED;
  const [, rows, columns] = grid;
  const moment = frame + lead;
  const place = (row, column) => {
    const token = order[(Math.floor(moment / long) * rows + row) * columns + column];
    const high = Math.min(tall, H - row * tall);
    const width = Math.min(wide, W - column * wide);
    let to = row * tall * W + column * wide;
    if (!kept[token]) {
      for (let y = 0; y < high; y++, to += W) out.fill(grey, to, to + width);
      return;
    }
    const from = tokenPlace(token, grid);
    const at = Math.min(Math.max(from.time * long + (moment % long) - lead, 0), F - 1);
    const left = from.column * wide;
    const there = Math.min(width, W - left);
    for (let y = 0; y < high; y++, to += W) {
      const begin = (at * H + Math.min(from.row * tall + y, H - 1)) * W + left;
      out.set(source.subarray(begin, begin + there), to);
      if (there < width) out.fill(source[begin + there - 1], to + there, to + width); // cut off by the edge
    }
  };
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) place(row, column);
  }
}
