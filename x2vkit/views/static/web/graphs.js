// @ts-check
/**
 * The page's graphs on its workers, each opened when it is first needed: the first takes words, plan and the pass with
 * them; the last one conditions, the pass without words, and decoding. They may be the same.
 *
 * @typedef {import("./plan.js").Size} Size
 * @typedef {import("./plan.js").Conditions} Conditions
 * @typedef {{ guidance: number, seed: number, shape: string }} Asked
 */
import { Files } from "./files.js";
import { nothing } from "./plan.js";
import { Workers } from "./workers.js";

/** Files that must come before anything is computed. */
const AT_ONCE = ["engine.mjs", "engine.wasm", "preview.f32"];

export class Graphs {
  /** @param {any} manifest @param {string} code of a worker */
  constructor(manifest, code) {
    this.manifest = manifest;
    this.workers = new Workers(code, (globalThis.navigator?.hardwareConcurrency ?? 2) > 1 ? 2 : 1);
    this.files = new Files(manifest, (packed) => this.workers.unpack(packed));
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
    return [...AT_ONCE, "near.json", ...parts.flatMap((part) => this._pair(part, shape))];
  }

  /** From then on clips of a shape are made. @param {string} shape */
  async load(shape) {
    this.started = this._start();
    for (const name of this.needed(shape)) if (!AT_ONCE.includes(name)) this.file(name);
    await this.started;
    await this.open(shape);
  }

  async _start() {
    const [module, wasm, preview] = await Promise.all(AT_ONCE.map((name) => this.files.get(name)));
    const compiled = WebAssembly.compile(/** @type {BufferSource} */ (wasm));
    const numbers = new Float32Array(preview.slice().buffer);
    const positions = numbers.length / (this.manifest.channels + 1);
    this.preview = { weight: numbers.slice(0, -positions), bias: numbers.slice(-positions) };
    await this.workers.start(new TextDecoder().decode(module), await compiled);
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
    return Promise.all([
      this._give(this.workers.first, "with", ids, drawn, shape),
      this._emptied(shape, away),
    ]);
  }

  /**
   * The guidance passes of a step: outputs of the one with words, velocity of the one without, if there is one.
   * @param {Asked} asked @param {Float32Array} latents @param {number} t @param {number} step @param {string[]} wanted
   * @returns {Promise<[Record<string, Float32Array>, Float32Array | null]>}
   */
  passes(asked, latents, t, step, wanted) {
    const pass = this._pass(this.workers.first, "with", latents, t, asked.shape, wanted);
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
    const { velocity } = await this._pass(this.workers.lastOne, "without", latents, t, shape, ["velocity"]);
    if (!step) this.early = { of, velocity };
    return velocity;
  }

  /** The last worker is given what passes without plan take. @param {string} shape @param {number[]} [away] */
  _emptied(shape, away = [0]) {
    const of = `${shape} ${away}`;
    if (this.without.of !== of) {
      const ready = this._give(this.workers.lastOne, "without", away, nothing(this.size(shape)), shape);
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
        worker.ask("open", { name: part, graph, weights }),
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
