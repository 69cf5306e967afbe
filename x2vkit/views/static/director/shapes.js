// @ts-check
/** Boxes, points and lines on the picture, in fractions of the frame. */
import { h } from "../lib/elements.js";

/** @typedef {import("./asked.js").Box} Box */

/** How near a corner is to be caught. */
export const CORNER = 0.05;
/** The least side of a box. */
export const LEAST = 0.03;

export const clip = (value) => Math.min(Math.max(value, 0), 1);
export const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
export const near = ([x0, y0, x1, y1], [x, y]) =>
  x > x0 - CORNER && x < x1 + CORNER && y > y0 - CORNER && y < y1 + CORNER;
/** A point that keeps its size on the screen: a line of no length with round ends. */
export const dot = (x, y) => `M${x} ${y}h0`;

/** Corners in order, and no side too small. @param {number[]} corners @returns {Box} */
export function ordered([xa, ya, xb, yb]) {
  const [x0, y0] = [Math.min(xa, xb), Math.min(ya, yb)];
  return [x0, y0, Math.max(xa, xb, x0 + LEAST / 3), Math.max(ya, yb, y0 + LEAST / 3)];
}

/** Of many points those that a line of at most 24 needs. @param {[number, number][]} path */
export function thinned(path) {
  const count = Math.min(path.length, 24);
  return Array.from({ length: count }, (_, i) => path[Math.round((i * (path.length - 1)) / (count - 1))]);
}

export function rect(box, style) {
  if (!box) return null;
  const [x, y, x1, y1] = box;
  return h("rect", { class: style, x, y, width: x1 - x, height: y1 - y });
}

export function cross([x, y]) {
  return h("path", {
    class: "x2v-dir-cross",
    d: `M${x - 0.04} ${y}H${x + 0.04}M${x} ${y - 0.04}V${y + 0.04}`,
  });
}
