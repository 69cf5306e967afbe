// @ts-check
/** The same model, prompt and noise at three budgets. */
import { h } from "../lib/elements.js";
import { Film } from "./films.js";
import { millions, percent, power, short } from "../lib/numbers.js";

/** The same model, prompt and noise at three budgets. */
export class Trio {
  /** @param {any} view @param {import("./films.js").Films} films */
  constructor(view, films) {
    const { points, trio } = view.metadata;
    const base = points[trio[0]];
    const alike = trio.every((index) => points[index].size === base.size);
    const panels = trio.map((index, i) => {
      const point = points[index];
      const ratio = point.flops / base.flops;
      const film = new Film(view, films, () => index, i ? `${short(ratio)}× compute` : "Base compute");
      const { loss, adherence } = point.values;
      const parts = [`${power(point.flops)} FLOPs`, `loss ${loss.toFixed(3)}`];
      if (!alike) parts.unshift(`${millions(point.params)} parameters`);
      if (adherence !== undefined) parts.push(`adherence ${percent(adherence)}`);
      film.picture.caption(parts.join(" · "));
      view.listen(film.picture.stage, "click", () => {
        view.select({ point: index });
        view.commit();
      });
      film.picture.stage.title = "Show this checkpoint on the plot";
      return film.picture.root;
    });
    this.root = h(
      "section",
      { class: "x2v-scaling-trio", "aria-label": "The same model at three budgets" },
      h(
        "div",
        { class: "x2v-title" },
        alike
          ? "Same prompt, same noise, same model: only the training compute differs"
          : "Same prompt, same noise: the best of each training compute",
      ),
      h("div", { class: "x2v-scaling-three" }, ...panels),
    );
    this.root.hidden = trio.length < 2;
  }
}
