// @ts-check
/** One place in every frame, the sequence of tokens, and the bytes to scale. */
import { themeColor } from "../lib/canvas.js";
import { h } from "../lib/elements.js";
import { tokenName } from "../lib/geometry.js";
import { drawPlaces } from "./places.js";
import { Ribbon } from "./ribbon.js";
import { drawScale } from "./scale.js";
import { drawSequence } from "./sequence.js";

export class Ribbons {
  /** @param {import("./state.js").State} state */
  constructor(state) {
    const { view } = state;
    this.state = state;
    this.everywhere = new Ribbon("The same place in every frame; framed: the frames of one patch");
    this.sequence = new Ribbon("All tokens in the order in which the transformer reads them");
    this.scale = new Ribbon("Bytes of clip, latents and tokens as areas, to scale");
    this.title = h("div", { class: "x2v-title", role: "status", "aria-live": "polite" });
    view.listen(this.everywhere.canvas, "pointermove", (event) => {
      const at = this.everywhere.at(event);
      const point = state.hovered ?? state.picked();
      if (at && point) state.hover({ ...point, frame: at.index }, event, `frame ${at.index + 1}`);
    });
    view.listen(this.everywhere.canvas, "pointerleave", () => state.hover(null));
    view.listen(this.everywhere.canvas, "click", (event) => {
      const at = this.everywhere.at(event);
      const point = state.picked();
      if (!at || !point) return;
      state.pick({ ...point, frame: at.index });
      view.select({ frame: at.index });
      view.commit();
    });
    const under = (event) => {
      const at = this.sequence.at(event);
      return at && state.pointIn(at.index);
    };
    view.listen(this.sequence.canvas, "pointermove", (event) => state.hover(under(event), event));
    view.listen(this.sequence.canvas, "pointerleave", () => state.hover(null));
    view.listen(this.sequence.canvas, "click", (event) => {
      const point = under(event);
      if (point) state.pick(point);
    });
  }

  measure() {
    for (const ribbon of [this.everywhere, this.sequence, this.scale]) ribbon.measure();
  }

  /** @param {import("./state.js").Now} now */
  draw({ choice, size, arranged, shade, latents, token, slot, region }) {
    const { view, film, F } = this.state;
    const [fg, muted] = [themeColor(view, "fg"), themeColor(view, "muted")];
    drawPlaces(this.everywhere, film, F, region, choice.frame);
    const pixels =
      region &&
      [region.rows, region.columns].map(([first, end]) => (end - first) * this.state.shrink).join(" × ");
    const place = region
      ? `${tokenName(token, size.grid)}: the same ${pixels} pixels in every frame`
      : "Point at a patch to see the same pixels in every frame";
    if (this.title.textContent !== place) this.title.textContent = place;
    drawSequence(this.sequence, size, arranged, shade, slot, muted);
    drawScale(this.scale, view, { film, latents, shade, size, fg, muted });
  }
}
