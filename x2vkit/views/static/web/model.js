// @ts-check
/**
 * The model in the page: prompt -> plan -> noise levels -> clip, stage by stage as pipeline/x2v.py, on one or two
 * workers (each takes a guidance pass).
 *
 * @typedef {import("./plan.js").Plan} Plan
 * @typedef {import("./plan.js").Size} Size
 * @typedef {{ prompt: string, seed: number, steps: number, shape: string, guidance: number }} Asked
 * @typedef {{ words: (reading: import("./words.js").Reading) => void, plan: (plan: Plan | null) => void,
 *   step: (index: number, pred_x0: Float32Array) => void }} Listeners
 * @typedef {{ asked: Asked, reading: import("./words.js").Reading, size: Size, plan: Plan | null, t: number[],
 *   latents: Float32Array[], pred_x0: Float32Array[], pred_x0_cond: Float32Array[] | null, frames: Uint8Array,
 *   queries: Map<string, Float32Array>, keys: Map<string, Float32Array>, seconds: Record<string, number> }} Made a
 *   run, kept as a Trace keeps it; queries and keys by "step.layer", (heads, words and patches, channels)
 */
import { Files } from "./files.js";
import { follow, guided, noiseLevels } from "./levels.js";
import { draw, nothing, planOf } from "./plan.js";
import { Generator } from "./random.js";
import { Lexicon } from "./words.js";
import { Workers } from "./workers.js";

const TRACKS = 17;
/** Steps of a run whose attention is kept: the first, one in the middle and the last. */
const LOOKED = (/** @type {number} */ steps) => new Set([0, Math.floor(steps / 2), steps - 1]);

export class Model {
  /** @param {any} manifest @param {string} code of a worker */
  constructor(manifest, code) {
    this.manifest = manifest;
    this.files = new Files(manifest);
    this.lexicon = new Lexicon(manifest.lexicon);
    this.workers = new Workers(code, (globalThis.navigator?.hardwareConcurrency ?? 2) > 1 ? 2 : 1);
    /** The shape whose graphs are open. */
    this.shape = "";
    /** @type {Map<string, Promise<Uint8Array>>} */
    this.have = new Map();
    /** Linear decoder: weight (P, C), bias (P,). */
    this.preview = { weight: new Float32Array(), bias: new Float32Array() };
    /** The last run, which another waits for. @type {Promise<any>} */
    this.busy = Promise.resolve();
  }

  /** Files that must come before the first clip. @param {string} shape */
  needed(shape) {
    const { planner } = this.manifest;
    const parts = ["text", ...(planner ? ["planner"] : []), "conditions", "step", "decode"];
    return [
      "engine.mjs",
      "engine.wasm",
      "preview.f32",
      "near.json",
      ...parts.flatMap((part) => this._pair(part, shape)),
    ];
  }

  /** @param {string} shape */
  async load(shape) {
    const names = this.needed(shape);
    const files = Object.fromEntries(names.map((name) => [name, this.file(name)]));
    const [module, wasm, preview, near] = await Promise.all(names.slice(0, 4).map((name) => files[name]));
    for (const name of names.slice(0, 4)) this.have.delete(name);
    this.lexicon.learn(JSON.parse(new TextDecoder().decode(near)));
    const numbers = new Float32Array(preview.slice().buffer);
    const positions = numbers.length / (this.manifest.channels + 1);
    this.preview = { weight: numbers.slice(0, -positions), bias: numbers.slice(-positions) };
    await this.workers.start(new TextDecoder().decode(module), wasm);
    await this.workers.all((worker) => this._open(worker, "text", shape, 0));
    await this.open(shape);
  }

  /** Make ready for a shape. @param {string} shape */
  async open(shape) {
    if (this.shape === shape) return;
    const last = this.shape;
    this.shape = "";
    const parts = ["conditions", "step"];
    const drawn = nothing(this.size(shape));
    await this.workers.all(async (worker, i) => {
      if (last) for (const name of [...parts, "decode", "planner"]) await worker.ask("close", { name });
      for (const part of parts) await this._open(worker, part, shape, i);
      if (this.manifest.planner) await this._open(worker, "planner", shape, i, 0);
      await this._open(worker, "decode", shape, i, this.workers.last);
      if (i === this.workers.last) await this._conditions(worker, drawn, shape, "nothing");
    });
    this.shape = shape;
  }

  /** @param {string} shape @returns {Size} */
  size(shape) {
    const { size, grid } = this.manifest.shapes[shape];
    return { frames: size[0], height: size[1], width: size[2], grid };
  }

  /**
   * Make a clip. A run that is still on is waited for, so abort it first.
   * @param {Asked} asked @param {Listeners} on @param {AbortSignal} signal @param {Plan | null} [by_hand] a plan
   * @returns {Promise<Made>}
   */
  run(asked, on, signal, by_hand = null) {
    const before = this.busy;
    const mine = (async () => {
      await before.catch(() => {});
      signal.throwIfAborted();
      return this._run(asked, on, signal, by_hand);
    })();
    this.busy = mine;
    return mine;
  }

  /** @returns {Promise<Made>} */
  async _run(asked, on, signal, by_hand) {
    const began = performance.now();
    const reading = this.lexicon.read(asked.prompt);
    on.words(reading);
    await this.open(asked.shape);
    const size = this.size(asked.shape);
    const [f, h, w] = size.grid;
    const random = new Generator(asked.seed);
    let latents = random.normal(this.manifest.channels * f * h * w);
    const drafted = this.manifest.planner ? await this._draft(reading, size, random) : null;
    const plan = by_hand ?? drafted;
    on.plan(plan);
    signal.throwIfAborted();

    const { first, lastOne } = this.workers;
    await this._conditions(first, plan ? draw(plan, size) : nothing(size), asked.shape, "drawn");
    const [text, none] = [await this._text(first, reading.ids), await this._text(first, [0])];
    const t = noiseLevels(asked.steps, this.manifest.sampling);
    const looked = LOOKED(asked.steps);
    const sampling = { ...this.manifest.sampling, guidance: asked.guidance };
    /** @type {any} */
    const made = { latents: [latents], pred_x0: [], pred_x0_cond: [], queries: new Map(), keys: new Map() };
    for (let i = 0; i < asked.steps; i++) {
      signal.throwIfAborted();
      const wanted = looked.has(i) ? this._sites() : ["velocity"];
      const passes = [this._pass(first, "drawn", latents, t[i], text, size, wanted)];
      if (asked.guidance !== 1)
        passes.push(this._pass(lastOne, "nothing", latents, t[i], none, size, ["velocity"]));
      const [conditional, unconditional] = await Promise.all(passes);
      const velocity = guided(conditional.velocity, unconditional?.velocity ?? null, t[i], sampling);
      this._keep(made, conditional, i, reading.ids.length, f * h * w);
      made.pred_x0.push(follow(latents, velocity, t[i], 0));
      made.pred_x0_cond.push(follow(latents, conditional.velocity, t[i], 0));
      if (!i) made.seconds = { first: seconds(began) };
      on.step(i, made.pred_x0[i]);
      latents = follow(latents, velocity, t[i], t[i + 1]);
      made.latents.push(latents);
    }
    signal.throwIfAborted();
    made.seconds.denoise = seconds(began);
    const feeds = { latents: float(latents, [1, this.manifest.channels, f, h, w]) };
    const { frames } = await lastOne.ask("run", { name: "decode", feeds });
    made.seconds.total = seconds(began);
    const pred_x0_cond = asked.guidance === 1 ? null : made.pred_x0_cond;
    return { ...made, asked, reading, size, plan, t, frames, pred_x0_cond };
  }

  /** Draft a plan from words and noise. @returns {Promise<Plan>} */
  async _draft(reading, size, random) {
    const { words, max_words, mean, std, steps, groups } = this.manifest.planner;
    const { frames, height, width } = size;
    const ids = reading.words.map((word) => words.indexOf(word) + 1).filter((id) => id > 0);
    const padded = Array.from({ length: max_words }, (_, i) => ids[i] ?? 0);
    const count = frames * TRACKS;
    let tracks = random.normal(count);
    const fixed = {
      ids: { type: "int64", dims: [1, max_words], data: padded },
      given: float(new Float32Array(count), [1, frames, TRACKS]),
      known: float(new Float32Array(Object.keys(groups).length), [1, Object.keys(groups).length]),
      aspect: float([Math.log(width / height)], [1, 1]),
    };
    for (let i = 0; i < steps; i++) {
      const [t, after] = [1 - i / steps, 1 - (i + 1) / steps];
      const feeds = { ...fixed, tracks: float(tracks, [1, frames, TRACKS]), t: float([t], [1, 1]) };
      const { velocity } = await this.workers.first.ask("run", { name: "planner", feeds });
      tracks = tracks.map((value, k) => value + (after - t) * velocity[k]);
    }
    const whole = tracks.map((value, k) => value * std[k % TRACKS] + mean[k % TRACKS]);
    return planOf(whole, groups, size);
  }

  /** Ids as text tokens and their mask. */
  async _text(worker, ids) {
    const words = this.manifest.lexicon.max_words + 1;
    const padded = Array.from({ length: words }, (_, i) => ids[i] ?? 1);
    const feeds = { ids: { type: "int64", dims: [1, words], data: padded } };
    const { text } = await worker.ask("run", { name: "text", feeds });
    const mask = Float32Array.from(padded, (_, i) => Number(i < ids.length));
    return { text: float(text, [1, words, text.length / words]), mask: float(mask, [1, words]) };
  }

  /** Work out what conditions mean, and keep it in the worker under a name. */
  async _conditions(worker, drawn, shape, keep) {
    const { frames, grid } = this.size(shape);
    const cells = grid[0] * grid[1] * grid[2];
    const feeds = {
      control: float(drawn.control, [1, drawn.control.length / cells, ...grid]),
      camera: float(drawn.camera, [1, grid[0], 4]),
      boxes: float(drawn.boxes, [1, frames, 2, 5]),
    };
    worker.drawn = { ...worker.drawn, [keep]: feeds };
    await worker.ask("run", { name: "conditions", feeds, keep });
  }

  _pass(worker, keep, latents, t, text, { grid }, wanted) {
    const tables = Object.fromEntries(TABLES.map((name) => [name, `${keep}.${name}`]));
    const x = float(latents, [1, this.manifest.channels, ...grid]);
    const feeds = { ...tables, ...worker.drawn[keep], ...text, latents: x, t: float([t], [1, 1]) };
    return worker.ask("run", { name: "step", feeds, wanted });
  }

  /** Outputs of a step whose attention is kept. */
  _sites() {
    const layers = Array.from({ length: this.manifest.layers }, (_, i) => i);
    return ["velocity", ...layers.flatMap((i) => [`q${i}`, `k${i}`])];
  }

  /** Queries and keys of the real words and all patches. */
  _keep(made, outputs, step, words, cells) {
    const [pt, ph, pw] = this.manifest.geometry.patch;
    const [heads, padded] = [this.manifest.heads, this.manifest.lexicon.max_words + 1];
    const tokens = padded + cells / (pt * ph * pw);
    for (const [name, x] of Object.entries(outputs)) {
      if (name === "velocity") continue;
      const channels = x.length / heads / tokens;
      const real = tokens - padded + words;
      const out = new Float32Array(heads * real * channels);
      for (let head = 0; head < heads; head++) {
        const [from, to] = [head * tokens * channels, head * real * channels];
        out.set(x.subarray(from, from + words * channels), to);
        out.set(x.subarray(from + padded * channels, from + tokens * channels), to + words * channels);
      }
      made[name[0] === "q" ? "queries" : "keys"].set(`${step}.${name.slice(1)}`, out);
    }
  }

  /** Open a part's graph in a worker; `only`: in that one alone. */
  async _open(worker, part, shape, i, only = i) {
    if (i !== only) return;
    const [graph, weights] = await Promise.all(this._pair(part, shape).map((name) => this.file(name)));
    await worker.ask("open", { name: part, graph, weights });
  }

  /** A part's graph and weights. @param {string} part @param {string} shape */
  _pair(part, shape) {
    const suffix = { text: "", planner: `-${this.size(shape).frames}` }[part] ?? `-${shape}`;
    return [`${part}${suffix}.onnx`, `${part}.weights`];
  }

  /** A file, once. @param {string} name */
  file(name) {
    const come = this.have.get(name) ?? this.files.get(name);
    this.have.set(name, come);
    come.catch(() => this.have.delete(name));
    return come;
  }
}

const TABLES = [
  ...["cos", "sin", "box_features", "angle_features", "previous", "previous_rotation"],
  ...["next", "next_rotation", "first", "first_rotation"],
];

/** @param {ArrayLike<number>} data @param {number[]} dims */
function float(data, dims) {
  return { type: "float32", dims, data: data instanceof Float32Array ? data : Float32Array.from(data) };
}

/** @param {number} began */
function seconds(began) {
  return (performance.now() - began) / 1000;
}
