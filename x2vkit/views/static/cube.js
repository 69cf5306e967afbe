// @ts-check
/**
 * A block of spacetime on a canvas, seen from the front, the top and the right, with time going back.
 *
 * Positions are [frame, y, x] in frames and pixels of the clip; a scene says how the block is divided into slabs
 * (along time), rows and columns, and what each piece looks like. Cubes of one `pose` turn and open together.
 * Nothing here knows what the pieces mean.
 */
import { h, sharp, themeColor, PALETTE } from "./common.js";

/**
 * @typedef {object} Scene
 * @property {[number, number, number]} shape frames, height and width of the clip, in pixels
 * @property {number[]} times where slabs begin and end, in frames
 * @property {number[]} rows where pieces begin and end, in pixels
 * @property {number[]} columns
 * @property {number} first the first slab that is there; those before are taken off
 * @property {number} cut rows of pixels taken off the top
 * @property {number[]} [lines] times at which the sides are ruled, and in `grid` rows and columns between lines
 * @property {number[]} [grid]
 * @property {(slab: number) => { image: CanvasImageSource, x: number, y: number, cell: number }} [texture]
 *   the picture of a slab, where it begins in an image, and how many pixels of the clip a pixel of it stands for
 * @property {(piece: number) => string[] | null} [color] colours of a piece's front, top and side; null: not there
 */

/** How far the back is from the front, of the width; open, the gaps add as much as GAP of the width. */
const DEPTH = 1, GAP = 1.5, GAP_ACROSS = 0.32;

/** How a cube stands at first: for one width of depth, so far to the right and up. */
export const START = { right: 0.5, up: 0.34 };

export class Pose {
  /** How all cubes of a view are turned and opened. */
  constructor() {
    /** To the right and up, for one length of depth. */
    this.right = START.right;
    this.up = START.up;
    /** 0 closed .. 1 open. */
    this.open = 0;
  }

  /** @param {number} right @param {number} up */
  turn(right, up) {
    this.right = Math.min(0.9, Math.max(0.12, this.right + right));
    this.up = Math.min(0.75, Math.max(0.1, this.up + up));
  }
}

export class Cube {
  /**
   * @param {import("./common.js").View} view @param {Pose} pose
   * @param {{ label: string, title: any, turned: () => void, hover: (hit: Hit | null, event: PointerEvent) => void,
   *   pick: (hit: Hit) => void }} options
   */
  constructor(view, pose, { label, title, turned, hover, pick }) {
    this.view = view;
    this.pose = pose;
    this.canvas = h("canvas", { role: "img", "aria-label": label });
    this.over = h("canvas", { "aria-hidden": "true", class: "x2v-over" });
    const head = h("div", { class: "x2v-title" }, title);
    this.note = h("figcaption", { class: "x2v-muted" }, "\u00a0");
    this.stage = h("div", { class: "x2v-cube" }, this.canvas, this.over);
    this.root = h("figure", { class: "x2v-picture" }, head, this.stage, this.note);
    this.size = [0, 0];
    this.drawn = "";
    /** @type {Scene | null} */
    this.scene = null;
    this._pointer(turned, hover, pick);
  }

  /** @param {string} text */
  caption(text) {
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  /** @param {number} width @param {number} height in CSS pixels */
  resize(width, height) {
    this.size = [width, height];
    this.stage.style.height = `${height}px`;
  }

  /** Draw a scene, unless this key says that it is drawn already. @param {Scene} scene @param {string} key */
  draw(scene, key) {
    key += [...this.size, this.pose.right, this.pose.up, this.pose.open, globalThis.devicePixelRatio].join();
    if (key === this.drawn || !this.size[0]) return;
    this.drawn = key;
    this.scene = scene;
    this._fit();
    const context = sharp(this.canvas, ...this.size);
    context.imageSmoothingEnabled = false;
    this._ghost(context);
    for (const box of this._boxes()) this._paint(context, box);
    this._rule(context);
  }

  /**
   * Mark a part of the block, wherever it is, and the same place at all other times.
   * @param {{ times: [number, number], rows: [number, number], columns: [number, number] } | null} region
   * @param {{ xray?: boolean, through?: boolean, piece?: number, row?: number }} [options] xray: show what is there
   *   even where it is hidden; piece: mark this piece instead; row: also mark a row of pixels
   */
  mark(region, { xray = false, through = true, piece = -1, row: ruled = -1 } = {}) {
    const context = sharp(this.over, ...this.size), scene = this.scene;
    if (!scene) return;
    if (ruled >= scene.cut) this._row(context, ruled);
    if (!region && piece < 0) return;
    const { rows, columns, times } = scene;
    const pieces = (rows.length - 1) * (columns.length - 1);
    const [t0, t1] = region ? region.times : [0, 0];
    const boxes = [];
    for (let slab = times.length - 2; slab >= 0; slab--) {
      const gone = slab < scene.first;
      const inside = piece < 0 ? times[slab] < t1 && times[slab + 1] > t0 : Math.floor(piece / pieces) === slab;
      if (!inside && (gone || !through)) continue;
      const at = piece < 0 ? null : piece % pieces;
      const row = at === null ? 0 : Math.floor(at / (columns.length - 1));
      const column = at === null ? 0 : at % (columns.length - 1);
      const y = at === null ? region?.rows ?? [0, 0] : [rows[row], rows[row + 1]];
      const x = at === null ? region?.columns ?? [0, 0] : [columns[column], columns[column + 1]];
      boxes.push({ inside, box: this._box(slab, row, column, x[0], y[0], x[1], y[1]) });
    }
    context.lineJoin = "round";
    context.strokeStyle = PALETTE.orange;
    if (through) {  // the same place at all times: one tube, and where the block is open, one outline a slab
      context.setLineDash([3, 3]);
      context.lineWidth = 1;
      const far = boxes[0].box, near = boxes[boxes.length - 1].box;
      for (const [u, v] of CORNERS) line(context, corner(near, u, v, 0), corner(far, u, v, 1));
      if (this.pose.open > 0.12) for (const { box, inside } of boxes) if (!inside) outline(context, box);
      context.setLineDash([]);
    }
    const shown = boxes.filter(({ inside }) => inside).map(({ box }) => box);
    if (xray && scene.texture) for (const box of shown) this._front(context, scene.texture(box.slab), box);
    context.lineWidth = 2;
    if (!shown.length) return;
    const whole = this.pose.open > 0.05 ? shown : [{ ...shown[shown.length - 1], depth: sum(shown.map((box) => box.depth)) }];
    for (const box of whole) wire(context, box, PALETTE.orange);
  }

  /** The piece under a point, in CSS pixels of the canvas. @returns {Hit | null} */
  hit(/** @type {number} */ px, /** @type {number} */ py) {
    if (!this.scene) return null;
    const boxes = [...this._boxes()].reverse();
    for (const box of boxes) {
      const { X, Y, w, tall, dX, dY, x0, x1, y0, y1, slab, row, column } = { ...box, ...deep(box) };
      const at = (/** @type {number} */ u, /** @type {number} */ v, /** @type {number} */ d) => {
        const { times } = /** @type {Scene} */ (this.scene);
        return {
          slab, row, column,
          frame: Math.min(times[slab] + Math.floor(d * (times[slab + 1] - times[slab])), times[slab + 1] - 1),
          y: Math.min(Math.floor(y0 + v * (y1 - y0)), y1 - 1), x: Math.min(Math.floor(x0 + u * (x1 - x0)), x1 - 1),
        };
      };
      if (px >= X && px < X + w && py >= Y && py < Y + tall) return at((px - X) / w, (py - Y) / tall, 0);
      const up = (py - Y) / dY;  // dY is below 0
      if (up > 0 && up <= 1 && px - X - up * dX >= 0 && px - X - up * dX < w) return at((px - X - up * dX) / w, 0, up);
      const right = (px - X - w) / dX, below = py - Y - right * dY;
      if (right > 0 && right <= 1 && below >= 0 && below < tall) return at(1, below / tall, right);
    }
    return null;
  }

  // -- geometry

  /** Scale and origin, so that the whole block fits, open as it is. */
  _fit() {
    const { shape: [, H, W], columns } = /** @type {Scene} */ (this.scene);
    const { right, up, open } = this.pose, [width, height] = this.size;
    const back = W * (DEPTH + GAP * open), across = 1 + GAP_ACROSS * open;
    const wide = W * across + back * right, high = H * across + back * up;
    this.scale = Math.min((width - 10) / wide, (height - 10) / high);
    const spare = columns.length > 2 ? 0 : (across - 1) / 2;  // what stays whole stands in the middle
    this.left = (width - wide * this.scale) / 2 + spare * W * this.scale;
    this.top = (height - high * this.scale) / 2 + (back * up + spare * H) * this.scale;
  }

  /** How deep a time lies, in pixels of the clip: frames, and the gaps before its slab. */
  _back(/** @type {number} */ frame, /** @type {number} */ slab) {
    const { shape: [F, , W], times } = /** @type {Scene} */ (this.scene);
    return (W * DEPTH * frame) / F + (W * GAP * this.pose.open * slab) / Math.max(times.length - 2, 1);
  }

  /** One box on the canvas: X, Y, w, tall of its front; depth in pixels of the clip. */
  _box(/** @type {number} */ slab, /** @type {number} */ row, /** @type {number} */ column,
    /** @type {number} */ x0, /** @type {number} */ y0, /** @type {number} */ x1, /** @type {number} */ y1) {
    const { shape: [, H, W], times, rows, columns } = /** @type {Scene} */ (this.scene);
    const { right, up, open } = this.pose, s = this.scale;
    const z = this._back(times[slab], slab);
    const gap = (/** @type {number} */ index, /** @type {number} */ count, /** @type {number} */ size) =>
      count > 1 ? (GAP_ACROSS * open * size * index) / (count - 1) : 0;
    const X = this.left + s * (x0 + gap(column, columns.length - 1, W) + z * right);
    const Y = this.top + s * (y0 + gap(row, rows.length - 1, H) - z * up);
    const depth = this._back(times[slab + 1], slab) - z;
    return { slab, row, column, x0, y0, x1, y1, X, Y, w: s * (x1 - x0), tall: s * (y1 - y0), depth, cube: this };
  }

  /** All boxes that are there, from the back to the front. */
  *_boxes() {
    const { times, rows, columns, first, cut, color, texture } = /** @type {Scene} */ (this.scene);
    const down = rows.length - 1, across = columns.length - 1, closed = this.pose.open === 0;
    const holes = color && [...Array(down * across * (times.length - 1)).keys()].some((piece) => !color(piece));
    for (let slab = times.length - 2; slab >= first; slab--) {
      for (let row = down - 1; row >= 0; row--) {
        if (rows[row + 1] <= cut) continue;
        const high = rows[row] <= cut;
        for (let column = 0; column < across; column++) {
          if (closed && !holes && slab > first && !high && column < across - 1) continue;  // hidden
          const piece = (slab * down + row) * across + column;
          if (color && !color(piece)) continue;
          const whole = texture ? texture(slab).cell : 0;
          const y0 = high && texture ? Math.floor(cut / whole) * whole : rows[row];
          yield { ...this._box(slab, row, column, columns[column], y0, columns[column + 1], rows[row + 1]), piece };
        }
      }
    }
  }

  // -- drawing

  /** @param {CanvasRenderingContext2D} context @param {any} box */
  _paint(context, box) {
    const scene = /** @type {Scene} */ (this.scene);
    const { X, Y, w, tall } = box, { dX, dY } = deep(box);
    if (scene.color) {
      const [front, top, side] = /** @type {string[]} */ (scene.color(box.piece));
      quad(context, top, X, Y, X + w, Y, X + w + dX, Y + dY, X + dX, Y + dY);
      quad(context, side, X + w, Y, X + w + dX, Y + dY, X + w + dX, Y + dY + tall, X + w, Y + tall);
      context.fillStyle = front;
      context.fillRect(X, Y, w, tall);
      if (w > 5 && scene.rows.length * scene.columns.length * scene.times.length < 900) {
        context.strokeStyle = "rgb(0 0 0 / 0.3)";
        context.lineWidth = 0.6;
        context.beginPath();
        context.rect(X, Y, w, tall);
        context.moveTo(X, Y); context.lineTo(X + dX, Y + dY); context.lineTo(X + w + dX, Y + dY);
        context.lineTo(X + w, Y); context.moveTo(X + w + dX, Y + dY); context.lineTo(X + w + dX, Y + dY + tall);
        context.lineTo(X + w, Y + tall);
        context.stroke();
      }
      return;
    }
    if (!scene.texture) return;
    const texture = scene.texture(box.slab), { image, x, y, cell } = texture;
    const columns = (box.x1 - box.x0) / cell, rows = (box.y1 - box.y0) / cell, from = box.y0 / cell;
    const more = this.pose.open < 0.02 ? 0.7 / Math.hypot(dX, dY) : 0;  // no seam between slabs that touch
    const ratio = globalThis.devicePixelRatio || 1;
    const warp = (/** @type {number[]} */ a) => context.setTransform(...(/** @type {any} */ (a.map((v) => v * ratio))));
    warp([w / columns, 0, dX * (1 + more), dY * (1 + more), X, Y]);
    context.drawImage(image, x, y + from, columns, 1, 0, 0, columns, 1);
    warp([dX * (1 + more), dY * (1 + more), 0, tall / rows, X + w, Y]);
    context.drawImage(image, x + columns - 1, y + from, 1, rows, 0, 0, 1, rows);
    warp([1, 0, 0, 1, 0, 0]);
    quad(context, "rgb(255 255 255 / 0.12)", X, Y, X + w, Y, X + w + dX, Y + dY, X + dX, Y + dY);
    quad(context, "rgb(0 0 0 / 0.3)", X + w, Y, X + w + dX, Y + dY, X + w + dX, Y + dY + tall, X + w, Y + tall);
    this._front(context, texture, box);
    if (this.pose.open >= 0.02) {
      context.strokeStyle = "rgb(0 0 0 / 0.35)";
      context.lineWidth = 0.6;
      context.strokeRect(X, Y, w, tall);
    }
  }

  /** A box's front, from its picture. @param {CanvasRenderingContext2D} context */
  _front(context, /** @type {any} */ { image, x, y, cell }, /** @type {any} */ box) {
    context.imageSmoothingEnabled = cell === 1;
    context.drawImage(image, x + box.x0 / cell, y + box.y0 / cell, (box.x1 - box.x0) / cell, (box.y1 - box.y0) / cell,
      box.X, box.Y, box.w, box.tall);
    context.imageSmoothingEnabled = false;
  }

  /** The whole block as an outline, for what is taken off. @param {CanvasRenderingContext2D} context */
  _ghost(context) {
    const { shape: [, H, W], times, rows, columns } = /** @type {Scene} */ (this.scene);
    const near = this._box(0, 0, 0, 0, 0, W, H), far = this._box(times.length - 2, 0, 0, 0, 0, W, H);
    const last = this._box(0, rows.length - 2, columns.length - 2, 0, 0, W, H);  // spread across
    for (const box of [near, far]) { box.w += last.X - near.X; box.tall += last.Y - near.Y; }
    const { dX, dY } = deep(far);
    const block = { ...near, dX: far.X + dX - near.X, dY: far.Y + dY - near.Y };
    wire(context, block, themeColor(this.view, "line"), 1);
    const from = corner(block, 1, 1, 0), to = corner(block, 1, 1, 1), angle = Math.atan2(to[1] - from[1], to[0] - from[0]);
    context.save();
    context.translate((from[0] + to[0]) / 2, (from[1] + to[1]) / 2);
    context.rotate(angle);
    context.fillStyle = themeColor(this.view, "muted");
    context.font = "12px system-ui, sans-serif";
    context.textAlign = "center";
    context.fillText("time →", 0, 14);
    context.restore();
  }

  /** Patch borders on the faces. @param {CanvasRenderingContext2D} context */
  _rule(context) {
    const { shape: [, H, W], times, first, cut, lines, grid } = /** @type {Scene} */ (this.scene);
    const open = this.pose.open > 0.02;
    if (grid && lines) {
      context.strokeStyle = "rgb(255 255 255 / 0.45)";
      context.lineWidth = 0.7;
      context.beginPath();
      const near = this._box(first, 0, 0, 0, cut, W, H), far = this._box(times.length - 2, 0, 0, 0, cut, W, H);
      const { dX, dY } = deep(far), end = open ? { x: 0, y: 0 } : { x: far.X + dX - near.X, y: far.Y + dY - near.Y };
      for (let x = grid[1]; x < W; x += grid[1]) {
        const X = near.X + x * this.scale;
        context.moveTo(X, near.Y + near.tall); context.lineTo(X, near.Y); context.lineTo(X + end.x, near.Y + end.y);
      }
      for (let y = Math.ceil((cut + 1) / grid[0]) * grid[0]; y < H; y += grid[0]) {
        const Y = near.Y + (y - cut) * this.scale;
        context.moveTo(near.X, Y); context.lineTo(near.X + near.w, Y); context.lineTo(near.X + near.w + end.x, Y + end.y);
      }
      for (const time of open ? [] : lines) {
        if (time <= times[first] || time >= times[times.length - 1]) continue;
        const box = this._box(times.indexOf(time), 0, 0, 0, cut, W, H);
        context.moveTo(box.X, box.Y); context.lineTo(box.X + box.w, box.Y); context.lineTo(box.X + box.w, box.Y + box.tall);
      }
      context.stroke();
    }
  }

  /** A row of pixels at all times, and around the face where the block is cut there. @param {CanvasRenderingContext2D} context */
  _row(context, /** @type {number} */ mark) {
    const { shape: [, H, W], times, first, cut } = /** @type {Scene} */ (this.scene);
    const near = this._box(first, 0, 0, 0, mark, W, H), far = this._box(times.length - 2, 0, 0, 0, mark, W, H);
    const { dX, dY } = deep(far);
    for (const [color, width] of /** @type {[string, number][]} */ ([["rgb(255 255 255 / 0.7)", 4], [PALETTE.green, 2]])) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(near.X, near.Y);
      context.lineTo(near.X + near.w, near.Y);
      context.lineTo(far.X + far.w + dX, far.Y + dY);
      if (mark === cut) {
        context.lineTo(far.X + dX, far.Y + dY);
        context.closePath();
      }
      context.stroke();
    }
  }

  // -- pointer

  _pointer(/** @type {() => void} */ turned, /** @type {any} */ hover, /** @type {any} */ pick) {
    const { view, stage } = this;
    /** @type {{ x: number, y: number, moved: boolean } | null} */
    let held = null;
    const at = (/** @type {PointerEvent} */ event) => {
      const box = stage.getBoundingClientRect();
      return this.hit(event.clientX - box.left, event.clientY - box.top);
    };
    view.listen(stage, "pointerdown", (/** @type {PointerEvent} */ event) => {
      held = { x: event.clientX, y: event.clientY, moved: false };
      stage.setPointerCapture(event.pointerId);
    });
    view.listen(stage, "pointermove", (/** @type {PointerEvent} */ event) => {
      if (!held) return hover(at(event), event);
      const x = event.clientX - held.x, y = event.clientY - held.y;
      if (!held.moved && Math.hypot(x, y) < 5) return;
      hover(null, event);
      this.pose.turn(x / 300, -y / 300);
      held = { x: event.clientX, y: event.clientY, moved: true };
      turned();
    });
    view.listen(stage, "pointerup", (/** @type {PointerEvent} */ event) => {
      const hit = held && !held.moved ? at(event) : null;
      held = null;
      if (hit) pick(hit);
    });
    view.listen(stage, "pointercancel", () => (held = null));
    view.listen(stage, "pointerleave", (/** @type {PointerEvent} */ event) => hover(null, event));
  }
}

/** @typedef {{ slab: number, row: number, column: number, frame: number, y: number, x: number }} Hit */

const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]];

/** How a box goes back, on the canvas. */
function deep(/** @type {any} */ { cube, depth, dX, dY }) {
  if (dX !== undefined) return { dX, dY };
  return { dX: cube.scale * depth * cube.pose.right, dY: -cube.scale * depth * cube.pose.up };
}

/** @param {any} box @param {number} u right @param {number} v down @param {number} d back, each 0 or 1 */
function corner(box, u, v, d) {
  const { dX, dY } = deep(box);
  return [box.X + u * box.w + d * dX, box.Y + v * box.tall + d * dY];
}

function line(/** @type {CanvasRenderingContext2D} */ context, /** @type {number[]} */ a, /** @type {number[]} */ b) {
  context.beginPath();
  context.moveTo(a[0], a[1]);
  context.lineTo(b[0], b[1]);
  context.stroke();
}

function outline(/** @type {CanvasRenderingContext2D} */ context, /** @type {any} */ box) {
  context.strokeRect(box.X, box.Y, box.w, box.tall);
}

/** The edges of a box that are seen from the front, the top and the right. */
function wire(/** @type {CanvasRenderingContext2D} */ context, /** @type {any} */ box, /** @type {string} */ color, width = 2) {
  context.strokeStyle = color;
  context.lineWidth = width;
  outline(context, box);
  const [a, b, c] = [corner(box, 0, 0, 1), corner(box, 1, 0, 1), corner(box, 1, 1, 1)];
  context.beginPath();
  context.moveTo(box.X, box.Y);
  for (const [x, y] of [a, b, c]) context.lineTo(x, y);
  context.lineTo(box.X + box.w, box.Y + box.tall);
  context.moveTo(b[0], b[1]);
  context.lineTo(box.X + box.w, box.Y);
  context.stroke();
}

function quad(/** @type {CanvasRenderingContext2D} */ context, /** @type {string} */ color, /** @type {number[]} */ ...p) {
  context.fillStyle = color;
  context.beginPath();
  context.moveTo(p[0], p[1]);
  for (let i = 2; i < p.length; i += 2) context.lineTo(p[i], p[i + 1]);
  context.fill();
}

function sum(/** @type {number[]} */ values) {
  return values.reduce((a, b) => a + b, 0);
}
