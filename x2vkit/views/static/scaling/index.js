// @ts-check
/**
 * What training compute buys: runs as points, the law through their lower envelope, and the clip that each
 * checkpoint makes of the same noise. Below: one model at three budgets, what a budget would buy, what
 * sampling costs.
 */
import { Choice, Slider, button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { commonKeys, keys } from "../lib/keys.js";
import { mount } from "../lib/mount.js";
import { Player } from "../lib/player.js";
import { presets } from "../lib/presets.js";
import { terms } from "../lib/terms.js";
import { Budget } from "./budget.js";
import { Film, Films } from "./films.js";
import { notes } from "./notes.js";
import { at, millions, percent, pointName, power } from "../lib/numbers.js";
import { Plot } from "./plot.js";
import { Sampling } from "./sampling.js";
import { Trio } from "./trio.js";

export default mount(async (view) => {
  const { metadata } = view;
  const films = new Films(view);
  const plot = new Plot(view);
  const player = new Player(view, { fps: metadata.fps, autoplay: true });
  const along = new Slider(view, {
    key: "point",
    label: "Checkpoint",
    max: metadata.points.length - 1,
    format: (i) => pointName(metadata.points[i]),
  });
  along.root.classList.add("x2v-scaling-along");
  const shown = new Film(view, films, (selection) => selection.point);
  const names = Object.keys(metadata.prompts);
  const prompt = new Choice(view, {
    key: "prompt",
    label: "Prompt",
    options: names.map((name) => [name, metadata.prompts[name]]),
  });
  const figure = new Choice(view, {
    key: "figure",
    label: "Show",
    options: metadata.figures.map((one) => [one.key, one.judged ? `judged: ${one.name}` : one.name]),
  });
  const far = button(view, { label: "Up to Sora (extrapolated)", pressed: false }, () => {
    view.select({ far: !view.selection.far });
    view.commit();
  });
  const detail = h("div", { class: "x2v-scaling-detail", "aria-live": "polite" });
  const trio = new Trio(view, films);
  const budget = new Budget(view);

  view.root.append(
    h(
      "div",
      { class: "x2v-scaling-top" },
      h(
        "div",
        { class: "x2v-scaling-left" },
        h("div", { class: "x2v-bar" }, figure.root, far),
        plot.root,
        along.root,
        detail,
      ),
      h("div", { class: "x2v-scaling-right" }, prompt.root, shown.picture.root, player.root),
    ),
    presets(view),
    trio.root,
    h(
      "div",
      { class: "x2v-scaling-below" },
      budget.root,
      metadata.sampling.rows.length ? new Sampling(view).root : null,
    ),
    notes(metadata),
    terms(view, ["scaling law", "FLOPs", "adherence", "judge", "ceiling", "EMA"]),
  );
  commonKeys(view, player);
  const beside = (by) => () => view.select({ point: view.selection.point + by });
  keys(view, { ArrowUp: beside(1), ArrowDown: beside(-1), PageUp: beside(1), PageDown: beside(-1) });

  view.onSelect(({ point, far: wide }) => {
    far.setAttribute("aria-pressed", String(wide));
    detail.replaceChildren(...describe(metadata, point));
  });
  films.all();
});

/** What is known of a checkpoint. @param {any} metadata @param {number} index */
function describe(metadata, index) {
  const point = metadata.points[index];
  const rows = [
    ["model", `${millions(point.params)} parameters (${point.size})`],
    ["training compute", `${power(point.flops)} FLOPs`],
    ["clips seen", `${point.samples.toLocaleString("en")} in ${point.step.toLocaleString("en")} steps`],
    ["held-out loss", point.values.loss.toFixed(4)],
  ];
  const beyond = point.flops > 1.01 * metadata.reached ? ", beyond its points" : "";
  if (metadata.law) rows.push([`the law says${beyond}`, at(metadata.law, point.flops).toFixed(4)]);
  const judged = metadata.figures.filter((one) => one.judged && one.key in point.values);
  for (const one of judged.filter((it) => ["adherence", "consistency", "physics"].includes(it.key))) {
    const ceiling = point.ceiling[one.key] ?? one.ceiling;
    const real = ceiling ? ` (real renders: ${percent(ceiling)})` : "";
    rows.push([one.name, `${percent(point.values[one.key])}${real}`]);
  }
  const ships = Object.keys(metadata.models).find((name) => metadata.models[name] === index);
  const named = ships
    ? `${ships === point.run ? "" : `${point.run}, `}the model “${ships}” that ships`
    : point.run;
  const own = metadata.apart.includes(index)
    ? "trained otherwise than these runs: shown, and no law is fitted to it"
    : metadata.frontier.includes(index)
      ? "on the frontier: no cheaper checkpoint is better"
      : "above the frontier: the same compute was better spent otherwise";
  return [
    h("dl", {}, ...rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    h("div", { class: "x2v-muted" }, `${named}, ${own}.`),
  ];
}
