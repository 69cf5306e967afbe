// @ts-check
/** The plan's boxes over the clip: dragged, pulled at their corners, or moved and resized by the arrow keys. */
import { h } from "../lib/elements.js";

/** @typedef {import("./plan.js").Plan} Plan */

const NAMES = ["first subject", "second subject"];
/** Corners: how far right and down of the box each stands. */
const CORNERS = [
  [0, 0],
  [1, 0],
  [0, 1],
  [1, 1],
];
/** What an arrow key moves or resizes a box by, in parts of the picture. */
const NUDGE = 1 / 16;
/** Sides of a box, in parts of the picture: the model was taught none that are smaller or larger. */
const [SMALLEST, LARGEST] = [1 / 16, 1.5];
/** @type {Record<string, [number, number]>} */
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Boxes {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {HTMLElement} place exactly over which they lie
   * @param {import("../lib/player.js").Player} player rests while a box is held
   * @param {{ shown: (plan: Plan) => void, moved: (plan: Plan) => void }} on while a box is held, and once it is let go
   */
  constructor(view, place, player, on) {
    this.view = view;
    this.place = place;
    this.player = player;
    this.on = on;
    /** @type {Plan | null} */
    this.plan = null;
    this.svg = h("svg", { class: "x2v-web-boxes", viewBox: "0 0 1 1", preserveAspectRatio: "none" });
    this.rects = NAMES.map((name, subject) => this._rect(name, subject));
    this.grips = NAMES.map((_, subject) => CORNERS.map((corner) => this._grip(subject, corner)));
    this.svg.append(...this.rects);
    place.append(this.svg, ...this.grips.flat());
  }

  /** @param {Plan | null} plan none hides them @param {number} frame */
  draw(plan, frame) {
    this.plan = plan;
    this.rects.forEach((rect, subject) => {
      const box = plan && boxOf(plan, subject, frame);
      const show = box !== null && Number.isFinite(box.x);
      for (const each of [rect, ...this.grips[subject]]) each.style.display = show ? "" : "none";
      if (!show) return;
      for (const [name, value] of Object.entries(box)) rect.setAttribute(name, String(value));
      this.grips[subject].forEach((grip, i) => {
        const [right, down] = CORNERS[i];
        grip.style.left = `${100 * (box.x + right * box.width)}%`;
        grip.style.top = `${100 * (box.y + down * box.height)}%`;
      });
    });
  }

  /** @param {string} name @param {number} subject */
  _rect(name, subject) {
    const label = `The ${name}: arrow keys move it, with Shift they resize it`;
    const rect = h("rect", { tabindex: "0", role: "button", "aria-label": label });
    this._held(rect, (plan, dx, dy) => moved(plan, subject, dx, dy));
    this.view.listen(rect, "keydown", (event) => {
      const way = WAYS[event.key];
      if (!way || !this.plan) return;
      event.preventDefault();
      event.stopPropagation();
      const [dx, dy] = way.map((each) => each * NUDGE);
      const { frame } = this.view.selection;
      const plan = event.shiftKey
        ? resized(this.plan, subject, frame, [dx, dy], [0.5, 0.5])
        : moved(this.plan, subject, dx, dy);
      this.on.shown(plan);
      this.on.moved(plan);
    });
    return rect;
  }

  /** A corner that can be pulled; the one across stays. @param {number} subject @param {number[]} corner */
  _grip(subject, [right, down]) {
    const side = right === down ? "x2v-web-falling" : "x2v-web-rising";
    const grip = h("div", { class: `x2v-web-grip ${side}` });
    this._held(grip, (plan, dx, dy, frame) =>
      resized(plan, subject, frame, [right ? dx : -dx, down ? dy : -dy], [1 - right, 1 - down]),
    );
    return grip;
  }

  /**
   * Follow a pointer, mouse or finger, from where it goes down to where it is let go.
   * @param {any} part
   * @param {(plan: Plan, dx: number, dy: number, frame: number) => Plan} change in parts of the picture
   */
  _held(part, change) {
    const { view, player } = this;
    /** @type {{ x: number, y: number, plan: Plan, frame: number, played: boolean, now: Plan } | null} */
    let from = null;
    view.listen(part, "pointerdown", (event) => {
      if (!this.plan || !event.isPrimary) return;
      const [plan, played] = [this.plan, player.playing];
      player.pause(false); // a box that goes on moving cannot be aimed at
      from = { x: event.clientX, y: event.clientY, plan, frame: view.selection.frame, played, now: plan };
      part.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    view.listen(part, "pointermove", (event) => {
      if (!from) return;
      const { width, height } = this.place.getBoundingClientRect();
      const [dx, dy] = [(event.clientX - from.x) / width, (event.clientY - from.y) / height];
      from.now = change(from.plan, dx, dy, from.frame);
      this.on.shown(from.now);
    });
    const drop = () => {
      if (!from) return;
      if (from.now !== from.plan) this.on.moved(from.now);
      if (from.played) player.play();
      from = null;
    };
    view.listen(part, "pointerup", drop);
    view.listen(part, "pointercancel", drop);
  }
}

/** @param {Plan} plan @param {number} subject @param {number} frame */
function boxOf(plan, subject, frame) {
  const [x0, y0, x1, y1] = plan.boxes.subarray(8 * frame + 4 * subject, 8 * frame + 4 * subject + 4);
  return { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
}

/** A plan with one subject elsewhere. @param {Plan} plan @param {number} subject */
export function moved(plan, subject, dx, dy) {
  const boxes = plan.boxes.map((value, i) =>
    Math.floor(i / 4) % 2 === subject ? value + (i % 2 ? dy : dx) : value,
  );
  return { ...plan, boxes };
}

/**
 * A plan with one subject larger or smaller, in every frame by the same factor, so that it still comes nearer or goes
 * away.
 * @param {Plan} plan @param {number} subject @param {number} frame whose box grows by `more`, right and down
 * @param {number[]} more in parts of the picture @param {number[]} still where in the box it stays as it is, 0 to 1
 */
export function resized(plan, subject, frame, more, still) {
  const { width, height } = boxOf(plan, subject, frame);
  const factors = [width, height].map(
    (side, axis) =>
      Math.min(Math.max(side + more[axis], Math.min(side, SMALLEST)), Math.max(side, LARGEST)) / side,
  );
  const boxes = plan.boxes.slice();
  for (let at = 4 * subject; at < boxes.length; at += 8)
    for (const axis of [0, 1]) {
      const [low, high] = [plan.boxes[at + axis], plan.boxes[at + axis + 2]];
      const point = low + still[axis] * (high - low);
      boxes[at + axis] = point + (low - point) * factors[axis];
      boxes[at + axis + 2] = point + (high - point) * factors[axis];
    }
  return { ...plan, boxes };
}
