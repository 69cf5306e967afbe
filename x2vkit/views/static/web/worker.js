// @ts-check
/**
 * A worker of the page: unpacks files, opens graphs and runs them. It knows nothing about what they compute.
 *
 * Messages are {id, kind, ...}; each is answered by {id, result} or {id, error}. What goes into a graph or comes out
 * of it is {type, dims, data}.
 */

/** @type {any} */
let engine = null;
/** @type {Map<string, any>} */
const sessions = new Map();
/** @type {Map<string, Record<string, any>>} */
const kept = new Map();

const DO = {
  /** Bytes of a file that comes gzipped, and in base64 where it is a text. @param {{ packed: any }} file */
  async unpack({ packed }) {
    const bytes = typeof packed === "string" ? fromBase64(packed) : packed;
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return { whole: new Uint8Array(await new Response(stream).arrayBuffer()) };
  },

  /**
   * Load the engine. It would compile its WebAssembly from bytes, so it is handed what all workers share instead.
   * @param {{ module: string, wasm: WebAssembly.Module }} files
   */
  async start({ module, wasm }) {
    const { instantiate } = WebAssembly;
    const ready = async (/** @type {any} */ _, /** @type {any} */ imports) => ({
      module: wasm,
      instance: await instantiate(wasm, imports),
    });
    Object.assign(WebAssembly, { instantiate: ready });
    const url = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
    engine = await import(url);
    Object.assign(engine.env.wasm, { wasmBinary: new ArrayBuffer(1), numThreads: 1, proxy: false });
    engine.env.logLevel = "error";
  },

  /**
   * Open a graph under a name, in place of the one before. To rewrite it first would take ten times as long as to
   * open it, and gains nothing when it runs.
   * For a card it is rewritten: weights become float32 then, and not every card knows float16.
   * @param {{ name: string, graph: Uint8Array, weights: Uint8Array, provider: "wasm" | "webgpu" }} files
   */
  async open({ name, graph, weights, provider }) {
    await sessions.get(name)?.release();
    const externalData = weights.length ? [{ path: "weights", data: weights }] : [];
    const graphOptimizationLevel = provider === "wasm" ? "disabled" : "all";
    const options = { executionProviders: [provider], graphOptimizationLevel, externalData };
    sessions.set(name, await engine.InferenceSession.create(graph, options));
  },

  /** Keep what later runs are given by this name. @param {{ name: string, feeds: Record<string, any> }} what */
  async keep({ name, feeds }) {
    kept.set(name, Object.fromEntries(Object.entries(feeds).map(([key, value]) => [key, tensor(value)])));
  },

  /**
   * @param {{ name: string, feeds: Record<string, any>, given?: string, wanted?: string[] }} call given: what was kept
   *   under that name too; wanted: outputs, or all
   */
  async run({ name, feeds, given = "", wanted }) {
    const session = sessions.get(name);
    const fed = session.inputNames.map((/** @type {string} */ key) => [
      key,
      key in feeds ? tensor(feeds[key]) : kept.get(given)?.[key],
    ]);
    const found = await session.run(
      Object.fromEntries(fed),
      wanted?.map((key) => `out_${key}`) ?? session.outputNames,
    );
    /** @type {Record<string, any>} */
    const result = {};
    for (const [key, { data, dims, type }] of Object.entries(found))
      result[key.slice("out_".length)] = { data: data.slice(), dims, type };
    return result;
  },
};

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
function fromBase64(text) {
  const quick = /** @type {any} */ (Uint8Array).fromBase64;
  if (quick) return quick(text);
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

/** @param {{ type: string, dims: number[], data: any }} value */
function tensor({ type, dims, data }) {
  const whole = type === "int64" ? BigInt64Array.from(data, (/** @type {number} */ x) => BigInt(x)) : data;
  return new engine.Tensor(type, whole, dims);
}

/** What was asked before: the engine opens one graph at a time. @type {Promise<any>} */
let before = Promise.resolve();

async function answer(/** @type {any} */ data) {
  const post = /** @type {any} */ (globalThis).postMessage;
  try {
    const result = await /** @type {any} */ (DO)[data.kind](data);
    const parts = Object.values(result ?? {}).map((each) => (each.data ?? each).buffer);
    post({ id: data.id, result }, parts);
  } catch (error) {
    post({ id: data.id, error: String(/** @type {any} */ (error)?.message ?? error) });
  }
}

globalThis.onmessage = (/** @type {MessageEvent} */ { data }) => {
  before = before.then(() => answer(data));
};
