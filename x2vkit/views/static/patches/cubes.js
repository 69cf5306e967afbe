// @ts-check
/** The three cubes: pixels, latent positions, patches; and what turns, opens and cuts them. */
import { themeColor } from "../lib/canvas.js";
import { Choice, Slider, button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { Cube } from "./cube/cube.js";
import { Pose, START } from "./cube/pose.js";
import { paintTokens } from "./colors.js";
import { boxOf } from "./tokens.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./state.js").Now} Now */

/** More patches than these are drawn a moment at a time, as pictures, and are pulled apart along time alone. */
const MANY = 4000;

/** The pixels of a slot, as a cube marks them. @param {number} slot @param {import("./tokens.js").Size} size */
function regionOf(slot, size) {
  const { times, rows, columns } = boxOf(slot, size);
  return { times, rows, columns };
}

export class Cubes {
  /** @param {State} state */
  constructor(state) {
    const { view } = state;
    this.state = state;
    this.pose = new Pose();
    /** @type {OffscreenCanvas | null} what `_slabs` painted last */
    this.slabs = null;
    this.slabKey = "";
    /** @type {[any, string][]} */
    this.channels = [
      [-1, "channels 1, 2, 3 as colours"],
      ...(view.arrays.glance ? [/** @type {[any, string]} */ ([-2, "mean colour (linear decoder)"])] : []),
      ...[...Array(state.C).keys()].map((c) => /** @type {[any, string]} */ ([c, `channel ${c + 1}`])),
    ];
    this.all = this._cubes();
    const [pixels, cells, patches] = this.all;
    this.pixels = pixels;
    this.cells = cells;
    this.patches = patches;
    const channel = new Choice(view, { key: "channel", label: "Colours", options: this.channels });
    const painted = new Choice(view, { key: "colors", label: "Colours", options: view.metadata.sources });
    this.cells.root.append(channel.root);
    this.patches.root.append(painted.root);
    const text = "✂ cut at the green line";
    this.cut = button(view, { label: "Cut the cubes at the green line", text, pressed: false }, () => {
      view.select({ cut: !view.selection.cut });
      view.commit();
    });
    const format = (value) => `${value} %`;
    this.explode = new Slider(view, { key: "explode", label: "Pull apart", max: 100, format });
    this.root = h("div", { class: "x2v-patches-cubes" }, ...this.all.map((cube) => cube.root));
  }

  _cubes() {
    const { state, pose } = this;
    const on = { turned: () => state.view.redraw(), pick: (hit) => state.pick(hit) };
    const slotOf = ({ slab, y, x }) => {
      const { grid, tall, wide } = state.now().size;
      return (slab * grid[1] + Math.floor(y / tall)) * grid[2] + Math.floor(x / wide);
    };
    return [
      new Cube(state.view, pose, {
        ...on,
        label: "The clip as a block of pixels: across, down, and back in time",
        title: "1 · The clip: pixels",
        hover: (hit, event) => state.hover(hit, event),
      }),
      new Cube(state.view, pose, {
        ...on,
        label: "The latents as a block of cells",
        title: h("span", {}, "2 · Its latents: cells"),
        hover: (hit, event) => state.hover(hit, event, hit ? state.cellText(hit) : ""),
      }),
      new Cube(state.view, pose, {
        ...on,
        label: "The patches as a block of coloured pieces",
        title: "3 · Its patches: tokens",
        hover: (hit, event) => state.hover(hit && state.pointIn(slotOf(hit)), event),
        pick: (hit) => state.pick(state.pointIn(slotOf(hit))),
      }),
    ];
  }

  measure() {
    const { H, W } = this.state;
    for (const cube of this.all) {
      const width = cube.stage.clientWidth;
      const shape = (H + START.up * W) / (W + START.right * W); // as the cube stands at first
      cube.resize(width, Math.round(Math.min(380, Math.max(170, width * Math.min(shape, 0.84)))));
    }
  }

  /** @param {Now} now */
  draw(now) {
    const { choice, region, slot } = now;
    this.pose.open = choice.explode / 100;
    this._paint(now);
    this.pixels.mark(region, choice.row);
    this.cells.mark(region, choice.row);
    if (now.size.tokens > MANY) this.patches.mark(slot < 0 ? null : regionOf(slot, now.size));
    else this.patches.markPiece(slot);
    this._say(now);
    this.cut.setAttribute("aria-pressed", String(choice.cut));
  }

  /** @param {Now} now */
  _paint({ choice, size, sizeKey, arranged, shade, latents }) {
    const { view, film, geometry, latentTimes, F, H, W, columns } = this.state;
    const { frame } = choice;
    const cut = choice.cut ? choice.row : 0;
    const base = { shape: view.metadata.shape, rows: [0, H], columns: [0, W], cut };
    const key = [cut, themeColor(view, "line")].join();
    const sheet = (slab) => ({ x: (slab % film.columns) * W, y: Math.floor(slab / film.columns) * H });
    this.pixels.draw(
      {
        ...base,
        times: [...Array(F + 1).keys()],
        first: frame,
        grid: [size.tall, size.wide],
        lines: size.times,
        texture: (slab) => ({ image: film.bitmap, ...sheet(slab), cell: 1 }),
      },
      `${key},${frame},${sizeKey}`,
    );
    const latent = geometry.latentFrameOf(frame);
    const cell = geometry.spatialStride;
    const texture = (slab) => ({ image: latents.canvas, x: slab * columns, y: 0, cell });
    const cells = { ...base, times: latentTimes, first: latent, texture };
    this.cells.draw(cells, `${key},${latent},${choice.channel}`);
    const first = Math.floor(latent / size.patch[0]);
    const color = (piece) => (arranged.kept[arranged.order[piece]] ? shade.css(arranged.order[piece]) : null);
    const { times, rows } = size;
    const wide = size.grid[2] * size.patch[2];
    const many = size.tokens > MANY && this._slabs(size, sizeKey, arranged, shade, choice);
    const pieces = many
      ? { ...base, times, first, texture: (slab) => ({ image: many, x: slab * wide, y: 0, cell }) }
      : { ...base, times, rows, columns: size.columns, first, color };
    this.patches.draw(
      pieces,
      `${key},${first},${sizeKey},${choice.colors},${choice.order},${choice.shuffle},${choice.drop}`,
    );
  }

  /** Very many patches: a picture of each moment in the place of its pieces. */
  _slabs(size, sizeKey, arranged, shade, /** @type {import("../lib/view.js").Selection} */ choice) {
    const { colors, order, shuffle, drop } = choice;
    const key = [sizeKey, colors, order, shuffle, drop].join();
    if (key !== this.slabKey) this.slabs = paintTokens(size, arranged, shade.words);
    this.slabKey = key;
    return this.slabs;
  }

  /** @param {Now} now */
  _say({ choice, size, arranged }) {
    const { F, H, W, f, rows, columns, shrink } = this.state;
    this.pixels.caption(`${F} × ${H * shrink} × ${W * shrink} pixels; white: borders of patches`);
    const channel = this.channels.find(([value]) => value === choice.channel)?.[1];
    this.cells.caption(`${f} × ${rows} × ${columns} cells; ${channel}`);
    const left = arranged.left < size.tokens ? `, ${arranged.left.toLocaleString("en")} left` : "";
    const other =
      choice.colors.includes(".") && !size.own
        ? "; the model has these only at its own patch size: latent numbers"
        : "";
    const count = `${size.grid.join(" × ")} = ${size.tokens.toLocaleString("en")} tokens`;
    this.patches.caption(count + left + other);
  }
}
