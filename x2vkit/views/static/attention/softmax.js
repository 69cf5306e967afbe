// @ts-check
/**
 * Attention from queries and keys. Knows nothing about words or pictures.
 *
 *     L tokens of the sequence; A heads, D channels of a head; n queries that were sent
 *
 * "to" is where a token looks, its softmax row over all keys. "from" is who looks at it: the column of the same
 * map, the part of every token's own attention that goes to it. Both are (A, L), 0 for tokens that a layer does
 * not read or ask. Queries and keys stay the whole numbers that they came as: a row of 32,760 tokens and two
 * heads of 128 channels takes some ten milliseconds, so that there is nothing for a GPU to save.
 */

/**
 * @typedef {object} Site one captured place
 * @property {Int8Array | Int16Array} queries (A, n, D)
 * @property {Int8Array | Int16Array} keys (A, keys, D)
 * @property {Float32Array} query_scale (A, n)
 * @property {Float32Array} key_scale (A, keys)
 * @property {Float32Array | null} norms (A, n): logarithms of the rows' sums
 * @property {import("./places.js").Places} places
 * @property {number} n
 * @property {number} count of keys
 * @property {number} D
 */

export class Softmax {
  /**
   * @param {{ arrays: Record<string, any>, shapes: Record<string, number[]>, metadata: any }} view
   * @param {import("./places.js").Places[]} places of each site
   * @param {number} L
   */
  constructor({ arrays, shapes, metadata: { stacks } }, places, L) {
    this.L = L;
    this.A = shapes["queries.0"][1];
    /** Channels of a head, of the first place. */
    this.D = shapes["queries.0"][3];
    /** @type {Site[]} */
    this.sites = stacks.map(([stack, step], i) => {
      const [, A, n, D] = shapes[`queries.${stack}`];
      const one = places[i];
      const of = (name, size) => arrays[`${name}.${stack}`]?.subarray(step * size, (step + 1) * size);
      return {
        queries: of("queries", A * n * D),
        keys: of("keys", A * one.count * D),
        query_scale: arrays[`query_scale.${stack}`],
        key_scale: arrays[`key_scale.${stack}`],
        norms: of("norms", A * n) ?? null,
        places: one,
        n,
        count: one.count,
        D,
      };
    });
  }

  /**
   * Where a token looks, in each head -> (A, L), rows adding up to 1; null where it asks nothing here.
   * @param {number} place
   * @param {number} index
   */
  to(place, index) {
    const { A, L } = this;
    const site = this.sites[place];
    const query = site.places.asked(index);
    if (query < 0) return null;
    const out = new Float32Array(A * L);
    const scores = new Float32Array(site.count);
    for (let head = 0; head < A; head++) {
      this._row(site, head, query, scores);
      const norm = logSumExp(scores);
      let key = 0;
      for (const [first, end] of site.places.spans)
        for (let i = head * L + first; i < head * L + end; i++) out[i] = Math.exp(scores[key++] - norm);
    }
    return out;
  }

  /**
   * How much each token looks at another, in each head -> (A, L); null where it is not read here.
   * @param {number} place
   * @param {number} index
   */
  from(place, index) {
    const { A, L } = this;
    const site = this.sites[place];
    const key = site.places.key(index);
    if (key < 0) return null;
    const norms = this.norms(place);
    const { senders, asks } = site.places;
    const out = new Float32Array(A * L);
    const shares = new Float32Array(site.n);
    const one = new Float32Array(site.D);
    for (let head = 0; head < A; head++) {
      this._vector(site.keys, site.key_scale, head * site.count + key, site.D, one);
      dot(one, site.queries, site.query_scale, head * site.n, site.n, site.D, shares);
      for (let query = 0; query < site.n; query++) {
        const seen = site.places.seen(asks[query]);
        const reads = !seen || seen(index);
        shares[query] = reads ? Math.exp(shares[query] - norms[head * site.n + query]) : 0;
      }
      for (let i = 0; i < L; i++) if (senders[i] >= 0) out[head * L + i] = shares[senders[i]];
    }
    return out;
  }

  /**
   * The logarithm of every row's sum: with it a column needs no rows. Sent, or made once a place.
   * @param {number} place
   */
  norms(place) {
    const site = this.sites[place];
    if (site.norms) return site.norms;
    const { A } = this;
    const scores = new Float32Array(site.count);
    site.norms = new Float32Array(A * site.n);
    for (let head = 0; head < A; head++) {
      for (let query = 0; query < site.n; query++) {
        this._row(site, head, query, scores);
        site.norms[head * site.n + query] = logSumExp(scores);
      }
    }
    return site.norms;
  }

  /**
   * Scores of one query with all keys of a head; -Infinity for those that it does not read.
   * @param {Site} site @param {number} head @param {number} query among those sent @param {Float32Array} scores
   */
  _row(site, head, query, scores) {
    const one = new Float32Array(site.D);
    this._vector(site.queries, site.query_scale, head * site.n + query, site.D, one);
    dot(one, site.keys, site.key_scale, head * site.count, site.count, site.D, scores);
    const seen = site.places.seen(site.places.asks[query]);
    if (!seen) return;
    let key = 0;
    for (const [first, end] of site.places.spans)
      for (let i = first; i < end; i++, key++) if (!seen(i)) scores[key] = -Infinity;
  }

  /** One vector as floats, divided by sqrt(D). */
  _vector(numbers, scales, index, D, out) {
    const by = scales[index] * D ** -0.5;
    for (let d = 0, i = index * D; d < D; d++, i++) out[d] = numbers[i] * by;
  }
}

/**
 * One vector with so many vectors of a head, into `out`.
 * @param {Float32Array} one (D) @param {Int8Array | Int16Array} all @param {Float32Array} scales
 * @param {number} start the first of them @param {number} count @param {number} D @param {Float32Array} out
 */
function dot(one, all, scales, start, count, D, out) {
  for (let i = 0, b = start * D; i < count; i++, b += D) {
    let w = 0;
    let x = 0;
    let y = 0;
    let z = 0;
    let d = 0; // four sums, for one waits for itself: a third faster
    for (; d < D - 3; d += 4) {
      w += one[d] * all[b + d];
      x += one[d + 1] * all[b + d + 1];
      y += one[d + 2] * all[b + d + 2];
      z += one[d + 3] * all[b + d + 3];
    }
    for (; d < D; d++) w += one[d] * all[b + d];
    out[i] = (w + x + y + z) * scales[start + i];
  }
}

/** @param {Float32Array} scores */
function logSumExp(scores) {
  let most = -Infinity;
  let total = 0;
  for (const score of scores) if (score > most) most = score;
  for (const score of scores) total += Math.exp(score - most);
  return most + Math.log(total);
}
