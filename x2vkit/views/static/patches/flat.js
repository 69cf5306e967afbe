// @ts-check
/** Flat pictures with patch borders, one patch and a row marked on them. */
import { sharp } from "../lib/canvas.js";
import { PALETTE } from "../lib/colors.js";
import { h } from "../lib/elements.js";
import { Picture } from "../lib/picture.js";

/** A picture with lines over it: patch borders, one patch, a marked row. */
export class Flat {
  /** @param {import("../lib/view.js").View} view @param {any} options those of Picture */
  constructor(view, options) {
    this.picture = new Picture(view, options);
    this.stage = this.picture.stage;
    this.root = this.picture.root;
    this.canvas = h("canvas", { "aria-hidden": "true", class: "x2v-over" });
    this.stage.append(this.canvas);
    this.size = [0, 0];
    this.drawn = "";
  }

  measure() {
    this.size = [this.stage.clientWidth, this.stage.clientHeight];
  }

  /** @param {PointerEvent} event */
  at(event) {
    return this.picture.at(event);
  }

  /**
   * Shares of width and height: x, y where lines run; box, the patch, strong where it really is; mark, a
   * row; now, what is shown elsewhere.
   * @param {{ x: number[], y: number[], box?: { x: number[], y: number[] } | null, strong?: boolean | null,
   *   mark?: number, now?: number[] }} marks
   */
  over(marks) {
    const key = JSON.stringify([marks, this.size]);
    if (key === this.drawn) return;
    this.drawn = key;
    const { x, y, box, strong, mark, now } = marks;
    const [width, height] = this.size;
    const context = sharp(this.canvas, width, height);
    context.strokeStyle = "rgb(255 255 255 / 0.32)";
    context.lineWidth = 1;
    context.beginPath();
    for (const at of x) {
      context.moveTo(Math.round(at * width) - 0.5, 0);
      context.lineTo(Math.round(at * width) - 0.5, height);
    }
    for (const at of y) {
      context.moveTo(0, Math.round(at * height) - 0.5);
      context.lineTo(width, Math.round(at * height) - 0.5);
    }
    context.stroke();
    if (mark !== undefined) {
      for (const [color, wide] of /** @type {[string, number][]} */ ([
        ["rgb(255 255 255 / 0.7)", 4],
        [PALETTE.green, 2],
      ])) {
        context.strokeStyle = color;
        context.lineWidth = wide;
        context.beginPath();
        context.moveTo(0, mark * height);
        context.lineTo(width, mark * height);
        context.stroke();
      }
      context.fillStyle = PALETTE.green;
      context.beginPath();
      context.arc(width - 8, mark * height, 6, 0, 7);
      context.fill();
    }
    if (now) {
      context.fillStyle = PALETTE.blue;
      context.fillRect(0, now[0] * height, 4, Math.max(3, (now[1] - now[0]) * height));
      context.fillRect(width - 4, now[0] * height, 4, Math.max(3, (now[1] - now[0]) * height));
    }
    if (!box) return;
    context.strokeStyle = PALETTE.orange;
    context.lineWidth = strong ? 3 : 1.5;
    context.setLineDash(strong ? [] : [3, 3]);
    context.strokeRect(
      box.x[0] * width,
      box.y[0] * height,
      (box.x[1] - box.x[0]) * width,
      (box.y[1] - box.y[0]) * height,
    );
    context.setLineDash([]);
  }
}

/**
 * Let the marked row be dragged by its handle.
 * @param {import("../lib/view.js").View} view
 * @param {Flat} flat
 * @param {number} H
 */
export function dragRow(view, flat, H) {
  let dragging = false;
  const rowAt = (event) => {
    const box = flat.stage.getBoundingClientRect();
    return {
      row: ((event.clientY - box.top) / box.height) * H,
      edge: box.right - event.clientX,
      pixel: box.height / H,
    };
  };
  const near = (event) => {
    const { row, edge, pixel } = rowAt(event);
    const away = Math.abs(row - view.selection.row - 0.5) * pixel;
    return away < (edge < 22 ? 10 : 5);
  };
  view.listen(flat.stage, "pointerdown", (event) => {
    if (!near(event)) return;
    dragging = true;
    flat.stage.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  view.listen(flat.stage, "pointermove", (event) => {
    flat.stage.style.cursor = dragging || near(event) ? "ns-resize" : "crosshair";
    if (dragging) view.select({ row: Math.floor(rowAt(event).row) });
  });
  const drop = () => {
    if (!dragging) return;
    dragging = false;
    view.commit();
    view.listen(flat.stage, "click", (event) => event.stopImmediatePropagation(), {
      once: true,
      capture: true,
    });
  };
  view.listen(flat.stage, "pointerup", drop);
  view.listen(flat.stage, "pointercancel", drop);
}
