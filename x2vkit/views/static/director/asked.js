// @ts-check
/**
 * What is asked for, as the selection keeps it, and what becomes of it: tracks to draw, values for `direct`,
 * a line of Python. A frame's box is [x0, y0, x1, y1] in fractions of the frame.
 */

/** @typedef {[number, number, number, number]} Box */
/** @typedef {{ base: "plan" | "none", keys: Record<string, Box> }} Hard keyframes by frame, over a plan or alone */
/** @typedef {{ box: Box, since: number, until: number | null }} Soft seconds; null is to the end */
/** @typedef {{ path: [number, number][], radius: number }} Stroke */
/**
 * @typedef {{ boxes: (Hard | null)[], soft: Soft[][], strokes: Stroke[], camera: string }} Asked
 */

export const NAMES = ["first", "second"];
/** How far a simplified track may be from the drawn one, in fractions of the frame. */
const EXACT = 0.004;

/** @param {string} text @returns {Asked} */
export function parse(text) {
  return JSON.parse(text);
}

/** The box of a subject in a frame of a track (F, 2, 4), or null. @returns {Box | null} */
export function boxAt(track, subject, frame) {
  if (!track) return null;
  const [x0, y0, x1, y1] = track.subarray(8 * frame + 4 * subject, 8 * frame + 4 * subject + 4);
  return Number.isFinite(x0) ? [x0, y0, x1, y1] : null;
}

/**
 * The hard boxes of a subject in every frame, or null where none are asked for.
 * @param {Hard | null} hard @param {number} subject @param {Float32Array | undefined} plan
 * @param {number} frames @returns {Box[] | null}
 */
export function trackOf(hard, subject, plan, frames) {
  const keys = Object.keys(hard?.keys ?? {})
    .map(Number)
    .sort((a, b) => a - b);
  if (!hard || !keys.length) return null;
  const rested = (frame) => (hard.base === "plan" && nearest(plan, subject, frame, frames)) || [0, 0, 0, 0];
  const offsets = keys.map((frame) => hard.keys[frame].map((edge, i) => edge - rested(frame)[i]));
  return Array.from({ length: frames }, (_, frame) => {
    const after = keys.findIndex((key) => key >= frame);
    const [low, high] = after < 0 ? [keys.length - 1, keys.length - 1] : [Math.max(after - 1, 0), after];
    const share = keys[high] > keys[low] ? (frame - keys[low]) / (keys[high] - keys[low]) : 0;
    const part = keys[high] === frame || after === 0 ? 1 : Math.min(share, 1);
    const base = rested(frame);
    return /** @type {Box} */ (
      base.map((edge, i) => edge + offsets[low][i] * (1 - part) + offsets[high][i] * part)
    );
  });
}

/** The planned box nearest in time. @returns {Box | null} */
function nearest(plan, subject, frame, frames) {
  for (let away = 0; away < frames; away++)
    for (const one of [frame - away, frame + away]) {
      const found = one >= 0 && one < frames ? boxAt(plan, subject, one) : null;
      if (found) return found;
    }
  return null;
}

/**
 * Keyframes of a track, few of them: those that straight lines between need (Ramer, Douglas and Peucker).
 * @param {number[][]} rows @returns {number[]} their places
 */
export function keyframes(rows) {
  const kept = new Set([0, rows.length - 1]);
  const split = (low, high) => {
    let [worst, at] = [EXACT, -1];
    for (let i = low + 1; i < high; i++) {
      const share = (i - low) / (high - low);
      const away = Math.max(
        ...rows[i].map((v, k) => Math.abs(v - rows[low][k] * (1 - share) - rows[high][k] * share)),
      );
      if (away > worst) [worst, at] = [away, i];
    }
    if (at < 0) return;
    kept.add(at);
    split(low, at);
    split(at, high);
  };
  split(0, rows.length - 1);
  const places = [...kept].sort((a, b) => a - b);
  const still = places.length === 2 && rows[0].every((v, k) => Math.abs(v - rows[places[1]][k]) < EXACT);
  return still ? [0] : places;
}

const round = (value, digits = 3) => Number(value.toFixed(digits));

/**
 * What the kernel is asked, in the words of `x2v.direct`.
 * @param {Asked} asked
 * @param {{ prompt: string, seed: number, steps: number, plan?: Float32Array, frames: number, fps: number }} run
 */
export function requestOf(asked, { prompt, seed, steps, plan, frames, fps }) {
  const boxes = NAMES.map((_, subject) => {
    const track = trackOf(asked.boxes[subject], subject, plan, frames);
    if (track) {
      const keys = keyframes(track).map((frame) => [
        String(round(frame / fps)),
        track[frame].map((v) => round(v)),
      ]);
      return keys.length === 1 ? keys[0][1] : Object.fromEntries(keys);
    }
    const soft = asked.soft[subject];
    if (!soft.length) return null;
    return soft.map(({ box, since, until }) => ({ soft: box.map((v) => round(v)), since, until }));
  });
  const strokes = asked.strokes.map(({ path, radius }) => ({
    path: path.map((point) => point.map((v) => round(v))),
    radius,
  }));
  const given = boxes.some(Boolean) ? boxes : null;
  return { prompt, seed, steps, boxes: given, strokes, camera: asked.camera.trim() || null };
}

/** The line of Python that makes the clip. @param {ReturnType<typeof requestOf>} request */
export function lineOf({ prompt, seed, steps, boxes, strokes, camera }) {
  const parts = [JSON.stringify(prompt)];
  if (boxes) {
    const named = NAMES.flatMap((name, i) => (boxes[i] ? [`"${name}": ${python(boxes[i])}`] : []));
    parts.push(`boxes={${named.join(", ")}}`);
  }
  if (strokes.length) {
    const each = strokes.map(({ path, radius }) => `([${path.map(tuple).join(", ")}], ${radius})`);
    parts.push(`strokes=[${each.join(", ")}]`);
  }
  if (camera) parts.push(`camera=${JSON.stringify(camera)}`);
  return `x2v.direct(${[...parts, `seed=${seed}`, `steps=${steps}`].join(", ")})`;
}

const tuple = (values) => `(${values.join(", ")})`;

/** A subject's boxes in Python. @param {any} given */
function python(given) {
  if (!Array.isArray(given))
    return `{${Object.entries(given)
      .map(([second, box]) => `${second}: ${tuple(box)}`)
      .join(", ")}}`;
  if (typeof given[0] === "number") return tuple(given);
  const soft = given.map(({ soft: box, since, until }) => {
    const times = [...(since ? [`since=${since}`] : []), ...(until === null ? [] : [`until=${until}`])];
    return `x2v.SoftBox(${[...box, ...times].join(", ")})`;
  });
  return soft.length === 1 ? soft[0] : `[${soft.join(", ")}]`;
}
