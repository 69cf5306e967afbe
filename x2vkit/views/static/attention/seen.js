// @ts-check
/** What one selection shows: shares, and the figures read off them. Knows nothing about pictures. */

/**
 * @typedef {{ entropy: number, reach: number | null, words: number, most: number }} Figures entropy: bits;
 *   reach: mean distance in latent frames, null for a word; words: their part; most: largest on a patch
 * @typedef {object} Seen what one selection shows
 * @property {boolean} to a row, or else a column
 * @property {number} step
 * @property {number} layer what was captured next to what was asked for
 * @property {number} stepIndex which of the captured steps
 * @property {number} index the chosen token, of all L
 * @property {Float32Array} heads (A, L)
 * @property {Float32Array} mean (L)
 * @property {Float32Array} row (L): the chosen head's, or the mean
 * @property {number} words the part on the words: their sum, or their mean for a column
 * @property {number} patches the part on the clip's patches, likewise
 * @property {[string, number][]} others the part on tokens of other kinds, by their names
 * @property {number[]} frames the part on each row of tokens in time, likewise
 * @property {number} even what a frame's part would be if all tokens were alike
 * @property {Figures[]} figures of the mean, then of each head
 */

/**
 * @param {import("./softmax.js").Softmax} softmax
 * @param {import("./sequence.js").Sequence} sequence
 * @param {any} metadata
 * @param {any} selection
 * @returns {Seen}
 */
export function look(softmax, sequence, { sites, steps }, { step, layer, head, token, word, direction }) {
  const { A, L } = softmax;
  const { T, N, each, text, video, times } = sequence;
  const place = nearest(sites, step, layer);
  const index = word === null ? video + token : text + word;
  const to = direction === "to";
  const heads = to ? softmax.to(place, index) : softmax.from(place, index);
  const single = (a) => heads.subarray(a * L, (a + 1) * L);
  const mean = new Float32Array(L);
  for (let i = 0; i < heads.length; i++) mean[i % L] += heads[i] / A;
  const row = head === null ? mean : single(head);
  const part = to ? sum : average;
  const ofTime = (time) => part(row, video + time * each, video + (time + 1) * each);
  const long = sequence.geometry.patch[0];
  const figures = [mean, ...[...Array(A).keys()].map(single)].map((shares) => {
    const patches = shares.subarray(video, video + N);
    return {
      entropy: entropy(shares),
      reach: word === null ? reach(patches, each, Math.floor(token / each)) * long : null,
      words: part(shares, text, text + T),
      most: patches[largest(patches)],
    };
  });
  const [seenStep, seenLayer] = sites[place];
  return {
    to,
    step: seenStep,
    layer: seenLayer,
    stepIndex: steps.indexOf(seenStep),
    index,
    heads,
    mean,
    row,
    words: part(row, text, text + T),
    patches: part(row, video, video + N),
    others: sequence.others.map(({ name, span }) => [name, part(row, ...span)]),
    frames: [...Array(times).keys()].map(ofTime),
    even: to ? each / L : 1 / L,
    figures,
  };
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
 * How many rows of tokens away in time the patches lie, by weight.
 * @param {Float32Array} patches
 * @param {number} each
 * @param {number} here
 */
function reach(patches, each, here) {
  let away = 0;
  for (let i = 0; i < patches.length; i++) away += patches[i] * Math.abs(Math.floor(i / each) - here);
  return away / sum(patches);
}
