// @ts-check
/** The page's data: inlined as base64 in a page of one file, or beside it in a folder; gzipped in both. */

/**
 * @typedef {{ format: number, id: string, files: Record<string, number>, packed: Record<string, number>,
 *   inlined: boolean }} Manifest
 */

const FORMAT = 1;
/** Where a folder keeps them. */
const FOLDER = "data/";

/** What went wrong, in a sentence for the reader of the page. */
export class Refused extends Error {}

export class Files {
  /**
   * @param {Manifest} manifest
   * @param {(packed: string | Uint8Array) => Promise<Uint8Array>} unpack out of sight of the page's own thread
   */
  constructor(manifest, unpack) {
    if (manifest.format !== FORMAT)
      throw new Refused(
        `This page's data is of version ${manifest.format}, and the page reads version ${FORMAT}.`,
      );
    this.manifest = manifest;
    this.unpack = unpack;
    /** Bytes that have come, packed. */
    this.come = 0;
    /** Told after every part that came. @type {() => void} */
    this.onBytes = () => {};
  }

  /** Packed bytes of some files. @param {string[]} names */
  size(names) {
    return names.reduce((sum, name) => sum + this.manifest.packed[name], 0);
  }

  /** One file's bytes. @param {string} name @returns {Promise<Uint8Array>} */
  async get(name) {
    const { inlined, files } = this.manifest;
    const packed = inlined ? await this._inlined(name) : await this._fetch(name);
    const whole = await this.unpack(packed).catch(() => {
      throw new Refused(`The data file ${name} is damaged or cut short. Load the page again.`);
    });
    if (whole.length !== files[name])
      throw new Refused(
        `The data file ${name} is not the one that belongs to this page. Load the page again.`,
      );
    return whole;
  }

  /** The text of a file that stands in the page, which may still be on its way. @param {string} name */
  async _inlined(name) {
    const find = () => {
      const place = document.getElementById(`file:${name}`);
      return place && (place.nextSibling || document.readyState !== "loading") ? place : null;
    };
    for (let place; ; await more()) {
      if ((place = find())) {
        place.remove(); // 20 MB of text are not needed twice
        this._came(this.manifest.packed[name]);
        return place.textContent ?? "";
      }
      if (document.readyState !== "loading")
        throw new Refused(`This page is cut short: the data file ${name} is not in it. Get the page again.`);
    }
  }

  /** @param {string} name */
  async _fetch(name) {
    const answer = await fetch(`${FOLDER}${name}.bin?${this.manifest.id.slice(0, 12)}`).catch(() => null);
    if (!answer?.ok || !answer.body)
      throw new Refused(`The data file ${name} could not be loaded. Is the whole folder on the server?`);
    const parts = [];
    for (const reader = answer.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      this._came(value.length);
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  }

  /** @param {number} bytes */
  _came(bytes) {
    this.come += bytes;
    this.onBytes();
  }
}

/** More of the page has come. */
function more() {
  return new Promise((done) => {
    const watch = new MutationObserver(() => told());
    const told = () => {
      watch.disconnect();
      document.removeEventListener("readystatechange", told);
      done(null);
    };
    watch.observe(document.body, { childList: true });
    document.addEventListener("readystatechange", told);
  });
}

/** A sentence where this browser cannot run the page, or nothing. */
export function missing() {
  if (typeof DecompressionStream === "undefined")
    return "This browser cannot unpack the page's data (DecompressionStream): use a newer one.";
  // A function with one SIMD instruction: i8x16.splat.
  const simd = [
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11,
  ];
  if (typeof WebAssembly === "undefined" || !WebAssembly.validate(new Uint8Array(simd)))
    return "This browser has no WebAssembly with SIMD, which the model needs: use a newer one.";
  return "";
}
