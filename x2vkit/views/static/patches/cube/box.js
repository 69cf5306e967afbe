// @ts-check
/** Lines and faces of one box on a canvas. */

/**
 * @typedef {object} Box one piece of a block, on the canvas
 * @property {number} slab which piece it is, along time
 * @property {number} row
 * @property {number} column
 * @property {number} x0 what it holds of a frame, in pixels of the clip
 * @property {number} y0
 * @property {number} x1
 * @property {number} y1
 * @property {number} X where its front begins, in CSS pixels
 * @property {number} Y
 * @property {number} w how wide and how tall its front is
 * @property {number} tall
 * @property {number} dX how far its back is to the right, and how far down (below 0)
 * @property {number} dY
 */

/** @type {[number, number][]} */
export const CORNERS = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
];

/**
 * A corner of a box.
 * @param {Box} box
 * @param {number} u right, 0 or 1
 * @param {number} v down
 * @param {number} d back
 * @returns {[number, number]}
 */
export function corner(box, u, v, d) {
  return [box.X + u * box.w + d * box.dX, box.Y + v * box.tall + d * box.dY];
}

/** @param {CanvasRenderingContext2D} context @param {[number, number][]} points one line through all of them */
export function polyline(context, ...points) {
  points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
}

/** @param {CanvasRenderingContext2D} context @param {[number, number]} a @param {[number, number]} b */
export function line(context, a, b) {
  context.beginPath();
  polyline(context, a, b);
  context.stroke();
}

/** The front of a box. @param {CanvasRenderingContext2D} context @param {Box} box */
export function outline(context, box) {
  context.strokeRect(box.X, box.Y, box.w, box.tall);
}

/**
 * The edges of a box that are seen from the front, the top and the right.
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {string} color
 */
export function wire(context, box, color, width = 2) {
  context.strokeStyle = color;
  context.lineWidth = width;
  outline(context, box);
  const right = corner(box, 1, 0, 1);
  context.beginPath();
  polyline(context, [box.X, box.Y], corner(box, 0, 0, 1), right, corner(box, 1, 1, 1), corner(box, 1, 1, 0));
  polyline(context, right, corner(box, 1, 0, 0));
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {string} color @param {[number, number][]} corners */
export function face(context, color, ...corners) {
  context.fillStyle = color;
  context.beginPath();
  polyline(context, ...corners);
  context.fill();
}

/**
 * Top and side of a box, in two colours.
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {string} top
 * @param {string} side
 */
export function topAndSide(context, box, top, side) {
  const right = corner(box, 1, 0, 0);
  const back = corner(box, 1, 0, 1);
  face(context, top, corner(box, 0, 0, 0), right, back, corner(box, 0, 0, 1));
  face(context, side, right, back, corner(box, 1, 1, 1), corner(box, 1, 1, 0));
}
