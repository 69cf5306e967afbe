// @ts-check
/**
 * A clip that was made in the page, as the content of the views that look inside: what views/denoise.py and
 * views/attention make of a Trace. S steps; C, f, h, w latents; A heads, L tokens, D channels.
 *
 * @typedef {import("./model.js").Made} Made
 * @typedef {{ metadata: any, selection: any, buffer: DataView }} Content
 */
import { pack, sheet } from "./pack.js";

const DECODER = "linear decoder";
/** Largest whole number of 16 bits, for queries and keys. */
const MOST = 32767;
const DECADES = 3;

/** What any view of a clip is told. @param {Made} made @param {any} manifest */
export function common({ asked, reading, size }, manifest) {
  const [, ph, pw] = manifest.geometry.patch;
  const [f, h, w] = size.grid;
  const patches = (f / manifest.geometry.patch[0]) * (h / ph) * (w / pw);
  const token_kinds = [
    ["text", reading.words.length],
    ["video", patches],
  ];
  return {
    prompt: asked.prompt,
    unknown: reading.unknown,
    fps: manifest.fps,
    geometry: { ...manifest.geometry, token_kinds },
    unseen: [],
    left_out: [],
    presets: [],
  };
}

/** @param {string} label @param {any} metadata @param {any} arrays @param {any} selection @param {any} limits */
export function content(label, metadata, arrays, selection, limits) {
  const { entries, buffer } = pack(arrays);
  return { metadata: { ...metadata, label, limits, arrays: entries }, selection, buffer };
}

/** Latents of several steps side by side. @param {Float32Array[]} each @param {number[]} shape of one */
function stacked(each, shape) {
  const size = each[0].length;
  const data = new Float32Array(each.length * size);
  each.forEach((one, i) => data.set(one, i * size));
  return { shape: [each.length, ...shape], data };
}

/** @param {Made} made @param {any} model @returns {Promise<Content>} */
export async function denoise(made, { manifest, preview }) {
  const { asked, size, t } = made;
  const shape = [manifest.channels, ...size.grid];
  const positions = preview.bias.length;
  const change = changes(made.pred_x0, preview, manifest.channels);
  const line = [`${asked.steps} steps`, `guidance ${asked.guidance}`, `seed ${asked.seed}`, "euler"];
  const arrays = {
    weight: { shape: [positions, manifest.channels], data: preview.weight },
    bias: { shape: [positions], data: preview.bias },
    latents: stacked(made.latents, shape),
    pred_x0: stacked(made.pred_x0, shape),
    ...(made.pred_x0_cond ? { pred_x0_cond: stacked(made.pred_x0_cond, shape) } : {}),
    t: { shape: [t.length], data: Float32Array.from(t) },
    change: { shape: [change.length], data: change },
    frames: await sheet(made.frames, size),
    ...(made.plan ? { plan: { shape: [size.frames, 2, 4], data: made.plan.boxes } } : {}),
  };
  const metadata = {
    ...common(made, manifest),
    kept: made.pred_x0.map((_, i) => i),
    decoder: DECODER,
    guidance: asked.guidance,
    run: `${line.join("  ·  ")}  ·  ${size.frames} frames of ${size.width} × ${size.height}, made in this page`,
  };
  const limits = { step: asked.steps - 1, frame: size.frames - 1 };
  return content("Denoising, step by step", metadata, arrays, { step: 0, frame: 0, beside: "final" }, limits);
}

/**
 * How far each step moved the predicted clip: root mean square over its pixels, of 255 levels.
 * @param {Float32Array[]} pred_x0 @param {{ weight: Float32Array }} preview @param {number} C
 */
function changes(pred_x0, { weight }, C) {
  const positions = weight.length / C;
  const gram = new Float64Array(C * C);
  for (let p = 0; p < positions; p++)
    for (let i = 0; i < C; i++)
      for (let j = 0; j < C; j++) gram[i * C + j] += weight[p * C + i] * weight[p * C + j];
  return Float32Array.from(pred_x0, (now, step) => {
    if (!step) return 0;
    const move = now.map((value, i) => value - pred_x0[step - 1][i]);
    const cells = move.length / C;
    let energy = 0;
    for (let i = 0; i < C; i++)
      for (let j = 0; j < C; j++) {
        let sum = 0;
        for (let cell = 0; cell < cells; cell++) sum += move[i * cells + cell] * move[j * cells + cell];
        energy += gram[i * C + j] * sum;
      }
    return 127.5 * Math.sqrt(energy / (cells * positions));
  });
}

/** @param {Made} made @param {any} model @returns {Promise<Content>} */
export async function attention(made, { manifest, preview }) {
  const { size, t, queries, keys, reading, asked } = made;
  const shape = [manifest.channels, ...size.grid];
  const sites = [...queries.keys()].map((name) => name.split(".").map(Number));
  const steps = [...new Set(sites.map(([step]) => step))];
  const layers = [...new Set(sites.map(([, layer]) => layer))];
  const about = common(made, manifest);
  const tokens = about.geometry.token_kinds.reduce((sum, [, count]) => sum + Number(count), 0);
  const [pt, ph, pw] = manifest.geometry.patch;
  const grid = [size.grid[0] / pt, size.grid[1] / ph, size.grid[2] / pw];
  const arrays = {
    t: { shape: [t.length], data: Float32Array.from(t) },
    frames: await sheet(made.frames, size),
    weight: { shape: [preview.bias.length, manifest.channels], data: preview.weight },
    bias: { shape: [preview.bias.length], data: preview.bias },
    pred_x0: stacked(
      steps.map((step) => made.pred_x0[step]),
      shape,
    ),
  };
  layers.forEach((layer, i) => {
    const of = (side) => steps.map((step) => side.get(`${step}.${layer}`));
    whole(arrays, i, "queries", "query_scale", of(queries), manifest.heads, tokens);
    whole(arrays, i, "keys", "key_scale", of(keys), manifest.heads, tokens);
    arrays[`asks.${i}`] = { shape: [tokens], data: Int32Array.from({ length: tokens }, (_, k) => k) };
  });
  const reads = layers.map((layer) => ({
    queries: ["text", "video"],
    keys: ["text", "video"],
    within: "",
    name: `layer ${layer}`,
    far: 1,
  }));
  const metadata = {
    ...about,
    words: reading.words,
    grid,
    sites,
    stacks: sites.map(([step, layer]) => [layers.indexOf(layer), steps.indexOf(step)]),
    reads,
    steps,
    stride: 1,
    under: steps,
    heads: Array.from({ length: manifest.heads }, (_, i) => i),
    maps: [],
    stages: [],
    sections: [],
    shrink: 1,
    decades: DECADES,
  };
  const middle =
    (Math.floor(grid[0] / 2) * grid[1] + Math.floor(grid[1] / 2)) * grid[2] + Math.floor(grid[2] / 2);
  const limits = {
    ...{ step: asked.steps - 1, layer: manifest.layers - 1, head: manifest.heads - 1 },
    ...{ token: grid[0] * grid[1] * grid[2] - 1, word: reading.words.length - 1, frame: size.frames - 1 },
  };
  const selection = {
    ...{
      step: steps[Math.floor(steps.length / 2)],
      layer: Math.floor((manifest.layers - 1) / 2),
      head: null,
    },
    ...{
      token: middle,
      word: null,
      frame: Math.floor(size.frames / 2),
      direction: "to",
      under: "final",
      log: false,
    },
  };
  return content("Attention: who looks where", metadata, arrays, selection, limits);
}

/** Vectors (A, L, D) of several steps as whole numbers, and a scale for each vector, the same for all steps. */
function whole(arrays, i, name, scaleName, /** @type {Float32Array[]} */ steps, heads, tokens) {
  const size = steps[0].length;
  const D = size / heads / tokens;
  const numbers = new Int16Array(steps.length * size);
  const scales = new Float32Array(heads * tokens);
  for (let row = 0; row < scales.length; row++) {
    let most = 1e-12;
    for (const values of steps)
      for (let k = row * D; k < (row + 1) * D; k++) most = Math.max(most, Math.abs(values[k]));
    scales[row] = most / MOST;
    steps.forEach((values, step) => {
      for (let k = row * D; k < (row + 1) * D; k++)
        numbers[step * size + k] = Math.round(values[k] / scales[row]);
    });
  }
  arrays[`${name}.${i}`] = { shape: [steps.length, heads, tokens, D], data: numbers };
  arrays[`${scaleName}.${i}`] = { shape: [heads, tokens], data: scales };
}
