// @ts-check
/** Answers worked out once. */

/**
 * A function that works out each answer once, and forgets old ones.
 * @template {(...args: any[]) => any} T
 * @param {T} make
 * @returns {T}
 */
export function remember(make) {
  const known = new Map();
  return /** @type {T} */ (
    (...args) => {
      const key = args.join();
      if (!known.has(key)) {
        if (known.size > 200) known.clear();
        known.set(key, make(...args));
      }
      return known.get(key);
    }
  );
}
