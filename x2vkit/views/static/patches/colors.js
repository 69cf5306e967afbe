// @ts-check
/** Colours of latents and of tokens. */
import { SIGNED, ramp } from "../lib/colors.js";

const SIGNED_TABLE = ramp(SIGNED);

/**
 * Colours (N, 3) of tokens: as CSS of a piece's front, top and side, made when they are asked for; and as words of
 * a picture's memory.
 * @param {Uint8Array} rgb
 */
export function shades(rgb) {
  /** @type {string[][]} */
  const known = [];
  const words = new Uint32Array(rgb.length / 3);
  for (let i = 0; i < words.length; i++)
    words[i] = (0xff000000 | (rgb[3 * i + 2] << 16) | (rgb[3 * i + 1] << 8) | rgb[3 * i]) >>> 0;
  /** @param {number} token */
  const css = (token) => {
    const tone = (by, add) =>
      `rgb(${[0, 1, 2].map((k) => Math.round(rgb[3 * token + k] * by + add)).join(" ")})`;
    return (known[token] ??= [tone(1, 0), tone(0.85, 38), tone(0.68, 0)]);
  };
  return { css, rgb, words };
}

/**
 * All patches in their slots, the moments side by side, a pixel for each latent position; a dropped one is clear.
 * @param {import("./tokens.js").Size} size
 * @param {import("./tokens.js").Arranged} arranged
 * @param {Uint32Array} words
 */
export function paintTokens({ grid, patch }, { order, kept }, words) {
  const [times, rows, columns] = grid;
  const [, tall, wide] = patch;
  const image = new ImageData(times * columns * wide, rows * tall);
  const out = new Uint32Array(image.data.buffer);
  for (let slot = 0; slot < order.length; slot++) {
    if (!kept[order[slot]]) continue;
    const time = Math.floor(slot / (rows * columns));
    const left = (time * columns + (slot % columns)) * wide;
    const top = (Math.floor(slot / columns) % rows) * tall;
    for (let y = top; y < top + tall; y++)
      out.fill(words[order[slot]], y * image.width + left, y * image.width + left + wide);
  }
  const canvas = new OffscreenCanvas(image.width, image.height);
  /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(image, 0, 0);
  return canvas;
}

/**
 * All latent frames side by side. channel: one of them on the signed scale, 3 deviations each way; -1 the
 * first three as red, green, blue, 2.5 each way; -2 the linear decoder's mean colours.
 * @param {import("../lib/view.js").View} view
 * @param {number} channel
 */
export function paintLatents({ arrays, metadata }, channel) {
  const [C, f, h_, w_] = metadata.latent;
  const plane = f * h_ * w_;
  const image = new ImageData(f * w_, h_);
  const list = channel >= 0 ? [channel] : [0, 1 % C, 2 % C];
  const stats = list.map((c) => {
    let sum = 0;
    let squares = 0;
    for (let i = c * plane; i < (c + 1) * plane; i++) {
      sum += arrays.latents[i];
      squares += arrays.latents[i] ** 2;
    }
    const mean = sum / plane;
    return { mean, deviation: Math.sqrt(Math.max(squares / plane - mean * mean, 0)) };
  });
  for (let i = 0; i < plane; i++) {
    const time = Math.floor(i / (h_ * w_));
    const y = Math.floor(i / w_) % h_;
    const to = 4 * (y * f * w_ + time * w_ + (i % w_));
    if (channel === -2) {
      for (let k = 0; k < 3; k++) image.data[to + k] = arrays.glance[3 * i + k];
    } else if (channel >= 0) {
      const share = arrays.latents[channel * plane + i] / Math.max(6 * stats[0].deviation, 1e-6) + 0.5;
      const at = 3 * Math.round(255 * Math.min(Math.max(share, 0), 1));
      for (let k = 0; k < 3; k++) image.data[to + k] = SIGNED_TABLE[at + k];
    } else {
      for (let k = 0; k < 3; k++) {
        const { mean, deviation } = stats[k];
        image.data[to + k] =
          255 * ((arrays.latents[list[k] * plane + i] - mean) / Math.max(5 * deviation, 1e-6) + 0.5);
      }
    }
    image.data[to + 3] = 255;
  }
  const canvas = new OffscreenCanvas(image.width, image.height);
  /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(image, 0, 0);
  return { canvas };
}
