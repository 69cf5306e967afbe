// @ts-check
/**
 * Who looks where: click a patch or a word and see its attention over all words and all patches of the clip.
 *
 * softmax.js computes it from recorded queries and keys. Boards show it: a large one for the frame that is
 * selected, one for each latent frame, a small one for each head.
 */
import {
  mount, h, uid, Picture, Player, LatentPainter, ScaleBar, Choice, Tooltip, button, promptLine, keys, heat,
  framesOf, latentFrameOf, patchName, tokenPlace,
} from "./common.js";
import { Softmax, look, average, largest } from "./softmax.js";

/** How opaque the heat over a picture is where there is least and most of it (as attention.py). */
const FAINT = 0.45, STRONG = 0.9;

export default mount(async (view) => {
  const { facts, arrays } = view;
  const { words, grid, limits, steps } = facts;
  const [times, rows, columns] = grid;
  const T = words.length, each = rows * columns, N = times * each;
  const softmax = new Softmax(view), scenes = new Scenes(view, await view.image("frames"));
  const tip = new Tooltip(view);
  let seen = look(softmax, facts, view.selection);
  /** For a reader's console, and for tests: the numbers behind the picture. */
  /** @type {any} */ (view.root).seen = () => seen;

  // -- what can be chosen
  const choosePatch = (/** @type {number} */ token) => {
    const span = spanOf(facts, Math.floor(token / each)), { frame } = view.selection;
    view.select({ token, word: null, frame: within(frame, span) ? frame : middle(span) });
  };
  const stepOptions = new Picker(view, {
    key: "step", label: "Step", count: limits.step + 1, there: (step) => steps.includes(step),
    name: (step) => `step ${step + 1} of ${limits.step + 1}, noise ${Math.round(100 * arrays.t[step])} %`,
  });
  const layerOptions = new Picker(view, {
    key: "layer", label: "Layer", count: limits.layer + 1, there: (layer) => layersAt(facts, seen.step).includes(layer),
    name: (layer) => `layer ${layer + 1}`,
  });
  const unders = [["final", "finished clip"], ["predicted", "prediction at this step"], ["nothing", "nothing (exact colours)"]];
  const choices = [
    new Choice(view, { key: "direction", label: "Show", options: [["to", "where it looks"], ["from", "who looks at it"]] }),
    new Choice(view, { key: "log", label: "Colours", options: [[false, "linear"], [true, "logarithmic"]] }),
    new Choice(view, { key: "under", label: "Under the heat", options: arrays.pred_x0 ? unders : [unders[0], unders[2]] }),
  ];
  const player = new Player(view, {
    fps: facts.fps, format: (frame) => `${frame + 1} of ${limits.frame + 1}  ·  t${timeOf(facts, frame)}`,
  });

  // -- what is shown
  const asked = new Board(view, scenes, facts, { label: "The patch that is asked", ticks: true });
  const large = new Board(view, scenes, facts, { label: "", ticks: true });
  const strip = [...Array(times).keys()].map((time) => new Board(view, scenes, facts, { label: `Attention in latent frame ${time}`, time }));
  const bars = strip.map((_, time) => new Bar(`t${time}`));
  const tabs = strip.map((_, time) => {
    const span = spanOf(facts, time), text = frameNames(span);
    const tab = button(view, { label: `Show ${text} large`, text: "", pressed: false }, () => {
      view.select({ frame: middle(span) });
      view.commit();
    });
    tab.append(h("b", {}, `t${time}`), h("span", {}, text));
    return tab;
  });
  const boards = [asked, large, ...strip];
  for (const board of boards) {
    board.listen({
      choose: (place) => choosePatch((board.time * rows + place.row) * columns + place.column),
      hover: (place, event) => {
        for (const one of boards) one.hover(one.time === board.time ? place : null);
        if (!place) return tip.hide();
        tip.show(event, describe(facts, seen, T + (board.time * rows + place.row) * columns + place.column));
      },
    });
  }
  const list = new Words(view, facts, (event, word) => (word === null ? tip.hide() : tip.show(event, describe(facts, seen, word))));
  const heads = new Heads(view, facts);
  const scale = new ScaleBar({ label: "", high: "" });
  const sentence = h("p", { class: "x2v-attention-sentence", role: "status", "aria-live": "polite" });
  const summary = h("p", { class: "x2v-muted" });
  const missing = h("p", { class: "x2v-attention-missing", hidden: true });
  const stripTitle = h("div", { class: "x2v-title" });
  const code = h("code", { class: "x2v-attention-code" });

  const layers = new Set(facts.sites.map((/** @type {number[]} */ site) => site[1])).size;
  view.root.append(
    h("div", {}, promptLine(facts.prompt, facts.unknown),
      h("div", { class: "x2v-muted" }, `attention of ${steps.length} of ${limits.step + 1} steps, ${layers} layers, ${facts.heads.length} `
        + `heads of ${softmax.D} channels  ·  ${T} words + ${times} × ${rows} × ${columns} patches = ${T + N} tokens`)),
    h("div", { class: "x2v-bar" }, stepOptions.root, layerOptions.root, missing),
    h("div", { class: "x2v-bar x2v-attention-controls" }, ...choices.map((choice) => choice.root), scale.root),
    h("div", {}, sentence, summary),
    h("div", { class: "x2v-attention-top" }, asked.root, large.root, heads.root),
    h("div", { class: "x2v-attention-below" }, list.root,
      h("div", {}, stripTitle,
        h("div", { class: "x2v-attention-strip", tabindex: times > 6 ? "0" : null },
          ...strip.map((board, i) => h("div", { class: "x2v-attention-frame" }, tabs[i], board.root, bars[i].root))))),
    player.root,
    h("div", { class: "x2v-muted" }, "Keys: arrows move the patch, Page Up and Page Down take it through time, W next word, P back to the "
      + "patch, D turns the question round, S step, L layer, H head (with Shift: backwards), space plays."),
    h("div", { class: "x2v-muted" }, "In Python, where all counts begin at 0: ", code),
  );
  view.root.append(tip.box); // after the others, to lie over them

  // -- keys
  const move = (/** @type {number} */ time, /** @type {number} */ row, /** @type {number} */ column) => () => {
    const at = tokenPlace(view.selection.token, grid);
    if (view.selection.word !== null) return choosePatch(view.selection.token); // from a word back to the patch first
    const clamp = (/** @type {number} */ value, /** @type {number} */ count) => Math.min(Math.max(value, 0), count - 1);
    choosePatch((clamp(at.time + time, times) * rows + clamp(at.row + row, rows)) * columns + clamp(at.column + column, columns));
  };
  /** The next of some values, and round again. */
  const turn = (/** @type {string} */ key, /** @type {() => any[]} */ among, /** @type {number} */ by = 1) => () => {
    const values = among(), now = values.indexOf(key === "step" || key === "layer" ? seen[key] : view.selection[key]);
    view.select({ [key]: now < 0 ? values[0] : values[(now + by + values.length) % values.length] });
  };
  const all = {
    word: () => [...words.keys()], direction: () => ["to", "from"], step: () => steps,
    layer: () => layersAt(facts, seen.step), head: () => [null, ...facts.heads.keys()],
  };
  const table = Object.entries(all).flatMap(([key, among]) => [[key[0], turn(key, among)], [key[0].toUpperCase(), turn(key, among, -1)]]);
  keys(view, {
    ...Object.fromEntries(table),
    ArrowLeft: move(0, 0, -1), ArrowRight: move(0, 0, 1), ArrowUp: move(0, -1, 0), ArrowDown: move(0, 1, 0),
    PageUp: move(-1, 0, 0), PageDown: move(1, 0, 0), p: move(0, 0, 0), P: move(0, 0, 0),
    " ": () => (player.playing ? player.pause() : player.play()),
  });

  // -- drawing
  let before = { ...view.selection };
  view.onSelect((selection, changed) => {
    const { token, word, frame, log } = selection;
    // A linked view picks a patch and knows nothing of words: then the patch is what one looks at.
    const picked = changed.has("token") && token !== before.token && word !== null && word === before.word;
    before = { ...selection };
    if (picked) return view.select({ word: null });

    seen = look(softmax, facts, selection);
    const most = seen.row[largest(seen.row, T)], level = leveller(most, log, facts.decades);
    const at = tokenPlace(token, grid), shown = timeOf(facts, frame);
    const picture = scenes.at(selection.under, seen.stepIndex);
    const frameIn = (/** @type {number} */ time) => (within(frame, spanOf(facts, time)) ? frame : middle(spanOf(facts, time)));
    const askedTime = word === null ? at.time : shown;
    asked.show(askedTime, picture(frameIn(askedTime)), null);
    large.show(shown, picture(frame), (i) => level(seen.row[T + shown * each + i]));
    strip.forEach((board, time) => {
      board.show(time, picture(frameIn(time)), (i) => level(seen.row[T + time * each + i]));
      tabs[time].setAttribute("aria-pressed", String(time === shown));
      bars[time].show(seen.frames[time], Math.max(...seen.frames, seen.even), seen.even, seen.to);
    });
    for (const board of boards) board.mark(word === null && board.time === at.time ? at : null);
    list.show(seen, word);
    heads.show(seen, selection.head, log);
    stepOptions.show(seen.step);
    layerOptions.show(seen.layer);

    // Brightest is the largest share of any patch in any frame; words have bars of their own.
    scale.range(log ? `≤ ${percent(most / 10 ** facts.decades)}` : "0 %", percent(most));
    scale.label.textContent = `of attention${log ? ", logarithmic" : ""}; brightest: the largest on any patch`;
    const name = nameOf(facts, seen.index), span = spanOf(facts, shown);
    asked.title(`${seen.to ? "Query" : "Key"}: ${name}`);
    asked.caption(`frame ${frameIn(askedTime) + 1}; click or drag to ask another patch`);
    large.title(`${seen.to ? "Keys" : "Queries"} in t${shown} · ${frameNames(span)}`);
    large.caption(`frame ${frame + 1}; ${seen.to ? "this latent frame gets" : "a patch in here gives on average"} ${percent(seen.frames[shown])}`);
    large.canvas.setAttribute("aria-label", `${seen.to ? `Where ${name} looks` : `Who looks at ${name}`}, latent frame ${shown}`);
    stripTitle.textContent = `Every latent frame, and how much ${seen.to ? "of the attention it gets" : "its patches give on average"} `
      + "(dashed: if all tokens were alike)";
    sentence.replaceChildren(h("b", {}, `${seen.to ? "Query" : "Key"}: ${name}`),
      seen.to ? ` → keys: all ${T} words and ${N} patches, one softmax row (adds up to 100 %)`
        : ` ← queries: all ${T} words and ${N} patches; the part of each one's own attention (does not add up to 100 %)`);
    const top = largest(seen.row);
    summary.textContent = (seen.to ? `Words get ${percent(seen.words)}, patches ${percent(1 - seen.words)}.`
      : `A word gives it ${percent(seen.words)} on average, a patch ${percent(average(seen.row, T))}.`)
      + ` Most: ${nameOf(facts, top)} with ${percent(seen.row[top])}; an even share is ${percent(1 / (T + N))}.`;
    const place = (/** @type {{ step: number, layer: number }} */ { step, layer }) => `step ${step + 1}, layer ${layer + 1}`;
    missing.hidden = place(/** @type {any} */ (selection)) === place(seen);
    missing.textContent = `No attention was recorded at ${place(/** @type {any} */ (selection))}: this is ${place(seen)}.`;
    const pick = selection.head === null ? ".mean(axis=0)" : `[${selection.head}]`;
    code.textContent = seen.to ? `trace.attention(step=${seen.step}, layer=${seen.layer}, query=${seen.index})${pick}`
      : `np.stack([trace.attention(${seen.step}, ${seen.layer}, i) for i in range(${T + N})], axis=1)[:, :, ${seen.index}]${pick}`;
  });
});

// -- names and places -------------------------------------------------------------------------------------

/** Layers captured at a step. @param {any} facts @param {number} step @returns {number[]} */
function layersAt(facts, step) {
  return facts.sites.filter((/** @type {number[]} */ site) => site[0] === step).map((/** @type {number[]} */ site) => site[1]);
}

/** First and last frame of one row of tokens in time. @param {any} facts @param {number} time @returns {[number, number]} */
function spanOf({ patch: [long] }, time) {
  return [framesOf(time * long)[0], framesOf(time * long + long - 1)[1]];
}

/** The row of tokens in time that holds a frame. @param {any} facts @param {number} frame */
function timeOf({ patch: [long] }, frame) {
  return Math.floor(latentFrameOf(frame) / long);
}

/** @param {number} frame @param {[number, number]} span */
function within(frame, [first, last]) {
  return frame >= first && frame <= last;
}

/** @param {[number, number]} span */
function middle([first, last]) {
  return first + Math.floor((last - first + 1) / 2);
}

/** @param {[number, number]} span */
function frameNames([first, last]) {
  return first === last ? `frame ${first + 1}` : `frames ${first + 1}–${last + 1}`;
}

/** The name of any of the T + N tokens. @param {any} facts @param {number} index */
function nameOf({ words, grid }, index) {
  if (index >= words.length) {
    const { time, row, column } = tokenPlace(index - words.length, grid);
    return `patch ${patchName(time, row, column)}`;
  }
  const twice = words.indexOf(words[index]) !== words.lastIndexOf(words[index]);
  return `word “${words[index]}”${twice ? ` (word ${index})` : ""}`;
}

/** A share for people (as attention.py). @param {number} share */
function percent(share) {
  const value = 100 * share;
  if (value > 0 && value < 0.001) return "< 0.001\u00a0%";
  return `${value.toFixed(value >= 10 ? 1 : value >= 0.1 ? 2 : 3)}\u00a0%`;
}

/** The exact numbers of one token, for a tip. @param {any} facts @param {import("./softmax.js").Seen} seen @param {number} index */
function describe(facts, seen, index) {
  const { words, grid, patch } = facts, L = seen.row.length, share = seen.row[index];
  const exact = (/** @type {number} */ value) => `${(100 * value).toPrecision(4)} %`;
  const lines = [nameOf(facts, index) + (index === seen.index ? ", the one that is asked" : "")];
  if (index >= words.length) {
    const { time, row, column } = tokenPlace(index - words.length, grid), tall = 8 * patch[1], wide = 8 * patch[2];
    lines.push(`${frameNames(spanOf(facts, time))}, pixels y ${row * tall}–${row * tall + tall - 1}, x ${column * wide}–${column * wide + wide - 1}`);
  }
  lines.push(seen.to ? `gets ${exact(share)} of the attention` : `gives ${exact(share)} of its attention`);
  const rank = 1 + seen.row.reduce((count, other) => count + Number(other > share), 0);
  lines.push(`${(share * L).toPrecision(3)} times an even share; number ${rank} of ${L}`);
  facts.heads.forEach((/** @type {number} */ head, /** @type {number} */ a) => lines.push(`head ${head + 1}: ${exact(seen.heads[a * L + index])}`));
  return lines.slice(0, 16).join("\n");
}

/** Shares as places on the colour scale, 0..1. @param {number} most @param {boolean} log @param {number} decades @returns {(share: number) => number} */
function leveller(most, log, decades) {
  if (!(most > 0)) return () => 0;
  return log ? (share) => Math.max(0, 1 + Math.log10(Math.max(share, 1e-30) / most) / decades) : (share) => share / most;
}

// -- parts ------------------------------------------------------------------------------------------------

/** @typedef {{ key: string, paint: (picture: Picture) => void } | null} Scene a picture under the heat, or none */

/** What stands under the heat, a frame at a time. */
class Scenes {
  /** @param {import("./common.js").View} view @param {import("./common.js").Pictures} final */
  constructor(view, final) {
    this.final = final;
    const { pred_x0, weight, bias } = view.arrays;
    if (!pred_x0) return;
    const [, ...shape] = view.shapes.pred_x0;
    this.pred_x0 = pred_x0;
    this.size = shape.reduce((a, b) => a * b, 1);
    this.painter = new LatentPainter(weight, bias, shape);
  }

  /** @param {string} under @param {number} step among the captured steps @returns {(frame: number) => Scene} */
  at(under, step) {
    const { painter, pred_x0, size, final } = this;
    if (under === "nothing") return () => null;
    if (under === "final" || !painter) return (frame) => ({ key: `${frame}`, paint: (picture) => picture.image(final, frame) });
    return (frame) => ({
      key: `step ${step}, ${frame}`,
      paint: (picture) => {
        LatentPainter.pixels(painter.floats(pred_x0, step * size, frame), picture.data);
        picture.put();
      },
    });
  }
}

/** One frame with heat over it, a mark on the patch that is asked, and one on the patch under the pointer. */
class Board {
  /**
   * @param {import("./common.js").View} view @param {Scenes} scenes @param {any} facts
   * @param {{ label: string, time?: number, ticks?: boolean }} options ticks: a large one, with title, axes and caption
   */
  constructor(view, scenes, { grid: [, rows, columns] }, { label, time = 0, ticks = false }) {
    this.view = view;
    this.rows = rows;
    this.columns = columns;
    this.time = time;
    const { width, height } = scenes.final;
    this.picture = new Picture(view, { width, height, label: "", smooth: true });
    this.picture.canvas.setAttribute("aria-hidden", "true");
    this.drawn = "";
    this.canvas = h("canvas", { width: columns, height: rows, class: "x2v-blocks x2v-attention-heat", role: "img", "aria-label": label });
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.image = this.context.createImageData(columns, rows);
    this.marked = h("div", { class: "x2v-attention-mark", hidden: true });
    this.hovered = h("div", { class: "x2v-attention-hover", hidden: true });
    this.stage = this.picture.stage;
    this.stage.classList.add("x2v-attention-stage");
    this.stage.append(this.canvas, this.marked, this.hovered);
    this.root = this.picture.root;
    if (ticks) this.addAxes();
    else this.root.replaceChildren(this.stage);
  }

  /** Rows and columns of patches, named as in every view. */
  addAxes() {
    const names = (/** @type {string} */ letter, /** @type {number} */ count, /** @type {string} */ side) => {
      const step = Math.max(1, Math.ceil(count / 8));
      return [...Array(count).keys()].filter((i) => i % step === 0).map((i) => {
        const name = h("span", {}, `${letter}${i}`);
        name.style[side] = `${(100 * (i + 0.5)) / count}%`;
        return name;
      });
    };
    const box = h("div", { class: "x2v-attention-axes" });
    this.stage.replaceWith(box);
    box.append(h("div", { class: "x2v-attention-columns", "aria-hidden": "true" }, ...names("c", this.columns, "left")),
      h("div", { class: "x2v-attention-rows", "aria-hidden": "true" }, ...names("r", this.rows, "top")), this.stage);
  }

  /**
   * @param {number} time @param {Scene} scene @param {((patch: number) => number) | null} level place on the colour
   * scale, 0..1, of each patch; null for no heat
   */
  show(time, scene, level) {
    this.time = time;
    this.picture.canvas.hidden = !scene;
    this.stage.classList.toggle("x2v-attention-under", scene !== null && level !== null);
    if (scene && scene.key !== this.drawn) scene.paint(this.picture);
    this.drawn = scene ? scene.key : "";
    this.canvas.hidden = !level;
    if (!level) return;
    const { data } = this.image;
    for (let i = 0, j = 0; j < data.length; i++, j += 4) {
      const value = level(i);
      [data[j], data[j + 1], data[j + 2]] = heat(value);
      data[j + 3] = scene ? 255 * (FAINT + (STRONG - FAINT) * value) : 255;
    }
    this.context.putImageData(this.image, 0, 0);
  }

  /** @typedef {{ row: number, column: number }} Patch */

  /** @param {Patch | null} patch */
  mark(patch) {
    this.put(this.marked, patch);
  }

  /** @param {Patch | null} patch */
  hover(patch) {
    this.put(this.hovered, patch);
  }

  /** @param {string} text */
  title(text) {
    if (this.picture.title.textContent !== text) this.picture.title.textContent = text;
  }

  /** @param {string} text */
  caption(text) {
    this.picture.caption(text);
  }

  /** @param {{ choose: (patch: Patch) => void, hover: (patch: Patch | null, event: PointerEvent) => void }} on */
  listen({ choose, hover }) {
    const { view, stage } = this;
    let dragging = false;
    const go = (/** @type {PointerEvent} */ event) => {
      const patch = this.at(event);
      if (patch) choose(patch);
    };
    const end = () => {
      if (dragging) view.commit();
      dragging = false;
    };
    view.listen(stage, "pointerdown", (/** @type {PointerEvent} */ event) => {
      if (event.button) return;
      dragging = true;
      stage.setPointerCapture(event.pointerId);
      go(event);
    });
    view.listen(stage, "pointermove", (/** @type {PointerEvent} */ event) => {
      if (dragging) go(event);
      hover(this.at(event), event);
    });
    view.listen(stage, "pointerup", end);
    view.listen(stage, "pointercancel", end);
    view.listen(stage, "pointerleave", (/** @type {PointerEvent} */ event) => hover(null, event));
  }

  /** @param {HTMLElement} box @param {Patch | null} patch */
  put(box, patch) {
    box.hidden = !patch;
    if (!patch) return;
    const wide = 100 / this.columns, tall = 100 / this.rows;
    const sides = { left: wide * patch.column, top: tall * patch.row, width: wide, height: tall };
    for (const [name, value] of Object.entries(sides)) box.style.setProperty(name, `${value}%`);
  }

  /** @param {PointerEvent} event @returns {Patch | null} */
  at(event) {
    const box = this.stage.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * this.columns);
    const row = Math.floor(((event.clientY - box.top) / box.height) * this.rows);
    return row < 0 || column < 0 || row >= this.rows || column >= this.columns ? null : { row, column };
  }
}

/** Numbers from 1 to pick one of; those that were not recorded say why they cannot be. */
class Picker {
  /**
   * @param {import("./common.js").View} view
   * @param {{ key: string, label: string, count: number, there: (i: number) => boolean, name: (i: number) => string }} options
   */
  constructor(view, { key, label, count, there, name }) {
    this.there = there;
    this.name = name;
    const id = uid(key);
    this.buttons = [...Array(count).keys()].map((i) => {
      const it = h("button", { type: "button", class: "x2v-attention-pick", "data-pick": key, "data-value": i }, i + 1);
      whenPressed(view, it, () => there(i) && view.select({ [key]: i }));
      return it;
    });
    this.root = h("div", { class: "x2v-attention-picker", role: "group", "aria-labelledby": id }, h("b", { id }, label), ...this.buttons);
  }

  /** @param {number} value */
  show(value) {
    this.buttons.forEach((it, i) => {
      const there = this.there(i), name = this.name(i);
      it.title = there ? name : `${name}: attention was not recorded here; x2vkit.record(..., attention=...) chooses where it is`;
      it.tabIndex = there ? 0 : -1;
      it.setAttribute("aria-label", it.title);
      it.setAttribute("aria-disabled", String(!there));
      it.setAttribute("aria-pressed", String(i === value));
    });
  }
}

/**
 * A click that is a choice. A mouse leaves the focus with the view, so that arrow keys go on moving the patch.
 * @param {import("./common.js").View} view @param {HTMLElement} it @param {() => void} choose
 */
function whenPressed(view, it, choose) {
  view.listen(it, "click", (/** @type {MouseEvent} */ event) => {
    choose();
    view.commit();
    if (event.detail) view.root.focus({ preventScroll: true });
  });
}

/** The words, each with its share as a bar and a number; click one to ask it. */
class Words {
  /**
   * @param {import("./common.js").View} view @param {any} facts
   * @param {(event: PointerEvent, word: number | null) => void} hover
   */
  constructor(view, { words }, hover) {
    this.items = words.map((/** @type {string} */ word, /** @type {number} */ i) => {
      const bar = h("span", {}), number = h("span", { class: "x2v-attention-number" });
      const it = h("button", { type: "button", class: "x2v-attention-word", "data-word": i },
        h("span", {}, word), h("span", { class: "x2v-attention-track" }, bar), number);
      whenPressed(view, it, () => view.select({ word: i }));
      view.listen(it, "pointermove", (/** @type {PointerEvent} */ event) => hover(event, i));
      view.listen(it, "pointerleave", (/** @type {PointerEvent} */ event) => hover(event, null));
      return { it, bar, number, word };
    });
    this.title = h("div", { class: "x2v-title" });
    this.part = h("span", {});
    this.split = h("div", { class: "x2v-attention-split", "aria-hidden": "true" }, this.part);
    this.note = h("div", { class: "x2v-muted" });
    const list = this.items.map((/** @type {any} */ item) => item.it);
    this.root = h("div", {}, this.title, this.split, this.note,
      h("div", { class: "x2v-attention-list", role: "group", "aria-label": "Words of the prompt" }, ...list));
  }

  /** @param {import("./softmax.js").Seen} seen @param {number | null} chosen */
  show(seen, chosen) {
    this.title.textContent = seen.to ? "What the words get" : "What each word gives";
    this.split.hidden = !seen.to;
    this.part.style.width = `${100 * seen.words}%`;
    const patches = percent(1 - seen.words);
    this.note.textContent = seen.to ? `words ${percent(seen.words)}, patches ${patches}` : `${percent(seen.words)} on average`;
    const most = Math.max(...seen.row.subarray(0, this.items.length), 1e-12);
    this.items.forEach((/** @type {any} */ { it, bar, number, word }, /** @type {number} */ i) => {
      bar.style.width = `${(100 * seen.row[i]) / most}%`;
      number.textContent = percent(seen.row[i]);
      it.setAttribute("aria-pressed", String(i === chosen));
      it.setAttribute("aria-label", `ask the word ${word}, ${percent(seen.row[i])}`);
    });
  }
}

/** The part of the attention on one latent frame, and a dashed line where it would be if all tokens were alike. */
class Bar {
  /** @param {string} name */
  constructor(name) {
    this.name = name;
    this.bar = h("div", { class: "x2v-attention-bar" });
    this.even = h("div", { class: "x2v-attention-even" });
    this.number = h("div", { class: "x2v-attention-bar-number" });
    this.root = h("div", { class: "x2v-attention-share", role: "img" }, h("div", { class: "x2v-attention-bars" }, this.even, this.bar), this.number);
  }

  /** @param {number} part @param {number} full the height of the chart @param {number} even @param {boolean} to */
  show(part, full, even, to) {
    this.bar.style.height = `${(100 * part) / full}%`;
    this.even.style.bottom = `${(100 * even) / full}%`;
    this.number.textContent = `${to ? "" : "mean "}${percent(part)}`;
    this.root.setAttribute("aria-label", `${this.name} ${this.number.textContent}; if all tokens were alike ${percent(even)}`);
  }
}

/** The mean and every head as small multiples, each with its own brightest; click one to see it large. */
class Heads {
  /** @param {import("./common.js").View} view @param {any} facts */
  constructor(view, facts) {
    const [times, rows, columns] = facts.grid;
    this.facts = facts;
    this.cards = [null, ...facts.heads.keys()].map((head) => {
      const canvas = h("canvas", { width: times * columns + times - 1, height: rows, class: "x2v-blocks", "aria-hidden": "true" });
      canvas.style.aspectRatio = `${canvas.width} / ${rows}`;
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      const title = head === null ? "mean" : `head ${facts.heads[head] + 1}`;
      const spread = h("span", { class: "x2v-muted" }), note = h("div", { class: "x2v-muted" });
      const it = h("button", { type: "button", class: "x2v-attention-head", "data-head": head ?? "mean" },
        h("div", { class: "x2v-attention-head-title" }, h("b", {}, title), spread), canvas, note);
      whenPressed(view, it, () => view.select({ head }));
      return { head, it, context, image: context.createImageData(canvas.width, rows), title, spread, note };
    });
    this.note = h("div", { class: "x2v-muted" });
    this.root = h("div", { class: "x2v-attention-heads" },
      h("div", { class: "x2v-title" }, `Heads (t0 … t${times - 1}, each with its own brightest)`),
      h("div", { class: "x2v-attention-cards" }, ...this.cards.map(({ it }) => it)), this.note);
  }

  /** @param {import("./softmax.js").Seen} seen @param {number | null} chosen @param {boolean} log */
  show(seen, chosen, log) {
    const { words, grid: [times, rows, columns], decades } = this.facts, T = words.length, L = seen.row.length;
    this.cards.forEach(({ head, it, context, image, title, spread, note }, card) => {
      const { entropy, reach, words: text, most } = seen.figures[card], level = leveller(most, log, decades);
      const shares = head === null ? seen.mean : seen.heads.subarray(head * L, (head + 1) * L);
      for (let i = T; i < L; i++) {
        const { time, row, column } = tokenPlace(i - T, this.facts.grid);
        const to = 4 * (row * image.width + time * (columns + 1) + column);
        [image.data[to], image.data[to + 1], image.data[to + 2]] = heat(level(shares[i]));
        image.data[to + 3] = 255;
      }
      context.putImageData(image, 0, 0);
      spread.textContent = `${entropy.toFixed(1)} bits${reach === null ? "" : ` · reach ${reach.toFixed(2)}`}`;
      note.textContent = `most ${percent(most)} · words\u00a0${percent(text)}`;
      it.setAttribute("aria-pressed", String(head === chosen));
      const far = reach === null ? "" : `temporal reach ${reach.toFixed(2)} latent frames, `;
      it.setAttribute("aria-label", `${title}: entropy ${entropy.toFixed(1)} bits, ${far}words ${percent(text)}, most on a patch ${percent(most)}`);
    });
    const bits = Math.log2(T + times * rows * columns).toFixed(1);
    this.note.textContent = `bits: entropy, 0 (one token) to ${bits} (all alike); reach: mean distance in latent frames`
      + `${seen.figures[0].reach === null ? " (of a patch only)" : ""}; most: on one patch; words: ${seen.to ? "on all of them" : "their mean"}`;
  }
}
