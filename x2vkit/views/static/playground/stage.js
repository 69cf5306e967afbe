// @ts-check
/** The clip: one of the history, or the previews of one that is being made. */
import { h } from "../lib/elements.js";
import { Geometry } from "../lib/geometry.js";
import { LatentPainter } from "../lib/painter.js";
import { Picture } from "../lib/picture.js";
import { Player } from "../lib/player.js";
import { floats } from "./media.js";

/**
 * @typedef {import("./history.js").Kept} Kept
 * @typedef {{ painter: LatentPainter, latents: Float32Array | null, frames: number }} Live a clip being made
 */

/** The largest side of the clip, in CSS pixels. */
const TALLEST = 460;

export class Stage {
  /** @param {import("../lib/view.js").View} view */
  constructor(view) {
    this.view = view;
    this.geometry = new Geometry(view.metadata.geometry);
    /** @type {Live | null} */
    this.live = null;
    this.picture = new Picture(view, { width: 128, height: 128, label: "The clip", title: "", smooth: true });
    this.progress = h("progress", { max: 1, value: 0, "aria-label": "Denoising steps done" });
    this.status = h("span", { role: "status" });
    this.counter = h("span", {}); // said by no screen reader: it changes twenty times a second
    const format = (value) => `${value + 1} of ${view.metadata.limits.frame + 1}`;
    this.player = new Player(view, { fps: 12, autoplay: true, format });
    const status = h("div", { class: "x2v-muted x2v-play-status" }, this.status, this.counter);
    const parts = [this.picture.root, this.progress, status, this.player.root];
    this.root = h("div", { class: "x2v-play-stage" }, ...parts);
  }

  /** @param {string} text @param {boolean} [counting] whether a count of steps follows */
  tell(text, counting = false) {
    this.status.textContent = text;
    if (!counting) this.counter.textContent = "";
  }

  /** A clip begins. @param {any} message @param {DataView[]} buffers weight, bias */
  begin({ grid, steps }, [weight, bias]) {
    const painter = new LatentPainter(floats(weight), floats(bias), grid, this.geometry);
    const frames = this.geometry.framesOf(grid[1] - 1)[1] + 1;
    this.live = { painter, latents: null, frames };
    this.progress.max = steps;
    this.progress.value = 0;
  }

  /**
   * What a step takes the clip to be. The first one of a clip sets the size and starts playing.
   * @param {any} message
   * @param {DataView[]} buffers numbers at 8 bits, and a scale for each channel
   */
  preview({ step, t }, [small, scale]) {
    const { live } = this;
    if (!live) return;
    const numbers = new Int8Array(small.buffer, small.byteOffset, small.byteLength);
    const scales = floats(scale);
    const inner = numbers.length / scales.length;
    const first = !live.latents;
    live.latents ??= new Float32Array(numbers.length);
    for (let i = 0; i < numbers.length; i++) live.latents[i] = numbers[i] * scales[Math.floor(i / inner)];
    this.progress.value = step + 1;
    this.counter.textContent = `step ${step + 1} of ${this.progress.max}, noise ${Math.round(100 * t)} %`;
    if (!first) return;
    this.tell("Denoising: ", true);
    this._size(live.painter.width, live.painter.height, live.frames);
    this.player.play();
  }

  /** Show a clip of the history. @param {Kept} entry */
  show({ metadata, pictures }) {
    this.live = null;
    this.player.fps = metadata.fps;
    this._size(pictures.width, pictures.height, pictures.count);
    this.progress.value = 0;
  }

  _size(width, height, frames) {
    const { picture, player, view } = this;
    picture.resize(width, height);
    picture.root.style.maxWidth = `${Math.round((TALLEST * width) / Math.max(width, height))}px`;
    view.metadata.limits = { ...view.metadata.limits, frame: frames - 1 };
    player.last = frames - 1;
    player.slider.input.max = String(frames - 1);
    if (view.selection.frame > frames - 1) view.select({ frame: 0 });
    view.redraw(); // the slider says how many frames there are
  }

  /** @param {number} frame @param {Kept | undefined} entry */
  draw(frame, entry) {
    const { picture, live } = this;
    if (live?.latents) {
      const { painter, latents, frames } = live;
      LatentPainter.pixels(painter.floats(latents, 0, Math.min(frame, frames - 1)), picture.data);
      picture.put();
      picture.caption("preview: what this step takes the clip to be");
    } else if (entry) {
      picture.image(entry.pictures, Math.min(frame, entry.pictures.count - 1));
      picture.caption(entry.metadata.settings.prompt || "(no words)");
    }
  }
}
