// @ts-check
/** The runs' paths through latent space. */
import { COLORS } from "./card.js";
import { Choice } from "../lib/controls.js";
import { h, uid } from "../lib/elements.js";
import { Tooltip } from "../lib/tooltip.js";

/**
 * The runs' paths through latent space, seen along their two main directions; click a point to go there.
 */
export class Paths {
  /** @param {import("../lib/view.js").View} view @param {import("./runs.js").Run[]} runs */
  constructor(view, runs) {
    this.view = view;
    this.runs = runs;
    const title = uid("paths");
    this.plot = h("g", {});
    /** Of each run, its points on the plot. @type {number[][][]} */
    this.places = [];
    /** @type {any[]} one a run */
    this.rings = [];
    this.svg = h(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "x2v-paths", role: "img", "aria-labelledby": title },
      h(
        "title",
        { id: title },
        "The path of each run through latent space, one point a step, from noise to the clip",
      ),
      this.plot,
    );
    const kinds = [
      ["noisy", "what the model sees (noisy latents)"],
      ["pred_x0", "what it predicts (pred_x0 latents)"],
    ];
    const choice = new Choice(view, {
      key: "path",
      label: "Paths of",
      options: /** @type {[any, string][]} */ (kinds),
    });
    this.note = h("figcaption", { class: "x2v-muted" }, "One point a step. Click a point to go there.");
    this.root = h("figure", { class: "x2v-compare-paths" }, choice.root, this.svg, this.note);
    this.tip = new Tooltip(view);
    view.listen(this.svg, "pointermove", (event) => {
      const near = this.nearest(event);
      this.svg.style.cursor = near ? "pointer" : "default";
      if (near) this.tip.show(event, this.say(near));
      else this.tip.hide();
    });
    view.listen(this.svg, "pointerleave", () => this.tip.hide());
    view.listen(this.svg, "click", (event) => {
      const near = this.nearest(event);
      if (near) this.go(near);
    });
    view.onSelect((selection, changed) => {
      if (changed.has("path")) this.build(selection.path);
      this.mark(selection);
    });
  }

  /** @param {"noisy" | "pred_x0"} path */
  build(path) {
    const { view, runs } = this;
    const sets = runs.map((_, i) => view.arrays[`path.${path}.${i}`]);
    const [x, y] = [0, 1].map((axis) => {
      const values = sets.flatMap((points) => [...points].filter((_, k) => k % 2 === axis));
      const low = Math.min(...values);
      const high = Math.max(...values);
      const room = (high - low) * 0.07 || 1;
      const [from, to] = axis ? [HEIGHT - BOTTOM, TOP] : [LEFT, WIDTH - RIGHT];
      return (value) => from + ((value - low + room) / (high - low + 2 * room)) * (to - from);
    });
    this.places = sets.map((points) =>
      Array.from({ length: points.length / 2 }, (_, k) => [x(points[2 * k]), y(points[2 * k + 1])]),
    );
    const explained = view.metadata.explained[path].map((share) => `${Math.round(100 * share)} %`);
    this.rings = runs.map((_, i) => h("circle", { class: "x2v-paths-now", r: 7, stroke: COLORS[i] }));
    this.plot.replaceChildren(
      h("rect", {
        class: "x2v-paths-frame",
        x: LEFT,
        y: TOP,
        width: WIDTH - LEFT - RIGHT,
        height: HEIGHT - TOP - BOTTOM,
      }),
      ...this.places.flatMap((places, i) => [
        h("polyline", {
          points: places.map((place) => place.join()).join(" "),
          fill: "none",
          stroke: COLORS[i],
          "stroke-width": 2,
        }),
        ...places.map(([cx, cy]) => h("circle", { cx, cy, r: 3, fill: COLORS[i] })),
      ]),
      ...this.rings,
      ...this.places.map((places, i) => {
        const [px, py] = places[places.length - 1];
        return h(
          "text",
          { class: "x2v-paths-name", x: px + 9, y: py + 5, style: `fill: ${COLORS[i]}` },
          runs[i].name,
        );
      }),
      h(
        "text",
        { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 6, "text-anchor": "middle" },
        `main direction: ${explained[0]} of the variance`,
      ),
      h(
        "text",
        { transform: `translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`, "text-anchor": "middle" },
        `second: ${explained[1]}`,
      ),
    );
  }

  /**
   * The point of run `i` at the selection.
   * @param {number} i
   * @param {import("../lib/view.js").Selection} selection
   */
  point(i, { show, step }) {
    return show === "final" ? this.places[i].length - 1 : this.runs[i].own[step];
  }

  /** @param {import("../lib/view.js").Selection} selection */
  mark(selection) {
    this.rings.forEach((ring, i) => {
      const [cx, cy] = this.places[i][this.point(i, selection)];
      ring.setAttribute("cx", cx);
      ring.setAttribute("cy", cy);
    });
  }

  /** @typedef {{ run: number, point: number }} Near */
  /** The point within reach of the pointer. @param {PointerEvent} event @returns {Near | null} */
  nearest(event) {
    const box = this.svg.getBoundingClientRect();
    const scale = WIDTH / box.width;
    const px = (event.clientX - box.left) * scale;
    const py = (event.clientY - box.top) * scale;
    /** @type {Near | null} */
    let best = null;
    let reach = 14 * Math.max(1, scale);
    this.places.forEach((places, run) =>
      places.forEach(([x, y], point) => {
        const far = Math.hypot(x - px, y - py);
        if (far < reach) [best, reach] = [{ run, point }, far];
      }),
    );
    return best;
  }

  /** @param {Near} near */
  say({ run, point }) {
    const { name, label, t } = this.runs[run];
    const steps = t.length - 1;
    const place =
      point < steps
        ? `step ${point + 1} of ${steps}, noise ${Math.round(100 * t[point])} %`
        : "the finished clip";
    return `${name}${label ? `: ${label}` : ""}\n${place}`;
  }

  /** @param {Near} near */
  go({ run, point }) {
    const { t } = this.runs[run];
    const levels = this.view.arrays.levels;
    const path = this.view.selection.path;
    if (point === t.length - 1) this.view.select({ show: "final" });
    else {
      let step = 0;
      levels.forEach((level, k) => {
        if (Math.abs(level - t[point]) < Math.abs(levels[step] - t[point])) step = k;
      });
      this.view.select({ step, show: path === "noisy" ? "noisy" : "predicted" });
    }
    this.view.commit();
  }
}

const WIDTH = 480;
const HEIGHT = 300;
const LEFT = 26;
const RIGHT = 22;
const TOP = 8;
const BOTTOM = 26;
