// @ts-check
/** The sequence that attention reads: which of its tokens are words, patches of the clip, or something else. */
import { Geometry, patchName, tokenPlace } from "../lib/geometry.js";

/** Kinds of tokens that are neither words nor patches of the clip, and what they are called. */
const OTHERS = { audio: "audio", image: "start picture", history: "earlier part", padding: "padding" };

/**
 * T words, N patches in a grid [times, rows, columns], L tokens in all. The clip's patches stand together, row-major.
 */
export class Sequence {
  /** @param {any} metadata */
  constructor({ words, grid, geometry, shrink }) {
    this.geometry = new Geometry(geometry);
    /** How many times larger the clip's pixels are than those of the pictures. */
    this.shrink = shrink;
    /** @type {string[]} */
    this.words = words;
    /** @type {[number, number, number]} */
    this.grid = grid;
    const [times, rows, columns] = this.grid;
    this.times = times;
    this.rows = rows;
    this.columns = columns;
    this.T = words.length;
    /** Patches in one row of tokens in time, and in all. */
    this.each = rows * columns;
    this.N = times * this.each;
    /** @type {number} */
    this.L = this.geometry.tokenKinds.reduce((sum, [, count]) => sum + count, 0);
    /** Where words and patches begin. */
    this.text = this.geometry.span("text")[0];
    this.video = this.geometry.span("video")[0];
    /** Everything else. */
    this.others = Object.entries(OTHERS)
      .map(([kind, name]) => ({ kind, name, span: this.geometry.span(kind) }))
      .filter(({ span: [first, end] }) => end > first);
  }

  /** The place of a patch in the sequence. @param {number} time @param {number} row @param {number} column */
  at(time, row, column) {
    return this.video + this.token(time, row, column);
  }

  /** The video token of a patch. @param {number} time @param {number} row @param {number} column */
  token(time, row, column) {
    return (time * this.rows + row) * this.columns + column;
  }

  /** The patch at a place in the sequence, or null. @param {number} index */
  patchAt(index) {
    const token = index - this.video;
    return token >= 0 && token < this.N ? tokenPlace(token, this.grid) : null;
  }

  /** First and last frame of one row of tokens in time. @param {number} time */
  framesOf(time) {
    return this.geometry.tokenFrames(time);
  }

  /** The frame to show of a row of tokens: the one that is selected, where it lies in there. */
  frameIn(time, frame) {
    const span = this.framesOf(time);
    return frame >= span[0] && frame <= span[1] ? frame : middle(span);
  }

  /** The name of any token. @param {number} index */
  nameOf(index) {
    const patch = this.patchAt(index);
    if (patch) return `patch ${patchName(patch.time, patch.row, patch.column)}`;
    for (const { name, span } of this.others) {
      if (index >= span[0] && index < span[1]) return `${name} token ${index - span[0]}`;
    }
    const { words } = this;
    const word = words[index - this.text];
    const twice = words.indexOf(word) !== words.lastIndexOf(word);
    return `word “${word}”${twice ? ` (word ${index - this.text})` : ""}`;
  }

  /** Tokens of some kinds, counted in words: "12 words and 320 patches". @param {string[]} kinds */
  counted(kinds) {
    const others = this.others
      .filter(({ kind }) => kinds.includes(kind))
      .map(({ name, span }) => `${span[1] - span[0]} ${name} tokens`);
    const words = this.T && kinds.includes("text") ? [`${this.T} words`] : [];
    const patches = kinds.includes("video") ? [`${this.N.toLocaleString("en")} patches`] : [];
    const parts = [...words, ...patches, ...others];
    return parts.length < 2 ? parts[0] : `${parts.slice(0, -1).join(", ")} and ${parts[parts.length - 1]}`;
  }
}

/** @param {[number, number]} span */
export function middle([first, last]) {
  return first + Math.floor((last - first + 1) / 2);
}

/** @param {[number, number]} span */
export function frameNames([first, last]) {
  return first === last ? `frame ${first + 1}` : `frames ${first + 1}–${last + 1}`;
}
