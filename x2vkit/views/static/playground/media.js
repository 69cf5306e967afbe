// @ts-check
/** Bytes and pictures, to and from the kernel. */
import { h } from "../lib/elements.js";

/** @typedef {import("../lib/picture.js").Pictures} Pictures */

/** How long a browser may take to save a file, in milliseconds. */
const SAVING = 60_000;

/** @param {DataView<any>} view */
function bytes(view) {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** @param {DataView<any>} view which can begin anywhere in a message, where typed arrays cannot */
export function floats(view) {
  return new Float32Array(bytes(view).slice().buffer);
}

/**
 * @param {any} data bytes of an image file
 * @param {{ shape: number[], columns: number, mime: string }} packing
 * @returns {Promise<Pictures>}
 */
export async function pictures(data, { shape: [count, height, width], columns, mime }) {
  const raw = data instanceof DataView ? bytes(data) : data;
  return { bitmap: await createImageBitmap(new Blob([raw], { type: mime })), count, height, width, columns };
}

/** @param {HTMLCanvasElement} canvas @param {Pictures} pictures @param {number} frame */
export function paint(canvas, { bitmap, count, width, height, columns }, frame) {
  const index = frame % count;
  const [x, y] = [(index % columns) * width, Math.floor(index / columns) * height];
  canvas.getContext("2d")?.drawImage(bitmap, x, y, width, height, 0, 0, canvas.width, canvas.height);
}

/**
 * Give a file to the reader.
 * @param {HTMLElement} root
 * @param {{ name: string, mime: string }} file
 * @param {DataView<any>} data
 */
export function download(root, { name, mime }, data) {
  const url = URL.createObjectURL(new Blob([bytes(data)], { type: mime }));
  const link = h("a", { href: url, download: name, hidden: true });
  root.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), SAVING);
}
