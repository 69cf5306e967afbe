// @ts-check
/** How large a patch is, and what that costs. */
import { Slider } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { CostTable, flops, tell } from "./costs.js";

export class Sizes {
  /** @param {import("./state.js").State} state */
  constructor(state) {
    const { view, geometry } = state;
    const { lengths, sides } = view.metadata;
    this.state = state;
    const lengthName = (i) =>
      `${lengths[i]} latent frame${lengths[i] > 1 ? "s" : ""} = ${geometry.temporalStride * lengths[i]} frames`;
    const sideName = (j) => {
      const pixels = sides[j].map((n) => n * geometry.spatialStride * state.shrink);
      return `${sides[j].join(" × ")} cells = ${pixels.join(" × ")} px`;
    };
    const length = { key: "length", label: "Length", max: lengths.length - 1, format: lengthName };
    const side = { key: "side", label: "Side", max: sides.length - 1, format: sideName };
    this.told = h("div", { class: "x2v-patches-told", role: "status", "aria-live": "polite" });
    this.table = new CostTable(view);
    const sliders = [new Slider(view, length), new Slider(view, side)].map((slider) => slider.root);
    this.parts = [...sliders, this.told, this.table.root];
  }

  /** @param {import("./state.js").Now} now */
  draw({ choice, size }) {
    const { view, C } = this.state;
    const cost = view.metadata.costs[choice.length][choice.side];
    const padded = cost.padded ? ", the last ones part empty" : "";
    const attention =
      cost.forward === null
        ? ["attention compares all pairs", "what it costs grows with their number squared"]
        : [
            `${flops(cost.attention)} for attention`,
            `of ${flops(cost.forward)} a pass (${view.metadata.model})`,
          ];
    tell(this.told, [
      [`${cost.tokens.toLocaleString("en")} tokens`, `${cost.grid.join(" × ")}${padded}`],
      [
        `${cost.numbers.toLocaleString("en")} numbers each`,
        `${size.patch.join(" × ")} cells × ${C} channels`,
      ],
      attention,
    ]);
    this.table.show(choice.length, choice.side);
  }
}
