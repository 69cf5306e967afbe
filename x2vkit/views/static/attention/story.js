// @ts-check
/** What is seen, in words, and as a line of Python. */
import { h } from "../lib/elements.js";
import { ScaleBar } from "../lib/scalebar.js";
import { largest } from "./seen.js";
import { percent } from "./shares.js";

/** @typedef {import("./seen.js").Seen} Seen */

export class Story {
  /** @param {import("./sequence.js").Sequence} sequence @param {number} decades of the logarithmic scale */
  constructor(sequence, decades) {
    this.sequence = sequence;
    this.decades = decades;
    this.scale = new ScaleBar({ label: "", high: "" });
    this.sentence = h("p", { class: "x2v-attention-sentence", role: "status", "aria-live": "polite" });
    this.summary = h("p", { class: "x2v-muted" });
    this.missing = h("p", { class: "x2v-attention-missing", hidden: true });
    this.code = h("code", { class: "x2v-attention-code" });
  }

  /**
   * @param {Seen} seen
   * @param {import("../lib/view.js").Selection} selection
   * @param {number} most the largest share of any patch in any frame, which is brightest; words have bars
   */
  tell(seen, selection, most) {
    const { log } = selection;
    this.scale.range(log ? `≤ ${percent(most / 10 ** this.decades)}` : "0 %", percent(most));
    const kind = log ? ", logarithmic" : "";
    this.scale.label.textContent = `of attention${kind}; brightest: the largest on any patch`;
    this._sentence(seen);
    this._summary(seen);
    const place = ({ step, layer }) => `step ${step + 1}, layer ${layer + 1}`;
    const asked = place(/** @type {any} */ (selection));
    this.missing.hidden = asked === place(seen);
    this.missing.textContent = `No attention was recorded at ${asked}: this is ${place(seen)}.`;
    const pick = selection.head === null ? ".mean(axis=0)" : `[${selection.head}]`;
    const rows = `trace.attention(${seen.step}, ${seen.layer}, i) for i in range(${this.sequence.L})`;
    this.code.textContent = seen.to
      ? `trace.attention(step=${seen.step}, layer=${seen.layer}, query=${seen.index})${pick}`
      : `np.stack([${rows}], axis=1)[:, :, ${seen.index}]${pick}`;
  }

  _sentence(/** @type {Seen} */ { to, index }) {
    const { counted } = this.sequence;
    const name = `${to ? "Query" : "Key"}: ${this.sequence.nameOf(index)}`;
    const part = "the part of each one's own attention (does not add up to 100 %)";
    const rest = to
      ? ` → keys: all ${counted}, one softmax row (adds up to 100 %)`
      : ` ← queries: all ${counted}; ${part}`;
    this.sentence.replaceChildren(h("b", {}, name), rest);
  }

  _summary(/** @type {Seen} */ { to, row, words, patches, others }) {
    const { T, L } = this.sequence;
    const rest = others.map(([name, part]) => `, ${name} ${percent(part)}`).join("");
    const [text, clip] = [percent(words), percent(patches)];
    const shares = to
      ? `${T ? `Words get ${text}, patches` : "Patches get"} ${clip}${rest}.`
      : `A ${T ? `word gives it ${text} on average, a patch` : "patch gives it on average"} ${clip}${rest}.`;
    const top = largest(row);
    const most = `Most: ${this.sequence.nameOf(top)} with ${percent(row[top])}`;
    this.summary.textContent = `${shares} ${most}; an even share is ${percent(1 / L)}.`;
  }
}
