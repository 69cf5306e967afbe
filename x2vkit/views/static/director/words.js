// @ts-check
/** The prompt, the seed, and the buttons that make a clip of them. */
import { button } from "../lib/controls.js";
import { h, uid } from "../lib/elements.js";

/** @typedef {{ got: string, rule: string, cure: string }} Problem */

/** The words, the seed, and what makes a clip of them. */
export class Words {
  /** @param {import("../lib/view.js").View} view @param {{ ask: (draft: boolean) => void, stop: () => void }} on */
  constructor(view, on) {
    this.view = view;
    const [words, seed] = [uid("words"), uid("seed")];
    this.prompt = h("input", { id: words, class: "x2v-dir-text", maxlength: 1000, spellcheck: "true" });
    const most = view.metadata.most.seed;
    this.seed = h("input", { id: seed, class: "x2v-dir-number", type: "number", min: 0, max: most, step: 1 });
    /** What is wrong with the seed that is typed. @type {Problem | null} */
    this.odd = null;
    this.make = button(view, { label: "Make the clip", text: "Generate" }, () => on.ask(false));
    this.make.classList.add("x2v-dir-make");
    this.plan = button(view, { label: "Plan it without drawing it", text: "Plan" }, () => on.ask(true));
    this.stop = button(view, { label: "Stop", text: "Stop" }, on.stop);
    this.progress = h("progress", { max: 1, value: 0, "aria-label": "Denoising steps done" });
    this.status = h("span", { class: "x2v-muted", role: "status" });
    this.problem = h("p", { class: "x2v-dir-problem", role: "alert", hidden: true });
    view.listen(this.prompt, "input", () => view.select({ prompt: this.prompt.value }));
    view.listen(this.prompt, "change", () => view.commit());
    view.listen(
      this.prompt,
      "keydown",
      (event) => event.key === "Enter" && !event.isComposing && on.ask(false),
    );
    view.listen(this.seed, "change", () => {
      const value = this.seed.value === "" ? NaN : Number(this.seed.value);
      const good = Number.isInteger(value) && value >= 0 && value <= most;
      const typed = Number.isNaN(value) ? "seed without a number" : `seed ${this.seed.value}`;
      const rule = `a seed is a whole number from 0 to ${most}`;
      this.odd = good ? null : { got: typed, rule, cure: "use 0" };
      this.seed.setAttribute("aria-invalid", String(!good));
      this.say(this.odd);
      if (good) view.select({ seed: value });
      view.commit();
    });
    this.root = h(
      "div",
      { class: "x2v-dir-words" },
      h("label", { for: words }, "Prompt"),
      this.prompt,
      h(
        "div",
        { class: "x2v-bar" },
        h("label", { for: seed }, "Seed"),
        this.seed,
        this.make,
        this.plan,
        this.stop,
      ),
      h("div", { class: "x2v-bar x2v-dir-state" }, this.progress, this.status),
      this.problem,
    );
    this.busy(false);
    this.alive(false);
  }

  /** @param {boolean} alive whether there is a kernel that makes clips */
  alive(alive) {
    for (const one of [this.make, this.plan]) one.disabled = !alive;
    this.status.textContent = alive ? "" : "No kernel here: what you draw becomes a line of Python below.";
  }

  /** @param {boolean} busy */
  busy(busy) {
    this.stop.hidden = !busy;
    this.progress.hidden = !busy;
    this.progress.value = 0;
  }

  /** @param {Problem | null} problem */
  say(problem) {
    const begun = (text) => text.charAt(0).toUpperCase() + text.slice(1);
    this.problem.hidden = !problem;
    this.problem.textContent = problem
      ? `${begun(problem.got)}: ${problem.rule}. ${begun(problem.cure)}.`
      : "";
  }

  /** @param {import("../lib/view.js").Selection} selection */
  draw({ prompt, seed }) {
    if (this.prompt.value !== prompt) this.prompt.value = prompt;
    if (!this.odd && this.seed.value !== String(seed)) this.seed.value = String(seed);
  }
}
