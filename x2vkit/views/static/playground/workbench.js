// @ts-check
/** What was set, what was asked of the kernel, and where its answers go. */
import compare from "../compare/index.js";
import { Code } from "../lib/code.js";
import { h } from "../lib/elements.js";
import { commonKeys } from "../lib/keys.js";
import { terms } from "../lib/terms.js";
import { Below } from "./below.js";
import { Grid } from "./grid.js";
import { History } from "./history.js";
import { Kernel, noKernel } from "./kernel.js";
import { download } from "./media.js";
import { Look } from "./look.js";
import { Problems } from "./problems.js";
import { Prompt } from "./prompt.js";
import { Settings } from "./settings.js";
import { Stage } from "./stage.js";
import { Upload } from "./upload.js";

/** Milliseconds after the last key, and after the last movement of a slider, before a clip is asked for. */
const TYPING = 200;
const SETTING = 120;
/** How long to wait for a kernel's first word, in milliseconds. */
const PATIENCE = 2500;

export class Workbench {
  /** @param {import("../lib/view.js").View} view */
  constructor(view) {
    this.view = view;
    /** @type {Record<string, any>} the selection as it is here; the kernel's may lag behind the keys */
    this.mine = { ...view.selection };
    this.kernel = new Kernel(view, {
      settings: () => this.asked(),
      empty: () => {
        this.prompt.showWords([]);
        this.stage.tell("Type what the clip should show.");
      },
    });
    this.problems = new Problems();
    this.stage = new Stage(view);
    this.code = new Code(view);
    this.comparison = new Below(view, compare);
    this.inside = this._inside();
    this.prompt = this._prompt();
    this.upload = this._upload();
    this.settings = new Settings(view, this.problems, this._setting(), this.upload.parts);
    this.history = this._history();
    this.grid = this._grid();
  }

  async start() {
    const { view } = this;
    this._layOut();
    view.listen(view.root, "keydown", ({ key }) => key === "Escape" && this.kernel.cancel());
    commonKeys(view, this.stage.player);
    await this.history.read();
    view.onSelect((selection, changed) => this._draw(selection, changed));
    view.onData(() => {
      Object.assign(view.selection, this.mine); // what is typed here is newer than what the kernel was told
      this.history.read().then(() => view.redraw());
    });
    const on = (message, /** @type {DataView[]} */ buffers) => this.onMessage(message, buffers ?? []);
    view.model.on("msg:custom", on);
    view.signal.addEventListener("abort", () => view.model.off("msg:custom", on));
    this.kernel.emit({ kind: "hello" });
    const patience = setTimeout(() => this.kernel.answered || (this.note.hidden = false), PATIENCE);
    view.signal.addEventListener("abort", () => clearTimeout(patience));
  }

  // -- the parts, and what they ask for

  _prompt() {
    const prompt = new Prompt(this.view, {
      typed: (text) => this.change({ prompt: text }, TYPING),
      corrected: (text) => this.change({ prompt: text }),
      entered: () => this.kernel.ask(false),
      expanded: (prompt, seed) => this.kernel.expand(prompt, seed),
      focused: () => this.kernel.answered && this.kernel.emit({ kind: "warm", model: this.mine.model }),
    });
    prompt.show(this.mine.prompt);
    return prompt;
  }

  _inside() {
    const tell = (text) => this.stage.tell(text);
    return new Look(this.view, tell, () => {
      this.problems.say({ inside: null });
      this.kernel.emit({ kind: "inside", entry: this.mine.entry });
    });
  }

  _upload() {
    return new Upload(this.view, {
      send: (image, bytes) => this.kernel.emit({ kind: "image", image }, [bytes]),
      changed: () => this.change({}),
      failed: (problem) => this.problems.say({ image: problem }),
    });
  }

  _setting() {
    return {
      change: (change, slowly) => this.change(change, slowly ? SETTING : 0),
      save: (suffix) => this.kernel.emit({ kind: "export", entry: this.mine.entry, suffix }),
    };
  }

  _history() {
    return new History(this.view, this.problems, {
      open: (entry) => this.restore(entry),
      star: ({ id, starred }) => this.kernel.emit({ kind: "star", entry: id, starred: !starred }),
      compare: (entries) => this.kernel.emit({ kind: "compare", entries }),
      answered: () => this.kernel.answered,
    });
  }

  _grid() {
    return new Grid(this.view, this.problems, {
      make: (across, down) => this.kernel.emit({ kind: "grid", settings: this.asked(), across, down }),
      stop: () => this.kernel.emit({ kind: "stop_grid" }),
      goOn: ({ image, ...settings }) => {
        this.upload.set(image);
        this.change(settings);
      },
    });
  }

  _layOut() {
    const { prompt, stage, settings, code, history, comparison, inside, grid, problems } = this;
    this.note = noKernel();
    const words = [...prompt.parts, problems.slot("prompt"), problems.slot("run")];
    stage.root.append(inside.button, problems.slot("inside"));
    const side = h("div", { class: "x2v-play-side" }, settings.root, code.root);
    const text =
      "Keys: Enter makes the clip at once, Esc stops it; outside the text, ← → frames, space plays.";
    this.view.root.append(
      this.note,
      h("div", {}, ...words),
      h("div", { class: "x2v-play-main" }, stage.root, side),
      inside.root,
      history.root,
      comparison.root,
      grid.root,
      h("div", { class: "x2v-muted" }, text),
      terms(this.view, ["guidance", "preview", "noise level", "latent", "NFE", "trace"]),
    );
  }

  /** Something was set: ask again, soon. @param {Record<string, any>} change @param {number} wait */
  change(change, wait = 0) {
    Object.assign(this.mine, change);
    this.view.select(change);
    const fields = ["prompt", "run", ...Object.keys(change)];
    this.problems.say(Object.fromEntries(fields.map((name) => [name, null])));
    this.kernel.askSoon(wait, wait === TYPING);
  }

  /** All settings as the kernel takes them. */
  asked() {
    const { prompt, seed, steps, guidance, shape, model } = this.mine;
    return { prompt, seed, steps, guidance, shape, model, image: this.upload.number };
  }

  // -- what the kernel says

  /** @param {any} message @param {DataView[]} buffers */
  async onMessage(message, buffers) {
    const mine = this.kernel.asked(message);
    const { kind } = message;
    if (kind === "hello") this._hello();
    else if (kind === "done") await this._done(message.entry, buffers[0], mine);
    else if (kind === "stopped") this._stopped(message);
    else if (kind === "problems") this._problems(message, mine);
    else if (kind === "file") this._file(message, buffers[0]);
    else if (kind === "grid") this.grid.begin(message);
    else if (kind === "cell") await this.grid.add(message, buffers[0]);
    else if (kind === "grid_done") this.grid.end("Done. A clip can be clicked to go on from it.");
    else if (kind === "compare") this.comparison.show("Chosen clips", message, buffers[0]);
    else if (kind === "inside") this.inside.open(message, buffers[0]);
    else if (mine) this._running(message, buffers);
    this.view.redraw();
  }

  _hello() {
    this.kernel.answered = true;
    this.note.hidden = true;
    this.settings.root.disabled = this.grid.set.disabled = this.inside.button.disabled = false;
    if (!this.stage.status.textContent) this.stage.tell("Type above: previews appear while you type.");
  }

  /** News of the clip that was asked for. @param {any} message @param {DataView[]} buffers */
  _running(message, buffers) {
    const { kind } = message;
    const reading = this.kernel.loaded ? "Reading the words…" : "Loading the model, once: some seconds…";
    if (kind === "busy") this.stage.tell(reading);
    if (kind === "words") this.prompt.showWords(message.spans, message.notes);
    if (kind === "begin") {
      this.kernel.loaded = true;
      this.kernel.first = 0;
      this.stage.begin(message, buffers);
      this.code.show(message.line);
    }
    if (kind === "preview" && this.stage.live) {
      this.stage.preview(message, buffers);
      this.kernel.previewed();
    }
  }

  /** @param {import("./history.js").Entry} entry @param {DataView} sheet @param {boolean} mine */
  async _done(entry, sheet, mine) {
    await this.history.keep(entry, sheet);
    if (!mine) return;
    this.kernel.job = null;
    this.mine.entry = entry.id;
    this.view.select({ entry: entry.id });
    this._show(entry.id);
    this.stage.tell(`${entry.settings.steps} steps in ${entry.seconds.toFixed(1)} s${this.kernel.speed}`);
  }

  _stopped({ id }) {
    if (this.stage.live && !this.kernel.job) this.stage.tell("Stopped.");
    if (id?.[0] === "cell") this.grid.end("Stopped.");
  }

  /** @param {any} message @param {boolean} mine */
  _problems({ id, fields }, mine) {
    const part = Array.isArray(id) ? (id[0] === "cell" ? "grid" : "file") : id;
    if (["grid", "compare", "inside", "file"].includes(part)) {
      this.problems.say({ [part]: Object.values(fields)[0] });
      if (part === "grid") this.grid.end("");
      return;
    }
    if (!mine && id !== null) return;
    this.kernel.job = null;
    this.problems.sayAll(fields);
    if ("image" in fields) this.upload.number = null;
    this.stage.tell("Nothing was made.");
  }

  _file(message, data) {
    download(this.view.root, message, data);
    this.stage.tell(`Saved as ${message.name}`);
  }

  // -- showing

  /** A clip of the history. @param {number} id */
  _show(id) {
    const entry = this.history.entries.get(id);
    if (!entry) return;
    this.stage.show(entry);
    this.code.show(entry.metadata.line);
  }

  /** Back to a clip and its settings. @param {import("./history.js").Entry} entry */
  restore({ id, settings }) {
    const { image, ...asked } = settings;
    this.kernel.cancel();
    this.upload.set(image);
    this.problems.clear();
    this.mine = { ...this.mine, ...asked, entry: id };
    this.view.select({ ...asked, entry: id });
    this._show(id);
    this.prompt.showWords([]);
    this.stage.tell("");
    this.view.commit();
  }

  /** @param {import("../lib/view.js").Selection} selection @param {Set<string>} changed */
  _draw(selection, changed) {
    const { entry, frame, prompt } = selection;
    this.mine = { ...selection };
    if (changed.has("entry") && !this.kernel.job) this._show(entry);
    if (changed.has("prompt")) this.prompt.show(prompt);
    if (changed.has("model")) this.prompt.showModel(selection.model);
    this.settings.draw(selection, changed);
    this.stage.draw(frame, this.history.entries.get(entry));
    this.history.draw(frame, entry);
    this.grid.draw(frame);
  }
}
