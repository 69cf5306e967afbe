// @ts-check
/**
 * What training compute buys: runs as points, the law through their lower envelope, and the clip that each checkpoint
 * makes of the same noise. Below: one model at three budgets, what a budget would buy, what sampling costs.
 */
import { mount, h, uid, Picture, Player, Slider, Choice, Tooltip, button, commonKeys, keys } from "./common.js";

/** Superscripts, for powers of ten. */
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

export default mount(async (view) => {
  const { facts } = view;
  const films = new Films(view);
  const plot = new Plot(view);
  const player = new Player(view, { fps: facts.fps, autoplay: true });
  const along = new Slider(view, { key: "point", label: "Checkpoint", max: facts.points.length - 1, format: (i) => pointName(facts.points[i]) });
  along.root.classList.add("x2v-scaling-along");
  const shown = new Film(view, films, (selection) => selection.point);
  const names = Object.keys(facts.prompts);
  const prompt = new Choice(view, { key: "prompt", label: "Prompt", options: names.map((name) => [name, facts.prompts[name]]) });
  const figure = new Choice(view, { key: "figure", label: "Show", options: facts.figures.map((one) => [one.key, one.judged ? `judged: ${one.name}` : one.name]) });
  const far = button(view, { label: "Up to Sora (extrapolated)", pressed: false }, () => {
    view.select({ far: !view.selection.far });
    view.commit();
  });
  const detail = h("div", { class: "x2v-scaling-detail", "aria-live": "polite" });
  const trio = new Trio(view, films);
  const budget = new Budget(view);

  view.root.append(
    h("div", { class: "x2v-scaling-top" },
      h("div", { class: "x2v-scaling-left" },
        h("div", { class: "x2v-bar" }, figure.root, far), plot.root, along.root, detail),
      h("div", { class: "x2v-scaling-right" }, prompt.root, shown.picture.root, player.root)),
    trio.root,
    h("div", { class: "x2v-scaling-below" }, budget.root, facts.sampling.length ? new Sampling(view).root : null),
    notes(facts),
  );
  commonKeys(view, player);
  const beside = (/** @type {number} */ by) => () => view.select({ point: view.selection.point + by });
  keys(view, { ArrowUp: beside(1), ArrowDown: beside(-1), PageUp: beside(1), PageDown: beside(-1) });

  view.onSelect(({ point, far: wide }) => {
    far.setAttribute("aria-pressed", String(wide));
    detail.replaceChildren(...describe(facts, point));
  });
  films.all();
});

/** @param {any} point */
function pointName(point) {
  return `${millions(point.params)}, ${power(point.flops)} FLOPs`;
}

/** What is known of a checkpoint. @param {any} facts @param {number} index */
function describe(facts, index) {
  const point = facts.points[index];
  const rows = [
    ["model", `${millions(point.params)} parameters (${point.size})`],
    ["training compute", `${power(point.flops)} FLOPs`],
    ["clips seen", `${point.samples.toLocaleString("en")} in ${point.step.toLocaleString("en")} steps`],
    ["held-out loss", point.values.loss.toFixed(4)],
  ];
  if (facts.law) rows.push(["the law says", at(facts.law, point.flops).toFixed(4)]);
  const judged = facts.figures.filter((one) => one.judged && one.key in point.values);
  for (const one of judged.filter((it) => ["adherence", "consistency", "physics"].includes(it.key))) {
    rows.push([one.name, `${percent(point.values[one.key])}${one.ceiling ? ` (real renders: ${percent(one.ceiling)})` : ""}`]);
  }
  const own = facts.frontier.includes(index) ? "on the frontier: no cheaper checkpoint is better" : "above the frontier: the same compute was better spent otherwise";
  return [
    h("dl", {}, ...rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    h("div", { class: "x2v-muted" }, `${point.run}, ${own}.`),
  ];
}

/** The clips, unpacked when they are first needed and then kept. */
class Films {
  /** @param {import("./common.js").View} view */
  constructor(view) {
    this.view = view;
    /** @type {Map<string, any>} */
    this.kept = new Map();
  }

  /** A clip's pictures, or null: not there, or not yet unpacked, in which case the view draws again once it is. */
  get(/** @type {number} */ point, /** @type {string} */ name) {
    const place = this.view.facts.clips[point]?.[name];
    if (!place) return null;
    const key = `${point} ${name}`;
    if (!this.kept.has(key)) {
      this.kept.set(key, null);
      const bytes = this.view.arrays.clips.subarray(place[0], place[0] + place[1]);
      createImageBitmap(new Blob([bytes], { type: "image/webp" })).then((bitmap) => {
        const side = bitmap.height, count = Math.round(bitmap.width / side);
        this.kept.set(key, { bitmap, count, height: side, width: side, columns: count });
        this.view.redraw();
      });
    }
    return this.kept.get(key);
  }

  /** Unpack everything a little at a time, so that dragging finds it ready. */
  async all() {
    for (const [point, clips] of this.view.facts.clips.entries()) {
      for (const name of Object.keys(clips)) {
        if (this.view.signal.aborted) return;
        this.get(point, name);
        await new Promise((resolve) => setTimeout(resolve, 8));
      }
    }
  }
}

/** One clip at the selected frame. */
class Film {
  /** @param {any} view @param {Films} films @param {(selection: any) => number} which the point it is of */
  constructor(view, films, which, title = "") {
    this.picture = new Picture(view, { width: 128, height: 128, label: "Clip of the checkpoint", title, smooth: true });
    if (!title) this.picture.title.remove();
    this.none = h("div", { class: "x2v-scaling-none", hidden: true }, "no clip was kept of this checkpoint");
    this.picture.stage.append(this.none);
    view.onSelect((/** @type {any} */ selection) => {
      const point = which(selection);
      const film = films.get(point, selection.prompt);
      const there = Boolean(view.facts.clips[point]?.[selection.prompt]);
      this.none.hidden = there;
      this.picture.canvas.hidden = !there;
      if (film) this.picture.image(film, Math.min(selection.frame, film.count - 1));
      const label = `${view.facts.prompts[selection.prompt]}, made by ${pointName(view.facts.points[point])}`;
      if (this.label !== label) this.picture.canvas.setAttribute("aria-label", (this.label = label));
    });
  }
}

/** The same model, prompt and noise at three budgets. */
class Trio {
  /** @param {any} view @param {Films} films */
  constructor(view, films) {
    const { points, trio } = view.facts;
    const base = points[trio[0]];
    const alike = trio.every((/** @type {number} */ index) => points[index].size === base.size);
    const panels = trio.map((/** @type {number} */ index, /** @type {number} */ i) => {
      const point = points[index], ratio = point.flops / base.flops;
      const film = new Film(view, films, () => index, i ? `${short(ratio)}× compute` : "Base compute");
      film.picture.caption(`${alike ? "" : `${millions(point.params)} parameters · `}${power(point.flops)} FLOPs · loss ${point.values.loss.toFixed(3)}${"adherence" in point.values ? ` · adherence ${percent(point.values.adherence)}` : ""}`);
      view.listen(film.picture.stage, "click", () => {
        view.select({ point: index });
        view.commit();
      });
      film.picture.stage.title = "Show this checkpoint on the plot";
      return film.picture.root;
    });
    this.root = h("section", { class: "x2v-scaling-trio", "aria-label": "The same model at three budgets" },
      h("div", { class: "x2v-title" }, alike ? "Same prompt, same noise, same model: only the training compute differs" : "Same prompt, same noise: the best of each training compute"),
      h("div", { class: "x2v-scaling-three" }, ...panels));
    this.root.hidden = trio.length < 2;
  }
}

/** Figure against compute, on log axes; drag along the law. */
class Plot {
  /** @param {any} view */
  constructor(view) {
    this.view = view;
    this.box = { width: 680, height: 400, left: 58, right: 16, top: 14, bottom: 46 };
    const { width, height } = this.box;
    const title = uid("plot");
    this.name = h("title", { id: title });
    this.back = h("g", {});
    this.front = h("g", {});
    this.ring = h("circle", { class: "x2v-scaling-ring", r: 9 });
    this.stem = h("line", { class: "x2v-scaling-stem" });
    this.svg = h("svg", { viewBox: `0 0 ${width} ${height}`, class: "x2v-scaling-plot", role: "img", "aria-labelledby": title }, this.name, this.back, this.stem, this.front, this.ring);
    const sizes = Object.entries(view.facts.colors).map(([size, color]) => {
      const point = view.facts.points.find((/** @type {any} */ one) => one.size === size);
      return h("span", {}, h("span", { class: "x2v-scaling-dot", style: `background: var(--x2v-${color})` }), ` ${millions(point.params)}`);
    });
    this.legend = h("div", { class: "x2v-scaling-legend x2v-muted" }, "parameters:", ...sizes);
    this.caption = h("div", { class: "x2v-muted" });
    this.root = h("figure", {}, this.svg, this.legend, this.caption);
    this._listen();
    view.onSelect((/** @type {any} */ selection, /** @type {Set<string>} */ changed) => {
      if (changed.has("figure") || changed.has("far")) this._draw(selection);
      this._move(selection);
    });
  }

  _draw(/** @type {any} */ { figure, far }) {
    const { view, box } = this, { facts } = view;
    const what = facts.figures.find((/** @type {any} */ one) => one.key === figure) ?? facts.figures[0];
    const flops = facts.points.map((/** @type {any} */ p) => p.flops);
    const there = facts.points.map((/** @type {any} */ p, /** @type {number} */ i) => [i, p.values[figure]]).filter((/** @type {any} */ e) => e[1] !== undefined);
    const lowX = Math.log10(Math.min(...flops)) - 0.25, highX = far ? 26 : Math.log10(Math.max(...flops)) + 1;
    const values = there.map((/** @type {any} */ e) => e[1]);
    const law = figure === "loss" ? facts.law : null;
    let lowY = 0, highY = 1;
    if (!what.judged) {
      const least = law ? Math.min(...values, far ? law.low[law.low.length - 1] : at(law, 10 ** highX)) : Math.min(...values);
      [lowY, highY] = [Math.log10(Math.max(least, 0.02) * 0.94), Math.log10(Math.max(...values) * 1.06)];
    }
    this.x = (/** @type {number} */ c) => box.left + ((box.width - box.left - box.right) * (Math.log10(c) - lowX)) / (highX - lowX);
    this.y = (/** @type {number} */ v) => {
      const part = ((what.judged ? v : Math.log10(v)) - lowY) / (highY - lowY);
      return box.height - box.bottom - (box.height - box.top - box.bottom) * part;
    };
    this.inverse = (/** @type {number} */ px) => 10 ** (lowX + ((px - box.left) / (box.width - box.left - box.right)) * (highX - lowX));
    this.back.replaceChildren(...this._axes(what, lowX, highX, lowY, highY), ...(law ? this._law(law, flops, far) : []),
      ...(what.judged && what.ceiling ? this._ceiling(what.ceiling) : []), ...(far ? this._large() : []));
    this.front.replaceChildren(...this._runs(figure));
    this.name.textContent = `${what.name} against training compute, ${there.length} checkpoints`;
    const parts = [`${what.meaning}.`];
    if (law) {
      parts.push(`Law of the frontier: ${law.floor.toFixed(3)} + ${law.scale.toFixed(3)} (C / ${power(law.unit)})^−${law.power.toFixed(3)}, R² ${law.r2.toFixed(4)}; band: 90 % of the fits to resampled points. Filled points lie on the frontier.`);
    }
    if (far) parts.push("Dashed: extrapolated many decades beyond any point. Other models, data and losses: only the compute axis is shared.");
    this.caption.textContent = parts.join(" ").replace(/^./, (c) => c.toUpperCase());
  }

  _axes(/** @type {any} */ what, lowX, highX, lowY, highY) {
    const { box } = this, foot = box.height - box.bottom;
    const parts = [];
    const wide = highX - lowX > 8 ? 2 : 1;
    for (let d = Math.ceil(lowX); d <= highX; d++) {
      const x = this.x(10 ** d);
      parts.push(h("line", { class: "x2v-scaling-grid", x1: x, x2: x, y1: box.top, y2: foot }));
      if (d % wide === 0) parts.push(h("text", { x, y: foot + 18, "text-anchor": "middle" }, `10${raise(d)}`));
    }
    const low = what.judged ? 0 : 10 ** lowY, high = what.judged ? 1 : 10 ** highY;
    const steps = what.judged ? [0, 0.25, 0.5, 0.75, 1] : [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1, 1.5, 2];
    for (const v of steps.filter((v) => v >= low && v <= high)) {
      const y = this.y(v);
      parts.push(h("line", { class: "x2v-scaling-grid", x1: box.left, x2: box.width - box.right, y1: y, y2: y }),
        h("text", { x: box.left - 7, y: y + 4, "text-anchor": "end" }, what.judged ? percent(v) : String(v)));
    }
    const middle = (box.top + foot) / 2;
    parts.push(h("text", { x: (box.left + box.width - box.right) / 2, y: box.height - 6, "text-anchor": "middle" }, "training compute, FLOPs"),
      h("text", { x: 14, y: middle, "text-anchor": "middle", transform: `rotate(-90 14 ${middle})` }, what.name));
    return parts;
  }

  _law(/** @type {any} */ law, /** @type {number[]} */ flops, /** @type {boolean} */ far) {
    const end = far ? 1e26 : 10 * Math.max(...flops), start = Math.min(...flops) / 1.6, most = Math.max(...flops);
    const rows = law.x.map((/** @type {number} */ c, /** @type {number} */ i) => [c, law.y[i], law.low[i], law.high[i]]).filter((/** @type {number[]} */ r) => r[0] >= start && r[0] <= end);
    const line = (/** @type {number[][]} */ some, k = 1) => some.map((r) => `${this.x(r[0]).toFixed(1)},${this.y(r[k]).toFixed(1)}`).join(" ");
    const inside = rows.filter((/** @type {number[]} */ r) => r[0] <= most), beyond = rows.slice(Math.max(0, inside.length - 1));
    return [
      h("polyline", { class: "x2v-scaling-band", points: `${line(rows, 2)} ${line(rows.slice().reverse(), 3)}` }),
      h("polyline", { class: "x2v-scaling-law", points: line(inside) }),
      h("polyline", { class: "x2v-scaling-law x2v-scaling-beyond", points: line(beyond) }),
    ];
  }

  _ceiling(/** @type {number} */ value) {
    const y = this.y(value), { box } = this;
    return [
      h("line", { class: "x2v-scaling-ceiling", x1: box.left, x2: box.width - box.right, y1: y, y2: y }),
      h("text", { x: box.width - box.right, y: y + 14, "text-anchor": "end" }, `real renders, read by the same judge: ${percent(value)}`),
    ];
  }

  _large() {
    const { box } = this;
    return this.view.facts.large.flatMap((/** @type {any} */ one, /** @type {number} */ i) => {
      const low = this.x(one.low / 1.15), high = this.x(one.high * 1.15);
      return [
        h("rect", { class: "x2v-scaling-large", x: low, y: box.top, width: high - low, height: box.height - box.top - box.bottom }, h("title", {}, one.source)),
        h("text", { x: low - 5, y: box.top + 18 + 18 * i, "text-anchor": "end" }, one.name),
      ];
    });
  }

  _runs(/** @type {string} */ figure) {
    const { points, colors, frontier } = this.view.facts;
    const runs = new Map();
    points.forEach((/** @type {any} */ p, /** @type {number} */ i) => {
      if (p.values[figure] !== undefined) runs.set(p.run, [...(runs.get(p.run) ?? []), i]);
    });
    const parts = [];
    for (const indices of runs.values()) {
      const color = `var(--x2v-${colors[points[indices[0]].size]})`;
      const place = (/** @type {number} */ i) => [this.x(points[i].flops), this.y(points[i].values[figure])];
      parts.push(h("polyline", { class: "x2v-scaling-run", style: `stroke: ${color}`, points: indices.map((i) => place(i).map((v) => v.toFixed(1)).join(",")).join(" ") }));
      for (const i of indices) {
        const [cx, cy] = place(i), on = frontier.includes(i);
        parts.push(h("circle", { class: "x2v-scaling-point", cx, cy, r: on ? 5.5 : 4, style: `fill: ${on ? color : "var(--x2v-bg)"}; stroke: ${color}` }));
      }
    }
    return parts;
  }

  _move(/** @type {any} */ { point, figure }) {
    const { box } = this, it = this.view.facts.points[point], value = it.values[figure];
    const x = this.x(it.flops);
    for (const name of ["x1", "x2"]) this.stem.setAttribute(name, String(x));
    this.stem.setAttribute("y1", String(box.top));
    this.stem.setAttribute("y2", String(box.height - box.bottom));
    this.ring.style.display = value === undefined ? "none" : "";
    if (value === undefined) return;
    this.ring.setAttribute("cx", String(x));
    this.ring.setAttribute("cy", String(this.y(value)));
  }

  /** The checkpoint meant by a place: the point under the pointer, else the nearest of the frontier by compute. */
  _nearest(/** @type {PointerEvent} */ event, along = false) {
    const { facts, selection } = this.view;
    const frame = this.svg.getBoundingClientRect();
    const px = ((event.clientX - frame.left) / frame.width) * this.box.width, py = ((event.clientY - frame.top) / frame.height) * this.box.height;
    let best = -1, least = 14;
    facts.points.forEach((/** @type {any} */ p, /** @type {number} */ i) => {
      const value = p.values[selection.figure];
      if (value === undefined) return;
      const away = Math.hypot(this.x(p.flops) - px, this.y(value) - py);
      if (away < least) [best, least] = [i, away];
    });
    if (best >= 0 && !along) return { index: best, near: true };
    const away = (/** @type {number} */ i) => Math.abs(this.x(facts.points[i].flops) - px);
    const index = facts.frontier.reduce((/** @type {number} */ a, /** @type {number} */ b) => (away(b) < away(a) ? b : a));
    return { index, near: false };
  }

  _listen() {
    const { view } = this, tip = new Tooltip(view);
    let dragging = false, from = 0;
    view.listen(this.svg, "pointerdown", (/** @type {PointerEvent} */ event) => {
      [dragging, from] = [true, event.clientX];
      this.svg.setPointerCapture(event.pointerId);
      view.select({ point: this._nearest(event).index });
    });
    view.listen(this.svg, "pointermove", (/** @type {PointerEvent} */ event) => {
      const pulled = dragging && Math.abs(event.clientX - from) > 4; // a click may mean any point, a drag the frontier
      const { index, near } = this._nearest(event, pulled);
      if (pulled) view.select({ point: index });
      if (!near && !dragging) return tip.hide();
      const p = view.facts.points[index];
      const value = p.values[view.selection.figure];
      tip.show(event, `${p.run}, ${millions(p.params)} parameters\n${power(p.flops)} FLOPs, ${p.samples.toLocaleString("en")} clips\n${value === undefined ? "not measured" : value.toFixed(4)}`);
    });
    for (const type of ["pointerup", "pointercancel"]) {
      view.listen(this.svg, type, () => {
        if (dragging) view.commit();
        dragging = false;
      });
    }
    view.listen(this.svg, "pointerleave", () => tip.hide());
  }
}

/** What a budget would buy: FLOPs, hours and money in step, with the loss and the size that the laws give. */
class Budget {
  /** @param {any} view */
  constructor(view) {
    const { facts } = view, { peak, use, price } = facts.machine;
    const id = uid("budget"), low = Math.log10(facts.points[0].flops), high = 26;
    const slider = h("input", { type: "range", id, min: low, max: high, step: 0.02, "data-key": "budget" });
    const state = { rate: (peak * use) / 1e12, price };
    const field = (/** @type {string} */ label, /** @type {string} */ unit, /** @type {(v: number) => void} */ take) => {
      const own = uid("field"), input = h("input", { id: own, type: "text", inputmode: "decimal", class: "x2v-scaling-field" });
      view.listen(input, "change", () => {
        const value = Number(input.value.replaceAll(",", ""));
        if (value > 0) take(value);
        view.redraw();
        view.commit();
      });
      return { input, root: h("div", {}, h("label", { for: own }, label), input, h("span", { class: "x2v-muted" }, unit)) };
    };
    const go = (/** @type {number} */ flops) => view.select({ budget: Math.min(high, Math.max(low, Math.log10(flops))) });
    const perHour = () => state.rate * 1e12 * 3600;
    const fields = {
      flops: field("compute", "FLOPs", go),
      here: field("on the machine that trained these", "hours", (v) => go(v * 3600 * facts.rate)),
      hours: field("on one GPU", "hours", (v) => go(v * perHour())),
      money: field("rented", "US$", (v) => go((v / state.price) * perHour())),
    };
    const assumed = {
      rate: field("a GPU really does", "TFLOP/s", (v) => (state.rate = v)),
      price: field("and costs", "US$ an hour", (v) => (state.price = v)),
    };
    const says = h("div", { class: "x2v-scaling-says", "aria-live": "polite" });
    view.listen(slider, "input", () => view.select({ budget: Number(slider.value) }));
    view.listen(slider, "change", () => view.commit());
    this.root = h("section", { class: "x2v-scaling-budget", "aria-label": "What a budget would buy" },
      h("div", { class: "x2v-title" }, "What would a budget buy?"),
      h("div", { class: "x2v-slider" }, h("label", { for: id }, "Budget"), slider),
      h("div", { class: "x2v-scaling-fields" }, ...Object.values(fields).map((one) => one.root)), says,
      h("div", { class: "x2v-scaling-fields x2v-scaling-assumed" }, ...Object.values(assumed).map((one) => one.root)),
      h("div", { class: "x2v-muted" }, `To begin with: an H100's ${peak / 1e12} TFLOP/s in dense bf16 (its data sheet), ${100 * use} % of it in use, rented at US$ ${price} an hour; the machine that trained these ran at ${short(facts.rate / 1e9)} GFLOP/s.`));
    const put = (/** @type {any} */ one, /** @type {number} */ value) => {
      if (view.root.ownerDocument.activeElement !== one.input) one.input.value = number(value);
    };
    view.onSelect((/** @type {any} */ { budget }) => {
      const flops = 10 ** budget;
      if (Number(slider.value) !== budget) slider.value = String(budget);
      slider.setAttribute("aria-valuetext", `${power(flops)} FLOPs`);
      put(fields.flops, flops);
      put(fields.here, flops / facts.rate / 3600);
      put(fields.hours, flops / perHour());
      put(fields.money, (flops / perHour()) * state.price);
      put(assumed.rate, state.rate);
      put(assumed.price, state.price);
      says.replaceChildren(...this._says(facts, flops));
    });
  }

  _says(/** @type {any} */ facts, /** @type {number} */ flops) {
    const most = facts.points[facts.points.length - 1].flops;
    const lines = [];
    if (facts.law) {
      const loss = at(facts.law, flops), low = at(facts.law, flops, "low"), high = at(facts.law, flops, "high");
      lines.push(h("div", {}, "loss by the frontier's law: ", h("strong", {}, loss.toFixed(3)), ` (${low.toFixed(3)} to ${high.toFixed(3)})`));
    }
    if (facts.joint) {
      const params = at({ x: facts.joint.x, y: facts.joint.params }, flops), samples = at({ x: facts.joint.x, y: facts.joint.samples }, flops);
      lines.push(h("div", {}, "best spent on ", h("strong", {}, `${many(params)} parameters`), ` and ${many(samples)} clips, by the joint law`));
    }
    const ratio = flops / most;
    lines.push(h("div", { class: ratio > 4 ? "x2v-scaling-warn" : "x2v-muted" },
      ratio > 4 ? `${many(ratio)} times the largest-compute run: an extrapolation, for this world and these clips alone` : "within what was measured"));
    return lines;
  }
}

/** What steps, guidance and tokens cost and give when sampling, as small plots of measured points. */
class Sampling {
  /** @param {any} view */
  constructor(view) {
    const rows = view.facts.sampling;
    const usual = (/** @type {any} */ r) => r.num_frames === 17 && r.height === 128 && r.width === 128;
    const judged = rows.some((/** @type {any} */ r) => "adherence" in r);
    const quality = judged ? "adherence" : "psnr";
    const panels = [
      ["steps", rows.filter((/** @type {any} */ r) => usual(r) && r.guidance === 4), "steps", quality],
      ["guidance", rows.filter((/** @type {any} */ r) => usual(r) && r.steps === 16), "guidance", quality],
      ["tokens", rows.filter((/** @type {any} */ r) => r.steps === 16 && r.guidance === 4), "tokens", "seconds"],
    ];
    this.root = h("section", { class: "x2v-scaling-sampling", "aria-label": "Compute while sampling" },
      h("div", { class: "x2v-title" }, "Compute can also be spent while sampling"),
      h("div", { class: "x2v-scaling-panels" }, ...panels.map(([name, some, x, y]) => this._panel(view, name, some, x, y))),
      h("div", { class: "x2v-muted" }, judged
        ? "Measured with the largest checkpoint: adherence as the judge reads it; seconds for one clip on one processor core."
        : "Measured with the largest checkpoint: nearness (PSNR) to the clip of 64 steps; seconds for one clip on one processor core."));
  }

  _panel(/** @type {any} */ view, /** @type {string} */ name, /** @type {any[]} */ rows, /** @type {string} */ x, /** @type {string} */ y) {
    const width = 220, height = 170, left = 44, right = 14, top = 22, bottom = 36;
    rows = rows.filter((row) => row[y] !== undefined).sort((a, b) => a[x] - b[x]);
    if (rows.length < 2) return null;
    const xs = rows.map((row) => Math.log2(row[x])), ys = rows.map((row) => row[y]);
    const lowX = Math.min(...xs), highX = Math.max(...xs), highY = Math.max(...ys) * 1.08;
    const lowY = y === "psnr" ? Math.min(...ys) * 0.9 : 0;
    const px = (/** @type {number} */ v) => left + ((width - left - right) * (v - lowX)) / (highX - lowX || 1);
    const py = (/** @type {number} */ v) => height - bottom - ((height - top - bottom) * (v - lowY)) / (highY - lowY || 1);
    const say = (/** @type {number} */ v) => (y === "adherence" ? percent(v) : y === "seconds" ? `${short(v)} s` : `${short(v)}`);
    const tip = new Tooltip(view);
    const dots = rows.map((row, i) => {
      const dot = h("circle", { class: "x2v-scaling-sample", cx: px(xs[i]), cy: py(ys[i]), r: 4.5 });
      const size = `${row.num_frames} × ${row.height} × ${row.width}`;
      view.listen(dot, "pointermove", (/** @type {PointerEvent} */ event) => tip.show(event, `${row.steps} steps, guidance ${row.guidance}\n${size}: ${row.tokens} tokens\n${power(row.flops)} FLOPs, ${row.seconds} s\n${y}: ${say(row[y])}`));
      view.listen(dot, "pointerleave", () => tip.hide());
      return dot;
    });
    const named = rows.map((_, i) => i).filter((i) => i === rows.length - 1 || px(xs[rows.length - 1]) - px(xs[i]) > 24);
    const label = { adherence: "adherence", psnr: "PSNR, dB", seconds: "seconds" }[y];
    const title = uid("sampling");
    return h("svg", { viewBox: `0 0 ${width} ${height}`, class: "x2v-scaling-small", role: "img", "aria-labelledby": title },
      h("title", { id: title }, `${label} against ${name}: ${rows.map((row) => `${row[x]}: ${say(row[y])}`).join(", ")}`),
      ...[lowY, highY / 1.08].flatMap((v) => [h("line", { class: "x2v-scaling-grid", x1: left, x2: width - right, y1: py(v), y2: py(v) }), h("text", { x: left - 5, y: py(v) + 4, "text-anchor": "end" }, say(v))]),
      ...named.map((i) => h("text", { x: px(xs[i]), y: height - bottom + 14, "text-anchor": "middle" }, rows[i][x])),
      h("polyline", { class: "x2v-scaling-line", points: rows.map((row, i) => `${px(xs[i])},${py(ys[i])}`).join(" ") }), ...dots,
      h("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, name),
      h("text", { x: left, y: top - 8 }, label));
  }
}

/** What the laws said before the largest-compute run was looked at, and where the large models' numbers come from. */
function notes(/** @type {any} */ facts) {
  const told = facts.predictions.map((/** @type {any} */ one) =>
    h("li", {}, `${one.by}: ${one.predicted.toFixed(4)}, measured ${one.measured.toFixed(4)}, error ${(100 * one.error).toFixed(1)} %`));
  const large = facts.large.map((/** @type {any} */ one) => {
    const range = one.low === one.high ? power(one.low) : `${power(one.low)} to ${power(one.high)}`;
    return h("li", {}, `${one.name}: ${range} FLOPs from ${one.source}`);
  });
  return h("details", { class: "x2v-scaling-notes" }, h("summary", {}, "How well the laws predict, and sources"),
    told.length ? h("div", {}, "The largest-compute run, predicted by laws fitted without it:", h("ul", {}, ...told)) : null,
    h("div", {}, `Large models (GPU time as published, times ${(facts.machine.peak * facts.machine.use) / 1e12} TFLOP/s, this view's assumption):`, h("ul", {}, ...large)),
    h("div", { class: "x2v-muted" }, "Keys: ↑ ↓ checkpoints, ← → frames, space plays. Drag along the plot; a filled point lies on the frontier."));
}

/** A curve at x, straight in logarithms between its points. */
function at(/** @type {any} */ curve, /** @type {number} */ x, name = "y") {
  const xs = curve.x, ys = curve[name];
  let i = 1;
  while (i < xs.length - 1 && xs[i] < x) i++;
  const part = Math.min(1, Math.max(0, Math.log(x / xs[i - 1]) / Math.log(xs[i] / xs[i - 1])));
  return Math.exp(Math.log(ys[i - 1]) * (1 - part) + Math.log(ys[i]) * part);
}

/** @param {number} n */
function raise(n) {
  return [...String(n)].map((digit) => (digit === "-" ? "⁻" : RAISED[Number(digit)])).join("");
}

/** As in 1.3 × 10¹³. @param {number} value */
function power(value) {
  const exponent = Math.floor(Math.log10(value) + 1e-9);
  return `${(value / 10 ** exponent).toFixed(1)} × 10${raise(exponent)}`;
}

/** @param {number} value */
function short(value) {
  return value >= 100 ? Math.round(value).toLocaleString("en") : Number(value.toPrecision(2)).toString();
}

/** @param {number} params */
function millions(params) {
  return `${(params / 1e6).toPrecision(2)}M`;
}

/** @param {number} value */
function many(value) {
  for (const [unit, size] of [["trillion", 1e12], ["billion", 1e9], ["million", 1e6], ["thousand", 1e3]]) {
    if (value >= Number(size) && value < 1000 * Number(size)) return `${Number((value / Number(size)).toPrecision(2))} ${unit}`;
  }
  return value >= 1e15 ? power(value) : short(value);
}

/** For an input. @param {number} value */
function number(value) {
  return value >= 1e6 || value < 1e-3 ? value.toExponential(2) : Number(value.toPrecision(3)).toLocaleString("en");
}

/** @param {number} value */
function percent(value) {
  return `${Math.round(100 * value)} %`;
}
