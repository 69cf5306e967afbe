// @ts-check
/** Where the pieces of a block of spacetime lie on a canvas, turned and opened as a pose says. */

/**
 * @typedef {object} Texture the picture of a slab
 * @property {CanvasImageSource} image
 * @property {number} x where it begins in the image
 * @property {number} y
 * @property {number} cell how many pixels of the clip a pixel of it stands for
 *
 * @typedef {object} Scene
 * @property {[number, number, number]} shape frames, height and width of the clip, in pixels
 * @property {number[]} times where slabs begin and end, in frames
 * @property {number[]} rows where pieces begin and end, in pixels
 * @property {number[]} columns
 * @property {number} first the first slab that is there; those before are taken off
 * @property {number} cut rows of pixels taken off the top
 * @property {number[]} [lines] times at which the sides are ruled
 * @property {number[]} [grid] rows and columns between the lines of a ruled front
 * @property {(slab: number) => Texture} [texture]
 * @property {(piece: number) => string[] | null} [color] of a piece's front, top and side; null: not there
 *
 * @typedef {import("./box.js").Box} Box
 */

/** How far the back is from the front, of the width. */
const DEPTH = 1;
/** How much the gaps add when it is open, of the width: along time, and across. */
const GAP = 1.5;
const GAP_ACROSS = 0.32;

/** A scene on a canvas of some size. */
export class Layout {
  /** @param {Scene} scene @param {import("./pose.js").Pose} pose @param {[number, number]} size in CSS pixels */
  constructor(scene, pose, [width, height]) {
    this.scene = scene;
    this.pose = pose;
    const [, H, W] = scene.shape;
    const { right, up, open } = pose;
    const back = W * (DEPTH + GAP * open);
    const across = 1 + GAP_ACROSS * open;
    const wide = W * across + back * right;
    const high = H * across + back * up;
    /** CSS pixels for one pixel of the clip. */
    this.scale = Math.min((width - 10) / wide, (height - 10) / high);
    const spare = scene.columns.length > 2 ? 0 : (across - 1) / 2; // what stays whole stands in the middle
    this.left = (width - wide * this.scale) / 2 + spare * W * this.scale;
    this.top = (height - high * this.scale) / 2 + (back * up + spare * H) * this.scale;
  }

  /** How deep a time lies, in pixels of the clip: frames, and the gaps before its slab. */
  _back(frame, slab) {
    const [F, , W] = this.scene.shape;
    const gaps = Math.max(this.scene.times.length - 2, 1);
    return (W * DEPTH * frame) / F + (W * GAP * this.pose.open * slab) / gaps;
  }

  /**
   * A box of a slab that holds these pixels of a frame.
   * @param {number} slab
   * @param {[number, number]} piece its row and column, which say how far it has moved away from the others
   * @param {[number, number, number, number]} region left, top, right, bottom
   * @returns {Box}
   */
  box(slab, [row, column], [x0, y0, x1, y1]) {
    const { times, rows, columns, shape } = this.scene;
    const [, H, W] = shape;
    const { right, up, open } = this.pose;
    const s = this.scale;
    const z = this._back(times[slab], slab);
    const depth = s * (this._back(times[slab + 1], slab) - z);
    const gap = (index, count, size) => (count > 1 ? (GAP_ACROSS * open * size * index) / (count - 1) : 0);
    const X = this.left + s * (x0 + gap(column, columns.length - 1, W) + z * right);
    const Y = this.top + s * (y0 + gap(row, rows.length - 1, H) - z * up);
    const place = { slab, row, column, x0, y0, x1, y1 };
    return { ...place, X, Y, w: s * (x1 - x0), tall: s * (y1 - y0), dX: depth * right, dY: -depth * up };
  }

  /** All of a slab, below a row of pixels. @param {number} slab */
  slab(slab, top = 0) {
    const [, H, W] = this.scene.shape;
    return this.box(slab, [0, 0], [0, top, W, H]);
  }

  /** All boxes that are there, with their number, from the back to the front. @returns {Generator<[number, Box]>} */
  *boxes() {
    const { times, rows, columns, first, cut, color, texture } = this.scene;
    const down = rows.length - 1;
    const across = columns.length - 1;
    const pieces = [...Array(down * across * (times.length - 1)).keys()];
    const whole = this.pose.open === 0 && !(color && pieces.some((piece) => !color(piece)));
    for (let slab = times.length - 2; slab >= first; slab--) {
      for (let row = down - 1; row >= 0; row--) {
        if (rows[row + 1] <= cut) continue;
        const high = rows[row] <= cut;
        for (let column = 0; column < across; column++) {
          if (whole && slab > first && !high && column < across - 1) continue; // hidden
          const piece = (slab * down + row) * across + column;
          if (color && !color(piece)) continue;
          const cell = texture ? texture(slab).cell : 0;
          const y0 = high && texture ? Math.floor(cut / cell) * cell : rows[row];
          yield [
            piece,
            this.box(slab, [row, column], [columns[column], y0, columns[column + 1], rows[row + 1]]),
          ];
        }
      }
    }
  }
}
