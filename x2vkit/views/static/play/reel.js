// @ts-check
/** All frames of a world, shown one after another at the pace at which they come. */
import { h } from "../lib/elements.js";

const COLOR = "#e07b22";

export class Reel {
  /** @param {import("../lib/view.js").View} view @param {{ label: string }} options */
  constructor(view, { label }) {
    this.view = view;
    this.fps = view.metadata.fps;
    /** @type {ImageBitmap[] | OffscreenCanvas[]} */
    this.frames = [];
    /** @type {(number[] | null)[]} */
    this.boxes = [];
    this.at = 0;
    this.boxed = true;
    this.since = 0;
    this.running = 0;
    this.canvas = h("canvas", { role: "img", "aria-label": label, class: "x2v-world-screen" });
    this.caption = h("div", { class: "x2v-muted" }, "\u00a0");
    this.root = h("figure", {}, this.canvas, this.caption);
    view.signal.addEventListener("abort", () => cancelAnimationFrame(this.running));
  }

  /** What came with the view. */
  async begin() {
    const { bitmap, count, width, height, columns } = await this.view.image("frames");
    for (let i = 0; i < count; i++)
      this.frames.push(
        this._copy(width, height, (context) =>
          context.drawImage(bitmap, -(i % columns) * width, -Math.floor(i / columns) * height),
        ),
      );
    this.boxes = [...this.view.metadata.boxes];
    this.watch(0);
  }

  clear() {
    this.frames = [];
    this.boxes = [];
    this.at = 0;
  }

  /**
   * New frames, as they come from the kernel.
   * @param {DataView} bytes RGB @param {number[]} size frames, height, width, 3
   * @param {(number[] | null)[]} boxes
   */
  add(bytes, [count, height, width], boxes) {
    const rgb = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const pixels = width * height;
    for (let i = 0; i < count; i++) {
      const data = new ImageData(width, height);
      for (let p = 0; p < pixels; p++)
        for (let c = 0; c < 4; c++) data.data[4 * p + c] = c < 3 ? rgb[3 * (i * pixels + p) + c] : 255;
      this.frames.push(this._copy(width, height, (context) => context.putImageData(data, 0, 0)));
    }
    this.boxes.push(...boxes);
    if (!this.running) this.watch(Math.min(this.at + 1, this.frames.length - 1));
  }

  /** Show what there is from a frame on, to the last one. @param {number} from */
  watch(from) {
    cancelAnimationFrame(this.running);
    this.at = from;
    this.draw();
    this.since = performance.now();
    const tick = (now) => {
      const left = this.frames.length - 1 - this.at;
      const pace = (this.fps * Math.max(1, left / 6)) / 1000; // what has piled up is caught up with
      const steps = Math.floor((now - this.since) * pace);
      if (steps > 0) {
        this.at = Math.min(this.at + steps, this.frames.length - 1);
        this.since = now;
        this.draw();
      }
      this.running = this.at < this.frames.length - 1 ? requestAnimationFrame(tick) : 0;
    };
    this.running = requestAnimationFrame(tick);
  }

  draw() {
    const frame = this.frames[this.at];
    if (!frame) return;
    const { width, height } = frame;
    const scale = 4;
    if (this.canvas.width !== width * scale || this.canvas.height !== height * scale) {
      this.canvas.width = width * scale;
      this.canvas.height = height * scale;
    }
    const context = this.canvas.getContext("2d");
    context.imageSmoothingEnabled = true;
    context.drawImage(frame, 0, 0, width * scale, height * scale);
    const box = this.boxes[this.at];
    if (this.boxed && box) {
      const [x0, y0, x1, y1] = box.map((each, i) => each * (i % 2 ? height : width) * scale);
      context.strokeStyle = COLOR;
      context.lineWidth = 2;
      context.setLineDash([8, 6]);
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    }
    const seconds = ((this.at + 1) / this.fps).toFixed(1);
    this.caption.textContent = `frame ${this.at + 1} of ${this.frames.length}  ·  ${seconds} s`;
    this.view.select({ frame: this.at });
  }

  _copy(width, height, paint) {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    paint(canvas.getContext("2d"));
    return /** @type {any} */ (canvas);
  }
}
