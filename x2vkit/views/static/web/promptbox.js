// @ts-check
/** Where the prompt is written. */
import { h, uid } from "../lib/elements.js";
import { FIRST_PROMPT } from "./settings.js";

/**
 * @param {import("../lib/view.js").View} view
 * @param {(typing: boolean) => void} ask called while somebody types, and at Enter with false
 */
export function promptBox(view, ask) {
  const text = h("textarea", {
    ...{ id: uid("prompt"), rows: 2, spellcheck: "false", class: "x2v-web-prompt" },
    placeholder: FIRST_PROMPT,
  });
  view.listen(text, "input", () => ask(true));
  view.listen(text, "keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    ask(false);
  });
  return text;
}
