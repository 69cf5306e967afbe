// @ts-check
/** What a recording did not see, and what a page leaves out: said where one looks, not in a log. */
import { h } from "./elements.js";

/**
 * Sentences of base.py's `notes_metadata`; nothing where nothing is missing.
 * @param {{ unseen?: string[], left_out?: string[] }} metadata
 * @returns {HTMLElement | null}
 */
export function pageNotes({ unseen = [], left_out = [] }) {
  if (!unseen.length && !left_out.length) return null;
  const lines = [];
  if (unseen.length) lines.push(h("p", {}, h("b", {}, "Not seen by the recording: "), unseen.join(" ")));
  if (left_out.length) lines.push(h("p", {}, h("b", {}, "To keep this small: "), `${left_out.join("; ")}.`));
  return h("div", { class: "x2v-notes" }, ...lines);
}
