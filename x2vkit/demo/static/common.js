// What the page's parts share; set before each of them (see look.py). Text reaches the page as text, never as HTML.

/** An element with attributes and children; strings become text. */
const h = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== null) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
};

/** Pictures stacked in one image, shown one after another on a canvas. All that play share a clock. */
class Film {
  static playing = new Set();

  static {
    const tick = (now) => {
      for (const film of Film.playing) film.draw(now);
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  constructor(canvas) {
    this.canvas = canvas;
    this.calm = false; // true: plays only under the pointer
    this.hover = false;
    canvas.addEventListener("pointerenter", () => {
      this.hover = true;
    });
    canvas.addEventListener("pointerleave", () => {
      this.hover = false;
    });
  }

  /** Show { sheet, frames, width, height, fps }: a data URL of `frames` pictures on top of each other. */
  async show({ sheet, frames, width, height, fps }) {
    const image = new Image();
    image.src = sheet;
    await image.decode().catch(() => {});
    Object.assign(this, { image, frames, fps, at: -1 });
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    Film.playing.add(this);
    this.draw(performance.now());
  }

  stop() {
    Film.playing.delete(this);
  }

  draw(now) {
    if (!this.image || (this.at >= 0 && !this.canvas.isConnected)) return this.stop();
    const still = this.calm && !this.hover;
    const at = still ? this.frames >> 1 : Math.floor((now / 1000) * this.fps) % this.frames;
    if (at === this.at) return;
    this.at = at;
    const { width, height } = this.canvas;
    const own = this.image.naturalHeight / this.frames;
    this.canvas
      .getContext("2d")
      .drawImage(this.image, 0, at * own, this.image.naturalWidth, own, 0, 0, width, height);
  }
}

/** What was given, the rule and the cure, as one block. */
const trouble = ({ got, rule, cure }) =>
  h("div", { class: "x2v-trouble", role: "alert" }, h("b", {}, got), h("span", {}, rule), h("i", {}, cure));

const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
