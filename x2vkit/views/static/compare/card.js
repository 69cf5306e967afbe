// @ts-check
/** One run: its name, its picture, and its difference from the reference. */
import { PALETTE, heatPixels } from "../lib/colors.js";
import { button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { LatentPainter } from "../lib/painter.js";
import { Picture } from "../lib/picture.js";
import { same } from "../lib/view.js";

/** As DIFFERENCE_MOST and COLORS in views/compare/view.py. */
export const MOST = 96;

export const COLORS = [
  PALETTE.blue,
  PALETTE.green,
  PALETTE.purple,
  PALETTE.red,
  PALETTE.grey,
  PALETTE.orange,
];

/** One run: its name, its picture, and its difference from the reference. */
export class Card {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {import("./runs.js").Run} run
   * @param {number} index
   */
  constructor(view, run, index) {
    this.run = run;
    /** How far each pixel lies from the reference's. */
    this.amounts = new Float32Array(run.width * run.height);
    this.index = index;
    /** Whether its pixels are wanted as numbers: whether another run has its size. */
    this.compared =
      view.metadata.runs.filter(({ clip }) => same(clip.slice(1), run.clip.slice(1))).length > 1;
    const { width, height, name } = run;
    const unknown = new Set(run.unknown.map((word) => word.toLowerCase()));
    const words = run.prompt.flatMap(([word, differs]) => {
      const bare = word.toLowerCase().replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
      const text = unknown.has(bare) ? h("del", { title: "The model does not know this word" }, word) : word;
      return [differs ? h("strong", {}, text) : text, " "];
    });
    const said = `${name}${run.label ? `, ${run.label}` : ""}`;
    this.picture = new Picture(view, {
      width,
      height,
      label: `Run ${said}: its clip`,
      title: "",
      smooth: true,
    });
    this.change = new Picture(view, {
      width,
      height,
      label: `Run ${said}: its difference from the reference`,
      title: "",
    });
    this.over = h("div", { class: "x2v-compare-over" });
    this.change.stage.append(this.over);
    this.pick = button(
      view,
      {
        label: `Make ${name} the reference, which the others are compared with`,
        text: "reference",
        pressed: false,
      },
      () => {
        view.select({ reference: index });
        view.commit();
      },
    );
    const badge = h("span", { class: "x2v-compare-badge", "aria-hidden": "true" }, name);
    this.root = h(
      "section",
      { class: "x2v-compare-card", "aria-label": `Run ${said}` },
      h(
        "div",
        { class: "x2v-compare-head" },
        badge,
        h("span", { class: "x2v-compare-label" }, run.label || null),
        this.pick,
      ),
      view.metadata.prompt === null
        ? h("div", { class: "x2v-compare-prompt" }, ...(words.length ? words : ["(no words)"]))
        : null,
      this.picture.root,
      this.change.root,
    );
    this.root.style.setProperty("--run", COLORS[index]);
    this.change.root.hidden = !this.compared;
  }

  /** @param {import("../lib/view.js").Selection} selection */
  draw({ show, step, frame }) {
    const { run, picture } = this;
    const own = run.own[step];
    const wanted = Math.floor(frame * run.rate + 1e-6); // the same moment, at its own frame rate
    const at = Math.min(wanted, run.size[0] - 1);
    const latents = show === "noisy" ? run.noisy : show === "predicted" ? run.predicted : null;
    if (latents) {
      const from = run.kept.indexOf(own) * run.each;
      LatentPainter.pixels(run.painter.floats(latents, from, at, run.room), picture.data);
      picture.put();
    } else if (this.compared) run.reader.pixels(at, picture);
    else picture.image(run.reader.pictures, at);
    const ended = wanted > at ? ", its last frame" : "";
    picture.caption(
      latents
        ? `step ${own + 1} of ${run.t.length - 1}, noise ${Math.round(100 * run.t[own])} %${ended}`
        : `finished clip${ended}`,
    );
  }

  /** @param {Card} reference drawn before */
  compare(reference) {
    const { change, picture, over } = this;
    const own = reference === this;
    this.pick.setAttribute("aria-pressed", String(own));
    const sized = same(this.run.clip.slice(1), reference.run.clip.slice(1));
    over.hidden = !own && sized;
    if (own || !sized) {
      over.textContent = own ? "the reference" : `another size than ${reference.run.name}: no difference map`;
      return change.caption(own ? "the others are compared with this run" : " ");
    }
    const one = picture.data.data;
    const other = reference.picture.data.data;
    const { amounts } = this;
    let sum = 0;
    for (let i = 0, j = 0; j < one.length; i++, j += 4) {
      amounts[i] =
        (Math.abs(one[j] - other[j]) +
          Math.abs(one[j + 1] - other[j + 1]) +
          Math.abs(one[j + 2] - other[j + 2])) /
        3;
      sum += amounts[i];
    }
    heatPixels(amounts, MOST, change.data);
    change.put();
    change.caption(`from ${reference.run.name}: ${(sum / amounts.length).toFixed(1)} of 255 on average`);
  }
}
