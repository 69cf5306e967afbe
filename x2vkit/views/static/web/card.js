// @ts-check
/** The graphics card as an engine: only where there is one that agrees with WebAssembly and is quicker. */

/** How far apart velocities may be; they are about 1. */
const TOLERANCE = 0.01;
/** How many times as quick a pass must be: WebAssembly does two at once. */
const QUICKER = 2;

/** Whether to load the engine that can compute on it. @param {Record<string, number>} files of the page */
export async function hasCard(files) {
  if (!("gpu.wasm" in files) || !("Suspending" in WebAssembly)) return false;
  const { gpu } = /** @type {any} */ (navigator);
  const adapter = await gpu?.requestAdapter().catch(() => null);
  return Boolean(adapter && !adapter.info?.isFallbackAdapter); // that one is the processor again
}

/**
 * Whether one pass on the card equals the same one in WebAssembly, and is worth it.
 * @param {() => Promise<Float32Array>} known @param {() => Promise<Float32Array>} tried
 */
export async function provesItself(known, tried) {
  try {
    await tried(); // it makes its shaders
    const [wanted, usual] = await timed(known);
    const [found, took] = await timed(tried);
    const same = found.every((value, i) => Math.abs(value - wanted[i]) <= TOLERANCE);
    return same && found.length === wanted.length && QUICKER * took <= usual;
  } catch {
    return false;
  }
}

/** @param {() => Promise<Float32Array>} act @returns {Promise<[Float32Array, number]>} and milliseconds */
async function timed(act) {
  const began = performance.now();
  return [await act(), performance.now() - began];
}
