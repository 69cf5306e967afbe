// @ts-check
/**
 * Denoising, step by step: what the model sees, what it takes the clip to be, what the step changed, and beside
 * them the finished clip or what guidance does. Below, the noise schedule as a curve to click and drag.
 */
import {
  mount, h, uid, Picture, Player, LatentPainter, ScaleBar, Choice, Tooltip, promptLine, stepName, commonKeys, heatPixels,
} from "./common.js";

/** The change that is drawn brightest, of 255 levels. */
const MOST = 96;

export default mount(async (view) => {
  const { facts, arrays } = view;
  const [steps, C, f, rows, columns] = view.shapes.pred_x0;
  const size = C * f * rows * columns;
  const painter = new LatentPainter(arrays.weight, arrays.bias, [C, f, rows, columns]);
  const shape = { width: painter.width, height: painter.height };
  const frameCount = facts.limits.frame + 1;
  const final = await view.image("frames");
  const decoded = arrays.previews ? await view.image("previews") : null;

  const noisy = new Picture(view, { ...shape, label: "What the model sees", smooth: true });
  const pred_x0 = new Picture(view, { ...shape, label: "Its guess at the clip", smooth: true });
  const planned = arrays.plan ? new Boxes(arrays.plan, noisy.stage) : null;
  const change = new Picture(view, { ...shape, label: "What changed" });
  const beside = new Picture(view, { ...shape, label: "Beside it", title: "", smooth: true });
  /** @type {[string, string][]} */
  const options = [["final", "The finished clip"]];
  if (arrays.pred_x0_cond) options.push(["pred_x0_cond", "Without guidance"], ["guidance", "What guidance changes"]);
  const choice = new Choice(view, { key: "beside", label: "Beside it", options });
  choice.root.classList.add("x2v-denoise-choice");
  beside.title.replaceChildren(choice.root);

  const scale = new ScaleBar({ label: "mean of red, green, blue, of 255 levels", high: `${MOST}+` });
  const player = new Player(view, { fps: facts.fps, autoplay: true });
  const stepper = new Player(view, { fps: 8, key: "step", label: "Step", format: stepName(view, arrays.t), loop: false });
  const curve = new Schedule(view, arrays.t, arrays.change);

  view.root.append(
    h("div", {}, promptLine(facts.prompt, facts.unknown), h("div", { class: "x2v-muted" }, facts.run)),
    h("div", { class: "x2v-row x2v-denoise-row" }, noisy.root, pred_x0.root, change.root, beside.root),
    h("div", { class: "x2v-row x2v-denoise-below" }, curve.root,
      h("div", { class: "x2v-denoise-controls" }, stepper.root, player.root, scale.root,
        h("div", { class: "x2v-muted" }, "Keys: ← → frames, ↑ ↓ steps, space plays."))),
  );
  commonKeys(view, player);

  const buffers = { now: floats(painter), before: floats(painter), plain: floats(painter), amounts: new Float32Array(shape.width * shape.height) };
  const reader = decoded && new Reader(decoded);

  /** The predicted clip at a step and frame as floats in -1..1, as it is shown. */
  const predicted = (/** @type {number} */ step, /** @type {number} */ frame, /** @type {Float32Array} */ out) =>
    reader ? reader.floats(step * frameCount + frame, out) : clip(painter.floats(arrays.pred_x0, step * size, frame, out));

  view.onSelect(({ step, frame, beside: what }) => {
    LatentPainter.pixels(painter.floats(arrays.latents, step * size, frame, buffers.plain), noisy.data);
    noisy.put();
    const left = Math.round(100 * arrays.t[step]);
    noisy.caption(`noisy latents, ${left} % noise (linear decoder)${planned ? "; dashed: the plan" : ""}`);
    planned?.show(frame);

    // Guided and pred_x0_cond are compared through one decoder; alone, the prediction is shown at its best.
    const compared = what !== "final";
    const now = compared ? clip(painter.floats(arrays.pred_x0, step * size, frame, buffers.now)) : predicted(step, frame, buffers.now);
    LatentPainter.pixels(now, pred_x0.data);
    pred_x0.put();
    pred_x0.caption(`predicted pred_x0 latents (${decoded && !compared ? "decoded" : "linear decoder"})`);

    if (step > 0) {
      const before = compared
        ? clip(painter.floats(arrays.pred_x0, (step - 1) * size, frame, buffers.before)) : predicted(step - 1, frame, buffers.before);
      difference(now, before, buffers.amounts);
      change.caption(`against step ${step}: ${mean(buffers.amounts).toFixed(1)} of 255 on average`);
    } else {
      buffers.amounts.fill(0);
      change.caption("nothing: this is the first step");
    }
    heatPixels(buffers.amounts, MOST, change.data);
    change.put();

    if (what === "final") {
      beside.image(final, frame);
      beside.caption("the last latents, decoded");
    } else {
      const plain = clip(painter.floats(arrays.pred_x0_cond, step * size, frame, buffers.plain));
      if (what === "pred_x0_cond") {
        LatentPainter.pixels(plain, beside.data);
        beside.caption("from the same noise, by the words alone");
      } else {
        difference(now, plain, buffers.amounts);
        heatPixels(buffers.amounts, MOST, beside.data);
        beside.caption(`guidance ${facts.guidance}: ${mean(buffers.amounts).toFixed(1)} of 255 on average`);
      }
      beside.put();
    }
    beside.canvas.setAttribute("aria-label", options.find(([key]) => key === what)?.[1] ?? "");
  });
});

/** Where the plan puts the first and second subject: dashed boxes over a picture. */
class Boxes {
  /** @param {Float32Array} tracks (F, 2, 4) in fractions @param {HTMLElement} stage */
  constructor(tracks, stage) {
    this.tracks = tracks;
    this.rects = [0, 1].map(() => h("rect", { class: "x2v-denoise-plan" }));
    stage.append(h("svg", { class: "x2v-denoise-boxes", viewBox: "0 0 1 1", preserveAspectRatio: "none", role: "img", "aria-label": "Where the plan puts the subjects" }, ...this.rects));
  }

  /** @param {number} frame */
  show(frame) {
    this.rects.forEach((rect, i) => {
      const [x0, y0, x1, y1] = this.tracks.subarray(8 * frame + 4 * i);
      rect.style.display = Number.isFinite(x0) ? "" : "none";
      if (!Number.isFinite(x0)) return;
      for (const [name, value] of [["x", x0], ["y", y0], ["width", x1 - x0], ["height", y1 - y0]]) rect.setAttribute(String(name), String(value));
    });
  }
}

/** Reads single pictures of a strip back as numbers. */
class Reader {
  /** @param {import("./common.js").Pictures} pictures */
  constructor(pictures) {
    this.pictures = pictures;
    this.canvas = new OffscreenCanvas(pictures.width, pictures.height);
    this.context = this.canvas.getContext("2d", { willReadFrequently: true, alpha: false });
  }

  /** @param {number} index @param {Float32Array} out (H, W, 3) in -1..1 */
  floats(index, out) {
    const { bitmap, width, height, columns } = this.pictures;
    const x = (index % columns) * width, y = Math.floor(index / columns) * height;
    this.context.drawImage(bitmap, x, y, width, height, 0, 0, width, height);
    const data = this.context.getImageData(0, 0, width, height).data;
    for (let i = 0, j = 0; j < data.length; i += 3, j += 4) {
      out[i] = data[j] / 127.5 - 1;
      out[i + 1] = data[j + 1] / 127.5 - 1;
      out[i + 2] = data[j + 2] / 127.5 - 1;
    }
    return out;
  }
}

/**
 * The noise level before each step as a curve, and how much each step changed as bars. Click or drag to go there.
 */
class Schedule {
  /** @param {import("./common.js").View} view @param {Float32Array} t @param {Float32Array} change */
  constructor(view, t, change) {
    const steps = change.length, width = 460, height = 190, left = 44, right = 12, top = 12, bottom = 36;
    const x = (/** @type {number} */ step) => left + ((width - left - right) * (step + 0.5)) / steps;
    const y = (/** @type {number} */ level) => top + (height - top - bottom) * (1 - level);
    const most = Math.max(...change, 1e-6);
    const wide = ((width - left - right) / steps) * 0.6;
    const bar = (/** @type {number} */ amount, /** @type {number} */ step) => {
      const size = Math.sqrt(amount / most) * (height - top - bottom) * 0.55; // the first changes dwarf all others
      return h("rect", { class: "x2v-curve-bar", x: x(step) - wide / 2, y: y(0) - size, width: wide, height: size });
    };
    const ticks = [0, 0.5, 1].flatMap((level) => [
      h("line", { class: "x2v-curve-grid", x1: left, x2: width - right, y1: y(level), y2: y(level) }),
      h("text", { x: left - 6, y: y(level) + 4, "text-anchor": "end" }, `${100 * level} %`),
    ]);
    const named = [...new Set([0, Math.round((steps - 1) / 2), steps - 1])];
    const numbers = named.map((step) => h("text", { x: x(step), y: height - bottom + 16, "text-anchor": "middle" }, step + 1));
    const line = [...change.keys()].map((step) => `${x(step)},${y(t[step])}`).join(" ");
    const dots = [...change.keys()].map((step) => h("circle", { class: "x2v-curve-dot", cx: x(step), cy: y(t[step]), r: 2.5 }));
    const stem = h("line", { class: "x2v-curve-now", y1: y(1), y2: y(0) });
    const point = h("circle", { class: "x2v-curve-point", r: 6 });
    const title = uid("schedule");
    this.svg = h("svg", { viewBox: `0 0 ${width} ${height}`, class: "x2v-curve", role: "img", "aria-labelledby": title },
      h("title", { id: title }, "Noise left before each step, and how much each step changed the prediction"),
      ...ticks, ...[...change].map(bar), h("polyline", { class: "x2v-curve-line", points: line }), ...dots, stem, point, ...numbers,
      h("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, "denoising step"));
    this.root = h("figure", { class: "x2v-denoise-curve" }, this.svg,
      h("figcaption", { class: "x2v-muted" }, 
        h("span", { class: "x2v-key" }, h("span", { class: "x2v-key-line" }), " noise before the step"),
        h("span", { class: "x2v-key" }, h("span", { class: "x2v-key-bar" }), " change of the prediction (square root)")));

    const tip = new Tooltip(view);
    const at = (/** @type {PointerEvent} */ event) => {
      const box = this.svg.getBoundingClientRect();
      const inside = ((event.clientX - box.left) / box.width) * width;
      return Math.min(steps - 1, Math.max(0, Math.floor(((inside - left) / (width - left - right)) * steps)));
    };
    let dragging = false;
    view.listen(this.svg, "pointerdown", (/** @type {PointerEvent} */ event) => {
      dragging = true;
      this.svg.setPointerCapture(event.pointerId);
      view.select({ step: at(event) });
    });
    view.listen(this.svg, "pointermove", (/** @type {PointerEvent} */ event) => {
      const step = at(event);
      tip.show(event, `step ${step + 1}\nnoise ${(100 * t[step]).toFixed(1)} %\nchange ${change[step].toFixed(1)} of 255`);
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
      for (const [name, value] of [["cx", x(step)], ["cy", y(t[step])]]) point.setAttribute(String(name), String(value));
      for (const name of ["x1", "x2"]) stem.setAttribute(name, String(x(step)));
    });
  }
}

/** @param {LatentPainter} painter */
function floats(painter) {
  return new Float32Array(painter.width * painter.height * 3);
}

/** @param {Float32Array} values in place, to -1..1 */
function clip(values) {
  for (let i = 0; i < values.length; i++) values[i] = values[i] < -1 ? -1 : values[i] > 1 ? 1 : values[i];
  return values;
}

/** Mean over red, green, blue of how far two pictures lie apart, of 255 levels. */
function difference(/** @type {Float32Array} */ a, /** @type {Float32Array} */ b, /** @type {Float32Array} */ out) {
  for (let i = 0, j = 0; j < out.length; i += 3, j++) {
    out[j] = (Math.abs(a[i] - b[i]) + Math.abs(a[i + 1] - b[i + 1]) + Math.abs(a[i + 2] - b[i + 2])) * 42.5;
  }
}

/** @param {Float32Array} values */
function mean(values) {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
