// @ts-check
/** What went wrong, said beside the field that it is about. */
import { h } from "../lib/elements.js";

/** @typedef {{ got: string, rule: string, cure: string }} Problem as an X2VError */

export class Problems {
  constructor() {
    /** @type {Record<string, any>} */
    this.slots = {};
  }

  /** The place of a field's messages. @param {string} name */
  slot(name) {
    const place = { class: "x2v-play-problem", role: "alert", "data-field": name, hidden: true };
    return (this.slots[name] = h("p", place));
  }

  /** Put messages in their places; null takes one away. @param {Record<string, Problem | null>} problems */
  say(problems) {
    for (const [name, problem] of Object.entries(problems)) {
      const slot = this.slots[name];
      if (!slot) continue;
      slot.hidden = !problem;
      slot.textContent = problem ? problemText(problem) : "";
    }
  }

  /** Messages of fields that have no place stand under the prompt. @param {Record<string, Problem>} fields */
  sayAll(fields) {
    const place = (name) => (this.slots[name] ? name : "run");
    this.say(Object.fromEntries(Object.entries(fields).map(([name, problem]) => [place(name), problem])));
  }

  clear() {
    this.say(Object.fromEntries(Object.keys(this.slots).map((name) => [name, null])));
  }
}

/** Value, rule and cure as sentences. @param {Problem} problem */
export function problemText({ got, rule, cure }) {
  return `${sentence(got)}: ${rule}. ${sentence(cure)}.`;
}

/** @param {string} text */
function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
