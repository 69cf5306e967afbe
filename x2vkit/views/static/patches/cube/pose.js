// @ts-check
/** How all cubes of a view are turned and opened. */

/** How a cube stands at first: for one width of depth, so far to the right and up. */
export const START = { right: 0.5, up: 0.34 };

/** One value for all cubes of a view. */
export class Pose {
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
