// @ts-check
/**
 * A clip that was made in the page, as the content of the view of patches: what views/patches makes of a Trace. F, H,
 * W frames and pixels; C, f, h, w latents; N patches of P numbers.
 */
import { Geometry } from "../lib/geometry.js";
import { common, content } from "./inside.js";
import { sheet } from "./pack.js";
import { pcaColors } from "./pca.js";

/** @typedef {import("./model.js").Made} Made */

const ORDER = { order: "none", shuffle: 0, drop: 0, cut: false, explode: 0 };

/** @param {Made} made @param {any} model @returns {Promise<import("./inside.js").Content>} */
export async function patches(made, { manifest, preview }) {
  const { asked, size, reading } = made;
  const { lengths, sides, costs } = manifest.patches[asked.shape];
  const about = common(made, manifest);
  const { patch } = manifest.geometry;
  const latents = made.latents[made.latents.length - 1];
  const shape = [manifest.channels, ...size.grid];
  const shown = weighted(latents, preview, manifest.channels);
  const cells = cellColors(made, new Geometry(manifest.geometry));
  const layers = Array.from({ length: manifest.layers }, (_, i) => i);
  const last = asked.steps - 1;
  const held = ["queries", "keys"].flatMap((kind) => layers.map((layer) => [kind, layer]));
  /** @type {Record<string, any>} */
  const arrays = {
    frames: await sheet(made.frames, size),
    latents: { shape, data: latents },
    glance: { shape: [...size.grid, 3], data: glance(latents, preview, manifest.channels) },
  };
  for (const [i, length] of lengths.entries())
    for (const [j, side] of sides.entries()) {
      const tried = [length, ...side];
      const grid = costs[i][j].grid;
      const N = costs[i][j].tokens;
      const of = { patch: pcaColors(patchVectors(shown, shape, tried), N), place: places(grid) };
      const colors = { ...of, mean: meanColors(cells, size, tried, grid, new Geometry(manifest.geometry)) };
      for (const [kind, data] of Object.entries(colors))
        arrays[`${kind}.${i}.${j}`] = { shape: [N, 3], data };
    }
  for (const [kind, layer] of held) {
    const tokens = manifest.heads * reading.words.length;
    const vectors = byToken(
      made[kind].get(`${last}.${layer}`),
      manifest.heads,
      tokens / manifest.heads,
      about,
    );
    const N = about.geometry.token_kinds[1][1];
    arrays[`${kind}.${last}.${layer}`] = { shape: [N, 3], data: pcaColors(vectors, N) };
  }
  const own = [lengths.indexOf(patch[0]), sides.findIndex(([h, w]) => h === patch[1] && w === patch[2])];
  const grid = size.grid.map((n, axis) => n / patch[axis]);
  const [time, row, column] = grid.map((n) => Math.floor(n / 2));
  const metadata = {
    ...about,
    words: reading.words,
    shape: [size.frames, size.height, size.width],
    latent: shape,
    ...{ lengths, sides, own, shrink: 1, others: reading.words.length },
    costs: costs.map((each) => each.map((cost) => costAt(cost, reading.words.length))),
    sources: [
      ["patch", "their latent numbers (PCA)"],
      ["mean", "their mean colour"],
      ["place", "time, row, column"],
      ...held.map(([kind, layer]) => [
        `${kind}.${last}.${layer}`,
        `${kind}, layer ${layer}, step ${last + 1} (PCA)`,
      ]),
    ],
    ...{ model: manifest.patches.model, number_bytes: manifest.patches.number_bytes },
    drop_seed: manifest.patches.drop_seed,
  };
  const selection = {
    ...{ frame: 0, token: (time * grid[1] + row) * grid[2] + column, pixel: null },
    row: Math.round(0.6 * size.height),
    ...{ length: own[0], side: own[1], channel: -1, colors: "patch" },
    ...ORDER,
  };
  const limits = {
    ...{ frame: size.frames - 1, row: size.height - 1, length: lengths.length - 1, side: sides.length - 1 },
    ...{ token: grid[0] * grid[1] * grid[2] - 1, drop: manifest.patches.most_dropped, explode: 100 },
  };
  return content("Pixels, latents, patches", metadata, arrays, selection, limits);
}

/** A size's cost at so many words: attention and the whole pass grow with their square. */
function costAt({ attention, forward, ...rest }, words) {
  const at = ([none, one, two]) => {
    const bend = two - 2 * one + none;
    return none + words * (one - none) + (words * (words - 1) * bend) / 2;
  };
  return { ...rest, attention: at(attention), forward: at(forward) };
}

/** Latents, each channel times how far it moves the pixels by the linear decoder. */
function weighted(latents, { weight, bias }, C) {
  const moves = new Float64Array(C);
  for (let p = 0; p < bias.length; p++) for (let c = 0; c < C; c++) moves[c] += weight[p * C + c] ** 2;
  const cells = latents.length / C;
  return latents.map((value, i) => value * Math.sqrt(moves[Math.floor(i / cells)]));
}

/** Latents (C, f, h, w) -> (N, P), filled up with zeros. */
function patchVectors(latents, shape, patch) {
  const [C, ...latent] = shape;
  const [, h, w] = latent;
  const [n_t, n_h, n_w] = latent.map((size, axis) => Math.ceil(size / patch[axis]));
  const P = C * patch[0] * patch[1] * patch[2];
  const out = new Float32Array(n_t * n_h * n_w * P);
  latents.forEach((value, i) => {
    const [c, t] = [Math.floor(i / (w * h * latent[0])), Math.floor(i / (w * h)) % latent[0]];
    const [y, x] = [Math.floor(i / w) % h, i % w];
    const token =
      (Math.floor(t / patch[0]) * n_h + Math.floor(y / patch[1])) * n_w + Math.floor(x / patch[2]);
    const within = ((c * patch[0] + (t % patch[0])) * patch[1] + (y % patch[1])) * patch[2] + (x % patch[2]);
    out[token * P + within] = value;
  });
  return out;
}

/** Queries or keys (A, L, D) -> the patches' alone, (N, A * D). */
function byToken(vectors, heads, words, { geometry }) {
  const N = geometry.token_kinds[1][1];
  const D = vectors.length / heads / (words + N);
  const out = new Float32Array(N * heads * D);
  for (let head = 0; head < heads; head++)
    for (let n = 0; n < N; n++) {
      const from = (head * (words + N) + words + n) * D;
      out.set(vectors.subarray(from, from + D), (n * heads + head) * D);
    }
  return out;
}

/** Time, row and column as colours -> (N, 3). @param {number[]} grid */
function places(grid) {
  const out = new Uint8Array(3 * grid[0] * grid[1] * grid[2]);
  const shade = (i, n) => Math.round(40 + 200 * (n > 1 ? i / (n - 1) : 0.5));
  let at = 0;
  for (let t = 0; t < grid[0]; t++)
    for (let y = 0; y < grid[1]; y++)
      for (let x = 0; x < grid[2]; x++)
        for (const [i, n] of [t, y, x].entries()) out[at++] = shade(n, grid[i]);
  return out;
}

/** The sum of the pixels of each latent position, frame by frame -> (f, h, w, 3). @param {Made} made */
function cellColors({ frames, size }, geometry) {
  const [f, h, w] = size.grid;
  const side = geometry.spatialStride;
  const out = new Float64Array(f * h * w * 3);
  let from = 0;
  for (let frame = 0; frame < size.frames; frame++)
    for (let y = 0; y < size.height; y++)
      for (let x = 0; x < size.width; x++) {
        const cell = (geometry.latentFrameOf(frame) * h + Math.floor(y / side)) * w + Math.floor(x / side);
        for (let i = 0; i < 3; i++) out[3 * cell + i] += frames[from++];
      }
  return out;
}

/** The mean colour of each patch -> (N, 3); a patch at an edge has fewer pixels. cells: `cellColors`. */
function meanColors(cells, size, patch, grid, geometry) {
  const [f, h, w] = size.grid;
  const N = grid[0] * grid[1] * grid[2];
  const [sums, counts] = [new Float64Array(3 * N), new Float64Array(N)];
  const held = new Array(f).fill(0);
  for (let frame = 0; frame < size.frames; frame++) held[geometry.latentFrameOf(frame)]++;
  for (let cell = 0; cell < f * h * w; cell++) {
    const [t, y, x] = [Math.floor(cell / (h * w)), Math.floor(cell / w) % h, cell % w];
    const token =
      (Math.floor(t / patch[0]) * grid[1] + Math.floor(y / patch[1])) * grid[2] + Math.floor(x / patch[2]);
    counts[token] += held[t] * geometry.spatialStride ** 2;
    for (let i = 0; i < 3; i++) sums[3 * token + i] += cells[3 * cell + i];
  }
  return Uint8Array.from(sums, (sum, i) => Math.round(sum / counts[Math.floor(i / 3)]));
}

/** The mean colour of each latent position by the linear decoder -> (f, h, w, 3). */
function glance(latents, { weight, bias }, C) {
  const cells = latents.length / C;
  const pixels = bias.length / 3;
  const [mean, base] = [new Float64Array(3 * C), new Float64Array(3)];
  bias.forEach((value, p) => {
    base[p % 3] += value / pixels;
    for (let c = 0; c < C; c++) mean[(p % 3) * C + c] += weight[p * C + c] / pixels;
  });
  const out = new Uint8Array(3 * cells);
  for (let cell = 0; cell < cells; cell++)
    for (let k = 0; k < 3; k++) {
      let value = base[k];
      for (let c = 0; c < C; c++) value += mean[k * C + c] * latents[c * cells + cell];
      out[3 * cell + k] = Math.round((Math.min(Math.max(value, -1), 1) + 1) * 127.5);
    }
  return out;
}
