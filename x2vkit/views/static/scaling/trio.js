// @ts-check
/** The same prompt and noise at three budgets: the models that ship, or checkpoints of one's own runs. */
import { h } from "../lib/elements.js";
import { Film } from "./films.js";
import { millions, percent, power, short } from "../lib/numbers.js";

/** The same prompt and noise at three budgets: the models that ship, or checkpoints of one's own runs. */
export class Trio {
  /** @param {any} view @param {import("./films.js").Films} films */
  constructor(view, films) {
    const { points, trio, models } = view.metadata;
    const ships = Object.keys(models).length > 1;
    const named = (index) => Object.keys(models).find((name) => models[name] === index);
    const base = points[trio[0]];
    const alike = trio.every((index) => points[index].size === base.size);
    const panels = trio.map((index, i) => {
      const point = points[index];
      const ratio = point.flops / base.flops;
      const times = i ? `${short(ratio)}× compute` : "Base compute";
      const title = ships ? `${named(index)}${i ? `: ${times}` : ""}` : times;
      const film = new Film(view, films, () => index, title);
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
      { class: "x2v-scaling-trio", "aria-label": "The same prompt at three budgets" },
      h(
        "div",
        { class: "x2v-title" },
        ships
          ? "Same prompt, same noise: the three models that ship"
          : alike
            ? "Same prompt, same noise, same model: only the training compute differs"
            : "Same prompt, same noise: the best of each training compute",
      ),
      h("div", { class: "x2v-scaling-three" }, ...panels),
    );
    this.root.hidden = trio.length < 2;
  }
}
