// @ts-check
/** The film: a player with sound, and a button for each chapter. */
import { h } from "../lib/elements.js";

/** How long a browser may take to save a file, in milliseconds. */
const SAVING = 60_000;

export class Film {
  /** @param {import("../lib/view.js").View} view */
  constructor(view) {
    this.view = view;
    this.url = "";
    /** @type {[number, string][]} second at which each shot begins, what it shows */
    this.chapters = [];
    this.video = h("video", { controls: true, playsinline: true, "aria-label": "The film" });
    this.marks = h("div", { class: "x2v-film-marks", role: "group", "aria-label": "Chapters" });
    this.save = h("a", { class: "x2v-button", download: "film.mp4" }, "Save film");
    this.root = h(
      "div",
      { class: "x2v-film-film", hidden: true },
      this.video,
      h("div", {}, this.marks, this.save),
    );
    view.signal.addEventListener("abort", () => URL.revokeObjectURL(this.url));
  }

  /** The film that came with the view, if any. */
  read() {
    const { arrays, metadata } = this.view;
    if (arrays.film && !this.url) this._set(arrays.film, metadata.chapters);
  }

  /** A new one. @param {DataView<any>} data @param {[number, string][]} chapters */
  show(data, chapters) {
    this._set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), chapters);
  }

  /** Play from a shot on. @param {number} at */
  seek(at) {
    const chapter = this.chapters[at];
    if (!chapter) return;
    this.video.currentTime = chapter[0] + 0.01;
    this.video.play()?.catch(() => {}); // a browser may want a click on the film itself
  }

  _set(data, chapters) {
    URL.revokeObjectURL(this.url);
    this.url = URL.createObjectURL(new Blob([data], { type: "video/mp4" }));
    this.video.src = this.url;
    this.save.href = this.url;
    this.chapters = chapters;
    this.marks.replaceChildren(...chapters.map(([second, text], i) => this._mark(i, second, text)));
    this.root.hidden = false;
  }

  _mark(at, second, text) {
    const time = `${Math.floor(second / 60)}:${String(Math.floor(second % 60)).padStart(2, "0")}`;
    const mark = h("button", { class: "x2v-film-mark", type: "button" }, h("b", {}, time), ` ${text}`);
    this.view.listen(mark, "click", () => this.seek(at));
    return mark;
  }
}

/**
 * Give a file to the reader.
 * @param {HTMLElement} root
 * @param {{ name: string, mime: string }} file
 * @param {DataView<any>} data
 */
export function download(root, { name, mime }, data) {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const url = URL.createObjectURL(new Blob([raw], { type: mime }));
  const link = h("a", { href: url, download: name, hidden: true });
  root.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), SAVING);
}
