// @ts-check
/**
 * Heads against the truth: a row for each head of each layer, a column for each recorded step, coloured by how well
 * the head finds what the plan knows. A click goes there, and opens its attention below.
 */
import attention from "../attention/index.js";
import { heatCss } from "../lib/colors.js";
import { Choice, button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { Inside } from "../lib/inside.js";
import { keys } from "../lib/keys.js";
import { mount } from "../lib/mount.js";
import { promptLine } from "../lib/prompt.js";
import { ScaleBar } from "../lib/scalebar.js";
import { terms } from "../lib/terms.js";

export default mount((view) => {
  const { metadata } = view;
  const scores = new Scores(view);
  const inside = new Inside(view, { attention: [attention, "Attention"] });
  const measure = new Choice(view, {
    key: "measure",
    label: "Measure",
    options: [
      ["spots", "the same spot in other frames"],
      ["words", "the subject's patches, by a word"],
    ],
  });
  const word = new Choice(view, { key: "word", label: "Word", options: metadata.words });
  const open = button(view, { label: "Open this head's attention", pressed: false }, () =>
    inside.choose("attention"),
  );
  const table = new Table(view, scores, () => inside.choose("attention"));
  const told = h("p", { class: "x2v-told", role: "status" });
  const scale = new ScaleBar({
    label: "of what lies between chance (dark) and always (bright)",
    low: "chance",
    high: "100 %",
  });
  view.root.append(
    h(
      "div",
      {},
      promptLine(metadata.prompt, metadata.unknown),
      h(
        "div",
        { class: "x2v-muted" },
        "The plan says where the subject is in every frame. Which heads know it?",
      ),
    ),
    h("div", { class: "x2v-bar" }, measure.root, word.root, scale.root),
    table.root,
    told,
    h("div", { class: "x2v-bar" }, open),
    h(
      "div",
      { class: "x2v-muted" },
      "A click on the chosen cell opens its attention. Keys: ↑ and ↓ move through layers and heads, ← and → through " +
        "steps, Enter opens attention.",
    ),
    terms(view, ["attention", "token", "patch", "plan", "latent"]),
    inside.root,
  );
  keys(view, table.moves());
  view.onSelect((selection) => {
    word.root.hidden = selection.measure !== "words";
    open.setAttribute("aria-pressed", String(selection.inside === "attention"));
    table.draw();
    const text = scores.sentence();
    if (told.textContent !== text) told.textContent = text;
  });
});

/** The numbers, at the selection. */
class Scores {
  /** @param {import("../lib/view.js").View} view */
  constructor(view) {
    this.view = view;
    /** @type {[number, number][]} */
    this.sites = view.metadata.sites;
    this.steps = [...new Set(this.sites.map(([step]) => step))];
    this.heads = view.metadata.heads.length;
  }

  /** @param {number} site @param {number} head */
  at(site, head) {
    const { arrays, selection, metadata } = this.view;
    const place = site * this.heads + head;
    if (selection.measure === "spots") return arrays.spots[place];
    return arrays.words[place * metadata.texts + selection.word];
  }

  chance() {
    return this.view.metadata.chance[this.view.selection.measure];
  }

  /** The recorded site that is nearest to the selection: the step counts first. */
  chosen() {
    const { step, layer } = this.view.selection;
    const far = ([s, l]) => 1000 * Math.abs(s - step) + Math.abs(l - layer);
    return this.sites.reduce((best, site, i) => (far(site) < far(this.sites[best]) ? i : best), 0);
  }

  /** What the chosen head does, in a sentence. */
  sentence() {
    const { metadata, selection } = this.view;
    const site = this.chosen();
    const head = selection.head ?? 0;
    const [step, layer] = this.sites[site];
    const name = `Step ${step + 1}, layer ${layer + 1}, head ${metadata.heads[head] + 1}`;
    const value = Math.round(100 * this.at(site, head));
    const chance = Math.round(100 * this.chance());
    if (selection.measure === "spots")
      return (
        `${name}: of all spots of the subject, the patch that it looks at most in another latent frame is the ` +
        `same spot, or next to it, in ${value} % of cases. A head that looks anywhere: ${chance} %; one that looks ` +
        `at its own place of the picture: ${Math.round(100 * metadata.still)} %.`
      );
    const word = metadata.words.find(([index]) => index === selection.word)?.[1] ?? "";
    return (
      `${name}: take a patch of the subject and one beside it; in ${value} % of such pairs the patch of the ` +
      `subject looks more at “${word}”; by chance in ${chance} %.`
    );
  }
}

/** All heads at all recorded steps. */
class Table {
  /** @param {import("../lib/view.js").View} view @param {Scores} scores @param {() => void} open attention */
  constructor(view, scores, open) {
    this.view = view;
    this.scores = scores;
    this.open = open;
    const { metadata } = view;
    const layers = [...new Set(scores.sites.map(([, layer]) => layer))].sort((a, b) => a - b);
    /** Rows of the table. */
    this.rows = layers.flatMap((layer) => metadata.heads.map((_, head) => ({ layer, head })));
    /** @type {{ cell: HTMLElement, site: number, head: number }[]} */
    this.cells = [];
    const step = (text, title) => h("th", { scope: "col", title }, text);
    const noise = (step) => `${Math.round(100 * metadata.noise[step])} % of noise`;
    this.root = h(
      "div",
      { class: "x2v-heads-wide" },
      h(
        "table",
        { class: "x2v-heads-table" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            step("step", "a column a denoising step"),
            ...scores.steps.map((i) => step(`${i + 1}`, `step ${i + 1}, ${noise(i)}`)),
          ),
        ),
        h("tbody", {}, ...this.rows.map((row) => this._line(row))),
      ),
    );
  }

  draw() {
    const { selection } = this.view;
    const chance = this.scores.chance();
    const chosen = this.scores.chosen();
    for (const { cell, site, head } of this.cells) {
      const score = this.scores.at(site, head);
      const level = Math.min(Math.max((score - chance) / (1 - chance), 0), 1);
      cell.textContent = Number.isFinite(score) ? String(Math.round(100 * score)) : "–";
      cell.style.background = heatCss(level);
      cell.style.color = level < 0.6 ? "#fff" : "#111";
      const here = site === chosen && head === selection.head;
      cell.setAttribute("aria-pressed", String(here));
      cell.tabIndex = here ? 0 : -1; // one stop for the Tab key, arrows do the rest
      if (here) this._follow(cell);
    }
  }

  /** Keep the chosen cell in sight of a narrow page, and the focus on it where it was on another one. */
  _follow(cell) {
    const { root } = this;
    const named = root.querySelector("th[scope=row]")?.getBoundingClientRect().right ?? 0;
    const [box, place] = [root.getBoundingClientRect(), cell.getBoundingClientRect()];
    if (place.left < named) root.scrollLeft -= named - place.left + 4;
    if (place.right > box.right) root.scrollLeft += place.right - box.right + 4;
    const focused = /** @type {Document | ShadowRoot} */ (root.getRootNode()).activeElement;
    if (focused?.classList.contains("x2v-heads-cell") && root.contains(focused))
      cell.focus({ preventScroll: true });
  }

  /** What keys do. @returns {Record<string, () => void>} */
  moves() {
    const { view, scores, rows } = this;
    const within = (i, count) => Math.min(Math.max(i, 0), count - 1);
    const by = (down, across) => () => {
      const [step, layer] = scores.sites[scores.chosen()];
      const now = rows.findIndex((row) => row.layer === layer && row.head === (view.selection.head ?? 0));
      const next = scores.steps[within(scores.steps.indexOf(step) + across, scores.steps.length)];
      view.select({ step: next, ...rows[within(now + down, rows.length)] });
    };
    return {
      ArrowUp: by(-1, 0),
      ArrowDown: by(1, 0),
      ArrowLeft: by(0, -1),
      ArrowRight: by(0, 1),
      Enter: this.open,
    };
  }

  /** One head at all steps. */
  _line({ layer, head }) {
    const { view, scores } = this;
    const name = `layer ${layer + 1}, head ${view.metadata.heads[head] + 1}`;
    const cells = scores.steps.map((step) => {
      const site = scores.sites.findIndex(([s, l]) => s === step && l === layer);
      if (site < 0) return h("td", {});
      const cell = h("button", {
        type: "button",
        class: "x2v-heads-cell",
        "aria-label": `step ${step + 1}, ${name}`,
      });
      view.listen(cell, "click", () => {
        if (cell.getAttribute("aria-pressed") === "true") return this.open(); // again, or by Enter
        view.select({ step, layer, head });
        view.commit();
      });
      this.cells.push({ cell, site, head });
      return h("td", {}, cell);
    });
    return h("tr", { class: head ? "" : "x2v-heads-first" }, h("th", { scope: "row" }, name), ...cells);
  }
}
