// @ts-check
/**
 * Pixels, latents, patches: three cubes of the same clip that turn, open and are cut together; what a patch size
 * costs; one patch in every frame; a row over time; and the clip with its patches shuffled or dropped.
 *
 * A point of the clip is { frame, y, x }. Whatever is hovered, in any picture, becomes such a point, and each
 * picture frames the patch that holds it. Slots are places in the sequence; `order[slot]` is the token there.
 */
import {
  mount, h, uid, Picture, Player, Slider, Choice, Tooltip, button, promptLine, commonKeys, keys, sharp, ramp,
  themeColor, latentFrameOf, framesOf, tokenName, tokenPlace, PALETTE, SIGNED, TIME_STRIDE, SPACE_STRIDE,
} from "./common.js";
import { Cube, Pose, START } from "./cube.js";

/** Grey of a dropped patch, as DROPPED in patches.py. */
const DROPPED = 128;
const SIGNED_TABLE = ramp(SIGNED);

export default mount(async (view) => {
  const { facts, arrays } = view;
  const [F, H, W] = facts.shape, [C, f, hh, ww] = facts.latent;
  const film = await view.image("frames");
  const source = unfold(film);
  const latentTimes = [...Array(f).keys()].map((time) => framesOf(time)[0]).concat(F);
  const tip = new Tooltip(view);

  // -- what the selection means: sizes, order, colours. Worked out once for each value.

  const sizes = remember((/** @type {number} */ length, /** @type {number} */ side) => {
    const patch = [facts.lengths[length], ...facts.sides[side]], { grid, tokens, numbers } = facts.costs[length][side];
    const tall = SPACE_STRIDE * patch[1], wide = SPACE_STRIDE * patch[2];
    const edges = (/** @type {number} */ n, /** @type {number} */ size, /** @type {number} */ end) =>
      [...Array(n + 1).keys()].map((i) => Math.min(i * size, end));
    const times = edges(grid[0], patch[0], f).map((time) => latentTimes[time]);
    const own = length === facts.own[0] && side === facts.own[1];
    return { length, side, patch, grid, tokens, numbers, tall, wide, times, own,
      rows: edges(grid[1], tall, H), columns: edges(grid[2], wide, W) };
  });
  const arrangement = remember((/** @type {number} */ length, /** @type {number} */ side, /** @type {string} */ order,
    /** @type {number} */ seed, /** @type {number} */ drop) => arrange(sizes(length, side).grid, order, seed, drop, facts.drop_seed));
  const look = remember((/** @type {number} */ length, /** @type {number} */ side, /** @type {string} */ colors) => {
    const name = !colors.includes(".") ? `${colors}.${length}.${side}` : sizes(length, side).own ? colors : `patch.${length}.${side}`;
    return shades(arrays[name] ?? arrays[`patch.${length}.${side}`]);
  });
  const latentSheet = remember((/** @type {number} */ channel) => paintLatents(view, channel));
  const now = () => {
    const { length, side, order, shuffle, drop, colors, channel } = view.selection;
    return {
      size: sizes(length, side), arranged: arrangement(length, side, order, shuffle, drop),
      shade: look(length, side, colors), latents: latentSheet(channel),
    };
  };

  /** @type {{ frame: number, y: number, x: number, slot?: number } | null} */
  let hovered = null;
  /** The point picked: `pixel` while it lies in `token`, else the token's first. */
  const picked = () => {
    const { token, pixel } = view.selection, own = sizes(...(/** @type {[number, number]} */ (facts.own)));
    if (token === null) return null;
    if (pixel) {
      const point = { frame: pixel[0], y: pixel[1], x: pixel[2] };
      if (tokenAt(point, own) === token) return point;
    }
    const box = boxOf(token, own);
    return { frame: box.times[0], y: box.rows[0], x: box.columns[0] };
  };
  const pick = (/** @type {{ frame: number, y: number, x: number }} */ { frame, y, x }) => {
    view.select({ token: tokenAt({ frame, y, x }, sizes(...(/** @type {[number, number]} */ (facts.own)))), pixel: [frame, y, x] });
    view.commit();
  };
  /** @param {typeof hovered} point @param {PointerEvent} [event] @param {string} [more] a line for the tip */
  const hover = (point, event, more = "") => {
    if (!point && !hovered) return;
    hovered = point;
    if (point && event) tip.show(event, describe(point, more));
    else tip.hide();
    view.redraw();
  };
  const describe = (/** @type {{ frame: number, y: number, x: number }} */ point, more = "") => {
    const { size, arranged } = now(), token = tokenAt(point, size), box = boxOf(token, size);
    const slot = arranged.slots[token];
    return [
      `${tokenName(token, size.grid)}  ·  token ${token + 1} of ${size.tokens.toLocaleString("en")}`,
      `frames ${span(box.times)}, rows ${span(box.rows, 0)}, columns ${span(box.columns, 0)}`,
      `${size.numbers.toLocaleString("en")} numbers: ${size.patch.join(" × ")} cells × ${C} channels`,
      ...(slot === token ? [] : [`now stands at ${tokenName(slot, size.grid)}`]),
      ...(arranged.kept[token] ? [] : ["dropped"]), ...(more ? [more] : []),
    ].join("\n");
  };

  // -- cubes

  const pose = new Pose();
  const listen = { turned: () => view.redraw(), pick };
  const channels = [[-1, "channels 1, 2, 3 as colours"], ...(arrays.glance ? [[-2, "mean colour (linear decoder)"]] : []),
    ...[...Array(C).keys()].map((c) => [c, `channel ${c + 1}`])];
  const channel = new Choice(view, { key: "channel", label: "Colours", options: /** @type {any} */ (channels) });
  const painted = new Choice(view, { key: "colors", label: "Colours", options: facts.sources });
  const cubes = [
    new Cube(view, pose, { ...listen, label: "The clip as a block of pixels: across, down, and back in time", title: "1 · The clip: pixels", hover: (hit, event) => hover(hit, event) }),
    new Cube(view, pose, { ...listen, label: "The latents as a block of cells", title: h("span", {}, "2 · Its latents: cells"),
      hover: (hit, event) => hover(hit, event, hit ? cellText(hit) : "") }),
    new Cube(view, pose, { ...listen, label: "The patches as a block of coloured pieces", title: "3 · Its patches: tokens",
      hover: (hit, event) => hover(hit && slotPoint(hit), event), pick: (hit) => pick(slotPoint(hit)) }),
  ];
  const cellText = (/** @type {{ frame: number, y: number, x: number }} */ { frame, y, x }) => {
    const time = latentFrameOf(frame), row = Math.floor(y / SPACE_STRIDE), column = Math.floor(x / SPACE_STRIDE);
    const list = view.selection.channel >= 0 ? [view.selection.channel] : [0, 1, 2].slice(0, C);
    const values = list.map((c) => arrays.latents[((c * f + time) * hh + row) * ww + column].toFixed(2));
    return `latent cell t${time} r${row} c${column}: ${values.join(", ")} in channel${list.length > 1 ? "s" : ""} ${list.map((c) => c + 1).join(", ")}`;
  };
  /** The point that stands in a slot: the middle of its token, where that came from. */
  const slotPoint = (/** @type {{ slab: number, row: number, column: number }} */ { slab, row, column }) => {
    const { size, arranged } = now(), slot = (slab * size.grid[1] + row) * size.grid[2] + column;
    return pointOf(arranged.order[slot], size);
  };
  const cut = button(view, { label: "Cut the cubes at the green line", text: "✂ cut at the green line", pressed: false }, () => {
    view.select({ cut: !view.selection.cut });
    view.commit();
  });
  const player = new Player(view, { fps: facts.fps });
  const explode = new Slider(view, { key: "explode", label: "Pull apart", max: 100, format: (value) => `${value} %` });

  // -- flat pictures

  const shape = { width: W, height: H };
  const flat = new Flat(view, { ...shape, label: "One frame, cut into patches", title: "One frame", smooth: true });
  const cells = new Flat(view, { width: ww, height: hh, label: "The latent frame that holds it", title: "Its latent frame" });
  const slice = new Flat(view, { width: W, height: F, label: "One row of pixels over time", title: "Green row over time ↓" });
  const again = new Flat(view, { ...shape, label: "The clip put together again from its patches", title: "Put together again", smooth: true });
  const row = new Slider(view, { key: "row", label: "Row", max: H - 1 });
  const flats = [flat, cells, slice, again];
  for (const one of flats) one.stage.style.aspectRatio = `${W} / ${H}`;

  const onFlat = (/** @type {Flat} */ picture, /** @type {(at: {x: number, y: number}) => any} */ point, more = (/** @type {any} */ _) => "") => {
    view.listen(picture.stage, "pointermove", (/** @type {PointerEvent} */ event) => {
      const at = picture.at(event), hit = at && point(at);
      hover(hit, event, hit ? more(hit) : "");
    });
    view.listen(picture.stage, "pointerleave", () => hover(null));
    view.listen(picture.stage, "click", (/** @type {PointerEvent} */ event) => {
      const at = picture.at(event), hit = at && point(at);
      if (hit) pick(hit);
    });
  };
  onFlat(flat, ({ x, y }) => ({ frame: view.selection.frame, y, x }), ({ y, x }) => `pixel: row ${y}, column ${x}`);
  onFlat(cells, ({ x, y }) => ({ frame: view.selection.frame, y: y * SPACE_STRIDE, x: x * SPACE_STRIDE }), cellText);
  onFlat(slice, ({ x, y }) => ({ frame: y, y: view.selection.row, x }), ({ frame, x }) => `pixel: frame ${frame + 1}, column ${x}`);
  onFlat(again, ({ x, y }) => {
    const { size, arranged } = now();
    return pointOf(arranged.order[tokenAt({ frame: view.selection.frame, y, x }, size)], size);
  });
  dragRow(view, flat, H);

  // -- sizes and costs

  const lengthName = (/** @type {number} */ i) => `${facts.lengths[i]} latent frame${facts.lengths[i] > 1 ? "s" : ""} = ${TIME_STRIDE * facts.lengths[i]} frames`;
  const sideName = (/** @type {number} */ j) => `${facts.sides[j].join(" × ")} cells = ${facts.sides[j].map((/** @type {number} */ n) => n * SPACE_STRIDE).join(" × ")} px`;
  const length = new Slider(view, { key: "length", label: "Length", max: facts.lengths.length - 1, format: lengthName });
  const side = new Slider(view, { key: "side", label: "Side", max: facts.sides.length - 1, format: sideName });
  const told = h("div", { class: "x2v-patches-told", role: "status", "aria-live": "polite" });
  const table = new CostTable(view);
  const orders = [["all", "Shuffle all"], ["places", "Shuffle places"], ["times", "Shuffle moments"]].map(([kind, label]) =>
    button(view, { label, pressed: false }, () => {
      const { order, shuffle } = view.selection;
      view.select({ order: kind, shuffle: order === "none" ? shuffle : (shuffle + 1) % 1000 });
      view.commit();
    }));
  const restore = () => {
    view.select({ order: "none", drop: 0 });
    view.commit();
  };
  const drop = new Slider(view, { key: "drop", label: "Drop", max: facts.limits.drop, format: (value) => `${value} % of the patches` });
  const orderText = h("div", { class: "x2v-muted", role: "status", "aria-live": "polite" });

  // -- one patch in all frames, the sequence, the scale

  const everywhere = new Ribbon(view, "The same place in every frame; framed: the frames of one patch");
  const sequence = new Ribbon(view, "All tokens in the order in which the transformer reads them");
  const scale = new Ribbon(view, "Bytes of clip, latents and tokens as areas, to scale");
  const placeTitle = h("div", { class: "x2v-title", role: "status", "aria-live": "polite" });
  view.listen(everywhere.canvas, "pointermove", (/** @type {PointerEvent} */ event) => {
    const at = everywhere.at(event), point = picked();
    if (at && point) hover({ ...(hovered ?? point), frame: at.index }, event, `frame ${at.index + 1}`);
  });
  view.listen(everywhere.canvas, "pointerleave", () => hover(null));
  view.listen(everywhere.canvas, "click", (/** @type {PointerEvent} */ event) => {
    const at = everywhere.at(event), point = picked();
    if (at && point) { pick({ ...point, frame: at.index }); view.select({ frame: at.index }); view.commit(); }
  });
  const tokenUnder = (/** @type {PointerEvent} */ event) => {
    const at = sequence.at(event), { size, arranged } = now();
    return at && pointOf(arranged.order[at.index], size);
  };
  view.listen(sequence.canvas, "pointermove", (/** @type {PointerEvent} */ event) => hover(tokenUnder(event), event));
  view.listen(sequence.canvas, "pointerleave", () => hover(null));
  view.listen(sequence.canvas, "click", (/** @type {PointerEvent} */ event) => {
    const point = tokenUnder(event);
    if (point) pick(point);
  });

  const section = (/** @type {string} */ title, /** @type {any[]} */ ...children) =>
    h("section", { class: "x2v-patches-part", "aria-label": title }, h("div", { class: "x2v-patches-head" }, title), ...children);
  view.root.append(
    h("div", {}, promptLine(facts.prompt, facts.unknown),
      h("div", { class: "x2v-muted" }, `${F} frames of ${H} × ${W} pixels  →  ${f} × ${hh} × ${ww} latent cells of ${C} numbers  →  patches, each a token. One block of space and time, cut three ways.`)),
    h("div", { class: "x2v-patches-cubes" }, ...cubes.map((cube) => cube.root)),
    h("div", { class: "x2v-bar" }, explode.root, cut, player.root),
    h("div", { class: "x2v-muted" }, "Drag a cube to turn it. Point at anything to find its patch everywhere; click to keep it."),
    h("div", { class: "x2v-patches-flats" }, flat.root, cells.root, slice.root,
      section("How large is a patch?", length.root, side.root, told, table.root)),
    h("div", {}, placeTitle, everywhere.root),
    section("What order carries",
      h("div", { class: "x2v-patches-order" }, again.root,
        h("div", {}, h("div", { class: "x2v-bar" }, ...orders, button(view, { label: "Put back" }, restore)), drop.root, orderText,
          h("div", { class: "x2v-title" }, "The sequence: what the transformer reads"),
          h("div", { class: "x2v-patches-words" }, ...facts.words.map((/** @type {string} */ word) => h("span", {}, word)), h("span", { class: "x2v-muted" }, "and then the patches:")),
          sequence.root))),
    section("To scale, in bytes", scale.root),
    h("div", { class: "x2v-muted" }, "Keys: ← → frames, space plays, W A S D move the patch, Q E move it in time, X pulls apart, R shuffles, 0 puts back."),
  );
  slice.root.append(row.root);
  cubes[1].root.append(channel.root);
  cubes[2].root.append(painted.root);
  commonKeys(view, player);
  const move = (/** @type {number} */ time, /** @type {number} */ down, /** @type {number} */ across) => () => {
    const { size } = now(), point = picked();
    if (!point) return pick(pointOf(0, size));
    const place = tokenPlace(tokenAt(point, size), size.grid);
    const [t, r, c] = [place.time + time, place.row + down, place.column + across].map((v, i) => Math.min(Math.max(v, 0), size.grid[i] - 1));
    const next = pointOf((t * size.grid[1] + r) * size.grid[2] + c, size);
    if (time) view.select({ frame: next.frame });
    pick(next);
  };
  keys(view, {
    w: move(0, -1, 0), s: move(0, 1, 0), a: move(0, 0, -1), d: move(0, 0, 1), q: move(-1, 0, 0), e: move(1, 0, 0),
    x: () => view.select({ explode: view.selection.explode ? 0 : 60 }), r: () => orders[0].click(), 0: restore,
  });

  // -- drawing

  let rebuiltKey = "";
  const rebuilt = new OffscreenCanvas(W, H * F);
  const rebuiltContext = /** @type {OffscreenCanvasRenderingContext2D} */ (rebuilt.getContext("2d", { alpha: false }));
  const rebuiltData = new ImageData(W, H * F);

  const draw = () => {
    const choice = view.selection, { frame } = choice, { size, arranged, shade, latents } = now();
    const point = hovered ?? picked(), token = point ? tokenAt(point, size) : -1;
    const region = token < 0 ? null : boxOf(token, size), slot = token < 0 ? -1 : arranged.slots[token];
    pose.open = choice.explode / 100;

    // cubes
    const base = { shape: facts.shape, rows: [0, H], columns: [0, W], cut: choice.cut ? choice.row : 0 };
    const key = [base.cut, themeColor(view, "line")].join();
    const sizeKey = `${choice.length}.${choice.side}`;
    cubes[0].draw({
      ...base, times: [...Array(F + 1).keys()], first: frame, grid: [size.tall, size.wide], lines: size.times,
      texture: (slab) => ({ image: film.bitmap, x: (slab % film.columns) * W, y: Math.floor(slab / film.columns) * H, cell: 1 }),
    }, `${key},${frame},${sizeKey}`);
    cubes[1].draw({
      ...base, times: latentTimes, first: latentFrameOf(frame),
      texture: (slab) => ({ image: latents.canvas, x: slab * ww, y: 0, cell: SPACE_STRIDE }),
    }, `${key},${latentFrameOf(frame)},${choice.channel}`);
    const first = Math.floor(latentFrameOf(frame) / size.patch[0]);
    cubes[2].draw({
      ...base, times: size.times, rows: size.rows, columns: size.columns, first,
      color: (piece) => (arranged.kept[arranged.order[piece]] ? shade.css[arranged.order[piece]] : null),
    }, `${key},${first},${sizeKey},${choice.colors},${choice.order},${choice.shuffle},${choice.drop}`);
    cubes[0].mark(region, { xray: true, row: choice.row });
    cubes[1].mark(region, { xray: true, row: choice.row });
    cubes[2].mark(null, { piece: slot, through: false });
    const left = arranged.left.toLocaleString("en");
    cubes[0].caption(`${F} × ${H} × ${W} pixels; white: borders of patches`);
    cubes[1].caption(`${f} × ${hh} × ${ww} cells; ${channels.find(([value]) => value === choice.channel)?.[1]}`);
    const count = `${size.grid.join(" × ")} = ${size.tokens.toLocaleString("en")} tokens${arranged.left < size.tokens ? `, ${left} left` : ""}`;
    const other = choice.colors.includes(".") && !size.own ? "; the model has these only at its own patch size: latent numbers" : "";
    cubes[2].caption(count + other);
    cut.setAttribute("aria-pressed", String(choice.cut));

    // the clip put together again
    const nextKey = [sizeKey, choice.order, choice.shuffle, choice.drop].join();
    if (nextKey !== rebuiltKey) {
      rebuiltKey = nextKey;
      rebuild(source, rebuiltData, [F, H, W], size, arranged);
      rebuiltContext.putImageData(rebuiltData, 0, 0);
    }

    // flat pictures
    const latent = latentFrameOf(frame), held = framesOf(latent);
    flat.picture.image(film, frame);
    const elsewhere = region && (frame < region.times[0] || frame >= region.times[1]);
    flat.picture.caption(`frame ${frame + 1} of ${F}` + (elsewhere ? `; dashed: the patch is in frame${span(region.times).length > 2 ? "s" : ""} ${span(region.times)}` : ", in patches"));
    cells.picture.context.imageSmoothingEnabled = false;
    cells.picture.context.drawImage(latents.canvas, latent * ww, 0, ww, hh, 0, 0, ww, hh);
    cells.picture.caption(`t${latent}: holds frame${held[0] === held[1] ? "" : "s"} ${span([held[0], held[1] + 1])}${latent ? "" : " alone"}`);
    const sliceContext = slice.picture.context;
    for (let i = 0; i < F; i++) {
      sliceContext.drawImage(film.bitmap, (i % film.columns) * W, Math.floor(i / film.columns) * H + choice.row, W, 1, 0, i, W, 1);
    }
    slice.picture.caption("blue: this frame; slanted streaks move, upright ones stand still");
    again.picture.context.drawImage(rebuilt, 0, frame * H, W, H, 0, 0, W, H);
    again.picture.caption(choice.order === "none" && !choice.drop ? "nothing shuffled, nothing dropped" : [
      { none: "", all: "all patches shuffled", places: "places shuffled, alike at all times", times: "moments shuffled" }[(/** @type {"none"} */ (choice.order))],
      choice.drop ? `${choice.drop} % dropped` : "",
    ].filter(Boolean).join("; "));

    const rowsAt = (/** @type {number[]} */ list, /** @type {number} */ whole) => list.slice(1, -1).map((v) => v / whole);
    const grid = { x: rowsAt(size.columns, W), y: rowsAt(size.rows, H) };
    const box = region && { x: region.columns.map((v) => v / W), y: region.rows.map((v) => v / H) };
    const inFrame = region && !elsewhere;
    const inLatent = region && held[0] < region.times[1] && held[1] >= region.times[0];
    flat.over({ ...grid, box, strong: inFrame, mark: (choice.row + 0.5) / H });
    cells.over({ ...grid, box, strong: inLatent });
    const crossed = region && choice.row >= region.rows[0] && choice.row < region.rows[1];
    slice.over({
      x: grid.x, y: rowsAt(size.times, F), strong: crossed, now: [frame / F, (frame + 1) / F],
      box: region && { x: region.columns.map((v) => v / W), y: region.times.map((v) => v / F) },
    });
    const there = slot < 0 ? null : boxOf(slot, size);
    again.over({
      ...grid, strong: there && frame >= there.times[0] && frame < there.times[1],
      box: there && { x: there.columns.map((v) => v / W), y: there.rows.map((v) => v / H) },
    });

    // one patch in all frames
    drawPlaces(everywhere, film, F, region, frame);
    const place = region ? `${tokenName(token, size.grid)}: the same ${region.rows[1] - region.rows[0]} × ${region.columns[1] - region.columns[0]} pixels in every frame` : "Point at a patch to see the same pixels in every frame";
    if (placeTitle.textContent !== place) placeTitle.textContent = place;
    drawSequence(sequence, size, arranged, shade, slot, themeColor(view, "muted"));
    drawScale(scale, view, { film, latents, shade, size, fg: themeColor(view, "fg"), bg: themeColor(view, "bg"), muted: themeColor(view, "muted") });

    // words
    const cost = facts.costs[choice.length][choice.side];
    tell(told, [
      [`${cost.tokens.toLocaleString("en")} tokens`, `${cost.grid.join(" × ")}${cost.padded ? ", the last ones part empty" : ""}`],
      [`${cost.numbers.toLocaleString("en")} numbers each`, `${size.patch.join(" × ")} cells × ${C} channels`],
      [`${flops(cost.attention)} for attention`, `of ${flops(cost.forward)} a pass (${facts.model})`],
    ]);
    table.show(choice.length, choice.side);
    for (const [i, kind] of ["all", "places", "times"].entries()) orders[i].setAttribute("aria-pressed", String(choice.order === kind));
    const words = facts.words.length, share = ((words + arranged.left) / (words + size.tokens)) ** 2;
    const text = orderWords(choice.order, size.tokens) + (choice.drop
      ? ` With ${choice.drop} % dropped, ${left} tokens are left, and attention costs ${Math.max(1, Math.round(100 * share))} % of what it did.` : "");
    if (orderText.textContent !== text) orderText.textContent = text;
  };

  const measure = () => {
    for (const cube of cubes) {
      const width = cube.stage.clientWidth;
      const shape = (H + START.up * W) / (W + START.right * W);  // as the cube stands at first
      cube.resize(width, Math.round(Math.min(380, Math.max(170, width * Math.min(shape, 0.84)))));
    }
    for (const one of flats) one.measure();
    for (const ribbon of [everywhere, sequence, scale]) ribbon.measure();
  };
  measure();
  const watcher = new ResizeObserver(() => {
    measure();
    view.redraw();
  });
  watcher.observe(view.root);
  view.signal.addEventListener("abort", () => watcher.disconnect());
  view.listen(globalThis.matchMedia("(prefers-color-scheme: dark)"), "change", () => view.redraw());
  view.onSelect(draw);
});

// -- patches ------------------------------------------------------------------------------------------------

/** @typedef {{ patch: number[], grid: number[], tokens: number, tall: number, wide: number, times: number[],
 *   rows: number[], columns: number[], numbers: number, own: boolean }} Size */
/** @typedef {{ order: number[], slots: number[], kept: Uint8Array, left: number }} Arranged */

/** The token that holds a point. @param {{ frame: number, y: number, x: number }} point @param {Size} size */
function tokenAt({ frame, y, x }, { patch, grid, tall, wide }) {
  const time = Math.floor(latentFrameOf(frame) / patch[0]);
  return (time * grid[1] + Math.floor(y / tall)) * grid[2] + Math.floor(x / wide);
}

/** Frames, rows and columns of a token, each [first, one past the last]. @param {number} token @param {Size} size */
function boxOf(token, { grid, times, rows, columns }) {
  const { time, row, column } = tokenPlace(token, grid);
  /** @returns {[number, number]} */
  const pair = (/** @type {number[]} */ edges, /** @type {number} */ i) => [edges[i], edges[i + 1]];
  return { times: pair(times, time), rows: pair(rows, row), columns: pair(columns, column) };
}

/** The middle of a token, in its first frame. @param {number} token @param {Size} size */
function pointOf(token, size) {
  const { times, rows, columns } = boxOf(token, size);
  return { frame: times[0], y: Math.floor((rows[0] + rows[1]) / 2), x: Math.floor((columns[0] + columns[1]) / 2) };
}

/** First to last of a range, counted from 1 for frames. @param {number[]} range */
function span([first, end], from = 1) {
  return end - first > 1 ? `${first + from}–${end - 1 + from}` : `${first + from}`;
}

// -- order: the same lines stand in patches.py --------------------------------------------------------------

/**
 * 0..count-1 in an order that Python and the browser agree on: Fisher and Yates' shuffle with Marsaglia's
 * xorshift of 32 bits. @param {number} count @param {number} seed
 */
function permutation(count, seed) {
  let state = (Math.imul(seed, 2654435761) + 1013904223) >>> 0 || 1;
  const order = [...Array(count).keys()];
  for (let i = count - 1; i > 0; i--) {
    state = (state ^ (state << 13)) >>> 0;
    state = (state ^ (state >>> 17)) >>> 0;
    state = (state ^ (state << 5)) >>> 0;
    const j = state % (i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Which token stands in each slot, where each token went, and which are left. @returns {Arranged} */
function arrange(/** @type {number[]} */ grid, /** @type {string} */ kind, /** @type {number} */ seed,
  /** @type {number} */ drop, /** @type {number} */ dropSeed) {
  const place = grid[1] * grid[2], count = grid[0] * place;
  let order = [...Array(count).keys()];
  if (kind === "times") {
    const times = permutation(grid[0], seed);
    order = order.map((slot) => times[Math.floor(slot / place)] * place + (slot % place));
  } else if (kind === "places") {
    const places = permutation(place, seed);
    order = order.map((slot) => Math.floor(slot / place) * place + places[slot % place]);
  } else if (kind === "all") order = permutation(count, seed);
  const slots = Array(count);
  order.forEach((token, slot) => (slots[token] = slot));
  const gone = Math.floor((count * drop) / 100), kept = new Uint8Array(count).fill(1);
  for (const token of permutation(count, dropSeed).slice(0, gone)) kept[token] = 0;
  return { order, slots, kept, left: count - gone };
}

/** All frames of a strip below one another, one 32-bit word a pixel. @param {import("./common.js").Pictures} film */
function unfold({ bitmap, count, height, width, columns }) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.drawImage(bitmap, 0, 0);
  const out = new Uint32Array(count * height * width);
  for (let i = 0; i < count; i++) {
    const part = context.getImageData((i % columns) * width, Math.floor(i / columns) * height, width, height);
    out.set(new Uint32Array(part.data.buffer), i * height * width);
  }
  return out;
}

/**
 * The clip with token order[i] in slot i, and grey where it was dropped; `rebuilt` in patches.py says how patches
 * of the first frame are moved. @param {Uint32Array} source @param {ImageData} target @param {number[]} shape
 * @param {Size} size @param {Arranged} arranged
 */
function rebuild(source, target, [F, H, W], { patch, grid, tall, wide }, { order, kept }) {
  const out = new Uint32Array(target.data.buffer), long = TIME_STRIDE * patch[0];
  const grey = 0xff000000 | (DROPPED << 16) | (DROPPED << 8) | DROPPED;
  const [, rows, columns] = grid;
  for (let frame = 0; frame < F; frame++) {
    const moment = frame + TIME_STRIDE - 1, time = Math.floor(moment / long);
    for (let row = 0; row < rows; row++) {
      const high = Math.min(tall, H - row * tall);
      for (let column = 0; column < columns; column++) {
        const token = order[(time * rows + row) * columns + column];
        const width = Math.min(wide, W - column * wide);
        let to = (frame * H + row * tall) * W + column * wide;
        if (!kept[token]) {
          for (let y = 0; y < high; y++, to += W) out.fill(grey, to, to + width);
          continue;
        }
        const from = tokenPlace(token, grid);
        const at = Math.min(Math.max(from.time * long + (moment % long) - (TIME_STRIDE - 1), 0), F - 1);
        const top = from.row * tall, left = from.column * wide;
        for (let y = 0; y < high; y++, to += W) {
          const begin = (at * H + Math.min(top + y, H - 1)) * W + left, there = Math.min(width, W - left);
          out.set(source.subarray(begin, begin + there), to);
          if (there < width) out.fill(source[begin + there - 1], to + there, to + width); // a patch cut off by the edge
        }
      }
    }
  }
}

/** What shuffling shows, in words. */
function orderWords(/** @type {string} */ order, /** @type {number} */ count) {
  const tokens = count.toLocaleString("en");
  return {
    none: "Shuffle, and see how much of the clip lies in the order of its patches.",
    all: `The same ${tokens} tokens in another order. To attention they are the same set: only the position that each token carries tells the model where and when it belongs.`,
    places: "Every moment is cut and laid out anew in the same way: motion goes on, but in pieces.",
    times: "Each picture is whole, but the moments are out of order: what moved now jumps.",
  }[order] ?? "";
}

// -- colours ------------------------------------------------------------------------------------------------

/** Colours (N, 3) as CSS: front, top and side of a piece. @param {Uint8Array} rgb */
function shades(rgb) {
  const css = [];
  for (let i = 0; i < rgb.length; i += 3) {
    const tone = (/** @type {number} */ by, /** @type {number} */ add) =>
      `rgb(${[0, 1, 2].map((k) => Math.round(rgb[i + k] * by + add)).join(" ")})`;
    css.push([tone(1, 0), tone(0.85, 38), tone(0.68, 0)]);
  }
  return { css, rgb };
}

/**
 * All latent frames side by side. channel: one of them on the signed scale, 3 deviations each way; -1 the first
 * three as red, green, blue, 2.5 each way; -2 the linear decoder's mean colours.
 * @param {import("./common.js").View} view @param {number} channel
 */
function paintLatents({ arrays, facts }, channel) {
  const [C, f, h_, w_] = facts.latent, plane = f * h_ * w_;
  const image = new ImageData(f * w_, h_);
  const list = channel >= 0 ? [channel] : [0, 1 % C, 2 % C];
  const spread = list.map((c) => {
    let sum = 0, squares = 0;
    for (let i = c * plane; i < (c + 1) * plane; i++) { sum += arrays.latents[i]; squares += arrays.latents[i] ** 2; }
    const mean = sum / plane;
    return { mean, deviation: Math.sqrt(Math.max(squares / plane - mean * mean, 0)) };
  });
  for (let i = 0; i < plane; i++) {
    const time = Math.floor(i / (h_ * w_)), y = Math.floor(i / w_) % h_, to = 4 * (y * f * w_ + time * w_ + (i % w_));
    if (channel === -2) {
      for (let k = 0; k < 3; k++) image.data[to + k] = arrays.glance[3 * i + k];
    } else if (channel >= 0) {
      const share = arrays.latents[channel * plane + i] / Math.max(6 * spread[0].deviation, 1e-6) + 0.5;
      const at = 3 * Math.round(255 * Math.min(Math.max(share, 0), 1));
      for (let k = 0; k < 3; k++) image.data[to + k] = SIGNED_TABLE[at + k];
    } else {
      for (let k = 0; k < 3; k++) {
        const { mean, deviation } = spread[k];
        image.data[to + k] = 255 * ((arrays.latents[list[k] * plane + i] - mean) / Math.max(5 * deviation, 1e-6) + 0.5);
      }
    }
    image.data[to + 3] = 255;
  }
  const canvas = new OffscreenCanvas(image.width, image.height);
  /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(image, 0, 0);
  return { canvas };
}

// -- flat pictures ------------------------------------------------------------------------------------------

/** A picture with lines over it: patch borders, one patch, a marked row. */
class Flat {
  /** @param {import("./common.js").View} view @param {any} options those of Picture */
  constructor(view, options) {
    this.picture = new Picture(view, options);
    this.stage = this.picture.stage;
    this.root = this.picture.root;
    this.canvas = h("canvas", { "aria-hidden": "true", class: "x2v-over" });
    this.stage.append(this.canvas);
    this.size = [0, 0];
    this.drawn = "";
  }

  measure() {
    this.size = [this.stage.clientWidth, this.stage.clientHeight];
  }

  at(/** @type {PointerEvent} */ event) {
    return this.picture.at(event);
  }

  /**
   * Shares of width and height: x, y where lines run; box, the patch, strong where it really is; mark, a row;
   * now, what is shown elsewhere.
   * @param {{ x: number[], y: number[], box?: { x: number[], y: number[] } | null, strong?: boolean | null, mark?: number,
   *   now?: number[] }} marks
   */
  over(marks) {
    const key = JSON.stringify([marks, this.size]);
    if (key === this.drawn) return;
    this.drawn = key;
    const { x, y, box, strong, mark, now } = marks, [width, height] = this.size;
    const context = sharp(this.canvas, width, height);
    context.strokeStyle = "rgb(255 255 255 / 0.32)";
    context.lineWidth = 1;
    context.beginPath();
    for (const at of x) { context.moveTo(Math.round(at * width) - 0.5, 0); context.lineTo(Math.round(at * width) - 0.5, height); }
    for (const at of y) { context.moveTo(0, Math.round(at * height) - 0.5); context.lineTo(width, Math.round(at * height) - 0.5); }
    context.stroke();
    if (mark !== undefined) {
      for (const [color, wide] of /** @type {[string, number][]} */ ([["rgb(255 255 255 / 0.7)", 4], [PALETTE.green, 2]])) {
        context.strokeStyle = color;
        context.lineWidth = wide;
        context.beginPath();
        context.moveTo(0, mark * height); context.lineTo(width, mark * height);
        context.stroke();
      }
      context.fillStyle = PALETTE.green;
      context.beginPath();
      context.arc(width - 8, mark * height, 6, 0, 7);
      context.fill();
    }
    if (now) {
      context.fillStyle = PALETTE.blue;
      context.fillRect(0, now[0] * height, 4, Math.max(3, (now[1] - now[0]) * height));
      context.fillRect(width - 4, now[0] * height, 4, Math.max(3, (now[1] - now[0]) * height));
    }
    if (!box) return;
    context.strokeStyle = PALETTE.orange;
    context.lineWidth = strong ? 3 : 1.5;
    context.setLineDash(strong ? [] : [3, 3]);
    context.strokeRect(box.x[0] * width, box.y[0] * height, (box.x[1] - box.x[0]) * width, (box.y[1] - box.y[0]) * height);
    context.setLineDash([]);
  }
}

/** Let the marked row be dragged by its handle. @param {import("./common.js").View} view @param {Flat} flat @param {number} H */
function dragRow(view, flat, H) {
  let dragging = false;
  const rowAt = (/** @type {PointerEvent} */ event) => {
    const box = flat.stage.getBoundingClientRect();
    return { row: ((event.clientY - box.top) / box.height) * H, edge: box.right - event.clientX, pixel: box.height / H };
  };
  const near = (/** @type {PointerEvent} */ event) => {
    const { row, edge, pixel } = rowAt(event), away = Math.abs(row - view.selection.row - 0.5) * pixel;
    return away < (edge < 22 ? 10 : 5);
  };
  view.listen(flat.stage, "pointerdown", (/** @type {PointerEvent} */ event) => {
    if (!near(event)) return;
    dragging = true;
    flat.stage.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  view.listen(flat.stage, "pointermove", (/** @type {PointerEvent} */ event) => {
    flat.stage.style.cursor = dragging || near(event) ? "ns-resize" : "crosshair";
    if (dragging) view.select({ row: Math.floor(rowAt(event).row) });
  });
  const drop = () => {
    if (!dragging) return;
    dragging = false;
    view.commit();
    view.listen(flat.stage, "click", (/** @type {Event} */ event) => event.stopImmediatePropagation(), { once: true, capture: true });
  };
  view.listen(flat.stage, "pointerup", drop);
  view.listen(flat.stage, "pointercancel", drop);
}

// -- ribbons: rows of small pictures --------------------------------------------------------------------------

/** A canvas over the whole width on which small pictures stand in rows; `boxes` says where. */
class Ribbon {
  /** @param {import("./common.js").View} view @param {string} label */
  constructor(view, label) {
    this.canvas = h("canvas", { role: "img", "aria-label": label });
    this.root = h("div", { class: "x2v-ribbon" }, this.canvas);
    this.width = 0;
    this.drawn = "";
    /** @type {{ x: number, y: number, w: number, h: number, index: number }[]} */
    this.boxes = [];
  }

  measure() {
    this.width = this.root.clientWidth;
  }

  /** The box under the pointer. @param {PointerEvent} event */
  at(event) {
    const place = this.canvas.getBoundingClientRect(), x = event.clientX - place.left, y = event.clientY - place.top;
    return this.boxes.find((box) => x >= box.x && x < box.x + box.w && y >= box.y && y < box.y + box.h) ?? null;
  }

  /** A context to draw in, or null where this key is drawn already. @param {string} key @param {number} height */
  start(key, height) {
    key += `,${this.width},${globalThis.devicePixelRatio}`;
    if (key === this.drawn || !this.width) return null;
    this.drawn = key;
    this.boxes = [];
    return sharp(this.canvas, this.width, height);
  }
}

/** The pixels of one place in every frame; those of the patch are framed. */
function drawPlaces(/** @type {Ribbon} */ ribbon, /** @type {import("./common.js").Pictures} */ film, /** @type {number} */ F,
  /** @type {ReturnType<typeof boxOf> | null} */ region, /** @type {number} */ frame) {
  const gap = 5, label = 14;
  const each = Math.max(20, Math.min(64, Math.floor(ribbon.width / F) - gap)), per = Math.max(1, Math.floor(ribbon.width / (each + gap)));
  const context = ribbon.start(JSON.stringify([region, frame]), Math.ceil(F / per) * (each + gap + label) + 4);
  if (!context) return;
  if (!region) return;
  const muted = getComputedStyle(ribbon.canvas).color;
  const { rows: [y0, y1], columns: [x0, x1], times: [t0, t1] } = region;
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "center";
  for (let i = 0; i < F; i++) {
    const x = (i % per) * (each + gap) + 3, y = Math.floor(i / per) * (each + gap + label) + 3;
    const inside = i >= t0 && i < t1;
    context.globalAlpha = inside ? 1 : 0.75;
    context.imageSmoothingEnabled = false;
    context.drawImage(film.bitmap, (i % film.columns) * film.width + x0, Math.floor(i / film.columns) * film.height + y0,
      x1 - x0, y1 - y0, x, y, each, each);
    context.globalAlpha = 1;
    if (inside) {
      context.strokeStyle = PALETTE.orange;
      context.lineWidth = 3;
      context.strokeRect(x, y, each, each);
    }
    context.fillStyle = i === frame ? PALETTE.blue : muted;
    if (i === frame) context.fillRect(x, y + each + 3, each, 2);
    if (each > 15) context.fillText(String(i + 1), x + each / 2, y + each + label);
    ribbon.boxes.push({ x, y, w: each + gap, h: each + label, index: i });
  }
}

/** All slots in reading order, a little apart where a new moment begins. */
function drawSequence(/** @type {Ribbon} */ ribbon, /** @type {Size} */ size, /** @type {Arranged} */ arranged,
  /** @type {ReturnType<typeof shades>} */ shade, /** @type {number} */ slot, /** @type {string} */ muted) {
  const label = 22, width = ribbon.width - label - 2, place = size.grid[1] * size.grid[2];
  // As few lines to a moment as stay legible, each of whole rows of the picture.
  let lines = 0, per = 1, each = 0;
  do {
    lines += 1;
    per = Math.ceil(size.grid[1] / lines) * size.grid[2];
    each = Math.min(18, width / per);
  } while (lines < size.grid[1] && each < 6);
  const most = 260 / size.grid[0] - 5;  // a moment's height, so that long clips stay on the page
  for (; lines * each > most && each > 2; lines = Math.ceil(place / per)) {
    each -= 0.25;
    per = Math.floor(width / each);
  }
  const context = ribbon.start(JSON.stringify([size.grid, arranged.order.length, slot, muted]) + arrangedKey(arranged, shade),
    Math.ceil(size.grid[0] * (lines * each + 5)) + 3);
  if (!context) return;
  const solid = each > 4 ? 1 : 0;
  context.font = "11px system-ui, sans-serif";
  let marked = null;
  for (let i = 0; i < size.tokens; i++) {
    const time = Math.floor(i / place), at = i % place, token = arranged.order[i];
    const x = label + (at % per) * each, y = time * (lines * each + 5) + Math.floor(at / per) * each + 2;
    if (at === 0) {
      context.fillStyle = muted;
      context.fillText(`t${time}`, 2, y + Math.min(Math.max(each - 2, 8), 11));
    }
    if (arranged.kept[token]) {
      context.fillStyle = shade.css[token][0];
      context.fillRect(x, y, each - solid, each - solid);
    } else if (each > 4) {
      context.strokeStyle = muted;
      context.lineWidth = 0.5;
      context.strokeRect(x + 1.5, y + 1.5, each - solid - 3, each - solid - 3);
    }
    if (i === slot) marked = [x, y];
    ribbon.boxes.push({ x, y, w: each, h: each, index: i });
  }
  if (marked) {
    context.strokeStyle = PALETTE.orange;
    context.lineWidth = 2.5;
    context.strokeRect(marked[0] - 0.5, marked[1] - 0.5, each, each);
  }
}

let counter = 0;
/** @type {WeakMap<object, number>} */
const numbers = new WeakMap();
/** A name for objects that are made once for each of their values. */
function arrangedKey(/** @type {object[]} */ ...objects) {
  return objects.map((one) => {
    if (!numbers.has(one)) numbers.set(one, (counter += 1));
    return numbers.get(one);
  }).join();
}

/** Clip, latents and tokens as areas in proportion to their bytes, each made of what it is. */
function drawScale(/** @type {Ribbon} */ ribbon, /** @type {import("./common.js").View} */ view, /** @type {any} */ { film, latents, shade, size, fg, bg, muted }) {
  const { facts } = view, [F, H, W] = facts.shape, [C, f, hh, ww] = facts.latent;
  const bytes = [F * H * W * 3, C * f * hh * ww * facts.number_bytes, size.tokens * size.numbers * facts.number_bytes];
  const most = Math.min(120, (ribbon.width - 4) / F), tall = H / W, text = 18;
  const sides = [most, most * Math.sqrt((bytes[1] / bytes[0]) * (F / f)), most * Math.sqrt((bytes[2] / bytes[0]) * (F / size.grid[0]))];
  const below = most * tall + 2 * text + 14, narrow = ribbon.width < 620;
  const lower = Math.max(sides[1] * tall, sides[2] * tall, 3 * text) + 8;  // the height of latents, and of tokens
  const context = ribbon.start(arrangedKey(latents, shade) + fg, below + lower * (narrow ? 2 : 1));
  if (!context) return;
  const say = (/** @type {string} */ line, /** @type {number} */ x, /** @type {number} */ y, strong = false) => {
    context.fillStyle = strong ? fg : muted;
    context.font = `${strong ? "600 " : ""}12px system-ui, sans-serif`;
    context.fillText(line, x, y);
  };
  const amount = (/** @type {number} */ value) => value.toLocaleString("en");
  context.imageSmoothingEnabled = true;
  for (let i = 0; i < F; i++) {
    context.drawImage(film.bitmap, (i % film.columns) * W, Math.floor(i / film.columns) * H, W, H, i * most, 2, most * 0.97, most * tall * 0.97);
  }
  say(`${amount(bytes[0])} bytes`, 0, most * tall + text, true);
  context.font = "600 12px system-ui, sans-serif";
  say(`of pixels: ${F} × ${H} × ${W} × 3 colours`, context.measureText(`${amount(bytes[0])} bytes`).width + 6, most * tall + text);
  context.imageSmoothingEnabled = false;
  for (let i = 0; i < f; i++) context.drawImage(latents.canvas, i * ww, 0, ww, hh, i * sides[1], below, sides[1] * 0.96, sides[1] * tall * 0.96);
  let x = f * sides[1] + 10;
  const ratio = (/** @type {number} */ i) => `1/${(bytes[0] / bytes[i]).toFixed(1)} of the bytes`;
  say(`${amount(bytes[1])} bytes`, x, below + 12, true);
  say(`of latents: ${amount(C * f * hh * ww)} numbers of ${8 * facts.number_bytes} bits`, x, below + 12 + text);
  say(ratio(1), x, below + 12 + 2 * text);
  x = narrow ? 0 : Math.max(x + 210, ribbon.width * 0.5);
  const y = narrow ? below + lower : below;
  const [n, rows, columns] = size.grid, w = sides[2] / columns, t = (sides[2] * tall) / rows;
  for (let i = 0; i < size.tokens; i++) {
    const at = tokenPlace(i, size.grid), small = Math.min(w, t) > 3 ? 0.8 : 0;
    context.fillStyle = shade.css[i][0];
    context.fillRect(x + at.time * sides[2] + at.column * w, y + at.row * t, w - small, t - small);
  }
  x += n * sides[2] + 10;
  say(`${amount(bytes[2])} bytes`, x, y + 12, true);
  say(`of tokens: ${amount(size.tokens)} × ${amount(size.numbers)} numbers`, x, y + 12 + text);
  say(bytes[2] === bytes[1] ? "the same numbers, cut up" : "the same numbers, cut up and filled with zeros", x, y + 12 + 2 * text);
}

// -- costs --------------------------------------------------------------------------------------------------

/** Tokens and attention's cost for every patch size on offer; each is a button. */
class CostTable {
  /** @param {import("./common.js").View} view */
  constructor(view) {
    const { costs, lengths, sides, own } = view.facts, base = costs[own[0]][own[1]].attention;
    const logs = costs.flat().map((/** @type {any} */ one) => Math.log(one.attention));
    const low = Math.min(...logs), high = Math.max(...logs);
    /** @type {any[][]} */
    this.cells = costs.map((/** @type {any[]} */ line, /** @type {number} */ i) => line.map((one, j) => {
      const times = one.attention / base, ours = i === own[0] && j === own[1];
      const share = high > low ? (Math.log(one.attention) - low) / (high - low) : 0;
      const name = `Patches of ${lengths[i]} × ${sides[j].join(" × ")} cells: ${one.tokens} tokens, attention costs ${factor(times)}`;
      const it = button(view, { label: name, pressed: false, text: "" }, () => {
        view.select({ length: i, side: j });
        view.commit();
      });
      it.append(h("b", {}, one.tokens.toLocaleString("en")), h("small", {}, ours ? "own" : factor(times)));
      it.style.setProperty("--x2v-share", `${Math.round(8 + 52 * share)}%`);
      return it;
    }));
    const id = uid("costs");
    this.root = h("div", {},
      h("div", { class: "x2v-muted", id }, "Tokens for each patch size, and what attention then costs against the model's own:"),
      h("table", { class: "x2v-patches-costs", "aria-labelledby": id },
        h("tr", {}, h("th", {}, ""), ...sides.map((/** @type {number[]} */ side) => h("th", { scope: "col" }, `side ${side.join(" × ")}`))),
        ...this.cells.map((line, i) => h("tr", {}, h("th", { scope: "row" }, `length ${lengths[i]}`), ...line.map((cell) => h("td", {}, cell))))));
  }

  show(/** @type {number} */ length, /** @type {number} */ side) {
    this.cells.forEach((line, i) => line.forEach((cell, j) => cell.setAttribute("aria-pressed", String(i === length && j === side))));
  }
}

/** "× 14.6", "÷ 3.1" */
function factor(/** @type {number} */ times) {
  const [sign, value] = times >= 1 ? ["×", times] : ["÷", 1 / times];
  return `${sign} ${value >= 10 ? Math.round(value) : value.toFixed(1)}`;
}

/** Operations in words: 1.2 GFLOP. */
function flops(/** @type {number} */ count) {
  const [unit, by] = count >= 1e12 ? ["T", 1e12] : count >= 1e9 ? ["G", 1e9] : ["M", 1e6];
  const value = count / by;
  return `${value >= 100 ? Math.round(value) : value.toPrecision(2)} ${unit}FLOP`;
}

/** Pairs of a strong and a muted text. @param {HTMLElement} place @param {string[][]} pairs */
function tell(place, pairs) {
  const text = pairs.flat().join("|");
  if (place.dataset.text === text) return;
  place.dataset.text = text;
  place.replaceChildren(...pairs.map(([strong, rest]) => h("div", {}, h("b", {}, strong), h("span", { class: "x2v-muted" }, rest))));
}

/** A function that works out each answer once, and forgets old ones. @template {(...args: any[]) => any} T @param {T} make @returns {T} */
function remember(make) {
  const known = new Map();
  return /** @type {T} */ ((...args) => {
    const key = args.join();
    if (!known.has(key)) {
      if (known.size > 200) known.clear();
      known.set(key, make(...args));
    }
    return known.get(key);
  });
}
