// @ts-check
/** Points of the clip, tokens, and the pixels that a token holds. */
import { tokenPlace } from "../lib/geometry.js";

/**
 * @typedef {{ frame: number, y: number, x: number }} Point in frames and pixels of the clip
 *
 * @typedef {object} Size the clip in patches of one size
 * @property {import("../lib/geometry.js").Geometry} geometry the model's, with this patch
 * @property {number[]} patch latent frames, rows and columns of latent positions
 * @property {number[]} grid patches along time, rows and columns
 * @property {number} tokens how many patches
 * @property {number} numbers in each
 * @property {number} tall pixels along a patch
 * @property {number} wide
 * @property {number[]} times where patches begin and end: frames, then rows and columns of pixels
 * @property {number[]} rows
 * @property {number[]} columns
 * @property {boolean} own whether it is the model's own size
 *
 * @typedef {object} Arranged
 * @property {Uint32Array} order which token stands in each slot
 * @property {Uint32Array} slots where each token stands
 * @property {Uint8Array} kept 0 for a dropped token
 * @property {number} left how many are kept
 */

/** The token that holds a point. @param {Point} point @param {Size} size */
export function tokenAt({ frame, y, x }, { geometry, grid, tall, wide }) {
  return (geometry.timeOf(frame) * grid[1] + Math.floor(y / tall)) * grid[2] + Math.floor(x / wide);
}

/**
 * Frames, rows and columns of a token, each [first, one past the last].
 * @param {number} token
 * @param {Size} size
 */
export function boxOf(token, { grid, times, rows, columns }) {
  const { time, row, column } = tokenPlace(token, grid);
  /** @returns {[number, number]} */
  const pair = (edges, i) => [edges[i], edges[i + 1]];
  return { times: pair(times, time), rows: pair(rows, row), columns: pair(columns, column) };
}

/** The middle of a token, in its first frame. @param {number} token @param {Size} size @returns {Point} */
export function pointOf(token, size) {
  const { times, rows, columns } = boxOf(token, size);
  return {
    frame: times[0],
    y: Math.floor((rows[0] + rows[1]) / 2),
    x: Math.floor((columns[0] + columns[1]) / 2),
  };
}

/** First to last of a range, counted from 1 for frames. @param {number[]} range */
export function span([first, end], from = 1) {
  return end - first > 1 ? `${first + from}–${end - 1 + from}` : `${first + from}`;
}
