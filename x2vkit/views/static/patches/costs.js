// @ts-check
/** Tokens and attention's cost of every patch size. */
import { button } from "../lib/controls.js";
import { h, uid } from "../lib/elements.js";

/** Tokens and attention's cost for every patch size on offer; each is a button. */
export class CostTable {
  /** @param {import("../lib/view.js").View} view */
  constructor(view) {
    const { costs, lengths, sides, own } = view.metadata;
    const base = costs[own[0]][own[1]].attention;
    const logs = costs.flat().map((one) => Math.log(one.attention));
    const low = Math.min(...logs);
    const high = Math.max(...logs);
    /** @type {any[][]} */
    this.cells = costs.map((line, i) =>
      line.map((one, j) => {
        const times = one.attention / base;
        const ours = i === own[0] && j === own[1];
        const share = high > low ? (Math.log(one.attention) - low) / (high - low) : 0;
        const size = `Patches of ${lengths[i]} × ${sides[j].join(" × ")} cells`;
        const name = `${size}: ${one.tokens} tokens, attention costs ${factor(times)}`;
        const it = button(view, { label: name, pressed: false, text: "" }, () => {
          view.select({ length: i, side: j });
          view.commit();
        });
        it.append(h("b", {}, one.tokens.toLocaleString("en")), h("small", {}, ours ? "own" : factor(times)));
        it.style.setProperty("--x2v-share", `${Math.round(8 + 52 * share)}%`);
        return it;
      }),
    );
    const id = uid("costs");
    this.root = h(
      "div",
      {},
      h(
        "div",
        { class: "x2v-muted", id },
        "Tokens for each patch size, and what attention then costs against the model's own:",
      ),
      h(
        "table",
        { class: "x2v-patches-costs", "aria-labelledby": id },
        h(
          "tr",
          {},
          h("th", {}, ""),
          ...sides.map((side) => h("th", { scope: "col" }, `side ${side.join(" × ")}`)),
        ),
        ...this.cells.map((line, i) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, `length ${lengths[i]}`),
            ...line.map((cell) => h("td", {}, cell)),
          ),
        ),
      ),
    );
  }

  /** @param {number} length @param {number} side */
  show(length, side) {
    this.cells.forEach((line, i) =>
      line.forEach((cell, j) => cell.setAttribute("aria-pressed", String(i === length && j === side))),
    );
  }
}

/** "× 14.6", "÷ 3.1" @param {number} times */
function factor(times) {
  const [sign, value] = times >= 1 ? ["×", times] : ["÷", 1 / times];
  return `${sign} ${value >= 10 ? Math.round(value) : value.toFixed(1)}`;
}

/** Operations in words: 1.2 GFLOP. @param {number} count */
export function flops(count) {
  const [unit, by] = count >= 1e12 ? ["T", 1e12] : count >= 1e9 ? ["G", 1e9] : ["M", 1e6];
  const value = count / by;
  return `${value >= 100 ? Math.round(value) : value.toPrecision(2)} ${unit}FLOP`;
}

/** Pairs of a strong and a muted text. @param {HTMLElement} place @param {string[][]} pairs */
export function tell(place, pairs) {
  const text = pairs.flat().join("|");
  if (place.dataset.text === text) return;
  place.dataset.text = text;
  place.replaceChildren(
    ...pairs.map(([strong, rest]) =>
      h("div", {}, h("b", {}, strong), h("span", { class: "x2v-muted" }, rest)),
    ),
  );
}
