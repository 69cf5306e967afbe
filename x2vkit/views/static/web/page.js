// @ts-check
/** What was asked, when it is asked again, and where the answers go. */
import { button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { commonKeys } from "../lib/keys.js";
import { Beside } from "./beside.js";
import { Refused, missing } from "./files.js";
import { layOut } from "./layout.js";
import { bring } from "./loading.js";
import { inside } from "./opened.js";
import { PromptBox } from "./promptbox.js";
import { Second } from "./second.js";
import { Settings, fromLink } from "./settings.js";
import { Stage, nextOf } from "./stage.js";

/** Milliseconds after the last key before a clip is begun. */
const TYPING = 150;

export class Page {
  /** @param {import("../lib/view.js").View} view */
  constructor(view) {
    this.view = view;
    this.manifest = view.metadata.manifest;
    this.stage = new Stage(view, this.manifest);
    this.beside = new Beside(view);
    this.settings = new Settings(view, this.manifest, () => this.ask(TYPING));
    this.status = h("p", { class: "x2v-web-status", role: "status" });
    this.prompt = new PromptBox(view, this.manifest, "What should the clip show?", (typing) => {
      if (typing) this.plan = null;
      this.ask(typing ? TYPING : 0);
    });
    this.second = new Second(view, this.manifest, this.stage.pictures, {
      ask: (typing) => this.ask(typing ? TYPING : 0),
      turned: () => this._turned(),
      swap: () => this._swap(),
    });
    this.go = button(view, { label: "Make clip" }, () => this.ask(0));
    this.go.classList.add("x2v-web-go");
    this.go.disabled = true;
    /** Buttons that open a view or save. @type {any[]} */
    this.buttons = [];
    this.place = h("div", { class: "x2v-web-inside" });
    this.running = new AbortController();
    this.endInside = () => {};
    this.open = ""; // the view that is open inside
    /** @type {import("./model.js").Model | null} */
    this.model = null;
    /** @type {import("./model.js").Made | null} */
    this.made = null;
    /** Moved by hand, until other words come. @type {import("./plan.js").Plan | null} */
    this.plan = null;
    /** The plan that the last clip was given. @type {import("./plan.js").Plan | null} */
    this.ranWith = null;
    this.stage.onMoved = (plan) => {
      this.plan = plan;
      this.ask(TYPING);
    };
  }

  async start() {
    layOut(this);
    commonKeys(this.view, this.stage.player);
    const lacks = missing();
    if (lacks) return this._refuse(lacks);
    try {
      await this._load();
    } catch (error) {
      if (this.view.signal.aborted) return;
      console.error(error);
      this._refuse(error instanceof Refused ? error.message : `The model could not be started: ${error}.`);
    }
  }

  async _load() {
    const asked = this._fromLink();
    this.view.listen(globalThis, "hashchange", () => {
      this._fromLink();
      this.ask(0);
    });
    this.tell("The model is loading; meanwhile you can type what the clip should show.");
    const { model, loading } = await bring(this.view, this.stage, asked.shape);
    this.model = model;
    this.second.decoder = () => model.preview;
    const { dataset } = this.view.root;
    dataset.reads = (performance.now() / 1000).toFixed(2);
    this.ask(0);
    await loading;
    this.go.disabled = false;
    this.settings.enable();
    dataset.loaded = (performance.now() / 1000).toFixed(2);
  }

  /** What the address asks for, put into the page. */
  _fromLink() {
    const asked = fromLink(this.manifest);
    this.settings.set(asked);
    this.prompt.box.value = asked.prompt;
    this.second.prompt.box.value = asked.second ?? "";
    if (this.second.on !== (asked.second !== null)) {
      this.second.open(asked.second !== null);
      this._compared();
    }
    return asked;
  }

  /** @param {string} text */
  tell(text) {
    this.status.textContent = text;
  }

  /** @param {string} sentence */
  _refuse(sentence) {
    this.running.abort();
    this.stage.wait("No clip can be made: the reason stands above.");
    this.prompt.box.disabled = this.second.toggle.disabled = true;
    this.view.root.dataset.refused = "true";
    this.status.classList.add("x2v-web-refused");
    this.tell(sentence);
  }

  /** Make a clip of what stands there, soon; what runs is stopped at once. @param {number} wait milliseconds */
  ask(wait) {
    if (!this.model) return;
    this.running.abort();
    for (const prompt of [this.prompt, this.second.prompt]) prompt.read(this.model.lexicon);
    this.stage.asked(this.prompt.text);
    this._make(new Promise((rested) => setTimeout(rested, wait)));
  }

  stop() {
    this.running.abort();
    if (this.made && this.stage.made !== this.made) this.stage.back(this.made); // what the buttons act on
    if (this.model) this._idle("Stopped. “Make clip” begins again.");
  }

  /** Nothing is being made, and why. @param {string} sentence */
  _idle(sentence) {
    this.tell(sentence);
    this.stage.wait("The clip will stand here.");
  }

  /** @param {Promise<any>} rested the reader has stopped typing; reading and planning do not wait for it */
  async _make(rested) {
    this.running = new AbortController();
    const { signal } = this.running;
    const { lexicon } = /** @type {import("./model.js").Model} */ (this.model);
    const why = this.prompt.refusal(lexicon);
    const asked = { ...this.settings.asked(), prompt: this.prompt.text };
    rested.then(() => why || signal.aborted || this._link(asked));
    try {
      if (why) {
        await rested;
        return signal.aborted || this._idle(why);
      }
      if (!this._stands(asked)) {
        const { plan } = this;
        const made = await this._run(asked, rested, signal);
        if (signal.aborted) return;
        this.ranWith = plan;
        this._done(made);
      }
      if (this.second.on)
        await this._makeSecond({ ...asked, prompt: this.second.prompt.text }, rested, signal);
    } catch (error) {
      if (signal.aborted) return;
      console.error(error);
      this._idle(error instanceof Refused ? error.message : `This clip failed: ${error}. Try again.`);
    }
  }

  /** @param {import("./model.js").Asked} asked */
  _link(asked) {
    this.settings.link(asked, this.second.on ? this.second.prompt.text : "");
  }

  /** Whether the first clip is there already, and only the second is wanted. @param {any} asked */
  _stands(asked) {
    const { made, stage, second } = this;
    const same = made && stage.made === made && JSON.stringify(made.asked) === JSON.stringify(asked);
    return second.on && same && this.ranWith === this.plan;
  }

  /** @param {import("./model.js").Asked} asked @param {Promise<any>} rested @param {AbortSignal} signal */
  _run(asked, rested, signal) {
    const { dataset } = this.view.root;
    const began = performance.now();
    this.second.show(null);
    if (dataset.loaded) {
      this.tell("Making the clip: words and plan come first…");
      this.stage.wait("Making the clip…", null);
    }
    const listeners = {
      words: () => this.stage.begin(asked),
      plan: (plan) => signal.aborted || this.stage.plan(plan),
      rested,
      step: (i, pred_x0) => {
        if (signal.aborted) return;
        if (!i) dataset.first = String(Math.round(performance.now() - began));
        this.stage.preview(i, pred_x0);
        this.tell(`Denoising: step ${i + 1} of ${asked.steps}`);
      },
    };
    return /** @type {import("./model.js").Model} */ (this.model).run(asked, listeners, signal, this.plan);
  }

  /**
   * The second clip, of the same noise.
   * @param {import("./model.js").Asked} asked @param {Promise<any>} rested @param {AbortSignal} signal
   */
  async _makeSecond(asked, rested, signal) {
    const model = /** @type {import("./model.js").Model} */ (this.model);
    const why = this.second.prompt.refusal(model.lexicon);
    if (why) {
      this.second.show(null);
      this.tell("One clip: why there is no second one stands in its place.");
      return this.second.say(why);
    }
    const next = nextOf(asked, this.manifest);
    const listeners = {
      words: () => this.tell("The second clip, from the same noise…"),
      plan: () => {},
      rested,
      step: (i, pred_x0) => {
        if (signal.aborted) return;
        this.second.step(next, pred_x0);
        this.tell(`Denoising the second clip: step ${i + 1} of ${asked.steps}`);
      },
    };
    const made = await model.run(asked, listeners, signal);
    if (signal.aborted) return;
    this.second.show(made);
    this.view.model.set("second", made);
    this.tell(`Two clips from the noise of seed ${asked.seed}: what differs is the words.`);
    this.view.root.dataset.seconds = String(Number(this.view.root.dataset.seconds ?? 0) + 1);
  }

  /** The second prompt was opened or closed. */
  _turned() {
    this._compared();
    if (this.second.on) this.second.begin(this.prompt.box.value);
    else if (this.made && this.stage.made === this.made) this.running.abort(); // of the second
  }

  _compared() {
    this.view.root.classList.toggle("x2v-web-comparing", this.second.on);
  }

  /** Put the second prompt first. */
  _swap() {
    const [one, other] = [this.prompt.box, this.second.prompt.box];
    [one.value, other.value] = [other.value, one.value];
    this.plan = null;
    this.ask(0);
  }

  /** @param {import("./model.js").Made} made */
  _done(made) {
    this.made = made;
    this.view.model.set("made", made); // for whoever looks under the bonnet
    this.stage.show(made);
    for (const each of this.buttons) each.disabled = false;
    const { first, total } = made.seconds;
    this.tell(
      `${made.asked.steps} steps and decoding in ${total.toFixed(1)} s, first preview after ${first.toFixed(2)} s ` +
        `(${this.model?.graphs.engine}).`,
    );
    const { dataset } = this.view.root;
    dataset.clips = String(Number(dataset.clips ?? 0) + 1);
    if (this.open) inside(this, this.open);
  }
}
