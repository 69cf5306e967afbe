// @ts-check
/** The start picture: shrunk here, sent to the kernel, and named by a number from then on. */
import { button } from "../lib/controls.js";
import { h, uid } from "../lib/elements.js";

/** The longer side of a picture that is sent, and the side of the one that is shown, in pixels. */
const SENT = 256;
const SHOWN = 32;

export class Upload {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {{ send: (number: number, bytes: ArrayBuffer) => void, changed: () => void,
   *   failed: (problem: import("./problems.js").Problem | null) => void }} on
   */
  constructor(view, on) {
    this.on = on;
    /** The picture's number, or null. @type {number | null} */
    this.number = null;
    const id = uid("image");
    this.file = h("input", { type: "file", id, accept: "image/*", class: "x2v-play-file" });
    const size = { width: SHOWN, height: SHOWN, class: "x2v-play-thumb" };
    this.thumb = h("canvas", { ...size, role: "img", "aria-label": "The start picture", hidden: true });
    this.drop = button(view, { label: "Start without a picture", text: "×" }, () => {
      this.file.value = "";
      this.set(null);
      on.changed();
    });
    this.drop.hidden = true;
    view.listen(this.file, "change", () => this._take(this.file.files?.[0]));
    this.parts = [h("label", { for: id }, "Start picture"), this.thumb, this.drop, this.file];
  }

  /** @param {number | null} number */
  set(number) {
    this.number = number;
    this.thumb.hidden = this.drop.hidden = number === null;
  }

  /** @param {File | undefined} chosen */
  async _take(chosen) {
    if (!chosen) return;
    this.on.failed(null);
    try {
      const bitmap = await createImageBitmap(chosen);
      const side = Math.min(bitmap.width, bitmap.height);
      const [x, y] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
      this.thumb.getContext("2d").drawImage(bitmap, x, y, side, side, 0, 0, SHOWN, SHOWN);
      const number = Math.floor(Math.random() * 1e9);
      this.on.send(number, await shrunk(bitmap));
      this.set(number);
      this.on.changed();
    } catch {
      this.file.value = "";
      const rule = "it cannot be read as a picture";
      this.on.failed({ got: `the file ${chosen.name}`, rule, cure: "use a png or jpeg" });
    }
  }
}

/** A picture as PNG, at most SENT pixels a side. @param {ImageBitmap} bitmap */
async function shrunk(bitmap) {
  const scale = Math.min(1, SENT / Math.max(bitmap.width, bitmap.height));
  const size = [bitmap.width, bitmap.height].map((side) => Math.max(1, side * scale));
  const canvas = new OffscreenCanvas(size[0], size[1]);
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer();
}
