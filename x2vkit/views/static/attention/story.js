// @ts-check
/** What is seen, in words, and as a line of Python. */
import { h } from "../lib/elements.js";
import { ScaleBar } from "../lib/scalebar.js";
import { largest } from "./seen.js";
import { percent } from "./shares.js";

/** @typedef {import("./seen.js").Seen} Seen */

export class Story {
  /**
   * @param {import("./sequence.js").Sequence} sequence
   * @param {import("./places.js").Places[]} places
   * @param {number} decades of the logarithmic scale
   */
  constructor(sequence, places, decades) {
    this.sequence = sequence;
    this.places = places;
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
    const apart = !seen.map && asked !== place(seen);
    const nothing = `${this.sequence.nameOf(seen.index)} neither asks nor is read in this layer.`;
    this.missing.hidden = !apart && !seen.empty;
    this.missing.textContent = seen.empty
      ? nothing
      : `There is no attention at ${asked}: this is ${place(seen)}.`;
    this.code.parentElement?.toggleAttribute("hidden", seen.map !== "");
    const pick = selection.head === null ? ".mean(axis=0)" : `[${selection.head}]`;
    const rows = `trace.attention(${seen.step}, ${seen.layer}, i) for i in range(${this.sequence.L})`;
    this.code.textContent = seen.to
      ? `trace.attention(step=${seen.step}, layer=${seen.layer}, query=${seen.by})${pick}`
      : `np.stack([${rows}], axis=1)[:, :, ${seen.index}]${pick}`;
  }

  _sentence(/** @type {Seen} */ { to, index, by, place, map }) {
    const { sequence } = this;
    const { queries, keys, within } = this.places[place];
    const own = { frame: " of its own latent frame", place: " at its own place" }[within] ?? "";
    const chosen = sequence.nameOf(index) + (by === index ? "" : `, by its neighbour ${sequence.nameOf(by)}`);
    const name = map ? `Map: ${chosen}` : `${to ? "Query" : "Key"}: ${chosen}`;
    const part = "the part of each one's own attention (does not add up to 100 %)";
    const row = ` → keys: all ${sequence.counted(keys)}${own}, one softmax row (adds up to 100 %)`;
    const column = ` ← queries: all ${sequence.counted(queries)}; ${part}`;
    const rest = map
      ? " over all patches, pooled over heads and layers while the run went on"
      : to
        ? row
        : column;
    this.sentence.replaceChildren(h("b", {}, name), rest);
  }

  _summary(/** @type {Seen} */ seen) {
    const { to, row, words, patches, others } = seen;
    const T = this.places[seen.place].keys.includes("text") || !to ? this.sequence.T : 0;
    const rest = others.map(([name, part]) => `, ${name} ${percent(part)}`).join("");
    const [text, clip] = [percent(words), percent(patches)];
    const { name } = this.places[seen.place];
    const module = name.startsWith("layer ") ? "" : `${name}: `; // a module's path, of models that have names
    const shares = to
      ? `${T ? `Words get ${text}, patches` : "Patches get"} ${clip}${rest}.`
      : `A ${T ? `word gives it ${text} on average, a patch` : "patch gives it on average"} ${clip}${rest}.`;
    const top = largest(row);
    if (seen.map) {
      this.summary.textContent = `Most: ${this.sequence.nameOf(top)} with ${percent(row[top])}.`;
      return;
    }
    const most = `Most: ${this.sequence.nameOf(top)} with ${percent(row[top])}`;
    this.summary.textContent = `${module}${shares} ${most}; an even share is ${percent(1 / seen.count)}.`;
  }
}
