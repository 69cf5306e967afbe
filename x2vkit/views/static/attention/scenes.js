// @ts-check
/** What stands under the heat. */
import { LatentPainter } from "../lib/painter.js";

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
    const [, ...shape] = view.shapes.pred_x0 ?? [0];
    this.pred_x0 = pred_x0;
    this.size = shape.reduce((a, b) => a * b, 1);
    /** None where the trace has no linear decoder. */
    this.painter = pred_x0 ? new LatentPainter(weight, bias, shape, geometry) : null;
  }

  /**
   * @param {string} under
   * @param {number} step among the captured steps
   * @returns {(frame: number) => Backdrop}
   */
  at(under, step) {
    const { painter, pred_x0, size, final } = this;
    if (under === "nothing") return () => null;
    if (under === "final" || !painter)
      return (frame) => ({ key: `${frame}`, paint: (picture) => picture.image(final, frame) });
    return (frame) => ({
      key: `step ${step}, ${frame}`,
      paint: (picture) => {
        LatentPainter.pixels(painter.floats(pred_x0, step * size, frame), picture.data);
        picture.put();
      },
    });
  }
}
