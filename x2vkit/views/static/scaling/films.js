// @ts-check
/** The clips of the checkpoints. */
import { h } from "../lib/elements.js";
import { Picture } from "../lib/picture.js";
import { pointName } from "../lib/numbers.js";

/** The clips, unpacked when they are first needed and then kept. */
export class Films {
  /** @param {import("../lib/view.js").View} view */
  constructor(view) {
    this.view = view;
    /** @type {Map<string, any>} */
    this.kept = new Map();
  }

  /**
   * A clip's pictures, or null: not there, or not yet unpacked, in which case the view draws again once it
   * is.
   * @param {number} point
   * @param {string} name
   */
  get(point, name) {
    const place = this.view.metadata.clips[point]?.[name];
    if (!place) return null;
    const key = `${point} ${name}`;
    if (!this.kept.has(key)) {
      this.kept.set(key, null);
      const bytes = this.view.arrays.clips.subarray(place[0], place[0] + place[1]);
      createImageBitmap(new Blob([bytes], { type: "image/webp" })).then((bitmap) => {
        const side = bitmap.height;
        const count = Math.round(bitmap.width / side);
        this.kept.set(key, { bitmap, count, height: side, width: side, columns: count });
        this.view.redraw();
      });
    }
    return this.kept.get(key);
  }

  /** Unpack everything a little at a time, so that dragging finds it ready. */
  async all() {
    for (const [point, clips] of this.view.metadata.clips.entries()) {
      for (const name of Object.keys(clips)) {
        if (this.view.signal.aborted) return;
        this.get(point, name);
        await new Promise((resolve) => setTimeout(resolve, 8));
      }
    }
  }
}

/** One clip at the selected frame. */
export class Film {
  /** @param {any} view @param {Films} films @param {(selection: any) => number} which the point it is of */
  constructor(view, films, which, title = "") {
    this.picture = new Picture(view, {
      width: 128,
      height: 128,
      label: "Clip of the checkpoint",
      title,
      smooth: true,
    });
    if (!title) this.picture.title.remove();
    this.none = h("div", { class: "x2v-scaling-none", hidden: true });
    this.picture.stage.append(this.none);
    view.onSelect((selection) => {
      const point = which(selection);
      const film = films.get(point, selection.prompt);
      const there = Boolean(view.metadata.clips[point]?.[selection.prompt]);
      this.none.hidden = there;
      if (!there) this.none.textContent = missing(view.metadata, point);
      this.picture.canvas.hidden = !there;
      if (film) this.picture.image(film, Math.min(selection.frame, film.count - 1));
      const label = `${view.metadata.prompts[selection.prompt]}, made by ${pointName(view.metadata.points[point])}`;
      if (this.label !== label) this.picture.canvas.setAttribute("aria-label", (this.label = label));
    });
  }
}

/** Why a checkpoint shows nothing, and what it would show. @param {any} metadata @param {number} point */
function missing({ clips, prompts }, point) {
  const others = Object.keys(clips[point] ?? {}).map((name) => `“${prompts[name]}”`);
  if (!others.length) return "no clip was kept of this checkpoint";
  return `this checkpoint was not asked for that; it was for ${others.join(" and ")}`;
}
