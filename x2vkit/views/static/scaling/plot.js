// @ts-check
/** Figure against compute, on log axes; drag along the law. */
import { h, uid } from "../lib/elements.js";
import { Tooltip } from "../lib/tooltip.js";
import { Axes, BOX } from "./axes.js";
import { ceilingLayer, largeLayer, lawLayer, modelLayer, runLayer } from "./layers.js";
import { frontierLaw } from "./laws.js";
import { millions, power } from "../lib/numbers.js";

/** How near the pointer has to be to a point, in units of the SVG. */
const REACH = 14;
/** A gesture of more pixels than this is a drag, no click. */
const PULLED = 4;

export class Plot {
  /** @param {import("../lib/view.js").View} view */
  constructor(view) {
    this.view = view;
    const id = uid("plot");
    this.name = h("title", { id });
    this.back = h("g", {});
    this.front = h("g", {});
    this.ring = h("circle", { class: "x2v-scaling-ring", r: 9 });
    this.stem = h("line", { class: "x2v-scaling-stem", y1: BOX.top, y2: BOX.height - BOX.bottom });
    const box = { viewBox: `0 0 ${BOX.width} ${BOX.height}`, class: "x2v-scaling-plot" };
    const layers = [this.name, this.back, this.stem, this.front, this.ring];
    this.svg = h("svg", { ...box, role: "img", "aria-labelledby": id }, ...layers);
    this.caption = h("div", { class: "x2v-muted" });
    this.law = h("div", { class: "x2v-scaling-formula" });
    this.root = h("figure", {}, this.svg, this._legend(), this.caption, this.law);
    this.axes = new Axes(view.metadata, view.metadata.figures[0], false);
    this._listen();
    view.onSelect((selection, changed) => {
      if (changed.has("figure") || changed.has("far")) this._draw(selection);
      this._move(selection);
    });
  }

  _legend() {
    const { colors, points, apart } = this.view.metadata;
    const sizes = Object.entries(colors).map(([size, color]) => {
      const { params } = points.find((one, i) => one.size === size && !apart.includes(i)) ?? points[0];
      const dot = h("span", { class: "x2v-scaling-dot", style: `background: var(--x2v-${color})` });
      return h("span", {}, dot, ` ${millions(params)}`);
    });
    return h("div", { class: "x2v-scaling-legend x2v-muted" }, "parameters:", ...sizes);
  }

  /** @param {any} selection */
  _draw({ figure, far }) {
    const { metadata } = this.view;
    const what = metadata.figures.find((one) => one.key === figure) ?? metadata.figures[0];
    const law = what.key === "loss" ? metadata.law : null;
    this.axes = new Axes(metadata, what, far);
    this.back.replaceChildren(
      ...this.axes.draw(),
      ...(law ? lawLayer(this.axes, metadata, far) : []),
      ...(what.judged && what.ceiling ? ceilingLayer(this.axes, what.ceiling) : []),
      ...(far ? largeLayer(this.axes, metadata.large) : []),
    );
    this.front.replaceChildren(...runLayer(this.axes, metadata), ...modelLayer(this.axes, metadata));
    this.law.replaceChildren(...(law ? [frontierLaw(law)] : []));
    const count = metadata.points.filter((p) => p.values[what.key] !== undefined).length;
    this.name.textContent = `${what.name} against training compute, ${count} checkpoints`;
    const parts = [`${what.meaning}.`, ...(law ? lawWords(law) : [])];
    if (far) parts.push("Dashed: extrapolated many decades beyond any point. Other models, data and losses:");
    if (far) parts.push("only the compute axis is shared.");
    this.caption.textContent = parts.join(" ").replace(/^./, (c) => c.toUpperCase());
  }

  /** @param {any} selection */
  _move({ point }) {
    const it = this.view.metadata.points[point];
    const value = it.values[this.axes.what.key];
    const x = this.axes.x(it.flops);
    for (const name of ["x1", "x2"]) this.stem.setAttribute(name, String(x));
    this.ring.style.display = value === undefined ? "none" : "";
    if (value === undefined) return;
    this.ring.setAttribute("cx", String(x));
    this.ring.setAttribute("cy", String(this.axes.y(value)));
  }

  /**
   * The checkpoint meant by a place: the point under the pointer, else the nearest of the frontier by compute.
   * @param {PointerEvent} event
   */
  _nearest(event, along = false) {
    const { axes } = this;
    const { points, frontier } = this.view.metadata;
    const frame = this.svg.getBoundingClientRect();
    const px = ((event.clientX - frame.left) / frame.width) * BOX.width;
    const py = ((event.clientY - frame.top) / frame.height) * BOX.height;
    let best = -1;
    let least = REACH;
    points.forEach((p, i) => {
      const value = p.values[axes.what.key];
      if (value === undefined) return;
      const away = Math.hypot(axes.x(p.flops) - px, axes.y(value) - py);
      if (away < least) [best, least] = [i, away];
    });
    if (best >= 0 && !along) return { index: best, near: true };
    const away = (i) => Math.abs(axes.x(points[i].flops) - px);
    return { index: frontier.reduce((a, b) => (away(b) < away(a) ? b : a)), near: false };
  }

  _listen() {
    const { view } = this;
    const tip = new Tooltip(view);
    let dragging = false;
    let from = 0;
    view.listen(this.svg, "pointerdown", (event) => {
      [dragging, from] = [true, event.clientX];
      this.svg.setPointerCapture(event.pointerId);
      view.select({ point: this._nearest(event).index });
    });
    view.listen(this.svg, "pointermove", (event) => {
      // a click may mean any point, a drag the frontier
      const pulled = dragging && Math.abs(event.clientX - from) > PULLED;
      const { index, near } = this._nearest(event, pulled);
      if (pulled) view.select({ point: index });
      if (!near && !dragging) return tip.hide();
      tip.show(event, this._describe(view.metadata.points[index]));
    });
    for (const type of ["pointerup", "pointercancel"]) {
      view.listen(this.svg, type, () => {
        if (dragging) view.commit();
        dragging = false;
      });
    }
    view.listen(this.svg, "pointerleave", () => tip.hide());
  }

  _describe({ run, params, flops, samples, values }) {
    const value = values[this.axes.what.key];
    return [
      `${run}, ${millions(params)} parameters`,
      `${power(flops)} FLOPs, ${samples.toLocaleString("en")} clips`,
      value === undefined ? "not measured" : value.toFixed(4),
    ].join("\n");
  }
}

/** The law in words. @param {any} law @returns {string[]} */
function lawWords({ r2 }) {
  const fit = `Below: the law of the frontier, loss L against compute C, R² ${r2.toFixed(4)};`;
  return [fit, "band: 90 % of the fits to resampled points. Filled points lie on the frontier."];
}
