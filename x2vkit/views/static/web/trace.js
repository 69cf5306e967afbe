// @ts-check
/**
 * A clip that was made in the page as an .x2v file, which x2vkit opens as a Trace: safetensors with a JSON header
 * (trace/file.py).
 */

const [FORMAT, SCHEMA] = ["x2vkit.trace", "5"];
const MIME = "application/octet-stream";

/** @param {import("./model.js").Made} made @param {any} model @returns {{ name: string, blob: Blob }} */
export function traceFile(made, { manifest, preview }) {
  const { asked, size, reading, plan, t } = made;
  const latent = [manifest.channels, ...size.grid];
  const { frames: F, height: H, width: W } = size;
  const words = reading.words.length;
  /** @type {Record<string, { dtype: string, shape: number[], data: any }>} */
  const arrays = {
    t: { dtype: "F32", shape: [t.length], data: Float32Array.from(t) },
    latents: halves(made.latents, [t.length, ...latent]),
    pred_x0: halves(made.pred_x0, [asked.steps, ...latent]),
    frames: { dtype: "U8", shape: [F, H, W, 3], data: made.frames },
    preview_weight: halves([preview.weight], [preview.bias.length, manifest.channels]),
    preview_bias: halves([preview.bias], [preview.bias.length]),
  };
  if (made.pred_x0_cond) arrays.pred_x0_cond = halves(made.pred_x0_cond, [asked.steps, ...latent]);
  for (const [name, rows] of [
    ["queries", made.queries],
    ["keys", made.keys],
  ])
    for (const [site, x] of /** @type {Map<string, Float32Array>} */ (rows)) {
      const tokens = words + patches(manifest.geometry.patch, size.grid);
      arrays[`${name}.${site}`] = halves([x], [manifest.heads, tokens, x.length / manifest.heads / tokens]);
    }
  const shapes = { boxes: [F, 2, 4], mouth: [F], camera: [F, 3], turn: [F] };
  for (const [name, shape] of Object.entries(plan ? shapes : {}))
    arrays[`plan.${name}`] = { dtype: "F32", shape, data: /** @type {any} */ (plan)[name] };
  const name = asked.prompt.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60) || "clip";
  return { name: `${name}.x2v`, blob: safetensors(arrays, header(made, manifest)) };
}

/** What the file says of the run. @param {import("./model.js").Made} made @param {any} manifest */
function header({ asked, size, reading, seconds }, manifest) {
  const { frames, height, width } = size;
  const { prompt, seed, steps, guidance } = asked;
  const request = {
    ...{
      prompt,
      negative_prompt: "",
      seed,
      steps,
      guidance,
      control_guidance: 1,
      num_frames: frames,
      height,
    },
    ...{
      width,
      fps: manifest.fps,
      scheduler: "euler",
      model: manifest.model,
      plan: manifest.planner !== null,
    },
    shared_attention: false,
  };
  const token_kinds = [
    ["text", reading.words.length],
    ["video", patches(manifest.geometry.patch, size.grid)],
  ];
  const { first, denoise, total } = seconds;
  const trace = {
    ...{ request, words: reading.words, unknown: reading.unknown, fps: manifest.fps },
    heads: Array.from({ length: manifest.heads }, (_, i) => i),
    geometry: { ...manifest.geometry, token_kinds },
    timings: { first_step: first, denoise, decode: total - denoise, total },
    ...{
      flops: 0,
      weights: manifest.weights,
      versions: { x2vkit: manifest.x2vkit, engine: manifest.engine },
    },
  };
  return { format: FORMAT, schema: SCHEMA, trace: JSON.stringify(trace) };
}

/** @param {number[]} patch @param {number[]} grid */
function patches(patch, grid) {
  return grid.reduce((product, size, axis) => product * (size / patch[axis]), 1);
}

/** @param {Record<string, { dtype: string, shape: number[], data: any }>} arrays @param {any} metadata */
function safetensors(arrays, metadata) {
  /** @type {Record<string, any>} */
  const table = { __metadata__: metadata };
  let at = 0;
  // Larger numbers first, as the format's own writer has it, so that each lies at a multiple of its size.
  const order = Object.entries(arrays).sort(
    ([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT,
  );
  for (const [name, { dtype, shape, data }] of order) {
    table[name] = { dtype, shape, data_offsets: [at, at + data.byteLength] };
    at += data.byteLength;
  }
  let text = new TextEncoder().encode(JSON.stringify(table));
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(32);
  padded.set(text);
  const length = new DataView(new ArrayBuffer(8));
  length.setBigUint64(0, BigInt(padded.length), true);
  return new Blob([length, padded, ...order.map(([, { data }]) => data)], { type: MIME });
}

/** Several arrays one after the other, as float16. @param {Float32Array[]} parts @param {number[]} shape */
function halves(parts, shape) {
  const data = new Uint16Array(shape.reduce((a, b) => a * b, 1));
  let to = 0;
  for (const part of parts) for (const value of part) data[to++] = half(value);
  return { dtype: "F16", shape, data };
}

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** The bits of the nearest half float. @param {number} value */
function half(value) {
  single[0] = value;
  const sign = (bits[0] >>> 16) & 0x8000;
  const size = Math.abs(single[0]);
  if (size >= 65520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | even(size * 2 ** 24);
  const exponent = Math.floor(Math.log2(size));
  const fraction = even((size / 2 ** exponent - 1) * 1024);
  return sign | ((((exponent + 15) << 10) + fraction) & 0x7fff); // a full fraction carries into the exponent
}

/** The nearest whole number, of two the even one. @param {number} x */
function even(x) {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2) ? below + 1 : below;
}
