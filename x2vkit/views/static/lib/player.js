// @ts-check
/** Playing through frames or steps. */
import { Slider, button } from "./controls.js";
import { h } from "./elements.js";

/**
 * Play, loop, speed and a slider over one key of the selection: frames, unless `key` says otherwise.
 * Playing happens in the browser alone, pauses where it cannot be seen, and commits when it stops.
 */
export class Player {
  /**
   * @param {import("./view.js").View} view
   * @param {{ fps: number, key?: string, label?: string, format?: (value: number) => string, autoplay?:
   *   boolean, loop?: boolean }} options fps: values a second at speed 1
   */
  constructor(view, { fps, key = "frame", label = "Frame", format, autoplay = false, loop = true }) {
    this.view = view;
    this.fps = fps;
    this.key = key;
    this.last = view.metadata.limits?.[key] ?? 0;
    this.speed = 1;
    this.loop = loop;
    this.playing = false;
    this.visible = true;
    this.request = 0;
    this.name = label.toLowerCase();
    this.toggle = button(view, { label: `Play ${this.name}s`, text: PLAY }, () =>
      this.playing ? this.pause() : this.play(),
    );
    this.looping = button(view, { label: `Loop ${this.name}s`, text: "⟳", pressed: loop }, () => {
      this.loop = !this.loop;
      this.looping.setAttribute("aria-pressed", String(this.loop));
    });
    this.looping.setAttribute("aria-pressed", String(loop));
    const speeds = [0.25, 0.5, 1, 2];
    const menu = h(
      "select",
      { "aria-label": `Speed of ${this.name}s`, title: "Speed" },
      ...speeds.map((speed) => h("option", { value: speed, selected: speed === 1 }, `${speed}×`)),
    );
    view.listen(menu, "change", () => (this.speed = Number(menu.value)));
    format ??= (value) => `${value + 1} of ${this.last + 1}  ·  ${(value / fps).toFixed(2)} s`;
    this.slider = new Slider(view, { key, label, max: this.last, format });
    view.listen(this.slider.input, "pointerdown", () => this.pause(false));
    this.root = h("div", { class: "x2v-player" }, this.toggle, this.looping, menu, this.slider.root);
    // Two players on one selection would run at twice the speed: whoever is told where to go stops playing.
    view.guests.add((news) => key in news && this.pause(false));
    const watcher = new IntersectionObserver((entries) => {
      this.visible = entries[entries.length - 1].isIntersecting;
      if (this.visible && this.playing) this._run();
    });
    watcher.observe(view.root);
    view.signal.addEventListener("abort", () => {
      watcher.disconnect();
      cancelAnimationFrame(this.request);
      this.playing = false;
    });
    const calm = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches;
    if (autoplay && !calm) this.play();
  }

  play() {
    if (this.playing || this.last < 1 || this.view.signal.aborted) return;
    this.playing = true;
    if (!this.loop && this.view.selection[this.key] >= this.last) this.view.select({ [this.key]: 0 });
    this._say("Pause", PAUSE);
    this._run();
  }

  /** @param {boolean} [commit] false where the end of a gesture will */
  pause(commit = true) {
    if (!this.playing) return;
    this.playing = false;
    cancelAnimationFrame(this.request);
    this._say("Play", PLAY);
    if (commit) this.view.commit();
  }

  /** @param {string} verb @param {string} sign */
  _say(verb, sign) {
    this.toggle.textContent = sign;
    this.toggle.title = `${verb} ${this.name}s`;
    this.toggle.setAttribute("aria-label", this.toggle.title);
  }

  _run() {
    cancelAnimationFrame(this.request);
    let due = performance.now() + 1000 / (this.fps * this.speed);
    const tick = (now) => {
      if (!this.playing || !this.visible) return;
      if (now >= due) {
        const length = 1000 / (this.fps * this.speed);
        const next = this.view.selection[this.key] + Math.floor((now - due) / length) + 1;
        due += length * (Math.floor((now - due) / length) + 1);
        if (next > this.last && !this.loop) {
          this.view.select({ [this.key]: this.last });
          return this.pause();
        }
        this.view.select({ [this.key]: next % (this.last + 1) });
      }
      this.request = requestAnimationFrame(tick);
    };
    this.request = requestAnimationFrame(tick);
  }
}

const PLAY = "\u25b6\ufe0e";
const PAUSE = "\u275a\u275a";
