// @ts-check
/** Which tokens a layer asks and reads, and which of them answer for others: as views/attention/packing.py. */

/**
 * @typedef {object} Reads what base of a place's layer is known
 * @property {string[]} queries kinds of tokens that ask
 * @property {string[]} keys kinds that are asked
 * @property {string} within "frame" or "place" where a patch looks no further than that
 * @property {number} far of how many rows and columns of patches one answers for a column
 * @property {string} name the module
 */

/** The sequence as one place of the model reads it. */
export class Places {
  /**
   * @param {import("./sequence.js").Sequence} sequence
   * @param {Reads} reads
   * @param {Int32Array} asks places in the sequence of the queries that were sent
   * @param {number} stride of how many rows and columns of patches one was sent
   */
  constructor(sequence, { queries, keys, within, far, name }, asks, stride) {
    this.sequence = sequence;
    this.within = within;
    this.name = name;
    this.stride = stride;
    this.queries = queries;
    this.keys = keys;
    /** Stretches of the sequence that are read: first, one past the last. @type {[number, number][]} */
    this.spans = keys.map((kind) => sequence.geometry.span(kind));
    /** How many tokens are read. */
    this.count = this.spans.reduce((sum, [first, end]) => sum + end - first, 0);
    this.asks = asks;
    /** Where each token's query lies among those sent, or -1. */
    this.at = new Int32Array(sequence.L).fill(-1);
    asks.forEach((place, i) => (this.at[place] = i));
    /** For a column: the query that answers for each token, or -1. */
    this.senders = new Int32Array(sequence.L).fill(-1);
    for (const kind of queries) {
      const [first, end] = sequence.geometry.span(kind);
      for (let i = first; i < end; i++)
        this.senders[i] = this.at[this.standing(this.standing(i, far), stride)];
    }
  }

  /** The place that answers for one: of patches the middle of a block of stride x stride. */
  standing(place, stride) {
    const { video, N, rows, columns } = this.sequence;
    const token = place - video;
    if (stride === 1 || token < 0 || token >= N) return place;
    const near = (x, n) => Math.min(Math.floor(x / stride) * stride + Math.floor(stride / 2), n - 1);
    const time = Math.floor(token / (rows * columns));
    const row = near(Math.floor(token / columns) % rows, rows);
    return video + (time * rows + row) * columns + near(token % columns, columns);
  }

  /** Where the query that answers for a token lies among those sent, or -1. @param {number} index */
  asked(index) {
    return this.at[this.standing(index, this.stride)];
  }

  /** Whether a token is read. @param {number} index */
  read(index) {
    return this.spans.some(([first, end]) => index >= first && index < end);
  }

  /** Where a token's key lies among those sent, or -1. @param {number} index */
  key(index) {
    let before = 0;
    for (const [first, end] of this.spans) {
      if (index >= first && index < end) return before + index - first;
      before += end - first;
    }
    return -1;
  }

  /**
   * Whether a token that asks reads another one at all; null where every one reads all of them.
   * @param {number} asking place in the sequence
   * @returns {((index: number) => boolean) | null}
   */
  seen(asking) {
    const { video, N, each } = this.sequence;
    const token = asking - video;
    if (!this.within || token < 0 || token >= N) return null;
    const group = this.within === "frame" ? (i) => Math.floor(i / each) : (i) => i % each;
    const own = group(token);
    return (index) => index < video || index >= video + N || group(index - video) === own;
  }
}
