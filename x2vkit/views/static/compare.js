// @ts-check
/**
 * Runs side by side, in step: a card a run with its picture and its difference from the reference, and below
 * them the runs' paths through latent space.
 */
import {
  mount, h, uid, button, keys, commonKeys, heatPixels, promptLine, stepName,
  Picture, Player, LatentPainter, ScaleBar, Choice, Tooltip, PALETTE,
} from "./common.js";

/** As DIFFERENCE_MOST and COLORS in compare.py. */
const MOST = 96;
const COLORS = [PALETTE.blue, PALETTE.green, PALETTE.purple, PALETTE.red, PALETTE.grey, PALETTE.orange];
const SHOW = { final: "finished clips", predicted: "clips predicted at the step", noisy: "noisy latents at the step" };

export default mount(async (view) => {
  const { facts, arrays } = view;
  const runs = await Promise.all(facts.runs.map((/** @type {any} */ _, /** @type {number} */ i) => readRun(view, i)));
  const cards = runs.map((run, i) => new Card(view, run, i));
  const grid = h("div", { class: "x2v-compare-runs" }, ...cards.map((card) => card.root));
  const body = h("div", { class: "x2v-compare-body" }, grid);
  body.style.setProperty("--runs", String(runs.length));
  body.style.setProperty("--runs-narrow", String(runs.length === 4 ? 2 : Math.min(runs.length, 3)));

  const player = new Player(view, { fps: facts.fps, autoplay: true });
  const stepper = new Player(view, { fps: 8, key: "step", label: "Step", format: stepName(view, arrays.levels), loop: false });
  const show = new Choice(view, { key: "show", label: "Show", options: facts.show.map((/** @type {"final"} */ key) => [key, SHOW[key]]) });
  const scale = new ScaleBar({ label: "difference: mean of red, green, blue, of 255 levels", high: `${MOST}+` });
  const drawn = facts.show.length > 1;
  const controls = h("div", { class: "x2v-compare-controls" }, drawn ? show.root : null, stepper.root, player.root);
  const notes = h("div", { class: "x2v-compare-notes" }, scale.root,
    h("div", { class: "x2v-muted" }, `Keys: ← → frames, ↑ ↓ steps, space plays, ${runs.map((_, i) => i + 1).join(" ")} choose the reference.`));
  body.append(h("div", { class: "x2v-compare-below" }, "noisy" in facts.spread
    ? new Paths(view, runs).root
    : h("p", { class: "x2v-muted x2v-compare-paths" }, "No paths: these runs share no latent space (other sizes, or another autoencoder)."), notes));

  view.root.append(
    h("div", {}, facts.prompt === null ? null : promptLine(facts.prompt, facts.runs[0].unknown),
      h("div", { class: "x2v-muted" }, facts.shared), h("div", { class: "x2v-compare-noise" }, facts.noise)),
    controls, body);
  commonKeys(view, player);
  keys(view, Object.fromEntries(runs.map((_, i) => [String(i + 1), () => view.select({ reference: i })])));

  view.onSelect((selection, changed) => {
    // Who moves through the steps wants to see them.
    if (drawn && selection.show === "final" && changed.has("step") && !changed.has("show")) view.select({ show: "predicted" });
    for (const card of cards) card.draw(selection);
    for (const card of cards) card.compare(cards[selection.reference]);
  });
});

/**
 * @typedef {{ name: string, label: string, prompt: [string, boolean][], unknown: string[], own: number[], t: Float32Array,
 *   width: number, height: number, frames: ImageData[], predicted: Kept | null, noisy: Kept | null }} Run
 * @typedef {{ painter: LatentPainter, latents: Float32Array, size: number }} Kept latents of all steps
 */

/** All of one run. @param {import("./common.js").View} view @param {number} i @returns {Promise<Run>} */
async function readRun(view, i) {
  const { arrays, shapes } = view, facts = view.facts.runs[i], t = arrays[`t.${i}`];
  const [, height, width] = facts.size;
  /** @type {Run} */
  const run = { ...facts, t, width, height, frames: unroll(await view.image(`frames.${i}`)), predicted: null, noisy: null };
  const pred_x0 = arrays[`pred_x0.${i}`];
  if (!pred_x0) return run;
  const [, C, f, rows, columns] = shapes[`pred_x0.${i}`];
  const painter = new LatentPainter(arrays[`weight.${i}`], arrays[`bias.${i}`], [C, f, rows, columns]), size = C * f * rows * columns;
  run.predicted = { painter, latents: pred_x0, size };
  run.noisy = { painter, latents: arrays[`latents.${i}`] ?? noisyLatents(arrays[`start.${facts.noise}`], pred_x0, t), size };
  return run;
}

/** The pictures of a strip, as pixels. @param {import("./common.js").Pictures} pictures @returns {ImageData[]} */
function unroll({ bitmap, count, width, height, columns }) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true, alpha: false }));
  context.drawImage(bitmap, 0, 0);
  return Array.from({ length: count }, (_, i) => context.getImageData((i % columns) * width, Math.floor(i / columns) * height, width, height));
}

/**
 * What the model saw at each step. Euler's step goes straight from the latents towards the predicted clip, so the
 * noise and the predictions say it all: x' = (t'/t) x + (1 - t'/t) pred_x0.
 * @param {Float32Array} start (C, f, h, w) @param {Float32Array} pred_x0 (S, C, f, h, w) @param {Float32Array} t (S + 1)
 */
function noisyLatents(start, pred_x0, t) {
  const size = start.length, out = new Float32Array(pred_x0.length);
  out.set(start);
  for (let step = 1, i = size; step < t.length - 1; step++) {
    const keep = t[step] / t[step - 1];
    for (const end = i + size; i < end; i++) out[i] = keep * out[i - size] + (1 - keep) * pred_x0[i - size];
  }
  return out;
}

/** One run: its name, its picture, and its difference from the reference. */
class Card {
  /** @param {import("./common.js").View} view @param {Run} run @param {number} index */
  constructor(view, run, index) {
    this.run = run;
    this.index = index;
    const { width, height, name } = run;
    const unknown = new Set(run.unknown.map((word) => word.toLowerCase()));
    const words = run.prompt.flatMap(([word, differs]) => {
      const bare = word.toLowerCase().replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
      const text = unknown.has(bare) ? h("del", { title: "The model does not know this word" }, word) : word;
      return [differs ? h("strong", {}, text) : text, " "];
    });
    const said = `${name}${run.label ? `, ${run.label}` : ""}`;
    this.picture = new Picture(view, { width, height, label: `Run ${said}: its clip`, title: "", smooth: true });
    this.change = new Picture(view, { width, height, label: `Run ${said}: its difference from the reference`, title: "" });
    this.over = h("div", { class: "x2v-compare-over" });
    this.change.stage.append(this.over);
    this.pick = button(view, { label: `Make ${name} the reference, which the others are compared with`, text: "reference", pressed: false }, () => {
      view.select({ reference: index });
      view.commit();
    });
    const badge = h("span", { class: "x2v-compare-badge", "aria-hidden": "true" }, name);
    this.root = h("section", { class: "x2v-compare-card", "aria-label": `Run ${said}` },
      h("div", { class: "x2v-compare-head" }, badge, h("span", { class: "x2v-compare-label" }, run.label || null), this.pick),
      view.facts.prompt === null ? h("div", { class: "x2v-compare-prompt" }, ...(words.length ? words : ["(no words)"])) : null,
      this.picture.root, this.change.root);
    this.root.style.setProperty("--run", COLORS[index]);
  }

  /** @param {import("./common.js").Selection} selection */
  draw({ show, step, frame }) {
    const { run, picture } = this, own = run.own[step];
    const at = Math.min(frame, run.frames.length - 1);
    const kept = show === "noisy" ? run.noisy : show === "predicted" ? run.predicted : null;
    if (kept) LatentPainter.pixels(kept.painter.floats(kept.latents, own * kept.size, at), picture.data);
    else picture.data.data.set(run.frames[at].data);
    picture.put();
    const ended = frame > at ? ", its last frame" : "";
    picture.caption(kept ? `step ${own + 1} of ${run.t.length - 1}, noise ${Math.round(100 * run.t[own])} %${ended}` : `finished clip${ended}`);
  }

  /** @param {Card} reference drawn before */
  compare(reference) {
    const { change, picture, over } = this, same = reference === this;
    this.pick.setAttribute("aria-pressed", String(same));
    const sized = picture.data.width === reference.picture.data.width && picture.data.height === reference.picture.data.height;
    over.hidden = !same && sized;
    if (same || !sized) {
      over.textContent = same ? "the reference" : `another size than ${reference.run.name}: no difference map`;
      return change.caption(same ? "the others are compared with this run" : " ");
    }
    const one = picture.data.data, other = reference.picture.data.data, amounts = (this.amounts ??= new Float32Array(one.length / 4));
    let sum = 0;
    for (let i = 0, j = 0; j < one.length; i++, j += 4) {
      amounts[i] = (Math.abs(one[j] - other[j]) + Math.abs(one[j + 1] - other[j + 1]) + Math.abs(one[j + 2] - other[j + 2])) / 3;
      sum += amounts[i];
    }
    heatPixels(amounts, MOST, change.data);
    change.put();
    change.caption(`from ${reference.run.name}: ${(sum / amounts.length).toFixed(1)} of 255 on average`);
  }
}

/** The runs' paths through latent space, seen along their two main directions; click a point to go there. */
class Paths {
  /** @param {import("./common.js").View} view @param {Run[]} runs */
  constructor(view, runs) {
    this.view = view;
    this.runs = runs;
    const title = uid("paths");
    this.plot = h("g", {});
    this.svg = h("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "x2v-paths", role: "img", "aria-labelledby": title },
      h("title", { id: title }, "The path of each run through latent space, one point a step, from noise to the clip"), this.plot);
    const kinds = [["noisy", "what the model sees (noisy latents)"], ["pred_x0", "what it predicts (pred_x0 latents)"]];
    const choice = new Choice(view, { key: "path", label: "Paths of", options: /** @type {[any, string][]} */ (kinds) });
    this.note = h("figcaption", { class: "x2v-muted" }, "One point a step. Click a point to go there.");
    this.root = h("figure", { class: "x2v-compare-paths" }, choice.root, this.svg, this.note);
    this.tip = new Tooltip(view);
    view.listen(this.svg, "pointermove", (/** @type {PointerEvent} */ event) => {
      const near = this.nearest(event);
      this.svg.style.cursor = near ? "pointer" : "default";
      if (near) this.tip.show(event, this.say(near));
      else this.tip.hide();
    });
    view.listen(this.svg, "pointerleave", () => this.tip.hide());
    view.listen(this.svg, "click", (/** @type {PointerEvent} */ event) => {
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
    const { view, runs } = this, sets = runs.map((_, i) => view.arrays[`${path}.${i}`]);
    const [x, y] = [0, 1].map((axis) => {
      const values = sets.flatMap((points) => [...points].filter((_, k) => k % 2 === axis));
      const low = Math.min(...values), high = Math.max(...values), room = (high - low) * 0.07 || 1;
      const [from, to] = axis ? [HEIGHT - BOTTOM, TOP] : [LEFT, WIDTH - RIGHT];
      return (/** @type {number} */ value) => from + ((value - low + room) / (high - low + 2 * room)) * (to - from);
    });
    this.places = sets.map((points) => Array.from({ length: points.length / 2 }, (_, k) => [x(points[2 * k]), y(points[2 * k + 1])]));
    const spread = view.facts.spread[path].map((/** @type {number} */ share) => `${Math.round(100 * share)} %`);
    this.rings = runs.map((_, i) => h("circle", { class: "x2v-paths-now", r: 7, stroke: COLORS[i] }));
    this.plot.replaceChildren(
      h("rect", { class: "x2v-paths-frame", x: LEFT, y: TOP, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM }),
      ...this.places.flatMap((places, i) => [
        h("polyline", { points: places.map((place) => place.join()).join(" "), fill: "none", stroke: COLORS[i], "stroke-width": 2 }),
        ...places.map(([cx, cy]) => h("circle", { cx, cy, r: 3, fill: COLORS[i] })),
      ]),
      ...this.rings,
      ...this.places.map((places, i) => {
        const [px, py] = places[places.length - 1];
        return h("text", { class: "x2v-paths-name", x: px + 9, y: py + 5, style: `fill: ${COLORS[i]}` }, runs[i].name);
      }),
      h("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, `main direction: ${spread[0]} of the spread`),
      h("text", { transform: `translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`, "text-anchor": "middle" }, `second: ${spread[1]}`));
  }

  /** The point of run `i` at the selection. @param {number} i @param {import("./common.js").Selection} selection */
  point(i, { show, step }) {
    return show === "final" ? this.places[i].length - 1 : this.runs[i].own[step];
  }

  /** @param {import("./common.js").Selection} selection */
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
    const box = this.svg.getBoundingClientRect(), scale = WIDTH / box.width;
    const px = (event.clientX - box.left) * scale, py = (event.clientY - box.top) * scale;
    /** @type {Near | null} */
    let best = null;
    let reach = 14 * Math.max(1, scale);
    this.places.forEach((places, run) => places.forEach(([x, y], point) => {
      const far = Math.hypot(x - px, y - py);
      if (far < reach) [best, reach] = [{ run, point }, far];
    }));
    return best;
  }

  /** @param {Near} near */
  say({ run, point }) {
    const { name, label, t } = this.runs[run], steps = t.length - 1;
    const place = point < steps ? `step ${point + 1} of ${steps}, noise ${Math.round(100 * t[point])} %` : "the finished clip";
    return `${name}${label ? `: ${label}` : ""}\n${place}`;
  }

  /** @param {Near} near */
  go({ run, point }) {
    const { t } = this.runs[run], levels = this.view.arrays.levels, path = this.view.selection.path;
    if (point === t.length - 1) this.view.select({ show: "final" });
    else {
      let step = 0;
      levels.forEach((/** @type {number} */ level, /** @type {number} */ k) => {
        if (Math.abs(level - t[point]) < Math.abs(levels[step] - t[point])) step = k;
      });
      this.view.select(this.view.facts.show.length > 1 ? { step, show: path === "noisy" ? "noisy" : "predicted" } : { step });
    }
    this.view.commit();
  }
}

const WIDTH = 480, HEIGHT = 300, LEFT = 26, RIGHT = 22, TOP = 8, BOTTOM = 26;
