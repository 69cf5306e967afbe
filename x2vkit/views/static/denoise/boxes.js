// @ts-check
/** The plan's boxes over a picture. */
import { h } from "../lib/elements.js";

/** Where the plan puts the first and second subject: dashed boxes over a picture. */
export class Boxes {
  /** @param {Float32Array} tracks (F, 2, 4) in fractions @param {HTMLElement} stage */
  constructor(tracks, stage) {
    this.tracks = tracks;
    this.rects = [0, 1].map(() => h("rect", { class: "x2v-denoise-plan" }));
    stage.append(
      h(
        "svg",
        {
          class: "x2v-denoise-boxes",
          viewBox: "0 0 1 1",
          preserveAspectRatio: "none",
          role: "img",
          "aria-label": "Where the plan puts the subjects",
        },
        ...this.rects,
      ),
    );
  }

  /** @param {number} frame */
  show(frame) {
    this.rects.forEach((rect, i) => {
      const [x0, y0, x1, y1] = this.tracks.subarray(8 * frame + 4 * i);
      rect.style.display = Number.isFinite(x0) ? "" : "none";
      if (!Number.isFinite(x0)) return;
      for (const [name, value] of [
        ["x", x0],
        ["y", y0],
        ["width", x1 - x0],
        ["height", y1 - y0],
      ])
        rect.setAttribute(String(name), String(value));
    });
  }
}
