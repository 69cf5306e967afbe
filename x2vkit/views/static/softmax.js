// @ts-check
/**
 * Attention from queries and keys, and the figures read off it. Knows nothing about pictures.
 *
 *     T words, N patches in a grid [times, rows, columns], L = T + N tokens; A heads, D channels of a head
 *
 * "to" is where a token looks, its softmax row over all L keys. "from" is who looks at it: the column of the
 * same map, the part of every token's own attention that goes to it.
 */

/** Places (step, layer) that are kept unpacked; one takes A * L * D * 8 bytes. */
const KEPT = 12;

/**
 * Rows and columns of softmax(q k^T / sqrt(D)), from whole numbers and their scales (attention.py, `packed`).
 * A place is unpacked when it is first looked at.
 */
export class Softmax {
  /** @param {{ arrays: Record<string, any>, shapes: Record<string, number[]> }} view */
  constructor({ arrays, shapes }) {
    [, this.A, this.L, this.D] = shapes.queries;
    this.arrays = arrays;
    /** @type {Map<number, { q: Float32Array, k: Float32Array, norms: Float64Array | null }>} */
    this.kept = new Map();
    this.scores = new Float64Array(this.L);
  }

  /** Where token `query` looks, in each head -> (A, L), rows adding up to 1. @param {number} place @param {number} query */
  to(place, query) {
    const { A, L, scores } = this, { q, k } = this.open(place), out = new Float32Array(A * L);
    for (let head = 0; head < A; head++) {
      this.dot(q, query, k, head);
      const norm = logSumExp(scores);
      for (let key = 0; key < L; key++) out[head * L + key] = Math.exp(scores[key] - norm);
    }
    return out;
  }

  /** How much each token looks at `key`, in each head -> (A, L). @param {number} place @param {number} key */
  from(place, key) {
    const { A, L, scores } = this, { q, k } = this.open(place), out = new Float32Array(A * L);
    const norms = this.norms(place);
    for (let head = 0; head < A; head++) {
      this.dot(k, key, q, head);
      for (let query = 0; query < L; query++) out[head * L + query] = Math.exp(scores[query] - norms[head * L + query]);
    }
    return out;
  }

  /** The logarithm of every row's sum: with it a column needs no rows. Made once a place. @param {number} place */
  norms(place) {
    const it = this.open(place), { A, L } = this;
    if (it.norms) return it.norms;
    it.norms = new Float64Array(A * L);
    for (let head = 0; head < A; head++) {
      for (let query = 0; query < L; query++) {
        this.dot(it.q, query, it.k, head);
        it.norms[head * L + query] = logSumExp(this.scores);
      }
    }
    return it.norms;
  }

  /** Queries (divided by sqrt(D)) and keys of a place. @param {number} place */
  open(place) {
    let it = this.kept.get(place);
    this.kept.delete(place); // those used last stay longest
    if (!it) {
      const { queries, query_scale, keys, key_scale } = this.arrays;
      const q = this.unpack(queries, query_scale, place, this.D ** -0.5);
      it = { q, k: this.unpack(keys, key_scale, place, 1), norms: null };
    }
    this.kept.set(place, it);
    if (this.kept.size > KEPT) this.kept.delete(/** @type {number} */ (this.kept.keys().next().value));
    return it;
  }

  /** @param {Int8Array | Int16Array} numbers @param {Float32Array} scales @param {number} place @param {number} by */
  unpack(numbers, scales, place, by) {
    const { A, L, D } = this, out = new Float32Array(A * L * D), start = place * A * L;
    for (let vector = 0, i = 0; vector < A * L; vector++) {
      const scale = scales[start + vector] * by;
      for (let d = 0; d < D; d++, i++) out[i] = numbers[start * D + i] * scale;
    }
    return out;
  }

  /**
   * One vector of a head with all vectors of it, into `scores`.
   * @param {Float32Array} one @param {number} index @param {Float32Array} all @param {number} head
   */
  dot(one, index, all, head) {
    const { L, D, scores } = this, a = (head * L + index) * D;
    for (let i = 0, b = head * L * D; i < L; i++, b += D) {
      let w = 0, x = 0, y = 0, z = 0, d = 0; // four sums, for one waits for itself: a third faster
      for (; d < D - 3; d += 4) {
        w += one[a + d] * all[b + d];
        x += one[a + d + 1] * all[b + d + 1];
        y += one[a + d + 2] * all[b + d + 2];
        z += one[a + d + 3] * all[b + d + 3];
      }
      for (; d < D; d++) w += one[a + d] * all[b + d];
      scores[i] = w + x + y + z;
    }
  }
}

/** @param {Float64Array} scores */
function logSumExp(scores) {
  let most = -Infinity, total = 0;
  for (const score of scores) if (score > most) most = score;
  for (const score of scores) total += Math.exp(score - most);
  return most + Math.log(total);
}

/**
 * @typedef {{ entropy: number, reach: number | null, words: number, most: number }} Figures
 * entropy: bits; reach: mean distance in latent frames, null for a word; words: their part; most: largest on a patch
 *
 * @typedef {object} Seen what one selection shows
 * @property {boolean} to a row, or else a column
 * @property {number} step @property {number} layer what was captured next to what was asked for
 * @property {number} stepIndex which of the captured steps
 * @property {number} index the chosen token, of all L
 * @property {Float32Array} heads (A, L)
 * @property {Float32Array} mean (L) @property {Float32Array} row (L): the chosen head's, or the mean
 * @property {number} words the part on the words: their sum, or their mean for a column
 * @property {number[]} frames the part on each row of tokens in time, likewise
 * @property {number} even what a frame's part would be if all tokens were alike
 * @property {Figures[]} figures of the mean, then of each head
 */

/** @param {Softmax} softmax @param {any} facts @param {any} selection @returns {Seen} */
export function look(softmax, { sites, steps, words, grid, patch }, { step, layer, head, token, word, direction }) {
  const { A, L } = softmax, T = words.length, [times, rows, columns] = grid, each = rows * columns;
  const place = nearest(sites, step, layer), index = word ?? T + token, to = direction === "to";
  const heads = to ? softmax.to(place, index) : softmax.from(place, index);
  const single = (/** @type {number} */ a) => heads.subarray(a * L, (a + 1) * L);
  const mean = new Float32Array(L);
  for (let i = 0; i < heads.length; i++) mean[i % L] += heads[i] / A;
  const row = head === null ? mean : single(head);
  const part = to ? sum : average;
  const frames = [...Array(times).keys()].map((time) => part(row, T + time * each, T + (time + 1) * each));
  const figures = [mean, ...[...Array(A).keys()].map(single)].map((shares) => ({
    entropy: entropy(shares),
    reach: word === null ? reach(shares.subarray(T), each, Math.floor(token / each)) * patch[0] : null,
    words: part(shares, 0, T),
    most: shares[largest(shares, T)],
  }));
  const [seenStep, seenLayer] = sites[place];
  return {
    to, step: seenStep, layer: seenLayer, stepIndex: steps.indexOf(seenStep), index, heads, mean, row,
    words: part(row, 0, T), frames, even: to ? each / L : 1 / L, figures,
  };
}

/**
 * The captured place next to the one asked for: the step counts first (as attention.py).
 * @param {[number, number][]} sites @param {number} step @param {number} layer
 */
export function nearest(sites, step, layer) {
  const far = (/** @type {number} */ i) => Math.abs(sites[i][0] - step) * 1e6 + Math.abs(sites[i][1] - layer);
  return sites.reduce((best, _, i) => (far(i) < far(best) ? i : best), 0);
}

/** @param {Float32Array} values */
export function sum(values, from = 0, to = values.length) {
  let total = 0;
  for (let i = from; i < to; i++) total += values[i];
  return total;
}

/** @param {Float32Array} values */
export function average(values, from = 0, to = values.length) {
  return sum(values, from, to) / Math.max(1, to - from);
}

/** Where the largest value is. @param {Float32Array} values */
export function largest(values, from = 0) {
  let best = from;
  for (let i = from; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** Bits, after making the values add up to 1: 0 (one token) to log2(L) (all alike). @param {Float32Array} values */
function entropy(values) {
  const total = sum(values);
  let bits = 0;
  for (const value of values) if (value > 0) bits -= (value / total) * Math.log2(value / total);
  return bits;
}

/** How many rows of tokens away in time the patches lie, by weight. @param {Float32Array} patches @param {number} each @param {number} here */
function reach(patches, each, here) {
  let away = 0;
  for (let i = 0; i < patches.length; i++) away += patches[i] * Math.abs(Math.floor(i / each) - here);
  return away / sum(patches);
}
