// @ts-check
/** Where frames, latent positions and tokens lie in each other, for any model: as x2vkit/axes.py and views/style.py. */

/**
 * @typedef {object} GeometryMetadata what base.py's `geometry_metadata` sends
 * @property {number} temporal_stride frames in one latent frame
 * @property {number} spatial_stride pixels along one side of a latent position
 * @property {number[]} patch latent frames, rows and columns in one video token
 * @property {[string, number][]} token_kinds (kind, count) in the order of the sequence
 * @property {boolean} causal_first_frame whether the first latent frame holds one frame alone
 */

/** The arithmetic of `axes.Geometry`, as far as the browser needs it. */
export class Geometry {
  /** @param {GeometryMetadata} given */
  constructor({ temporal_stride, spatial_stride, patch, token_kinds, causal_first_frame }) {
    this.temporalStride = temporal_stride;
    this.spatialStride = spatial_stride;
    this.patch = patch;
    this.tokenKinds = token_kinds;
    /** Frames that the first latent frame lacks. */
    this.lead = causal_first_frame ? temporal_stride - 1 : 0;
  }

  /** The latent frame that holds a frame. @param {number} frame */
  latentFrameOf(frame) {
    return Math.floor((frame + this.lead) / this.temporalStride);
  }

  /** First and last frame of a latent frame. @param {number} latent @returns {[number, number]} */
  framesOf(latent) {
    const start = latent * this.temporalStride - this.lead;
    return [Math.max(start, 0), start + this.temporalStride - 1];
  }

  /** First and last frame of one row of tokens in time. @param {number} time @returns {[number, number]} */
  tokenFrames(time) {
    const [long] = this.patch;
    return [this.framesOf(time * long)[0], this.framesOf(time * long + long - 1)[1]];
  }

  /** The row of tokens in time that holds a frame. @param {number} frame */
  timeOf(frame) {
    return Math.floor(this.latentFrameOf(frame) / this.patch[0]);
  }

  /** First token of a kind in the sequence, and one past its last. @param {string} kind @returns {[number, number]} */
  span(kind) {
    let start = 0;
    for (const [name, count] of this.tokenKinds) {
      if (name === kind) return [start, start + count];
      start += count;
    }
    return [0, 0];
  }
}

/** The one way to name a patch. @param {number} time @param {number} row @param {number} column */
export function patchName(time, row, column) {
  return `t${time} r${row} c${column}`;
}

/**
 * Where video token `index` lies in a grid [time, rows, columns].
 * @param {number} index
 * @param {number[]} grid
 */
export function tokenPlace(index, grid) {
  const [, rows, columns] = grid;
  return {
    time: Math.floor(index / (rows * columns)),
    row: Math.floor(index / columns) % rows,
    column: index % columns,
  };
}

/** The name of video token `index`. @param {number} index @param {number[]} grid */
export function tokenName(index, grid) {
  const { time, row, column } = tokenPlace(index, grid);
  return patchName(time, row, column);
}
