// @ts-check
/** The boards: the patch that is asked, the selected frame large, and every latent frame in a strip. */
import { button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { tokenPlace } from "../lib/geometry.js";
import { Bar } from "./bar.js";
import { Board } from "./board.js";
import { frameNames, middle } from "./sequence.js";
import { percent } from "./shares.js";

/** More latent frames than this are scrolled, so that the strip has to take the focus. */
const SCROLLED = 6;

export class Frames {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {import("./scenes.js").Scenes} scenes
   * @param {import("./sequence.js").Sequence} sequence
   * @param {{ choose: (token: number) => void, hover:
   *   (index: number | null, event: PointerEvent, around: Element) => void }} on
   */
  constructor(view, scenes, sequence, on) {
    this.scenes = scenes;
    this.sequence = sequence;
    const { times } = sequence;
    this.asked = new Board(view, scenes, sequence, { label: "The patch that is asked", ticks: true });
    this.large = new Board(view, scenes, sequence, { label: "", ticks: true });
    this.strip = [...Array(times).keys()].map(
      (time) => new Board(view, scenes, sequence, { label: `Attention in latent frame ${time}`, time }),
    );
    this.bars = this.strip.map((_, time) => new Bar(`t${time}`));
    this.tabs = this.strip.map((_, time) => this._tab(view, time));
    this.boards = [this.asked, this.large, ...this.strip];
    /** The latent frame to ask from, where another one is shown than the patch lies in; else null. */
    this.other = /** @type {number | null} */ (null);
    this.move = button(view, { label: "Ask the same place in the latent frame shown", text: "" }, () => {
      const { row, column } = tokenPlace(view.selection.token, sequence.grid);
      on.choose(sequence.token(/** @type {number} */ (this.other), row, column));
      view.commit();
    });
    this.asked.root.append(this.move);
    for (const board of this.boards) this._listen(board, on);
    this.title = h("div", { class: "x2v-title" });
    const frames = this.strip.map((board, i) =>
      h("div", { class: "x2v-attention-frame" }, this.tabs[i], board.root, this.bars[i].root),
    );
    const focus = times > SCROLLED ? "0" : null;
    const strip = h("div", { class: "x2v-attention-strip", tabindex: focus }, ...frames);
    this.below = h("div", {}, this.title, strip);
  }

  _tab(view, time) {
    const span = this.sequence.framesOf(time);
    const text = frameNames(span);
    const tab = button(view, { label: `Show ${text} large`, text: "", pressed: false }, () => {
      view.select({ frame: middle(span) });
      view.commit();
    });
    tab.append(h("b", {}, `t${time}`), h("span", {}, text));
    return tab;
  }

  _listen(/** @type {Board} */ board, { choose, hover }) {
    const { sequence } = this;
    board.listen({
      choose: ({ row, column }) => choose(sequence.token(board.time, row, column)),
      hover: (place, event) => {
        for (const one of this.boards) one.hover(one.time === board.time ? place : null);
        hover(place && sequence.at(board.time, place.row, place.column), event, board.stage);
      },
    });
  }

  /**
   * @param {import("./seen.js").Seen} seen
   * @param {import("../lib/view.js").Selection} selection
   * @param {(share: number) => number} level place of a share on the colour scale
   * @param {boolean} fresh whether more than the frame is new
   */
  draw(seen, { token, word, frame, under }, level, fresh) {
    const { sequence, asked, large } = this;
    const { each, video } = sequence;
    const at = tokenPlace(token, sequence.grid);
    const shown = sequence.geometry.timeOf(frame);
    const picture = this.scenes.at(under, seen.step);
    const heat = (time) => seen.row.subarray(video + time * each, video + (time + 1) * each);
    const askedTime = word === null ? at.time : shown;
    asked.show(askedTime, picture(sequence.frameIn(askedTime, frame)), null, level);
    large.show(shown, picture(frame), heat(shown), level);
    this.strip.forEach((board, time) => {
      const still = picture(sequence.frameIn(time, frame));
      this.tabs[time].setAttribute("aria-pressed", String(time === shown));
      if (!fresh && still?.key === board.drawn) return;
      board.show(time, still, heat(time), level);
      this.bars[time].show(seen.frames[time], Math.max(...seen.frames, seen.even), seen.even, seen.to);
    });
    for (const board of this.boards) board.mark(word === null && board.time === at.time ? at : null);
    this.other = word === null && at.time !== shown ? shown : null;
    this._say(seen, { frame, shown, askedFrame: sequence.frameIn(askedTime, frame) });
  }

  _say(seen, { frame, shown, askedFrame }) {
    const { sequence, asked, large } = this;
    const { to, map } = seen;
    const name = sequence.nameOf(seen.index);
    asked.title(map ? `Map of the ${name}` : `${to ? "Query" : "Key"}: ${name}`);
    const what = map ? "It goes to" : `${to ? "Keys" : "Queries"} in`;
    const stays = `stays while you look at t${shown}: one question, asked of every latent frame`;
    const rest = this.other === null ? "click or drag to ask another patch" : stays;
    asked.caption(`frame ${askedFrame + 1}; ${rest}`);
    this.move.hidden = this.other === null;
    this.move.textContent = `Ask the same place in t${shown}`;
    large.title(`${what} t${shown} · ${frameNames(sequence.framesOf(shown))}`);
    const gets = to ? "this latent frame gets" : "a patch in here gives on average";
    large.caption(`frame ${frame + 1}; ${gets} ${percent(seen.frames[shown])}`);
    const label = to ? `Where ${name} looks` : `Who looks at ${name}`;
    large.canvas.setAttribute("aria-label", `${label}, latent frame ${shown}`);
    const part = to ? "of the attention it gets" : "its patches give on average";
    this.title.textContent = `Every latent frame, and how much ${part} (dashed: if all tokens were alike)`;
  }
}
