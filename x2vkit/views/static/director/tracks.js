// @ts-check
/** Over time: where the subjects' middles and the camera were to be, and where they are read. */
import { h } from "../lib/elements.js";
import { boxAt } from "./asked.js";

const [WIDTH, HEIGHT, GAP] = [300, 56, 8];
/** A camera that goes less than this (of the shorter side, or of log zoom) stands still. */
const STILL = 0.01;

/** @typedef {{ style: string, values: (number | null)[] }} Line */

export class Tracks {
  /** @param {import("../lib/view.js").View} view */
  constructor(view) {
    this.view = view;
    this.chart = h("div", { class: "x2v-dir-charts" });
    const title = h("div", { class: "x2v-title" }, "Over time: dashed planned, solid read back");
    this.root = h("div", {}, title, this.chart);
    /** @type {any[]} the line of the current frame in each chart */
    this.cursors = [];
    this.renew();
  }

  /** Draw what the arrays hold. */
  renew() {
    const { plan, read, camera, read_camera: seen } = this.view.arrays;
    const count = this.view.metadata.limits.frame + 1;
    const middles = (axis) =>
      [0, 1].flatMap((subject) => [
        { style: `x2v-dir-planned x2v-dir-s${subject}`, values: middle(plan, subject, axis, count) },
        { style: `x2v-dir-read x2v-dir-s${subject}`, values: middle(read, subject, axis, count) },
      ]);
    const way = (column, of) => [
      { style: "x2v-dir-planned", values: numbers(camera, column, count, of) },
      { style: "x2v-dir-read", values: numbers(seen, column, count, of) },
    ];
    const charts = [
      ["left to right", middles(0), false],
      ["up and down", middles(1), true],
    ];
    const moves = [
      ["camera, sideways", way(0, (value) => value), false],
      ["camera, up", way(1, (value) => value), false],
      ["camera, zoom", way(2, Math.log), false],
    ];
    for (const one of moves) if (spread(/** @type {Line} */ (one[1][0]).values) > STILL) charts.push(one);
    this.cursors = [];
    this.root.hidden = !plan && !read;
    this.chart.replaceChildren(
      ...charts.flatMap(([name, lines, down]) =>
        this._one(String(name), /** @type {Line[]} */ (lines), down),
      ),
    );
  }

  /** @param {string} name @param {Line[]} lines @param {any} down whether small values stand above */
  _one(name, lines, down) {
    const all = lines.flatMap(({ values }) => values.filter((value) => value !== null));
    if (!all.length) return [];
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const room = Math.max(high - low, 0.1);
    const count = this.view.metadata.limits.frame + 1;
    const x = (frame) => (WIDTH * frame) / Math.max(count - 1, 1);
    const y = (value) => {
      const share = (value - (low + high) / 2) / room;
      return HEIGHT / 2 + (down ? share : -share) * (HEIGHT - GAP);
    };
    const cursor = h("line", { class: "x2v-dir-now", y1: 0, y2: HEIGHT });
    this.cursors.push({ cursor, x });
    const drawn = lines.map(({ style, values }) => {
      const points = values.flatMap((value, i) =>
        value === null ? [] : [`${x(i).toFixed(1)},${y(value).toFixed(1)}`],
      );
      return h("polyline", { class: `x2v-dir-way ${style}`, points: points.join(" ") });
    });
    const options = {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": `${name}, over time`,
    };
    const svg = h("svg", { class: "x2v-dir-chart", ...options }, ...drawn, cursor);
    return [h("div", {}, h("div", { class: "x2v-muted" }, name), svg)];
  }

  /** @param {number} frame */
  draw(frame) {
    for (const { cursor, x } of this.cursors) {
      cursor.setAttribute("x1", x(frame));
      cursor.setAttribute("x2", x(frame));
    }
  }
}

/** Middles of a subject's boxes along an axis; null where there is none. @returns {(number | null)[]} */
function middle(track, subject, axis, count) {
  return Array.from({ length: track ? count : 0 }, (_, frame) => {
    const box = boxAt(track, subject, frame);
    return box && (Math.min(Math.max(box[axis], 0), 1) + Math.min(Math.max(box[axis + 2], 0), 1)) / 2;
  });
}

/** One column of a camera's (F, 3). @returns {(number | null)[]} */
function numbers(camera, column, count, of) {
  return Array.from({ length: camera ? count : 0 }, (_, frame) => of(camera[3 * frame + column]));
}

/** @param {(number | null)[]} values */
function spread(values) {
  const all = values.flatMap((value) => (value === null ? [] : [value]));
  return all.length ? Math.max(...all) - Math.min(...all) : 0;
}
