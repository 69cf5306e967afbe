// @ts-check
/** Vectors by their main directions as colours: `pca_colors` of views/patches/colors.py. N vectors of P numbers. */
import { Generator } from "./random.js";

/** Directions that are looked for; the first three are used, and the others make them come faster. */
const DIRECTIONS = 8;
const MOST_ROUNDS = 60;
/** Where a round adds less than this part to what they hold, the directions stand. */
const STEADY = 1e-12;

/**
 * A colour for each vector -> (N, 3): each component from its 2nd to its 98th percentile, with the sign that makes
 * its largest value positive.
 * @param {Float32Array} vectors @param {number} N
 */
export function pcaColors(vectors, N) {
  const colors = new Uint8Array(3 * N).fill(128);
  components(centred(vectors, N), N).forEach((part, i) => {
    const [low, high] = extremes(part);
    const sign = high >= -low ? 1 : -1;
    const values = part.map((value) => value * sign);
    const sorted = Float64Array.from(values).sort();
    const [from, to] = [percentile(sorted, 0.02), percentile(sorted, 0.98)];
    if (to - from <= 1e-9) return;
    for (let n = 0; n < N; n++)
      colors[3 * n + i] = Math.round(255 * Math.min(Math.max((values[n] - from) / (to - from), 0), 1));
  });
  return colors;
}

/** @param {Float32Array} vectors @param {number} N */
function centred(vectors, N) {
  const P = vectors.length / N;
  const out = Float64Array.from(vectors);
  for (let p = 0; p < P; p++) {
    let mean = 0;
    for (let n = 0; n < N; n++) mean += vectors[n * P + p] / N;
    for (let n = 0; n < N; n++) out[n * P + p] -= mean;
  }
  return out;
}

/**
 * The first three principal components of vectors, largest first, by subspace iteration: each (N,).
 * @param {Float64Array} x (N, P), each column of mean 0 @param {number} N
 */
function components(x, N) {
  const P = x.length / N;
  const random = new Generator(0).normal(DIRECTIONS * P);
  /** @type {Float64Array[]} */
  let basis = Array.from({ length: DIRECTIONS }, (_, i) =>
    Float64Array.from(random.subarray(i * P, i * P + P)),
  );
  /** @type {Float64Array[]} */
  let found = [];
  let before = 0;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    basis = orthonormal(basis);
    const parts = basis.map((one) => times(x, one, N, P));
    const { values, turn } = eigen(parts.map((a) => parts.map((b) => dot(a, b))));
    const order = [...values.keys()].sort((a, b) => values[b] - values[a]).slice(0, 3);
    found = order.map((k) => mixed(parts, turn[k]));
    const energy = order.reduce((sum, k) => sum + values[k], 0);
    if (Math.abs(energy - before) <= STEADY * energy) break;
    before = energy;
    basis = parts.map((part) => transposed(x, part, N, P));
  }
  return found;
}

/** Eigenvalues and eigenvectors of a small symmetric matrix, by turning pairs of axes (Jacobi). */
function eigen(/** @type {number[][]} */ matrix) {
  const n = matrix.length;
  const turn = Array.from({ length: n }, (_, i) =>
    Float64Array.from({ length: n }, (_, j) => Number(i === j)),
  );
  for (let sweep = 0; sweep < 12; sweep++)
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        if (matrix[p][q] === 0) continue;
        const angle = 0.5 * Math.atan2(2 * matrix[p][q], matrix[q][q] - matrix[p][p]);
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        for (const row of matrix) [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
        for (const rows of [matrix, turn])
          for (let k = 0; k < n; k++) {
            const [a, b] = [rows[p][k], rows[q][k]];
            [rows[p][k], rows[q][k]] = [c * a - s * b, s * a + c * b];
          }
      }
  return { values: matrix.map((row, i) => row[i]), turn };
}

/** A sum of vectors with weights. @param {Float64Array[]} vectors @param {Float64Array} weights */
function mixed(vectors, weights) {
  return vectors[0].map((_, n) => vectors.reduce((sum, one, i) => sum + weights[i] * one[n], 0));
}

/** Vectors at right angles and of length 1, in order (Gram-Schmidt, twice for its rounding). */
function orthonormal(/** @type {Float64Array[]} */ vectors) {
  /** @type {Float64Array[]} */
  const done = [];
  for (const vector of vectors) {
    const one = Float64Array.from(vector);
    const size = Math.sqrt(dot(one, one));
    for (const other of [...done, ...done]) {
      const share = dot(one, other);
      for (let p = 0; p < one.length; p++) one[p] -= share * other[p];
    }
    const length = Math.sqrt(dot(one, one));
    // No more directions than there are numbers: what is left of the others is rounding.
    done.push(length > 1e-12 * size ? one.map((value) => value / length) : one.fill(0));
  }
  return done;
}

/** x (N, P) by a vector (P,) -> (N,). */
function times(x, vector, N, P) {
  const out = new Float64Array(N);
  for (let n = 0, at = 0; n < N; n++) {
    let sum = 0;
    for (let p = 0; p < P; p++) sum += x[at++] * vector[p];
    out[n] = sum;
  }
  return out;
}

/** The transpose of x (N, P) by a vector (N,) -> (P,). */
function transposed(x, vector, N, P) {
  const out = new Float64Array(P);
  for (let n = 0, at = 0; n < N; n++) {
    const by = vector[n];
    for (let p = 0; p < P; p++) out[p] += x[at++] * by;
  }
  return out;
}

/** @param {Float64Array} a @param {Float64Array} b */
function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** @param {Float64Array} values */
function extremes(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return [low, high];
}

/** @param {Float64Array} sorted @param {number} share */
function percentile(sorted, share) {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}
