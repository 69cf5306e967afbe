// @ts-check
/** Shares of attention, for people and on a colour scale. */
import { frameNames } from "./sequence.js";

/** A share for people (as views/attention/figure.py). @param {number} share */
export function percent(share) {
  const value = 100 * share;
  if (value > 0 && value < 0.001) return "<\u00a00.001\u00a0%";
  return `${value.toFixed(value >= 10 ? 1 : value >= 0.1 ? 2 : 3)}\u00a0%`;
}

/**
 * The exact numbers of one token, for a tip.
 * @param {import("./sequence.js").Sequence} sequence
 * @param {number[]} numbers those of the heads, in the layer
 * @param {import("./seen.js").Seen} seen
 * @param {number} index
 */
export function describe(sequence, numbers, seen, index) {
  const L = seen.row.length;
  const share = seen.row[index];
  const exact = (value) => `${(100 * value).toPrecision(4)} %`;
  const lines = [sequence.nameOf(index) + (index === seen.index ? ", the one that is asked" : "")];
  const patch = sequence.patchAt(index);
  if (patch) {
    const [, tall, wide] = sequence.geometry.patch.map(
      (cells) => cells * sequence.geometry.spatialStride * sequence.shrink,
    );
    const range = (place, size) => `${place * size}–${place * size + size - 1}`;
    const pixels = `pixels y ${range(patch.row, tall)}, x ${range(patch.column, wide)}`;
    lines.push(`${frameNames(sequence.framesOf(patch.time))}, ${pixels}`);
  }
  if (seen.map) return [...lines, `${exact(share)} on the map`].join("\n");
  lines.push(seen.to ? `gets ${exact(share)} of the attention` : `gives ${exact(share)} of its attention`);
  const rank = 1 + seen.row.reduce((count, other) => count + Number(other > share), 0);
  lines.push(`${(share * seen.count).toPrecision(3)} times an even share; number ${rank} of ${L}`);
  numbers.forEach((head, a) => lines.push(`head ${head + 1}: ${exact(seen.heads[a * L + index])}`));
  return lines.slice(0, 16).join("\n");
}

/**
 * Shares as places on the colour scale, 0..1.
 * @param {number} most
 * @param {boolean} log
 * @param {number} decades
 * @returns {(share: number) => number}
 */
export function leveller(most, log, decades) {
  if (!(most > 0)) return () => 0;
  return log
    ? (share) => Math.max(0, 1 + Math.log10(Math.max(share, 1e-30) / most) / decades)
    : (share) => share / most;
}
