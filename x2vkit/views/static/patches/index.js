// @ts-check
/**
 * Pixels, latents, patches: three cubes of the same clip that turn, open and are cut together; what a patch
 * size costs; one patch in every frame; a row over time; and the clip with its patches shuffled or dropped.
 *
 * A point of the clip is { frame, y, x }. Whatever is hovered, in any picture, becomes such a point, and
 * each picture frames the patch that holds it. Slots are places in the sequence; `order[slot]` is the token
 * there.
 */
import { h } from "../lib/elements.js";
import { tokenPlace } from "../lib/geometry.js";
import { commonKeys, keys } from "../lib/keys.js";
import { mount } from "../lib/mount.js";
import { pageNotes } from "../lib/notes.js";
import { Player } from "../lib/player.js";
import { presets } from "../lib/presets.js";
import { promptLine } from "../lib/prompt.js";
import { terms } from "../lib/terms.js";
import { Cubes } from "./cubes.js";
import { Flats } from "./pictures.js";
import { Ribbons } from "./ribbons.js";
import { Shuffle } from "./shuffle.js";
import { Sizes } from "./sizes.js";
import { State } from "./state.js";
import { pointOf, tokenAt } from "./tokens.js";

export default mount(async (view) => {
  const state = new State(view, await view.image("frames"));
  const parts = {
    cubes: new Cubes(state),
    flats: new Flats(state),
    sizes: new Sizes(state),
    shuffle: new Shuffle(state),
    ribbons: new Ribbons(state),
    player: new Player(view, { fps: view.metadata.fps }),
  };
  const { cubes, flats, sizes, shuffle, ribbons, player } = parts;
  view.root.append(...layOut(state, parts), state.tip.box); // the tip last, to lie over them
  commonKeys(view, player);
  keys(view, {
    ...moves(state),
    x: () => view.select({ explode: view.selection.explode ? 0 : 60 }),
    r: () => shuffle.orders[0].click(),
    0: () => shuffle.restore(),
  });

  const measure = () => [cubes, flats, ribbons].forEach((part) => part.measure());
  measure();
  const watcher = new ResizeObserver(() => {
    measure();
    view.redraw();
  });
  watcher.observe(view.root);
  view.signal.addEventListener("abort", () => watcher.disconnect());
  view.listen(globalThis.matchMedia("(prefers-color-scheme: dark)"), "change", () => view.redraw());
  view.onSelect(() => {
    const now = state.now();
    for (const part of [cubes, flats, ribbons, sizes, shuffle]) part.draw(now);
  });
});

/**
 * Where everything stands on the page.
 * @param {State} state
 * @param {{ cubes: Cubes, flats: Flats, sizes: Sizes, shuffle: Shuffle, ribbons: Ribbons, player: Player }} parts
 * @returns {HTMLElement[]}
 */
function layOut(
  { view, F, H, W, C, f, rows, columns, shrink },
  { cubes, flats, sizes, shuffle, ribbons, player },
) {
  const { prompt, unknown } = view.metadata;
  const muted = (...text) => h("div", { class: "x2v-muted" }, ...text);
  const section = (title, ...children) => {
    const head = h("div", { class: "x2v-patches-head" }, title);
    return h("section", { class: "x2v-patches-part", "aria-label": title }, head, ...children);
  };
  const pixels = `${F} frames of ${H * shrink} × ${W * shrink} pixels`;
  const cells = `${f} × ${rows} × ${columns} latent positions of ${C} numbers`;
  const story = `${pixels}  →  ${cells}  →  patches, each a token. One block of space and time, cut three ways.`;
  const { frame, latent, slice, again } = flats;
  const largeness = section("How large is a patch?", ...sizes.parts);
  const order = h("div", {}, ...shuffle.parts, ribbons.sequence.root);
  return [
    h("div", {}, promptLine(prompt, unknown), muted(story), pageNotes(view.metadata)),
    presets(view),
    cubes.root,
    h("div", { class: "x2v-bar" }, cubes.explode.root, cubes.cut, player.root),
    muted("Drag a cube to turn it. Point at anything to find its patch everywhere; click to keep it."),
    h("div", { class: "x2v-patches-flats" }, frame.root, latent.root, slice.root, largeness),
    h("div", {}, ribbons.title, ribbons.everywhere.root),
    section("What order carries", h("div", { class: "x2v-patches-order" }, again.root, order)),
    section("To scale, in bytes", ribbons.scale.root),
    muted(
      "Keys: ← → frames, space plays, W A S D move the patch, Q E move it in time, X pulls apart, ",
      "R shuffles, 0 puts back.",
    ),
    terms(view, ["latent", "latent position", "patch", "token", "causal", "VAE"]),
  ];
}

/** Keys that move the picked patch. @param {State} state @returns {Record<string, () => void>} */
function moves(state) {
  const move = (time, down, across) => () => {
    const { size } = state.now();
    const point = state.picked();
    if (!point) return state.pick(pointOf(0, size));
    const place = tokenPlace(tokenAt(point, size), size.grid);
    const wanted = [place.time + time, place.row + down, place.column + across];
    const [t, r, c] = wanted.map((v, i) => Math.min(Math.max(v, 0), size.grid[i] - 1));
    const next = pointOf((t * size.grid[1] + r) * size.grid[2] + c, size);
    if (time) state.view.select({ frame: next.frame });
    state.pick(next);
  };
  return {
    w: move(0, -1, 0),
    s: move(0, 1, 0),
    a: move(0, 0, -1),
    d: move(0, 0, 1),
    q: move(-1, 0, 0),
    e: move(1, 0, 0),
  };
}
