// @ts-check
/** The noise schedule as a curve to click and drag. */
import { h, uid } from "../lib/elements.js";
import { Tooltip } from "../lib/tooltip.js";

/**
 * The noise level before each step as a curve, and how much each step changed as bars. Click or drag to go
 * there.
 */
export class Schedule {
  /** @param {import("../lib/view.js").View} view @param {Float32Array} t @param {Float32Array} change */
  constructor(view, t, change) {
    const steps = change.length;
    const width = 460;
    const height = 190;
    const left = 44;
    const right = 12;
    const top = 12;
    const bottom = 36;
    const x = (step) => left + ((width - left - right) * (step + 0.5)) / steps;
    const y = (level) => top + (height - top - bottom) * (1 - level);
    const most = Math.max(...change, 1e-6);
    const wide = ((width - left - right) / steps) * 0.6;
    const bar = (amount, step) => {
      const size = Math.sqrt(amount / most) * (height - top - bottom) * 0.55; // the first changes dwarf all others
      return h("rect", {
        class: "x2v-curve-bar",
        x: x(step) - wide / 2,
        y: y(0) - size,
        width: wide,
        height: size,
      });
    };
    const ticks = [0, 0.5, 1].flatMap((level) => [
      h("line", { class: "x2v-curve-grid", x1: left, x2: width - right, y1: y(level), y2: y(level) }),
      h("text", { x: left - 6, y: y(level) + 4, "text-anchor": "end" }, `${100 * level} %`),
    ]);
    const named = [...new Set([0, Math.round((steps - 1) / 2), steps - 1])];
    const numbers = named.map((step) =>
      h("text", { x: x(step), y: height - bottom + 16, "text-anchor": "middle" }, step + 1),
    );
    const line = [...change.keys()].map((step) => `${x(step)},${y(t[step])}`).join(" ");
    const dots = [...change.keys()].map((step) =>
      h("circle", { class: "x2v-curve-dot", cx: x(step), cy: y(t[step]), r: 2.5 }),
    );
    const stem = h("line", { class: "x2v-curve-now", y1: y(1), y2: y(0) });
    const point = h("circle", { class: "x2v-curve-point", r: 6 });
    const title = uid("schedule");
    this.svg = h(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, class: "x2v-curve", role: "img", "aria-labelledby": title },
      h("title", { id: title }, "Noise left before each step, and how much each step changed the prediction"),
      ...ticks,
      ...[...change].map(bar),
      h("polyline", { class: "x2v-curve-line", points: line }),
      ...dots,
      stem,
      point,
      ...numbers,
      h("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, "denoising step"),
    );
    this.root = h(
      "figure",
      { class: "x2v-denoise-curve" },
      this.svg,
      h(
        "figcaption",
        { class: "x2v-muted" },
        h("span", { class: "x2v-key" }, h("span", { class: "x2v-key-line" }), " noise before the step"),
        h(
          "span",
          { class: "x2v-key" },
          h("span", { class: "x2v-key-bar" }),
          " change of the prediction (square root)",
        ),
      ),
    );

    const tip = new Tooltip(view);
    const at = (event) => {
      const box = this.svg.getBoundingClientRect();
      const inside = ((event.clientX - box.left) / box.width) * width;
      return Math.min(steps - 1, Math.max(0, Math.floor(((inside - left) / (width - left - right)) * steps)));
    };
    let dragging = false;
    view.listen(this.svg, "pointerdown", (event) => {
      dragging = true;
      this.svg.setPointerCapture(event.pointerId);
      view.select({ step: at(event) });
    });
    view.listen(this.svg, "pointermove", (event) => {
      const step = at(event);
      tip.show(
        event,
        `step ${step + 1}\nnoise ${(100 * t[step]).toFixed(1)} %\nchange ${change[step].toFixed(1)} of 255`,
      );
      if (dragging) view.select({ step });
    });
    for (const type of ["pointerup", "pointercancel"]) {
      view.listen(this.svg, type, () => {
        if (dragging) view.commit();
        dragging = false;
      });
    }
    view.listen(this.svg, "pointerleave", () => tip.hide());
    view.onSelect(({ step }) => {
      for (const [name, value] of [
        ["cx", x(step)],
        ["cy", y(t[step])],
      ])
        point.setAttribute(String(name), String(value));
      for (const name of ["x1", "x2"]) stem.setAttribute(name, String(x(step)));
    });
  }
}
