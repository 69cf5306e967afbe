// @ts-check
/** The page's workers, asked by messages: one, or two that take a guidance pass each. */

export class Asked {
  /** @param {string} code @param {"wasm" | "webgpu"} [provider] where its graphs are computed */
  constructor(code, provider = "wasm") {
    this.provider = provider;
    const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    this.worker = new Worker(url);
    /** @type {Map<number, { done: (result: any) => void, failed: (error: Error) => void }>} */
    this.waiting = new Map();
    this.count = 0;
    /** Part -> the graph that is open for it, or is being opened.
     * @type {Record<string, { name: string, ready: Promise<any> }>} */
    this.graphs = {};
    this.worker.onmessage = ({ data: { id, result, error } }) => {
      const waiting = this.waiting.get(id);
      this.waiting.delete(id);
      if (error) waiting?.failed(new Error(error));
      else waiting?.done(result);
    };
    this.worker.onerror = ({ message }) => {
      for (const { failed } of this.waiting.values()) failed(new Error(message || "a worker stopped"));
      this.waiting.clear();
    };
  }

  /** @param {string} kind @param {Record<string, any>} parts @returns {Promise<any>} */
  ask(kind, parts) {
    const id = this.count++;
    return new Promise((done, failed) => {
      this.waiting.set(id, { done, failed });
      this.worker.postMessage({ id, kind, ...parts });
    });
  }
}

export class Workers {
  /** @param {string} code of a worker @param {number} count 1 or 2 */
  constructor(code, count) {
    this.each = Array.from({ length: count }, () => new Asked(code));
    this.turn = 0;
  }

  get first() {
    return this.each[0];
  }

  get lastOne() {
    return this.each[this.last];
  }

  /** The number of the last one. */
  get last() {
    return this.each.length - 1;
  }

  /** Unpack a file, in turns. @param {string | Uint8Array} packed @returns {Promise<Uint8Array>} */
  async unpack(packed) {
    const { whole } = await this.each[this.turn++ % this.each.length].ask("unpack", { packed });
    return whole;
  }

  /** @param {(worker: Asked, index: number) => Promise<any>} act */
  all(act) {
    return Promise.all(this.each.map(act));
  }
}
