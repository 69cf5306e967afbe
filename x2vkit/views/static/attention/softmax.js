// @ts-check
/**
 * Attention from queries and keys. Knows nothing about words or pictures.
 *
 *     L tokens of the sequence; A heads, D channels of a head
 *
 * "to" is where a token looks, its softmax row over all L keys. "from" is who looks at it: the column of
 * the same map, the part of every token's own attention that goes to it.
 */

/** Places (step, layer) that are kept unpacked; one takes A * L * D * 8 bytes. */
const KEPT = 12;

/**
 * Rows and columns of softmax(q k^T / sqrt(D)), from whole numbers and their scales (views/attention/
 * packing.py). A place is unpacked when it is first looked at.
 */
export class Softmax {
  /** @param {{ arrays: Record<string, any>, shapes: Record<string, number[]> }} view */
  constructor({ arrays, shapes }) {
    const [, A, L, D] = shapes.queries;
    this.A = A;
    this.L = L;
    this.D = D;
    this.arrays = arrays;
    /** @type {Map<number, { q: Float32Array, k: Float32Array, norms: Float64Array | null }>} */
    this.kept = new Map();
    this.scores = new Float64Array(this.L);
  }

  /**
   * Where token `query` looks, in each head -> (A, L), rows adding up to 1.
   * @param {number} place
   * @param {number} query
   */
  to(place, query) {
    const { A, L, scores } = this;
    const { q, k } = this.open(place);
    const out = new Float32Array(A * L);
    for (let head = 0; head < A; head++) {
      this.dot(q, query, k, head);
      const norm = logSumExp(scores);
      for (let key = 0; key < L; key++) out[head * L + key] = Math.exp(scores[key] - norm);
    }
    return out;
  }

  /**
   * How much each token looks at `key`, in each head -> (A, L).
   * @param {number} place
   * @param {number} key
   */
  from(place, key) {
    const { A, L, scores } = this;
    const { q, k } = this.open(place);
    const out = new Float32Array(A * L);
    const norms = this.norms(place);
    for (let head = 0; head < A; head++) {
      this.dot(k, key, q, head);
      for (let query = 0; query < L; query++)
        out[head * L + query] = Math.exp(scores[query] - norms[head * L + query]);
    }
    return out;
  }

  /**
   * The logarithm of every row's sum: with it a column needs no rows. Made once a place.
   * @param {number} place
   */
  norms(place) {
    const it = this.open(place);
    const { A, L } = this;
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

  /**
   * @param {Int8Array | Int16Array} numbers
   * @param {Float32Array} scales
   * @param {number} place
   * @param {number} by
   */
  unpack(numbers, scales, place, by) {
    const { A, L, D } = this;
    const out = new Float32Array(A * L * D);
    const start = place * A * L;
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
    const { L, D, scores } = this;
    const a = (head * L + index) * D;
    for (let i = 0, b = head * L * D; i < L; i++, b += D) {
      let w = 0;
      let x = 0;
      let y = 0;
      let z = 0;
      let d = 0; // four sums, for one waits for itself: a third faster
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
  let most = -Infinity;
  let total = 0;
  for (const score of scores) if (score > most) most = score;
  for (const score of scores) total += Math.exp(score - most);
  return most + Math.log(total);
}
