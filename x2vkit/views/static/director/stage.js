// @ts-check
/** The picture, with what was planned, asked for and read back on it, and the tools that draw there. */
import { h } from "../lib/elements.js";
import { Picture } from "../lib/picture.js";
import { boxAt, trackOf } from "./asked.js";
import { CORNER, LEAST, area, clip, cross, dot, near, ordered, rect, thinned } from "./shapes.js";

/** @typedef {import("./asked.js").Box} Box */
/** @typedef {"plan" | "box" | "region" | "brush"} Tool */

/** Fractions of the frame that a key moves the cross by. */
const STEP = 0.02;
/** Of the brush, in fractions of the shorter side. */
export const RADIUS = 0.1;

export class Stage {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {{ tool: () => Tool, subject: () => number, done: (what: string, value: any) => void,
   *   pick: (subject: number) => void }} on
   *   done: a gesture is over, "key" {subject, box, base}, "region" box or "stroke" path
   */
  constructor(view, on) {
    this.view = view;
    this.on = on;
    /** The gesture that is under way. @type {any} */
    this.gesture = null;
    /** Where the keyboard draws. @type {[number, number]} */
    this.cross = [0.5, 0.5];
    this.picture = new Picture(view, { width: 128, height: 128, label: "The clip", title: "", smooth: true });
    this.layers = h("g", {});
    this.svg = h(
      "svg",
      {
        class: "x2v-dir-draw x2v-dir-lines",
        viewBox: "0 0 1 1",
        preserveAspectRatio: "none",
        tabindex: 0,
        role: "application",
        "aria-label":
          "Draw here. Arrow keys move the cross, Enter begins and ends a box or a path, Escape leaves off; " +
          "comma and full stop change the frame.",
      },
      this.layers,
    );
    this.picture.stage.append(this.svg);
    this.root = this.picture.root;
    this._listen();
  }

  /** @param {import("../lib/picture.js").Pictures} frames */
  size(frames) {
    this.picture.resize(frames.width, frames.height);
    this.picture.root.style.maxWidth = `${Math.round((460 * frames.width) / Math.max(frames.width, frames.height))}px`;
  }

  _listen() {
    const { view, svg } = this;
    view.listen(svg, "pointerdown", (event) => {
      if (event.button) return;
      svg.setPointerCapture(event.pointerId);
      svg.classList.remove("x2v-dir-keys");
      this._begin(this._at(event));
      event.preventDefault();
      svg.focus({ preventScroll: true });
    });
    view.listen(svg, "pointermove", (event) => this.gesture && this._move(this._at(event)));
    view.listen(svg, "pointerup", () => this._end());
    view.listen(svg, "pointercancel", () => this._leave());
    view.listen(svg, "keydown", (event) => this._key(event));
  }

  /** @param {PointerEvent} event @returns {[number, number]} */
  _at(event) {
    const box = this.svg.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  _key(event) {
    const step = event.shiftKey ? 5 * STEP : STEP;
    const way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[
      event.key
    ];
    const frame = { ",": -1, ".": 1 }[event.key];
    if (way) {
      this.cross = [clip(this.cross[0] + way[0]), clip(this.cross[1] + way[1])];
      if (this.gesture) this._move(this.cross);
    } else if (frame && !this.gesture) {
      this.view.select({ frame: this.view.selection.frame + frame });
      this.view.commit();
    } else if (event.key === "Enter") this.gesture ? this._end() : this._begin(this.cross);
    else if (event.key === "Escape") this._leave();
    else return;
    this.svg.classList.add("x2v-dir-keys");
    event.preventDefault();
    event.stopPropagation();
    this.view.redraw();
  }

  /** @param {[number, number]} at */
  _begin(at) {
    const tool = this.on.tool();
    if (tool === "plan") this.gesture = this._catch(at);
    else this.gesture = { tool, from: at, to: at, path: [at] };
    this.view.redraw();
  }

  /** What the plan tool catches at a point: the smallest box there, or a corner of it. */
  _catch(at) {
    const found = [0, 1]
      .flatMap((subject) => {
        const box = this.shown(subject);
        return box && near(box, at) ? [{ subject, box }] : [];
      })
      .sort((a, b) => area(a.box) - area(b.box))[0];
    if (!found) return null;
    this.on.pick(found.subject);
    const corner = [0, 1].map((axis) => {
      const [low, high] = [found.box[axis], found.box[axis + 2]];
      if (Math.abs(at[axis] - low) < CORNER) return axis;
      return Math.abs(at[axis] - high) < CORNER ? axis + 2 : -1;
    });
    const sides = corner.every((side) => side >= 0) ? corner : null;
    return { tool: "plan", ...found, from: at, start: found.box, sides };
  }

  /** The box of a subject that can be dragged now: what is asked for, else the plan. @returns {Box | null} */
  shown(subject) {
    const { frame } = this.view.selection;
    return this.tracks?.[subject]?.[frame] ?? boxAt(this.view.arrays.plan, subject, frame);
  }

  /** @param {[number, number]} at */
  _move(at) {
    const { gesture } = this;
    if (!gesture) return;
    if (gesture.tool === "plan") {
      const way = [at[0] - gesture.from[0], at[1] - gesture.from[1]];
      gesture.box = gesture.start.map((edge, i) =>
        !gesture.sides || gesture.sides.includes(i) ? edge + way[i % 2] : edge,
      );
      gesture.box = ordered(gesture.box);
      gesture.moved = true;
    } else {
      gesture.to = at.map(clip);
      gesture.path.push(gesture.to);
    }
    this.view.redraw();
  }

  _end() {
    const { gesture } = this;
    this.gesture = null;
    if (!gesture) return;
    if (gesture.tool === "plan") {
      if (gesture.moved) this.on.done("key", { subject: gesture.subject, box: gesture.box, base: "plan" });
    } else if (gesture.tool === "brush") {
      if (
        Math.hypot(gesture.to[0] - gesture.from[0], gesture.to[1] - gesture.from[1]) > LEAST ||
        gesture.path.length > 6
      )
        this.on.done("stroke", thinned(gesture.path));
    } else {
      const box = ordered([...gesture.from.map(clip), ...gesture.to]);
      if (Math.min(box[2] - box[0], box[3] - box[1]) >= LEAST) {
        if (gesture.tool === "region") this.on.done("region", box);
        else this.on.done("key", { subject: this.on.subject(), box, base: "none" });
      }
    }
    this.view.redraw();
  }

  _leave() {
    this.gesture = null;
    this.view.redraw();
  }

  /**
   * @param {import("../lib/picture.js").Pictures} frames
   * @param {import("./asked.js").Asked} asked
   */
  draw(frames, asked) {
    const { arrays, metadata, selection } = this.view;
    const { frame } = selection;
    this.picture.image(frames, frame);
    this.svg.classList.toggle("x2v-dir-drafted", Boolean(metadata.drafted));
    this.svg.dataset.tool = this.on.tool();
    this.tracks = asked.boxes.map((hard, i) => trackOf(hard, i, arrays.plan, frames.count));
    const parts = [];
    for (const i of [0, 1]) {
      parts.push(this._path(arrays.plan, i, frames.count, "planned"));
      parts.push(this._path(arrays.read, i, frames.count, "read"));
      parts.push(rect(boxAt(arrays.read, i, frame), `x2v-dir-read x2v-dir-s${i}`));
      const now = this.gesture?.tool === "plan" && this.gesture.subject === i && this.gesture.box;
      const hard = now || this.tracks[i]?.[frame];
      if (!hard) parts.push(rect(boxAt(arrays.plan, i, frame), `x2v-dir-planned x2v-dir-s${i}`));
      else parts.push(...this._hard(hard, i, asked));
      for (const soft of asked.soft[i]) parts.push(this._soft(soft, i, frame));
    }
    asked.strokes.forEach(({ path, radius }) => parts.push(...this._stroke(path, radius)));
    parts.push(...this._gesture());
    if (this.svg.matches(":focus") && this.svg.classList.contains("x2v-dir-keys"))
      parts.push(cross(this.cross));
    this.layers.replaceChildren(...parts.filter(Boolean));
  }

  /** The way of a subject's middle. */
  _path(track, subject, count, kind) {
    if (!track) return null;
    const points = [];
    for (let frame = 0; frame < count; frame++) {
      const box = boxAt(track, subject, frame);
      if (box) points.push(`${(box[0] + box[2]) / 2},${(box[1] + box[3]) / 2}`);
    }
    const style = `x2v-dir-way x2v-dir-${kind} x2v-dir-s${subject}`;
    return points.length > 1 ? h("polyline", { class: style, points: points.join(" ") }) : null;
  }

  _hard(box, subject, asked) {
    const key = asked.boxes[subject]?.keys[this.view.selection.frame] ? " x2v-dir-key" : "";
    const corners = [0, 2].flatMap((x) =>
      [1, 3].map((y) => h("path", { class: `x2v-dir-corner x2v-dir-s${subject}`, d: dot(box[x], box[y]) })),
    );
    return [rect(box, `x2v-dir-hard x2v-dir-s${subject}${key}`), ...corners];
  }

  _soft({ box, since, until }, subject, frame) {
    const second = frame / this.view.metadata.fps;
    const counts = second >= since - 1e-6 && (until === null || second <= until + 1e-6);
    return rect(box, `x2v-dir-soft x2v-dir-s${subject}${counts ? "" : " x2v-dir-off"}`);
  }

  _stroke(path, radius) {
    const points = path.map((point) => point.join(",")).join(" ");
    const side = Math.min(this.svg.clientWidth, this.svg.clientHeight) || 400;
    const [x, y] = path[path.length - 1];
    return [
      h("polyline", { class: "x2v-dir-brush", points, "stroke-width": 2 * radius * side }),
      h("polyline", { class: "x2v-dir-line", points }),
      h("path", { class: "x2v-dir-end", d: dot(x, y) }),
    ];
  }

  _gesture() {
    const { gesture } = this;
    if (!gesture || gesture.tool === "plan") return [];
    if (gesture.tool === "brush") return this._stroke(gesture.path, RADIUS);
    const kind = gesture.tool === "region" ? "soft" : "hard";
    return [rect(ordered([...gesture.from, ...gesture.to]), `x2v-dir-${kind} x2v-dir-s${this.on.subject()}`)];
  }
}
