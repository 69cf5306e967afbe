// @ts-check
/** What a budget would buy. */
import { h, uid } from "../lib/elements.js";
import { FAR } from "./axes.js";
import { at, many, number, power, short } from "../lib/numbers.js";

/** The numbers that a field takes: far beyond any machine, and still numbers once they are multiplied. */
const [LEAST, MOST] = [1e-6, 1e30];

/**
 * What a budget would buy: FLOPs, hours and money in step, with the loss and the size that the laws give.
 */
export class Budget {
  /** @param {any} view */
  constructor(view) {
    const { metadata } = view;
    const { peak, use, price } = metadata.machine;
    const id = uid("budget");
    const low = Math.log10(metadata.points[0].flops);
    const high = FAR;
    const slider = h("input", { type: "range", id, min: low, max: high, step: 0.02, "data-key": "budget" });
    const state = { rate: (peak * use) / 1e12, price };
    const field = (label, unit, /** @type {(v: number) => void} */ take) => {
      const own = uid("field");
      const input = h("input", { id: own, type: "text", inputmode: "decimal", class: "x2v-scaling-field" });
      const one = { input, refused: false };
      view.listen(input, "input", () => (problem.hidden = true));
      view.listen(input, "change", () => {
        const value = Number(input.value.replaceAll(",", ""));
        one.refused = !(value >= LEAST && value <= MOST);
        problem.hidden = !one.refused;
        const rule = "write a number above 0, as in 400 or 1e18. The last one stays.";
        problem.textContent = one.refused ? `“${input.value.slice(0, 40)}” for “${label}”: ${rule}` : "";
        if (!one.refused) take(value);
        view.redraw();
        view.commit();
      });
      return {
        one,
        root: h("div", {}, h("label", { for: own }, label), input, h("span", { class: "x2v-muted" }, unit)),
      };
    };
    const problem = h("p", { class: "x2v-scaling-refused", role: "alert", hidden: true });
    const go = (flops) => view.select({ budget: Math.min(high, Math.max(low, Math.log10(flops))) });
    const perHour = () => state.rate * 1e12 * 3600;
    const fields = {
      flops: field("compute", "FLOPs", go),
      here: field("on the machine that trained these", "hours", (v) => go(v * 3600 * metadata.rate)),
      hours: field("on one GPU", "hours", (v) => go(v * perHour())),
      money: field("rented", "US$", (v) => go((v / state.price) * perHour())),
    };
    const assumed = {
      rate: field("a GPU really does", "TFLOP/s", (v) => (state.rate = v)),
      price: field("and costs", "US$ an hour", (v) => (state.price = v)),
    };
    const says = h("div", { class: "x2v-scaling-says", "aria-live": "polite" });
    view.listen(slider, "input", () => view.select({ budget: Number(slider.value) }));
    view.listen(slider, "change", () => view.commit());
    this.root = h(
      "section",
      { class: "x2v-scaling-budget", "aria-label": "What a budget would buy" },
      h("div", { class: "x2v-title" }, "What would a budget buy?"),
      h("div", { class: "x2v-slider" }, h("label", { for: id }, "Budget"), slider),
      h("div", { class: "x2v-scaling-fields" }, ...Object.values(fields).map((one) => one.root)),
      problem,
      says,
      h(
        "div",
        { class: "x2v-scaling-fields x2v-scaling-assumed" },
        ...Object.values(assumed).map((one) => one.root),
      ),
      h(
        "div",
        { class: "x2v-muted" },
        `To begin with: an H100's ${peak / 1e12} TFLOP/s in dense bf16 (its data sheet), `,
        `${100 * use} % of it in use, rented at US$ ${price} an hour; `,
        `the machine that trained these ran at ${short(metadata.rate / 1e9)} GFLOP/s.`,
      ),
    );
    const put = ({ one }, value) => {
      if (view.root.ownerDocument.activeElement === one.input && !one.refused) return;
      one.input.value = number(value);
      one.refused = false;
    };
    view.onSelect(({ budget }) => {
      const flops = 10 ** budget;
      if (Number(slider.value) !== budget) slider.value = String(budget);
      slider.setAttribute("aria-valuetext", `${power(flops)} FLOPs`);
      put(fields.flops, flops);
      put(fields.here, flops / metadata.rate / 3600);
      put(fields.hours, flops / perHour());
      put(fields.money, (flops / perHour()) * state.price);
      put(assumed.rate, state.rate);
      put(assumed.price, state.price);
      says.replaceChildren(...this._says(metadata, flops));
    });
  }

  /** @param {any} metadata @param {number} flops */
  _says(metadata, flops) {
    const most = metadata.reached;
    const lines = [];
    if (metadata.law) {
      const loss = at(metadata.law, flops);
      const low = at(metadata.law, flops, "low");
      const high = at(metadata.law, flops, "high");
      lines.push(
        h(
          "div",
          {},
          "loss by the frontier's law: ",
          h("strong", {}, loss.toFixed(3)),
          ` (${low.toFixed(3)} to ${high.toFixed(3)})`,
        ),
      );
    }
    if (metadata.joint) {
      const params = at({ x: metadata.joint.x, y: metadata.joint.params }, flops);
      const samples = at({ x: metadata.joint.x, y: metadata.joint.samples }, flops);
      lines.push(
        h(
          "div",
          {},
          "best spent on ",
          h("strong", {}, `${many(params)} parameters`),
          ` and ${many(samples)} clips, by the joint law`,
        ),
      );
    }
    const ratio = flops / most;
    lines.push(
      h(
        "div",
        { class: ratio > 4 ? "x2v-scaling-warn" : "x2v-muted" },
        ratio > 4
          ? `${many(ratio)} times the largest run of the laws: an extrapolation, for this world and its clips alone`
          : "within what was measured",
      ),
    );
    return lines;
  }
}
