// @ts-check
/** Painting a layout: its boxes, the outline of the whole, and lines over them. */
import { PALETTE } from "../../lib/colors.js";
import { corner, polyline, topAndSide, wire } from "./box.js";

/** @typedef {import("./box.js").Box} Box */
/** @typedef {import("./layout.js").Layout} Layout */

/** Pieces with edges of their own, at most; more would be all edges. */
const MOST_EDGED = 900;
/** How far open a block is, before its slabs are taken to lie apart. */
const APART = 0.02;

/** @param {CanvasRenderingContext2D} context @param {Layout} layout @param {number} piece @param {Box} box */
export function paintBox(context, layout, piece, box) {
  const { scene } = layout;
  if (scene.color) paintColors(context, layout, scene.color(piece) ?? [], box);
  else if (scene.texture) paintTexture(context, layout, scene.texture(box.slab), box);
}

/** @param {CanvasRenderingContext2D} context @param {Layout} layout @param {string[]} colors @param {Box} box */
function paintColors(context, { scene }, [front, top, side], box) {
  const { X, Y, w, tall } = box;
  topAndSide(context, box, top, side);
  context.fillStyle = front;
  context.fillRect(X, Y, w, tall);
  if (w <= 5 || scene.rows.length * scene.columns.length * scene.times.length >= MOST_EDGED) return;
  context.strokeStyle = "rgb(0 0 0 / 0.3)";
  context.lineWidth = 0.6;
  context.beginPath();
  context.rect(X, Y, w, tall);
  const back = corner(box, 1, 0, 1);
  polyline(context, [X, Y], corner(box, 0, 0, 1), back, corner(box, 1, 0, 0));
  polyline(context, back, corner(box, 1, 1, 1), corner(box, 1, 1, 0));
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Layout} layout
 * @param {import("./layout.js").Texture} texture
 * @param {Box} box
 */
function paintTexture(context, { pose, scene }, texture, box) {
  const { X, Y, w, tall, dX, dY } = box;
  const { image, x, y, cell } = texture;
  const columns = (box.x1 - box.x0) / cell;
  const rows = (box.y1 - box.y0) / cell;
  const from = box.y0 / cell;
  const more = pose.open < APART ? 1 + 0.7 / Math.hypot(dX, dY) : 1; // no seam between slabs that touch
  const ratio = globalThis.devicePixelRatio || 1;
  const warp = (/** @type {[number, number, number, number, number, number]} */ a) => {
    const [m11, m12, m21, m22, mX, mY] = a.map((v) => v * ratio);
    context.setTransform(m11, m12, m21, m22, mX, mY);
  };
  warp([w / columns, 0, dX * more, dY * more, X, Y]);
  context.drawImage(image, x, y + from, columns, 1, 0, 0, columns, 1);
  warp([dX * more, dY * more, 0, tall / rows, X + w, Y]);
  context.drawImage(image, x + columns - 1, y + from, 1, rows, 0, 0, 1, rows);
  warp([1, 0, 0, 1, 0, 0]);
  topAndSide(context, box, "rgb(255 255 255 / 0.12)", "rgb(0 0 0 / 0.3)");
  paintFront(context, texture, box);
  if (pose.open < APART) return;
  context.strokeStyle = "rgb(0 0 0 / 0.35)";
  context.lineWidth = 0.6;
  context.strokeRect(X, Y, w, tall);
}

/**
 * A box's front, from its picture.
 * @param {CanvasRenderingContext2D} context
 * @param {import("./layout.js").Texture} texture
 * @param {Box} box
 */
export function paintFront(context, { image, x, y, cell }, { x0, y0, x1, y1, X, Y, w, tall }) {
  context.imageSmoothingEnabled = cell === 1;
  const [left, top, width, height] = [x + x0 / cell, y + y0 / cell, (x1 - x0) / cell, (y1 - y0) / cell];
  context.drawImage(image, left, top, width, height, X, Y, w, tall);
  context.imageSmoothingEnabled = false;
}

/**
 * The whole block as an outline, for what is taken off, and where time goes.
 * @param {CanvasRenderingContext2D} context
 * @param {Layout} layout
 * @param {{ line: string, muted: string }} colors
 */
export function paintOutline(context, layout, { line, muted }) {
  const { shape, times, rows, columns } = layout.scene;
  const [, H, W] = shape;
  const near = layout.slab(0);
  const far = layout.slab(times.length - 2);
  const last = layout.box(0, [rows.length - 2, columns.length - 2], [0, 0, W, H]); // spread across
  const [w, tall] = [near.w + last.X - near.X, near.tall + last.Y - near.Y];
  const block = { ...near, w, tall, dX: far.X + far.dX - near.X, dY: far.Y + far.dY - near.Y };
  wire(context, block, line, 1);
  const [from, to] = [corner(block, 1, 1, 0), corner(block, 1, 1, 1)];
  context.save();
  context.translate((from[0] + to[0]) / 2, (from[1] + to[1]) / 2);
  context.rotate(Math.atan2(to[1] - from[1], to[0] - from[0]));
  context.fillStyle = muted;
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "center";
  context.fillText("time →", 0, 14);
  context.restore();
}

/** Patch borders on the faces. @param {CanvasRenderingContext2D} context @param {Layout} layout */
export function paintRules(context, layout) {
  const { shape, times, first, cut, lines, grid } = layout.scene;
  if (!grid || !lines) return;
  const [, H, W] = shape;
  const open = layout.pose.open > APART;
  context.strokeStyle = "rgb(255 255 255 / 0.45)";
  context.lineWidth = 0.7;
  context.beginPath();
  const near = layout.slab(first, cut);
  const far = layout.slab(times.length - 2, cut);
  const [right, up] = open ? [0, 0] : [far.X + far.dX - near.X, far.Y + far.dY - near.Y];
  for (let x = grid[1]; x < W; x += grid[1]) {
    const X = near.X + x * layout.scale;
    polyline(context, [X, near.Y + near.tall], [X, near.Y], [X + right, near.Y + up]);
  }
  for (let y = Math.ceil((cut + 1) / grid[0]) * grid[0]; y < H; y += grid[0]) {
    const Y = near.Y + (y - cut) * layout.scale;
    polyline(context, [near.X, Y], [near.X + near.w, Y], [near.X + near.w + right, Y + up]);
  }
  for (const time of open ? [] : lines) {
    if (time <= times[first] || time >= times[times.length - 1]) continue;
    const box = layout.slab(times.indexOf(time), cut);
    polyline(context, corner(box, 0, 0, 0), corner(box, 1, 0, 0), corner(box, 1, 1, 0));
  }
  context.stroke();
}

/**
 * A row of pixels at all times, and around the face where the block is cut there.
 * @param {CanvasRenderingContext2D} context
 * @param {Layout} layout
 * @param {number} row
 */
export function paintRow(context, layout, row) {
  const { times, first, cut } = layout.scene;
  const near = layout.slab(first, row);
  const far = layout.slab(times.length - 2, row);
  /** @type {[string, number][]} */
  const strokes = [
    ["rgb(255 255 255 / 0.7)", 4],
    [PALETTE.green, 2],
  ];
  for (const [color, width] of strokes) {
    context.strokeStyle = color;
    context.lineWidth = width;
    context.beginPath();
    polyline(context, corner(near, 0, 0, 0), corner(near, 1, 0, 0), corner(far, 1, 0, 1));
    if (row === cut) {
      polyline(context, corner(far, 1, 0, 1), corner(far, 0, 0, 1), corner(near, 0, 0, 0));
    }
    context.stroke();
  }
}
