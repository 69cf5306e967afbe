// @ts-check
/** The prompt, as all views show it. */
import { h } from "./elements.js";

/**
 * The prompt as one line; words that the model did not know are struck through.
 * @param {string} prompt @param {string[]} [unknown]
 */
export function promptLine(prompt, unknown = []) {
  const strange = new Set(unknown.map((word) => word.toLowerCase()));
  const parts = prompt.split(/(\s+)/).map((word) => {
    const bare = word.toLowerCase().replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
    return strange.has(bare)
      ? h("del", { title: "The model does not know this word, and did not use it" }, word)
      : word;
  });
  return h("div", { class: "x2v-prompt" }, ...(prompt.trim() ? parts : ["(no words)"]));
}
