// @ts-check
/** A file for the reader. */
import { h } from "../lib/elements.js";

/** Milliseconds that a browser may take to save it. */
const SAVING = 60_000;

/** @param {HTMLElement} root @param {string} name @param {Blob} blob */
export function download(root, name, blob) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name, hidden: true });
  root.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), SAVING);
}
