// @ts-check
/**
 * The model in the page: prompt -> plan -> noise levels -> clip, stage by stage as pipeline/x2v.py, on one or two
 * workers (each takes a guidance pass).
 *
 * @typedef {import("./plan.js").Plan} Plan
 * @typedef {import("./plan.js").Size} Size
 * @typedef {{ prompt: string, seed: number, steps: number, shape: string, guidance: number }} Asked
 * @typedef {{ words: (reading: import("./words.js").Reading) => void, plan: (plan: Plan | null) => void,
 *   step: (index: number, pred_x0: Float32Array) => void, rested: Promise<any> }} Listeners rested: when it may begin
 *   to denoise; what is quick begins before
 * @typedef {{ asked: Asked, reading: import("./words.js").Reading, size: Size, plan: Plan | null, t: number[],
 *   latents: Float32Array[], pred_x0: Float32Array[], pred_x0_cond: Float32Array[] | null, frames: Uint8Array,
 *   queries: Map<string, Float32Array>, keys: Map<string, Float32Array>, seconds: Record<string, number> }} Made a
 *   run, kept as a Trace keeps it; queries and keys by "step.layer", (heads, words and patches, channels)
 */
import { Graphs, float } from "./graphs.js";
import { follow, guided, noiseLevels } from "./levels.js";
import { draw, nothing, planOf } from "./plan.js";
import { Generator } from "./random.js";
import { readWording } from "./wording.js";
import { Lexicon } from "./words.js";

const TRACKS = 17;
/** Steps of a run whose attention is kept: the first, one in the middle and the last. */
const LOOKED = (/** @type {number} */ steps) => new Set([0, Math.floor(steps / 2), steps - 1]);

export class Model {
  /** @param {any} manifest @param {string} code of a worker */
  constructor(manifest, code) {
    this.manifest = manifest;
    this.lexicon = new Lexicon(manifest.lexicon);
    this.graphs = new Graphs(manifest, code);
    /** The last run, which another waits for. @type {Promise<any>} */
    this.busy = Promise.resolve();
  }

  /** Linear decoder: weight (P, C), bias (P,). */
  get preview() {
    return this.graphs.preview;
  }

  /** From then on prompts are read as in Python. */
  async read() {
    const near = await this.graphs.file("near.json");
    this.lexicon.learn(JSON.parse(new TextDecoder().decode(near)));
  }

  /** From then on clips are made. @param {string} shape that is opened first */
  load(shape) {
    return this.graphs.load(shape);
  }

  /**
   * Make a clip. A run that is still on is waited for, so abort it first.
   * @param {Asked} asked @param {Listeners} on @param {AbortSignal} signal @param {Plan | null} [by_hand] a plan
   * @returns {Promise<Made>}
   */
  run(asked, on, signal, by_hand = null) {
    const [before, began] = [this.busy, performance.now()];
    const mine = (async () => {
      await before.catch(() => {});
      signal.throwIfAborted();
      try {
        return await this._make(asked, on, signal, by_hand, began);
      } catch (error) {
        if (signal.aborted || !this.graphs.drop()) throw error;
        return this._make(asked, on, signal, by_hand, began);
      }
    })();
    this.busy = mine;
    return mine;
  }

  /** @returns {Promise<Made>} */
  async _make(asked, on, signal, by_hand, began) {
    const said = readWording(asked.prompt, this.lexicon);
    const reading = this.lexicon.read(said.prompt);
    const away = this.lexicon.read(said.negative).ids; // of nothing: the empty prompt
    on.words(reading);
    await this.graphs.started;
    this.graphs.open(asked.shape, away).catch(() => {}); // whoever waits for one hears
    const size = this.graphs.size(asked.shape);
    const [f, h, w] = size.grid;
    const random = new Generator(asked.seed);
    let latents = random.normal(this.manifest.channels * f * h * w);
    const t = noiseLevels(asked.steps, this.manifest.sampling);
    const drafted = this.manifest.planner ? await this._draft(reading, asked.shape, random, signal) : null;
    const plan = by_hand ?? drafted;
    on.plan(plan);
    signal.throwIfAborted();

    await this.graphs.give(asked.shape, reading.ids, away, plan ? draw(plan, size) : nothing(size));
    await on.rested;
    const looked = LOOKED(asked.steps);
    const sampling = { ...this.manifest.sampling, guidance: asked.guidance };
    /** @type {any} */
    const made = { latents: [latents], pred_x0: [], pred_x0_cond: [], queries: new Map(), keys: new Map() };
    for (let i = 0; i < asked.steps; i++) {
      signal.throwIfAborted();
      const wanted = looked.has(i) ? this._sites() : ["velocity"];
      const [conditional, unconditional] = await this.graphs.passes(asked, latents, t[i], i, wanted);
      const velocity = guided(conditional.velocity, unconditional, t[i], sampling);
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
    const frames = await this.graphs.decode(asked.shape, latents);
    made.seconds.total = seconds(began);
    const pred_x0_cond = asked.guidance === 1 ? null : made.pred_x0_cond;
    return { ...made, asked, reading, size, plan, t, frames, pred_x0_cond };
  }

  /** Draft a plan from words and noise. @returns {Promise<Plan>} */
  async _draft(reading, shape, random, signal) {
    const { words, max_words, mean, std, steps, groups } = this.manifest.planner;
    const size = this.graphs.size(shape);
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
      signal.throwIfAborted();
      const [t, after] = [1 - i / steps, 1 - (i + 1) / steps];
      const feeds = { ...fixed, tracks: float(tracks, [1, frames, TRACKS]), t: float([t], [1, 1]) };
      const velocity = await this.graphs.planner(shape, feeds);
      tracks = tracks.map((value, k) => value + (after - t) * velocity[k]);
    }
    const whole = tracks.map((value, k) => value * std[k % TRACKS] + mean[k % TRACKS]);
    return planOf(whole, groups, size);
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
}

/** @param {number} began */
function seconds(began) {
  return (performance.now() - began) / 1000;
}
