// @ts-check
/** Numbers as they arrive from Python: views/buffer.py's `pack` undone. */

/**
 * Undo views/buffer.py's `pack`. float16, and whole numbers that come with scales, arrive as Float32Array.
 * @param {any[]} entries @param {DataView} buffer
 */
export async function unpack(entries, buffer) {
  /** @type {Record<string, any>} */
  const arrays = {};
  /** @type {Record<string, number[]>} */
  const shapes = {};
  if (!buffer) return { arrays, shapes };
  // A widget's buffer can begin anywhere in a message; typed arrays cannot. A copy begins at 0.
  const bytes = buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength);
  for (const { name, dtype, shape, offset, bytes: size, scale, deflated } of entries) {
    const count = shape.reduce((a, b) => a * b, 1);
    shapes[name] = shape;
    if (deflated) {
      const steps = await inflate(new Uint8Array(/** @type {ArrayBuffer} */ (bytes), offset, size));
      const numbers = sums(new /** @type {any} */ (KINDS)[dtype](steps), shape[0]);
      arrays[name] = scale ? full(numbers, new Float32Array(bytes, ...scale), shape[0]) : numbers;
    } else if (dtype === "image") arrays[name] = new Uint8Array(bytes, offset, size);
    else if (scale)
      arrays[name] = full(new Int8Array(bytes, offset, count), new Float32Array(bytes, ...scale));
    else if (dtype === "float16") arrays[name] = halves(new Uint16Array(bytes, offset, count));
    else arrays[name] = new /** @type {any} */ (KINDS)[dtype](bytes, offset, count);
  }
  return { arrays, shapes };
}

const KINDS = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
};

/** @param {Uint8Array<ArrayBuffer>} bytes of zlib */
async function inflate(bytes) {
  if (typeof DecompressionStream === "undefined")
    throw new Error("this browser cannot inflate data (DecompressionStream): use a newer one");
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/**
 * What differences from step to step add up to, in place; they wrap around as the array's numbers do.
 * @param {Int8Array | Int16Array} numbers @param {number} steps
 */
function sums(numbers, steps) {
  const each = numbers.length / Math.max(1, steps);
  for (let i = each; i < numbers.length; i++) numbers[i] += numbers[i - each];
  return numbers;
}

/**
 * Whole numbers times their scales, each for an equal part of them, and the same for each step.
 * @param {Int8Array | Int16Array} small
 * @param {Float32Array} scales
 * @param {number} steps
 */
function full(small, scales, steps = 1) {
  const inner = small.length / Math.max(1, scales.length * steps);
  const out = new Float32Array(small.length);
  for (let row = 0, i = 0; row < scales.length * steps; row++) {
    const by = scales[row % scales.length];
    for (const end = i + inner; i < end; i++) out[i] = small[i] * by;
  }
  return out;
}

/** IEEE half floats -> Float32Array. @param {Uint16Array} bits */
export function halves(bits) {
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const b = bits[i];
    const exponent = (b >> 10) & 31;
    const fraction = b & 1023;
    const size =
      exponent === 0
        ? fraction * 2 ** -24
        : exponent === 31
          ? fraction
            ? NaN
            : Infinity
          : (1 + fraction / 1024) * 2 ** (exponent - 15);
    out[i] = b & 0x8000 ? -size : size;
  }
  return out;
}
