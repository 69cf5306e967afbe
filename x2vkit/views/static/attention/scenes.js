// @ts-check
/** What stands under the heat. */
import { LatentPainter, placeOf } from "../lib/painter.js";

/**
 * @typedef {{ key: string, paint: (picture: import("../lib/picture.js").Picture) => void } | null} Backdrop a
 *   picture under the heat, or none
 */

/** What stands under the heat, a frame at a time. */
export class Scenes {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {import("../lib/picture.js").Pictures} final
   * @param {import("../lib/geometry.js").Geometry} geometry
   */
  constructor(view, final, geometry) {
    this.final = final;
    const { pred_x0, weight, bias } = view.arrays;
    const [, ...shape] = view.shapes.pred_x0;
    this.pred_x0 = pred_x0;
    this.size = shape.reduce((a, b) => a * b, 1);
    this.painter = new LatentPainter(weight, bias, shape, geometry);
    /** The steps whose predictions were sent. @type {number[]} */
    this.steps = view.metadata.under;
  }

  /**
   * @param {string} under
   * @param {number} step
   * @returns {(frame: number) => Backdrop}
   */
  at(under, step) {
    const { painter, pred_x0, size, final, steps } = this;
    if (under === "nothing") return () => null;
    const at = placeOf(steps, step);
    if (under === "final")
      return (frame) => ({ key: `${frame}`, paint: (picture) => picture.image(final, frame) });
    return (frame) => ({
      key: `step ${at}, ${frame}`,
      paint: (picture) => {
        LatentPainter.pixels(painter.floats(pred_x0, at * size, frame), picture.data);
        picture.put();
      },
    });
  }
}
