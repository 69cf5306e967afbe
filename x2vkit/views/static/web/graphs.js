// @ts-check
/**
 * The page's graphs on its workers, each opened when it is first needed: the first takes words, plan and the pass with
 * them; the last one conditions, the pass without words, and decoding. They may be the same.
 *
 * @typedef {import("./plan.js").Size} Size
 * @typedef {import("./plan.js").Conditions} Conditions
 * @typedef {{ guidance: number, seed: number, shape: string }} Asked
 */
import { hasCard, provesItself } from "./card.js";
import { Files } from "./files.js";
import { nothing } from "./plan.js";
import { Asked as Worked, Workers } from "./workers.js";

export class Graphs {
  /** @param {any} manifest @param {string} code of a worker */
  constructor(manifest, code) {
    this.manifest = manifest;
    this.code = code;
    this.workers = new Workers(code, (globalThis.navigator?.hardwareConcurrency ?? 2) > 1 ? 2 : 1);
    this.files = new Files(manifest, (packed) => this.workers.unpack(packed));
    /** Whether the engine is the one for graphics cards, which computes in WebAssembly as well. */
    this.carded = false;
    /** The card, once it has proved itself. @type {Worked | null} */
    this.card = null;
    /** Who makes the passes with words, and without. */
    this.passers = [this.workers.first, this.workers.lastOne];
    /** That the engine runs. @type {Promise<any>} */
    this.started = Promise.resolve();
    /** What the last worker is given for passes without plan, and without words or with those to steer away from. */
    this.without = { of: "", ready: /** @type {Promise<any>} */ (Promise.resolve()) };
    /** Such a pass of a first step, which hangs on the noise alone. */
    this.early = { of: "", velocity: new Float32Array() };
    /** @type {Map<string, Promise<Uint8Array>>} */
    this.have = new Map();
    /** Linear decoder: weight (P, C), bias (P,). */
    this.preview = { weight: new Float32Array(), bias: new Float32Array() };
  }

  /** Files that must come before the first clip. @param {string} shape */
  needed(shape) {
    const { planner } = this.manifest;
    const parts = ["text", ...(planner ? ["planner"] : []), "conditions", "step", "decode"];
    return [...this._atOnce(), "near.json", ...parts.flatMap((part) => this._pair(part, shape))];
  }

  /** Files that must come before anything is computed. */
  _atOnce() {
    const name = this.carded ? "gpu" : "engine";
    return [`${name}.mjs`, `${name}.wasm`, "preview.f32"];
  }

  /** From then on clips of a shape are made. @param {string} shape */
  async load(shape) {
    const engine = this._start(shape);
    this.started = engine;
    const files = await engine;
    await this.open(shape);
    if (this.carded) this._tryCard(shape, files).catch(() => {});
  }

  /** @param {string} shape */
  async _start(shape) {
    this.carded = await hasCard(this.manifest.files);
    const names = this._atOnce();
    const engine = Promise.all(names.map((name) => this.files.get(name)));
    for (const name of this.needed(shape)) if (!names.includes(name)) this.file(name);
    const [module, wasm, preview] = await engine;
    const compiled = WebAssembly.compile(/** @type {BufferSource} */ (wasm));
    const numbers = new Float32Array(preview.slice().buffer);
    const positions = numbers.length / (this.manifest.channels + 1);
    this.preview = { weight: numbers.slice(0, -positions), bias: numbers.slice(-positions) };
    const files = { module: new TextDecoder().decode(module), wasm: await compiled };
    await this.workers.all((worker) => worker.ask("start", files));
    return files;
  }

  /**
   * Let the card make the passes if it proves itself; meanwhile clips are made without.
   * @param {string} shape @param {any} files of the engine
   */
  async _tryCard(shape, files) {
    const card = new Worked(this.code, "webgpu");
    await card.ask("start", files);
    const { lastOne } = this.workers;
    const { grid } = this.size(shape);
    const count = this.manifest.channels * grid[0] * grid[1] * grid[2];
    const latents = Float32Array.from({ length: count }, (_, i) => Math.sin(i));
    const [name] = this._pair("step", shape);
    const pass = (/** @type {Worked} */ worker) => async () => {
      if (lastOne.graphs.step?.name !== name) throw new Error("another shape was asked for");
      return (await this._pass(worker, "trial", latents, 1, shape, ["velocity"])).velocity;
    };
    for (const worker of [card, lastOne])
      await this._give(worker, "trial", [0], nothing(this.size(shape)), shape);
    if (await provesItself(pass(lastOne), pass(card))) this.card = card;
    else card.worker.terminate();
  }

  /** Do without the card from now on, where there is one. */
  drop() {
    const had = this.card !== null;
    this.card?.worker.terminate();
    this.card = null;
    this.passers = [this.workers.first, this.workers.lastOne];
    return had;
  }

  /** What made the last clip's passes, in words. */
  get engine() {
    if (this.passers[0].provider === "webgpu") return "WebGPU";
    return `WebAssembly, ${this.workers.last ? "two workers" : "one worker"}`;
  }

  /**
   * Every graph of a shape, each worker's in the order in which a clip needs them.
   * @param {string} shape @param {number[]} [away] ids of the words to steer away from
   */
  open(shape, away) {
    const { first, lastOne } = this.workers;
    const parts = [...(this.manifest.planner ? ["planner"] : []), "text", "step"];
    const asked = parts.map((part) => this._open(first, part, shape));
    for (const part of ["conditions", "step", "decode"]) asked.push(this._open(lastOne, part, shape));
    return Promise.all([...asked, this._emptied(shape, away)]);
  }

  /** @param {string} shape @returns {Size} */
  size(shape) {
    const { size, grid } = this.manifest.shapes[shape];
    return { frames: size[0], height: size[1], width: size[2], grid };
  }

  /**
   * The velocity (F, R) of a plan's tracks.
   * @param {string} shape @param {Record<string, any>} feeds @returns {Promise<Float32Array>}
   */
  async planner(shape, feeds) {
    return (await this._run(this.workers.first, "planner", shape, { feeds })).velocity.data;
  }

  /**
   * Passes are given what words and conditions mean.
   * @param {string} shape @param {number[]} ids @param {number[]} away what is steered away from
   * @param {Conditions} drawn
   */
  give(shape, ids, away, drawn) {
    this.passers = this.card ? [this.card, this.card] : [this.workers.first, this.workers.lastOne];
    return Promise.all([this._give(this.passers[0], "with", ids, drawn, shape), this._emptied(shape, away)]);
  }

  /**
   * The guidance passes of a step: outputs of the one with words, velocity of the one without, if there is one.
   * @param {Asked} asked @param {Float32Array} latents @param {number} t @param {number} step @param {string[]} wanted
   * @returns {Promise<[Record<string, Float32Array>, Float32Array | null]>}
   */
  passes(asked, latents, t, step, wanted) {
    const pass = this._pass(this.passers[0], "with", latents, t, asked.shape, wanted);
    return Promise.all([pass, this._without(asked, latents, t, step)]);
  }

  /** Latents -> frames (F, H, W, 3). @returns {Promise<Uint8Array>} */
  async decode(shape, latents) {
    const feeds = { latents: this._latents(latents, shape) };
    return (await this._run(this.workers.lastOne, "decode", shape, { feeds })).frames.data;
  }

  /** @param {Float32Array} latents @param {string} shape */
  _latents(latents, shape) {
    return float(latents, [1, this.manifest.channels, ...this.size(shape).grid]);
  }

  /**
   * The pass without words or plan of a step, or nothing without guidance. That of a first step is kept: the next
   * prompt may begin with the same noise.
   * @param {Asked} asked @param {Float32Array} latents @param {number} t @param {number} step
   */
  async _without({ guidance, seed, shape }, latents, t, step) {
    if (guidance === 1) return null;
    const of = `${seed} ${t} ${this.without.of}`;
    if (!step && this.early.of === of) return this.early.velocity;
    const { velocity } = await this._pass(this.passers[1], "without", latents, t, shape, ["velocity"]);
    if (!step) this.early = { of, velocity };
    return velocity;
  }

  /** Passes without plan are given what they take. @param {string} shape @param {number[]} [away] */
  _emptied(shape, away = [0]) {
    const [, by] = this.passers;
    const of = `${by.provider} ${shape} ${away}`;
    if (this.without.of !== of) {
      const ready = this._give(by, "without", away, nothing(this.size(shape)), shape);
      this.without = { of, ready };
      ready.catch(() => (this.without.of = ""));
    }
    return this.without.ready;
  }

  /** A worker is given what words and conditions mean, for passes of that name. */
  async _give(worker, name, ids, drawn, shape) {
    const feeds = await Promise.all([this._text(ids), this._conditions(drawn, shape)]);
    await worker.ask("keep", { name, feeds: Object.assign({}, ...feeds) });
  }

  /** Ids as text tokens and their mask. @param {number[]} ids */
  async _text(ids) {
    const words = this.manifest.lexicon.max_words + 1;
    const padded = Array.from({ length: words }, (_, i) => ids[i] ?? 1);
    const feeds = { ids: { type: "int64", dims: [1, words], data: padded } };
    const { text } = await this._run(this.workers.first, "text", "", { feeds });
    const mask = Float32Array.from(padded, (_, i) => Number(i < ids.length));
    return { text, mask: float(mask, [1, words]) };
  }

  /** Conditions and what they mean to the model. @param {import("./plan.js").Conditions} drawn @param {string} shape */
  async _conditions(drawn, shape) {
    const { frames, grid } = this.size(shape);
    const cells = grid[0] * grid[1] * grid[2];
    const feeds = {
      control: float(drawn.control, [1, drawn.control.length / cells, ...grid]),
      camera: float(drawn.camera, [1, grid[0], 4]),
      boxes: float(drawn.boxes, [1, frames, 2, 5]),
    };
    return { ...feeds, ...(await this._run(this.workers.lastOne, "conditions", shape, { feeds })) };
  }

  /** A guidance pass by what its worker was given under a name -> outputs, plain. @returns {Promise<any>} */
  async _pass(worker, given, latents, t, shape, wanted) {
    const found = await this._run(worker, "step", shape, {
      feeds: { latents: this._latents(latents, shape), t: float([t], [1, 1]) },
      given,
      wanted,
    });
    return Object.fromEntries(Object.entries(found).map(([name, { data }]) => [name, data]));
  }

  /** Run a part's graph in a worker, as soon as it is open there. */
  async _run(worker, part, shape, call) {
    await this._open(worker, part, shape);
    return worker.ask("run", { name: part, ...call });
  }

  /** A part's graph in a worker, in place of the one that was open for it. @returns {Promise<any>} */
  _open(worker, part, shape) {
    const pair = this._pair(part, shape);
    const [name] = pair;
    if (worker.graphs[part]?.name !== name) {
      const ready = Promise.all(pair.map((each) => this.file(each))).then(([graph, weights]) =>
        worker.ask("open", { name: part, graph, weights, provider: worker.provider }),
      );
      worker.graphs[part] = { name, ready };
      ready.catch(() => delete worker.graphs[part]);
    }
    return worker.graphs[part].ready;
  }

  /** A part's graph and weights. @param {string} part @param {string} shape */
  _pair(part, shape) {
    const suffix = part === "text" ? "" : part === "planner" ? `-${this.size(shape).frames}` : `-${shape}`;
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

/** @param {ArrayLike<number>} data @param {number[]} dims */
export function float(data, dims) {
  return { type: "float32", dims, data: data instanceof Float32Array ? data : Float32Array.from(data) };
}
