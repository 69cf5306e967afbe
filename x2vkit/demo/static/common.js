// What the page's parts share; set before each of them (see look.py). Text reaches the page as text, never as HTML.

/** An element with attributes and children; strings become text. */
const h = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== null) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
};

/** A view's page in the demo: it follows the page's light or dark theme, which need not be the system's. */
const themed = (html) => {
  const dark = document.body.classList.contains("dark");
  const style = html.indexOf("</style>");
  const head = html.slice(0, style).replaceAll("(prefers-color-scheme: dark)", dark ? "all" : "not all");
  // The demo has paper and margins of its own; and on a phone every pixel counts.
  const bare = `
    .x2v-page { padding: 0; background: transparent; }
    @media (max-width: 420px) {
      .x2v { padding: 10px 9px; } .x2v-row { gap: 8px; } .x2v-row > * { min-width: 140px; }
    }`;
  return (
    head.replace('content="light dark"', `content="${dark ? "dark" : "light"}"`) + bare + html.slice(style)
  );
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

/** Let the address say what the page shows, so that it can be sent to somebody (see ../link.py). */
const address = (change) => {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(change)) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  history.replaceState(history.state, "", url);
};

/** What was given, the rule and the cure, as one block. */
const trouble = ({ got, rule, cure }) =>
  h("div", { class: "x2v-trouble", role: "alert" }, h("b", {}, got), h("span", {}, rule), h("i", {}, cure));

const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
