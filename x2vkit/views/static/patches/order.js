// @ts-check
/** Shuffling and dropping tokens: the same lines stand in views/patches/order.py. */

/**
 * 0..count-1 in an order that Python and the browser agree on: Fisher and Yates' shuffle with Marsaglia's
 * xorshift of 32 bits.
 * @param {number} count
 * @param {number} seed
 */
function permutation(count, seed) {
  let state = (Math.imul(seed, 2654435761) + 1013904223) >>> 0 || 1;
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    state = (state ^ (state << 13)) >>> 0;
    state = (state ^ (state >>> 17)) >>> 0;
    state = (state ^ (state << 5)) >>> 0;
    const j = state % (i + 1);
    const there = order[i];
    order[i] = order[j];
    order[j] = there;
  }
  return order;
}

/**
 * Which token stands in each slot, where each token went, and which are left.
 * @returns {import("./tokens.js").Arranged}
 * @param {number[]} grid
 * @param {string} kind
 * @param {number} seed
 * @param {number} drop
 * @param {number} dropSeed
 */
export function arrange(grid, kind, seed, drop, dropSeed) {
  const place = grid[1] * grid[2];
  const count = grid[0] * place;
  let order = Uint32Array.from({ length: count }, (_, i) => i);
  if (kind === "times") {
    const times = permutation(grid[0], seed);
    order = order.map((slot) => times[Math.floor(slot / place)] * place + (slot % place));
  } else if (kind === "places") {
    const places = permutation(place, seed);
    order = order.map((slot) => Math.floor(slot / place) * place + places[slot % place]);
  } else if (kind === "all") order = permutation(count, seed);
  const slots = new Uint32Array(count);
  order.forEach((token, slot) => (slots[token] = slot));
  const gone = Math.floor((count * drop) / 100);
  const kept = new Uint8Array(count).fill(1);
  for (const token of permutation(count, dropSeed).slice(0, gone)) kept[token] = 0;
  return { order, slots, kept, left: count - gone };
}

/** What shuffling shows, in words. @param {string} order @param {number} count */
export function orderWords(order, count) {
  const tokens = count.toLocaleString("en");
  return (
    {
      none: "Shuffle, and see how much of the clip lies in the order of its patches.",
      all:
        `The same ${tokens} tokens in another order. To attention they are the same set: ` +
        "only the position that each token carries tells the model where and when it belongs.",
      places: "Every moment is cut and laid out anew in the same way: motion goes on, but in pieces.",
      times: "Each picture is whole, but the moments are out of order: what moved now jumps.",
    }[order] ?? ""
  );
}
