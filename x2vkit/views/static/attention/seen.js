// @ts-check
/** What one selection shows: shares, and the figures read off them. Knows nothing about pictures. */

/**
 * @typedef {{ entropy: number, reach: number | null, words: number, most: number }} Figures entropy: bits;
 *   reach: mean distance in latent frames, null for a word; words: their part; most: largest on a patch
 * @typedef {object} Seen what one selection shows
 * @property {string} map the name of a map of words, or "" for attention
 * @property {boolean} to a row, or else a column
 * @property {boolean} empty whether the layer neither asks nor reads this token, so that nothing is to be seen
 * @property {number} step
 * @property {number} layer what was captured next to what was asked for
 * @property {number} place which of the places that were sent
 * @property {number} index the chosen token, of all L
 * @property {number} by the token whose row it is: the chosen one, or the nearest whose query was sent
 * @property {Float32Array} heads (A, L)
 * @property {Float32Array} mean (L)
 * @property {Float32Array} row (L): the chosen head's, or the mean
 * @property {number} words the part on the words: their sum, or their mean for a column
 * @property {number} patches the part on the clip's patches, likewise
 * @property {[string, number][]} others the part on tokens of other kinds, by their names
 * @property {number[]} frames the part on each row of tokens in time, likewise
 * @property {number} count how many tokens are read
 * @property {number} even what a frame's part would be if all tokens were alike
 * @property {Figures[]} figures of the mean, then of each head
 */

export class Look {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {import("./sequence.js").Sequence} sequence
   * @param {import("./softmax.js").Softmax} softmax
   * @param {import("./places.js").Places[]} places
   */
  constructor(view, sequence, softmax, places) {
    this.view = view;
    this.sequence = sequence;
    this.softmax = softmax;
    this.places = places;
    this.key = "";
    /** @type {Seen} */
    this.seen = this.at(view.selection);
  }

  /**
   * What a selection shows, worked out only where it asks something else: a clip that plays does not.
   * @param {import("../lib/view.js").Selection} selection
   * @returns {Seen}
   */
  at(selection) {
    const { step, layer, head, token, word, direction } = selection;
    const key = [step, layer, head, token, word, direction].join();
    if (key !== this.key) this.seen = this._look(selection);
    this.key = key;
    return this.seen;
  }

  /** @param {import("../lib/view.js").Selection} selection @returns {Seen} */
  _look({ step, layer, head, token, word, direction }) {
    const { sequence, view } = this;
    const { L, T, N, each, text, video, times } = sequence;
    const { sites } = view.metadata;
    const place = nearest(sites, step, layer);
    const index = word === null ? video + token : text + word;
    const map = direction.startsWith("map.") ? direction.slice(4) : "";
    const { heads, to, empty } = map
      ? { heads: this._map(map, step, word ?? 0), to: false, empty: false }
      : this._attention(place, index, direction === "to");
    const A = heads.length / L;
    const single = (a) => heads.subarray(a * L, (a + 1) * L);
    const mean = averageRows(heads, A, L);
    const row = head === null || map ? mean : single(head);
    const part = to ? sum : average;
    const ofTime = (time) => part(row, video + time * each, video + (time + 1) * each);
    const long = sequence.geometry.patch[0];
    const figures = [mean, ...[...Array(A).keys()].map(single)].map((shares) => {
      const patches = shares.subarray(video, video + N);
      return {
        entropy: entropy(shares),
        reach: word === null && !map ? reach(patches, each, Math.floor(token / each)) * long : null,
        words: part(shares, text, text + T),
        most: patches[largest(patches)],
      };
    });
    const [seenStep, seenLayer] = sites[place];
    const { count, within, keys } = this.places[place];
    const read = { "": count, frame: each, place: times }[within] ?? count;
    return {
      map,
      to,
      empty,
      step: map ? step : seenStep,
      layer: seenLayer,
      place,
      index: map ? text + (word ?? 0) : index,
      by: to ? this.places[place].standing(index, view.metadata.stride) : index,
      heads,
      mean,
      row,
      words: part(row, text, text + T),
      patches: part(row, video, video + N),
      others: sequence.others.map(({ name, span }) => [name, part(row, ...span)]),
      frames: [...Array(times).keys()].map(ofTime),
      count: read,
      even: to && keys.includes("video") ? each / read : 1 / read,
      figures,
    };
  }

  /** A row, or a column where that is asked for, or where the token asks nothing in this layer. */
  _attention(place, index, to) {
    const { softmax } = this;
    const row = to ? softmax.to(place, index) : null;
    if (row) return { heads: row, to: true, empty: false };
    const column = softmax.from(place, index);
    return { heads: column ?? new Float32Array(softmax.A * softmax.L), to: false, empty: !column };
  }

  /** A map of one word as the only head. */
  _map(name, step, word) {
    const { L, N, T, video } = this.sequence;
    const maps = this.view.arrays[`map.${name}`];
    const at = Math.min(step, maps.length / (N * T) - 1) * T + word;
    const out = new Float32Array(L);
    out.set(maps.subarray(at * N, (at + 1) * N), video);
    return out;
  }
}

/**
 * The captured place next to the one asked for: the step counts first (as views/attention/view.py).
 * @param {[number, number][]} sites @param {number} step @param {number} layer
 */
export function nearest(sites, step, layer) {
  const far = (i) => Math.abs(sites[i][0] - step) * 1e6 + Math.abs(sites[i][1] - layer);
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

/** The mean of rows (A, L). @param {Float32Array} rows @param {number} A @param {number} L */
function averageRows(rows, A, L) {
  const mean = new Float32Array(L);
  for (let a = 0, k = 0; a < A; a++) for (let i = 0; i < L; i++, k++) mean[i] += rows[k] / A;
  return mean;
}

/**
 * Bits, after making the values add up to 1: 0 (one token) to log2(L) (all alike).
 * @param {Float32Array} values
 */
function entropy(values) {
  const total = sum(values);
  let bits = 0;
  for (const value of values) if (value > 0) bits -= (value / total) * Math.log2(value / total);
  return bits;
}

/**
 * How many rows of tokens away in time the patches lie, by weight; null where none has any.
 * @param {Float32Array} patches
 * @param {number} each
 * @param {number} here
 */
function reach(patches, each, here) {
  let away = 0;
  let total = 0;
  for (let time = 0; time * each < patches.length; time++) {
    const part = sum(patches, time * each, (time + 1) * each);
    away += part * Math.abs(time - here);
    total += part;
  }
  return total ? away / total : 0;
}
