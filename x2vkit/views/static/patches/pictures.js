// @ts-check
/** The flat pictures: one frame, its latent frame, a row over time, and the clip put together again. */
import { Slider } from "../lib/controls.js";
import { Flat, dragRow } from "./flat.js";
import { rebuild, unfold } from "./rebuild.js";
import { boxOf, span } from "./tokens.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./state.js").Now} Now */

const SHUFFLED = {
  none: "",
  all: "all patches shuffled",
  places: "places shuffled, alike at all times",
  times: "moments shuffled",
};

export class Flats {
  /** @param {State} state */
  constructor(state) {
    const { view, F, H, W, rows, columns } = state;
    this.state = state;
    const flat = (width, height, label, title, smooth = false) =>
      new Flat(view, { width, height, label, title, smooth });
    this.frame = flat(W, H, "One frame, cut into patches", "One frame", true);
    this.latent = flat(columns, rows, "The latent frame that holds it", "Its latent frame");
    this.slice = flat(W, F, "One row of pixels over time", "Green row over time ↓");
    this.again = flat(W, H, "The clip put together again from its patches", "Put together again", true);
    this.all = [this.frame, this.latent, this.slice, this.again];
    for (const one of this.all) one.stage.style.aspectRatio = `${W} / ${H}`;
    this.slice.root.append(new Slider(view, { key: "row", label: "Row", max: H - 1 }).root);
    this.source = unfold(state.film);
    this.rebuiltKey = "";
    this._listen();
  }

  _listen() {
    const { state } = this;
    const { view, geometry, shrink } = state;
    const frame = () => view.selection.frame;
    const side = geometry.spatialStride;
    this._point(
      this.frame,
      ({ x, y }) => ({ frame: frame(), y, x }),
      ({ y, x }) => `pixel: row ${y * shrink}, column ${x * shrink}`,
    );
    this._point(
      this.latent,
      ({ x, y }) => ({ frame: frame(), y: y * side, x: x * side }),
      (point) => state.cellText(point),
    );
    this._point(
      this.slice,
      ({ x, y }) => ({ frame: y, y: view.selection.row, x }),
      (point) => `pixel: frame ${point.frame + 1}, column ${point.x * shrink}`,
    );
    this._point(this.again, ({ x, y }) => state.pointIn(state.slotAt({ frame: frame(), y, x })));
    dragRow(view, this.frame, state.H);
  }

  /**
   * Hovering and clicking in a picture means a point of the clip.
   * @param {Flat} picture
   * @param {(at: { x: number, y: number }) => import("./tokens.js").Point} point
   * @param {(point: import("./tokens.js").Point) => string} [more] a line for the tip
   */
  _point(picture, point, more = () => "") {
    const { state } = this;
    state.view.listen(picture.stage, "pointermove", (event) => {
      const at = picture.at(event);
      const hit = at && point(at);
      state.hover(hit, event, hit ? more(hit) : "");
    });
    state.view.listen(picture.stage, "pointerleave", () => state.hover(null));
    state.view.listen(picture.stage, "click", (event) => {
      const at = picture.at(event);
      if (at) state.pick(point(at));
    });
  }

  measure() {
    for (const one of this.all) one.measure();
  }

  /** @param {Now} now */
  draw(now) {
    this._rebuild(now);
    this._paint(now);
    this._say(now);
    this._rule(now);
  }

  /** @param {Now} now */
  _rebuild({ choice, size, sizeKey, arranged }) {
    const key = [sizeKey, choice.order, choice.shuffle, choice.drop, choice.frame].join();
    if (key === this.rebuiltKey) return;
    this.rebuiltKey = key;
    const { F, H, W } = this.state;
    rebuild(this.source, this.again.picture.data, choice.frame, [F, H, W], size, arranged);
    this.again.picture.put();
  }

  /** @param {Now} now */
  _paint({ choice, latents }) {
    const { film, geometry, F, H, W, rows, columns } = this.state;
    const { frame, row } = choice;
    this.frame.picture.image(film, frame);
    const cells = this.latent.picture.context;
    cells.imageSmoothingEnabled = false;
    const left = geometry.latentFrameOf(frame) * columns;
    cells.drawImage(latents.canvas, left, 0, columns, rows, 0, 0, columns, rows);
    for (let i = 0; i < F; i++) {
      const [x, y] = [(i % film.columns) * W, Math.floor(i / film.columns) * H + row];
      this.slice.picture.context.drawImage(film.bitmap, x, y, W, 1, 0, i, W, 1);
    }
  }

  /** @param {Now} now */
  _say({ choice, region }) {
    const { F, geometry } = this.state;
    const { frame, order, drop } = choice;
    const where = region && `frame${region.times[1] - region.times[0] > 1 ? "s" : ""} ${span(region.times)}`;
    const elsewhere = region && !inside(frame, region.times);
    const patch = elsewhere ? `; dashed: the patch is in ${where}` : ", in patches";
    this.frame.picture.caption(`frame ${frame + 1} of ${F}${patch}`);
    const latent = geometry.latentFrameOf(frame);
    const [first, last] = geometry.framesOf(latent);
    const alone = geometry.lead && first === last ? " alone" : "";
    const frames = `frame${first === last ? "" : "s"} ${span([first, last + 1])}`;
    this.latent.picture.caption(`t${latent}: holds ${frames}${alone}`);
    this.slice.picture.caption("blue: this frame; slanted streaks move, upright ones stand still");
    const changed = [SHUFFLED[order], drop ? `${drop} % dropped` : ""].filter(Boolean).join("; ");
    this.again.picture.caption(changed || "nothing shuffled, nothing dropped");
  }

  /** Lines, the patch and the row over the pictures. @param {Now} now */
  _rule({ choice, size, region, slot }) {
    const { F, H, W, geometry } = this.state;
    const { frame, row } = choice;
    const shares = (list, whole) => list.map((v) => v / whole);
    const lines = (list, whole) => shares(list.slice(1, -1), whole);
    const grid = { x: lines(size.columns, W), y: lines(size.rows, H) };
    const onFrame = (box) => box && { x: shares(box.columns, W), y: shares(box.rows, H) };
    const [first, last] = geometry.framesOf(geometry.latentFrameOf(frame));
    const held = region && first < region.times[1] && last >= region.times[0];
    const box = onFrame(region);
    this.frame.over({ ...grid, box, strong: region && inside(frame, region.times), mark: (row + 0.5) / H });
    this.latent.over({ ...grid, box, strong: held });
    this.slice.over({
      x: grid.x,
      y: lines(size.times, F),
      strong: region && inside(row, region.rows),
      now: [frame / F, (frame + 1) / F],
      box: region && { x: shares(region.columns, W), y: shares(region.times, F) },
    });
    const there = slot < 0 ? null : boxOf(slot, size);
    this.again.over({ ...grid, box: onFrame(there), strong: there && inside(frame, there.times) });
  }
}

/** @param {number} value @param {[number, number]} range first, one past the last */
function inside(value, [first, end]) {
  return value >= first && value < end;
}
