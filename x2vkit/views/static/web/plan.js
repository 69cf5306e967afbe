// @ts-check
/**
 * A plan: where subjects go, how a mouth opens, what the camera does; and what it means on the latent grid. The
 * same as core/planner.py (`plan_of`) and core/raster.py. F frames; f, h, w latent grid.
 *
 * @typedef {{ boxes: Float32Array, mouth: Float32Array, camera: Float32Array, turn: Float32Array }} Plan boxes (F, 2,
 *   4) in fractions, NaN where out of sight; mouth (F,), NaN where nobody talks; camera (F, 3): x, y, zoom; turn (F,)
 * @typedef {{ control: Float32Array, camera: Float32Array, boxes: Float32Array }} Conditions control (10, f, h, w);
 *   camera (f, 4); boxes (F, 2, 5)
 * @typedef {{ frames: number, height: number, width: number, grid: number[] }} Size grid: f, h, w
 */
const TRACKS = 17;
const CHANNELS = 10;
const [BOX_A, BOX_B, MOUTH, OPENNESS] = [0, 1, 5, 6];
const MOTION_SCALE = 10;

/**
 * Tracks (F, 17) -> the plan that they encode.
 * @param {ArrayLike<number>} tracks
 * @param {Record<string, number[]>} groups where each kind of track begins in a frame's numbers
 * @param {Size} size
 * @returns {Plan}
 */
export function planOf(tracks, groups, { frames, height, width }) {
  const shorter = Math.min(height, width);
  const [wide, tall] = [width / shorter, height / shorter];
  const at = (/** @type {number} */ frame, /** @type {string} */ name, i = 0) =>
    tracks[frame * TRACKS + groups[name][0] + i];
  const boxes = new Float32Array(frames * 8).fill(NaN);
  const camera = new Float32Array(frames * 3);
  const turn = new Float32Array(frames);
  let talking = 0;
  for (let frame = 0; frame < frames; frame++) {
    for (const [subject, name] of ["box_a", "box_b"].entries()) {
      if (!(at(frame, name) > 0)) continue;
      const middle = [at(frame, name, 1) / wide + 0.5, at(frame, name, 2) / tall + 0.5];
      const half = [size(at(frame, name, 3)) / wide / 2, size(at(frame, name, 4)) / tall / 2];
      const box = [middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]];
      boxes.set(box, (frame * 2 + subject) * 4);
    }
    camera.set([at(frame, "camera"), at(frame, "camera", 1)], frame * 3);
    camera[frame * 3 + 2] = Math.exp(clip(at(frame, "camera", 2), -3, 3));
    turn[frame] = Math.atan2(at(frame, "turn", 1), at(frame, "turn"));
    talking += at(frame, "mouth");
  }
  const openness = (/** @type {number} */ frame) => (talking > 0 ? clip(at(frame, "mouth", 1), 0, 1) : NaN);
  return { boxes, camera, turn, mouth: Float32Array.from({ length: frames }, (_, frame) => openness(frame)) };
}

/** Nothing is planned. @param {Size} size @returns {Conditions} */
export function nothing({ frames, grid: [f, h, w] }) {
  return {
    control: new Float32Array(CHANNELS * f * h * w),
    camera: new Float32Array(f * 4),
    boxes: new Float32Array(frames * 10),
  };
}

/** A plan on the latent grid. @param {Plan} plan @param {Size} size @returns {Conditions} */
export function draw(plan, size) {
  const found = nothing(size);
  const { frames, grid } = size;
  const cells = grid[1] * grid[2];
  const plane = grid[0] * cells;
  for (let subject = 0; subject < 2; subject++) {
    const share = occupancy(plan.boxes, subject, size);
    found.control.set(share, (subject ? BOX_B : BOX_A) * plane);
    if (subject === 0 && talks(plan)) mouth(found.control, plan.mouth, share, plane, cells);
    for (let frame = 0; frame < frames; frame++) {
      const from = (frame * 2 + subject) * 4;
      for (let i = 0; i < 4; i++) found.boxes[(frame * 2 + subject) * 5 + i] = number(plan.boxes[from + i]);
      if (subject === 0) found.boxes[frame * 10 + 4] = number(plan.turn[frame]);
    }
  }
  cameraTrack(found.camera, plan.camera, grid[0]);
  return found;
}

/** Frames of a latent frame: first, and one past the last. @param {number} latent */
function framesOf(latent) {
  return latent ? [4 * latent - 3, 4 * latent + 1] : [0, 1];
}

/**
 * The share (f, h, w) of each latent position that a subject's box covers, over the frames of a latent frame.
 * @param {Float32Array} boxes @param {number} subject @param {Size} size
 */
function occupancy(boxes, subject, { grid: [f, h, w] }) {
  const share = new Float64Array(f * h * w);
  const overlap = (low, high, i, n) => Math.max(Math.min(high, i / n + 1 / n) - Math.max(low, i / n), 0) * n;
  for (let time = 0; time < f; time++) {
    const [start, end] = framesOf(time);
    for (let frame = start; frame < end; frame++) {
      const [x0, y0, x1, y1] = boxes.subarray((frame * 2 + subject) * 4, (frame * 2 + subject) * 4 + 4);
      if (Number.isNaN(x0)) continue;
      for (let row = 0; row < h; row++) {
        const tall = overlap(y0, y1, row, h);
        for (let column = 0; column < w; column++)
          share[(time * h + row) * w + column] += (tall * overlap(x0, x1, column, w)) / (end - start);
      }
    }
  }
  return Float32Array.from(share);
}

/** @param {Plan} plan */
function talks({ boxes, mouth: open }) {
  const seen = boxes.some((value, i) => i % 8 === 0 && !Number.isNaN(value));
  return seen && open.some((value) => !Number.isNaN(value));
}

/** Where somebody talks, and how wide the mouth is open in each of the four frames. */
function mouth(control, open, share, plane, cells) {
  control.set(share, MOUTH * plane);
  for (let i = 0; i < plane; i++) {
    if (!(share[i] > 0)) continue;
    const time = Math.floor(i / cells);
    for (let k = 0; k < 4; k++)
      control[(OPENNESS + k) * plane + i] = number(open[time ? framesOf(time)[0] + k : 0]);
  }
}

/** Movements of each latent frame (f, 4) since the one before, from camera (F, 3). */
function cameraTrack(track, camera, f) {
  const before = [0, 0, 0];
  for (let time = 0; time < f; time++) {
    const [start, end] = framesOf(time);
    const mean = [0, 0, 0];
    for (let frame = start; frame < end; frame++)
      for (let i = 0; i < 3; i++) {
        const value = camera[frame * 3 + i];
        mean[i] += (i === 2 ? Math.log(value) : value) / (end - start);
      }
    for (let i = 0; i < 3; i++) {
      track[time * 4 + i] = time ? (mean[i] - before[i]) * MOTION_SCALE : 0;
      before[i] = mean[i];
    }
    track[time * 4 + 3] = 1;
  }
}

/** @param {number} logarithm */
function size(logarithm) {
  return Math.exp(clip(logarithm, -7, 2));
}

/** @param {number} x @param {number} low @param {number} high */
function clip(x, low, high) {
  return Math.min(Math.max(x, low), high);
}

/** @param {number} x */
function number(x) {
  return Number.isNaN(x) ? 0 : x;
}
