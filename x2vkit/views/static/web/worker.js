// @ts-check
/**
 * A worker of the page: opens graphs and runs them. It knows nothing about what they compute.
 *
 * Messages are {id, kind, ...}; each is answered by {id, result} or {id, error}. A feed is {type, dims, data}, or the
 * name of an output that an earlier run kept here.
 */

/** @type {any} */
let engine = null;
/** @type {Map<string, any>} */
const sessions = new Map();
/** @type {Map<string, any>} */
const kept = new Map();

const DO = {
  /** Load the engine. @param {{ module: string, wasm: ArrayBuffer }} files */
  async start({ module, wasm }) {
    const url = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
    engine = await import(url);
    Object.assign(engine.env.wasm, { wasmBinary: wasm, numThreads: 1, proxy: false });
    engine.env.logLevel = "error";
  },

  /** @param {{ name: string, graph: Uint8Array, weights: Uint8Array }} files */
  async open({ name, graph, weights }) {
    const externalData = weights.length ? [{ path: "weights", data: weights }] : [];
    const options = { executionProviders: ["wasm"], externalData };
    sessions.set(name, await engine.InferenceSession.create(graph, options));
  },

  /** @param {{ name: string }} which */
  async close({ name }) {
    await sessions.get(name)?.release();
    sessions.delete(name);
  },

  /**
   * @param {{ name: string, feeds: Record<string, any>, wanted?: string[], keep?: string }} call wanted: outputs to
   *   send back, all by default; keep: keep the outputs here instead, under this and a dot before their names
   */
  async run({ name, feeds, wanted, keep }) {
    const session = sessions.get(name);
    /** @type {Record<string, any>} */
    const given = {};
    for (const [key, value] of Object.entries(feeds)) {
      if (!session.inputNames.includes(key)) continue;
      given[key] = typeof value === "string" ? kept.get(value) : tensor(value);
    }
    const names = wanted?.map((key) => `out_${key}`) ?? session.outputNames;
    const found = await session.run(given, names);
    /** @type {Record<string, any>} */
    const result = {};
    for (const key of names) {
      const plain = key.slice("out_".length);
      if (keep) kept.set(`${keep}.${plain}`, found[key]);
      else result[plain] = found[key].data.slice();
    }
    return result;
  },
};

/** @param {{ type: string, dims: number[], data: any }} value */
function tensor({ type, dims, data }) {
  const whole = type === "int64" ? BigInt64Array.from(data, (/** @type {number} */ x) => BigInt(x)) : data;
  return new engine.Tensor(type, whole, dims);
}

globalThis.onmessage = async (/** @type {MessageEvent} */ { data }) => {
  const post = /** @type {any} */ (globalThis).postMessage;
  try {
    const result = await /** @type {any} */ (DO)[data.kind](data);
    post(
      { id: data.id, result },
      Object.values(result ?? {}).map((each) => each.buffer),
    );
  } catch (error) {
    post({ id: data.id, error: String(/** @type {any} */ (error)?.message ?? error) });
  }
};
