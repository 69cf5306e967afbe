// @ts-check
/** What is drawn on the axes: the law and its band, a ceiling, the largest models, and the runs. */
import { h } from "../lib/elements.js";
import { BOX, FAR } from "./axes.js";
import { percent } from "../lib/numbers.js";

/** @typedef {import("./axes.js").Axes} Axes */

/** The law, its band, and where it is extrapolated. @param {Axes} axes @param {any} metadata @param {boolean} far */
export function lawLayer(axes, { law, points, reached: most }, far) {
  const flops = points.map((p) => p.flops);
  const [start, end] = [Math.min(...flops) / 1.6, far ? 10 ** FAR : 10 * Math.max(...flops)];
  const rows = law.x
    .map((c, i) => [c, law.y[i], law.low[i], law.high[i]])
    .filter((r) => r[0] >= start && r[0] <= end);
  const line = (some, k = 1) =>
    some.map((r) => `${axes.x(r[0]).toFixed(1)},${axes.y(r[k]).toFixed(1)}`).join(" ");
  const inside = rows.filter((r) => r[0] <= most);
  const beyond = rows.slice(Math.max(0, inside.length - 1));
  const band = `${line(rows, 2)} ${line(rows.slice().reverse(), 3)}`;
  return [
    h("polyline", { class: "x2v-scaling-band", points: band }),
    h("polyline", { class: "x2v-scaling-law", points: line(inside) }),
    h("polyline", { class: "x2v-scaling-law x2v-scaling-beyond", points: line(beyond) }),
  ];
}

/** What the judge reads of real renders. @param {Axes} axes @param {number} value */
export function ceilingLayer(axes, value) {
  const y = axes.y(value);
  const right = BOX.width - BOX.right;
  const text = `real renders, read by the same judge: ${percent(value)}`;
  return [
    h("line", { class: "x2v-scaling-ceiling", x1: BOX.left, x2: right, y1: y, y2: y }),
    h("text", { x: BOX.left + 8, y: y + 14 }, text),
  ];
}

/** Published GPU time of large models. @param {Axes} axes @param {any[]} large */
export function largeLayer(axes, large) {
  return large.flatMap((one, i) => {
    const low = axes.x(one.low / 1.15);
    const width = axes.x(one.high * 1.15) - low;
    const box = { x: low, y: BOX.top, width, height: BOX.height - BOX.top - BOX.bottom };
    return [
      h("rect", { class: "x2v-scaling-large", ...box }, h("title", {}, one.source)),
      h("text", { x: low - 5, y: BOX.top + 18 + 18 * i, "text-anchor": "end" }, one.name),
    ];
  });
}

/** The names of the models that ship, beside their points. @param {Axes} axes @param {any} metadata */
export function modelLayer(axes, { points, models }) {
  const named = Object.entries(models).filter(([, i]) => axes.what.key in points[i].values);
  return named.map(([name, i]) => {
    const [x, y] = [axes.x(points[i].flops), axes.y(points[i].values[axes.what.key])];
    const high = y < BOX.top + 26;
    const place = { x: x + 9, y: high ? y + 20 : y - 9, "text-anchor": "start" };
    return h("text", { class: "x2v-scaling-model", ...place }, name);
  });
}

/** Runs as lines of points; filled points lie on the frontier. @param {Axes} axes @param {any} metadata */
export function runLayer(axes, { points, colors, frontier }) {
  /** @type {Map<string, number[]>} */
  const runs = new Map();
  points.forEach((p, i) => {
    if (p.values[axes.what.key] !== undefined) runs.set(p.run, [...(runs.get(p.run) ?? []), i]);
  });
  const place = (i) => [axes.x(points[i].flops), axes.y(points[i].values[axes.what.key])];
  const corner = (i) => place(i).map((v) => v.toFixed(1)).join(); // prettier-ignore
  return [...runs.values()].flatMap((indices) => {
    const color = `var(--x2v-${colors[points[indices[0]].size]})`;
    const line = { style: `stroke: ${color}`, points: indices.map(corner).join(" ") };
    const dots = indices.map((i) => {
      const [cx, cy] = place(i);
      const on = frontier.includes(i);
      const style = `fill: ${on ? color : "var(--x2v-bg)"}; stroke: ${color}`;
      return h("circle", { class: "x2v-scaling-point", cx, cy, r: on ? 5.5 : 4, style });
    });
    return [h("polyline", { class: "x2v-scaling-run", ...line }), ...dots];
  });
}
