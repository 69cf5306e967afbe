// @ts-check
/**
 * Who looks where: click a patch or a word and see its attention over all words and all patches of the clip.
 *
 * softmax.js computes it from recorded queries and keys. Boards show it: a large one for the frame that is
 * selected, one for each latent frame, a small one for each head.
 */
import { h } from "../lib/elements.js";
import { tokenPlace } from "../lib/geometry.js";
import { keys } from "../lib/keys.js";
import { mount } from "../lib/mount.js";
import { pageNotes } from "../lib/notes.js";
import { Player } from "../lib/player.js";
import { presets } from "../lib/presets.js";
import { promptLine } from "../lib/prompt.js";
import { terms } from "../lib/terms.js";
import { Tooltip } from "../lib/tooltip.js";
import { layersAt, menus, pickers } from "./choices.js";
import { Frames } from "./frames.js";
import { Heads } from "./heads.js";
import { Others } from "./others.js";
import { Places } from "./places.js";
import { Scenes } from "./scenes.js";
import { Look } from "./seen.js";
import { Sequence } from "./sequence.js";
import { describe, leveller } from "./shares.js";
import { Softmax } from "./softmax.js";
import { Story } from "./story.js";
import { Words } from "./words.js";

/** More columns of patches than these make a fine grid. */
const FINE = 20;

export default mount(async (view) => {
  const { metadata } = view;
  const sequence = new Sequence(metadata);
  /** Of each stack of places: one layer's. */
  const read = metadata.reads.map(
    (reads, i) => new Places(sequence, reads, view.arrays[`asks.${i}`], metadata.stride),
  );
  const places = metadata.stacks.map(([stack]) => read[stack]);
  const softmax = new Softmax(view, places, sequence.L);
  const scenes = new Scenes(view, await view.image("frames"), sequence.geometry);
  const tip = new Tooltip(view);
  const look = new Look(view, sequence, softmax, places);
  let seen = look.seen;
  /** For a reader's console, and for tests: the numbers behind the picture. */
  /** @type {any} */ (view.root).seen = () => seen;

  const choose = (token) => {
    const { time } = tokenPlace(token, sequence.grid);
    view.select({ token, word: null, frame: sequence.frameIn(time, view.selection.frame) });
  };
  /** What the pointer is over, to say its number anew once another token is asked. @type {any[] | null} */
  let pointed = null;
  const hover = (index, event, around = /** @type {Element | null} */ (null)) => {
    pointed = index === null ? null : [index, event, around];
    if (index === null) tip.hide();
    else tip.show(event, describe(sequence, metadata.heads, seen, index), around);
  };
  const parts = {
    pick: pickers(view, () => seen.step),
    menus: menus(view),
    story: new Story(sequence, places, metadata.decades),
    others: new Others(view, sequence, (event, index) => hover(index, event)),
    frames: new Frames(view, scenes, sequence, { choose, hover }),
    heads: new Heads(view, sequence),
    words: new Words(view, sequence, (event, word) =>
      hover(word === null ? null : sequence.text + word, event),
    ),
    player: new Player(view, {
      fps: metadata.fps,
      format: (i) => `${i + 1} of ${metadata.limits.frame + 1}  ·  t${sequence.geometry.timeOf(i)}`,
    }),
  };
  view.root.append(...layOut(view, sequence, softmax.D, parts), tip.box); // the tip last, to lie over them
  keys(view, keyTable(view, sequence, parts.player, { choose, seen: () => seen }));

  let before = { ...view.selection };
  view.onSelect((selection, changed) => {
    const { token, word } = selection;
    // A linked view picks a patch and knows nothing of words: then the patch is what one looks at.
    const picked = changed.has("token") && token !== before.token && word !== null && word === before.word;
    before = { ...selection };
    if (picked) return view.select({ word: null });
    const known = seen;
    seen = look.at(selection);
    const fresh = seen !== known || changed.has("log") || changed.has("under") || changed.size > 1;
    const patches = seen.row.subarray(sequence.video, sequence.video + sequence.N);
    let most = 0;
    for (const share of patches) if (share > most) most = share;
    const level = leveller(most, selection.log, metadata.decades);
    parts.frames.draw(seen, selection, level, fresh);
    if (!fresh) return;
    if (pointed) hover(...pointed);
    parts.others.show(seen, level);
    parts.words.show(seen, word);
    parts.heads.show(seen, selection.head, selection.log);
    parts.pick.step.show(seen.step);
    parts.pick.layer.show(seen.layer);
    parts.story.tell(seen, selection, most);
  });
});

/**
 * Where everything stands on the page.
 * @returns {HTMLElement[]}
 */
function layOut(view, /** @type {Sequence} */ sequence, channels, parts) {
  const { pick, menus, story, frames, heads, others, words, player } = parts;
  const { metadata } = view;
  const { prompt, unknown, steps, limits, sites } = metadata;
  const layers = new Set(sites.map((site) => site[1])).size;
  const muted = (...text) => h("div", { class: "x2v-muted" }, ...text);
  const many = (count, name) => `${count} ${name}${count === 1 ? "" : "s"}`;
  const kept = `${many(layers, "layer")}, ${many(metadata.heads.length, "head")}`;
  const what = `${steps.length} of ${many(limits.step + 1, "step")}, ${kept}`;
  const more = sequence.others.map(({ name, span }) => ` + ${span[1] - span[0]} ${name} tokens`).join("");
  const text = sequence.T ? `${sequence.T} words + ` : "";
  const tokens = `${text}${sequence.grid.join(" × ")} patches${more} = ${sequence.L.toLocaleString("en")} tokens`;
  const choices = menus.map((choice) => choice.root);
  const fine = sequence.columns > FINE ? " x2v-attention-fine" : "";
  return [
    h(
      "div",
      {},
      promptLine(prompt, unknown),
      muted(`attention of ${what} of ${channels} channels  ·  ${tokens}`),
      pageNotes(metadata),
    ),
    presets(view),
    h("div", { class: "x2v-bar" }, pick.step.root, pick.layer.root, story.missing),
    h("div", { class: "x2v-bar x2v-attention-controls" }, ...choices, story.scale.root),
    h("div", {}, story.sentence, story.summary),
    h("div", { class: `x2v-attention-top${fine}` }, frames.asked.root, frames.large.root, heads.root),
    h("div", { class: "x2v-attention-below" }, words.root, frames.below),
    others.root,
    player.root,
    muted(
      "Keys: arrows move the patch, Page Up and Page Down take it through time, W next word, P back to the ",
      "patch, D turns the question round, S step, L layer, H head (with Shift: backwards), space plays.",
    ),
    muted("In Python, where all counts begin at 0: ", story.code),
    terms(view, ["attention", "token", "patch", "entropy", "reach", "RoPE"]),
  ];
}

/** What each key does. @returns {Record<string, () => void>} */
function keyTable(view, /** @type {Sequence} */ sequence, /** @type {Player} */ player, { choose, seen }) {
  const { metadata } = view;
  const move = (time, row, column) => () => {
    const { token, word } = view.selection;
    if (word !== null) return choose(token); // from a word back to the patch first
    const at = tokenPlace(token, sequence.grid);
    const wanted = [at.time + time, at.row + row, at.column + column];
    const [t, r, c] = wanted.map((value, i) => Math.min(Math.max(value, 0), sequence.grid[i] - 1));
    choose(sequence.token(t, r, c));
  };
  /** The next of some values, and round again. */
  const turn = (key, among, by) => () => {
    const values = among();
    if (!values.length) return;
    const now = values.indexOf(key === "step" || key === "layer" ? seen()[key] : view.selection[key]);
    view.select({ [key]: now < 0 ? values[0] : values[(now + by + values.length) % values.length] });
  };
  const all = {
    word: () => [...sequence.words.keys()],
    direction: () => ["to", "from"],
    step: () => metadata.steps,
    layer: () => layersAt(metadata, seen().step),
    head: () => [null, ...metadata.heads.keys()],
  };
  const table = Object.entries(all).flatMap(([key, among]) => [
    [key[0], turn(key, among, 1)],
    [key[0].toUpperCase(), turn(key, among, -1)],
  ]);
  return {
    ...Object.fromEntries(table),
    ArrowLeft: move(0, 0, -1),
    ArrowRight: move(0, 0, 1),
    ArrowUp: move(0, -1, 0),
    ArrowDown: move(0, 1, 0),
    PageUp: move(-1, 0, 0),
    PageDown: move(1, 0, 0),
    p: move(0, 0, 0),
    P: move(0, 0, 0),
    " ": () => (player.playing ? player.pause() : player.play()),
  };
}
