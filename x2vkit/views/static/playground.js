// @ts-check
/**
 * The prompt workbench: words at the top, the clip and what can be set below, then the history, a grid over two
 * settings, and a comparison of chosen clips. Its kernel half is ../playground.py; what both say to each other
 * are messages {kind, ...}. Without a kernel (an exported page) the history is shown and nothing can be asked.
 */
import { mount, h, uid, button, commonKeys, keys, Choice, LatentPainter, Picture, Player, Slider } from "./common.js";
import { default as compare } from "./compare.js";

/** Milliseconds after the last key before a clip is asked for; and how long to wait for a kernel's first word. */
const TYPING = 200, SETTING = 120, PATIENCE = 2500;
/** The largest side of the clip, in CSS pixels. */
const TALLEST = 460;
const GRID_VALUES = { seed: "0..3", guidance: "1, 4, 8", steps: "2, 5, 20", shape: "square, wide" };

export default mount((view) => new Workbench(view).start());

/**
 * @typedef {{ id: number, settings: Record<string, any>, line: string, fps: number, seconds: number, starred: boolean,
 *   shape: number[], columns: number, mime: string, unknown: string[] }} Entry as Entry.facts in session.py
 * @typedef {import("./common.js").Pictures} Pictures
 * @typedef {{ painter: LatentPainter, latents: Float32Array | null, frames: number, step: number }} Live
 */

class Workbench {
  /** @param {import("./common.js").View} view */
  constructor(view) {
    this.view = view;
    /** @type {Map<number, { facts: Entry, pictures: Pictures, card?: any, thumb?: any }>} */
    this.entries = new Map();
    /** @type {Set<number>} */
    this.chosen = new Set();
    /** @type {Live | null} a clip that is being made */
    this.live = null;
    /** @type {{ id: string, steps: number } | null} what was asked last and has not ended */
    this.job = null;
    /** @type {Record<string, any>} the selection as it is here; the kernel's may lag behind the keys */
    this.mine = { ...view.selection };
    /** @type {number | null} */
    this.picture = null;
    this.timer = 0;
    this.typedAt = 0;
    this.answered = false;
    view.signal.addEventListener("abort", () => clearTimeout(this.timer));
  }

  async start() {
    const { view } = this;
    this.build();
    await this.readHistory();
    view.onSelect((selection, changed) => this.draw(selection, changed));
    view.onData(() => {
      const now = this.mine;
      Object.assign(view.selection, now); // what is typed here is newer than what the kernel was told
      this.readHistory().then(() => view.redraw());
    });
    const hear = (/** @type {any} */ told, /** @type {DataView[]} */ buffers) => this.hear(told, buffers ?? []);
    view.model.on("msg:custom", hear);
    view.signal.addEventListener("abort", () => view.model.off("msg:custom", hear));
    this.send({ kind: "hello" });
    const patience = setTimeout(() => this.answered || (this.note.hidden = false), PATIENCE);
    view.signal.addEventListener("abort", () => clearTimeout(patience));
  }

  // -- what is on the page --------------------------------------------------------------------------------

  build() {
    const { view } = this, { facts } = view;
    /** @type {Record<string, any>} */
    this.slots = {};
    const slot = (/** @type {string} */ name) => (this.slots[name] = h("p", { class: "x2v-play-problem", role: "alert", "data-field": name, hidden: true }));

    const promptId = uid("prompt"), wordsId = uid("words");
    this.prompt = h("textarea", { id: promptId, rows: 2, spellcheck: "false", class: "x2v-play-prompt", "aria-describedby": wordsId,
      placeholder: "a dog wearing a blue hat playing in the snow", maxlength: 400 });
    this.prompt.value = this.mine.prompt;
    this.words = h("ul", { id: wordsId, class: "x2v-play-words", "aria-label": "How the model reads each word" });
    view.listen(this.prompt, "input", () => this.change({ prompt: this.prompt.value }, TYPING));
    view.listen(this.prompt, "focus", () => this.answered && this.send({ kind: "warm", model: this.mine.model }));
    view.listen(this.prompt, "blur", () => view.commit());
    view.listen(this.prompt, "keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        this.ask(false);
      }
    });
    keys(view, { Escape: () => this.cancel() });
    view.listen(this.prompt, "keydown", (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && this.cancel());

    this.stage = new Picture(view, { width: 128, height: 128, label: "The clip", title: "", smooth: true });
    this.progress = h("progress", { max: 1, value: 0, "aria-label": "Denoising steps done" });
    this.status = h("span", { role: "status" });
    this.counter = h("span", {}); // said by no screen reader: it changes twenty times a second
    this.player = new Player(view, { fps: 12, autoplay: true, format: (value) => `${value + 1} of ${view.facts.limits.frame + 1}` });

    const seedId = uid("seed");
    this.seed = h("input", { type: "number", id: seedId, min: 0, max: facts.most.seed, step: 1, "data-key": "seed", class: "x2v-play-number" });
    view.listen(this.seed, "input", () => this.change({ seed: this.seed.value === "" ? "" : Number(this.seed.value) }, SETTING));
    const dice = button(view, { label: "Another seed, at random", text: "" }, () => this.change({ seed: Math.floor(Math.random() * 1e6) }, 0));
    dice.append(diceSign());
    const steps = this.slider("steps", "Steps", 1, facts.most.steps, 1, String);
    const guidance = this.slider("guidance", "Guidance", 1, facts.most.guidance, 0.5, (value) => (value === 1 ? "1 (none)" : value.toFixed(1)));
    this.shapes = Object.entries(facts.shapes).map(([name, [F, H, W]]) => {
      const it = button(view, { label: `${name}: ${F === 1 ? "a still" : `${F} frames`} of ${W} × ${H}`, text: name, pressed: false }, () => this.change({ shape: name }, 0));
      it.dataset.shape = name;
      return it;
    });
    const models = new Choice(view, { key: "model", label: "Model", options: facts.models.map((/** @type {string} */ name) => [name, name]) });
    view.listen(models.input, "change", () => this.change({ model: view.selection.model }, 0));
    const upload = this.upload();
    const field = (/** @type {string} */ name, /** @type {any[]} */ ...children) => h("div", { class: "x2v-play-field" }, h("div", { class: "x2v-play-line" }, ...children), slot(name));

    this.line = h("input", { class: "x2v-play-code", readonly: true, "aria-label": "The line of Python that makes this clip again" });
    const copy = button(view, { label: "Copy the line of Python", text: "Copy" }, () => this.copy(copy));
    const saves = [[".mp4", "mp4"], [".gif", "gif"], [".x2v", "trace (.x2v)"]].map(([suffix, text]) =>
      button(view, { label: `Save the clip as ${text}`, text }, () => this.send({ kind: "export", entry: this.mine.entry, suffix })));

    this.set = h("fieldset", { class: "x2v-play-set", disabled: true },
      h("legend", {}, "Settings"),
      field("seed", h("label", { for: seedId }, "Seed"), this.seed, dice), field("steps", steps), field("guidance", guidance),
      field("shape", h("span", { class: "x2v-play-label" }, "Shape"), h("span", { class: "x2v-play-buttons", role: "group", "aria-label": "Shape" }, ...this.shapes)),
      field("model", models.root), field("image", ...upload),
      field("file", h("span", { class: "x2v-play-label" }, "Save"), h("span", { class: "x2v-play-buttons" }, ...saves)));
    this.note = h("p", { class: "x2v-play-note", role: "status", hidden: true },
      "No kernel answers, so nothing new can be made here: these are the clips that were made. To make your own, run ",
      h("code", {}, "x2v.views.Playground()"), " in a notebook.");

    this.list = h("ul", { class: "x2v-play-history" });
    this.pair = button(view, { label: "Compare the chosen clips side by side", text: "Compare" }, () => this.send({ kind: "compare", entries: [...this.chosen] }));
    this.compared = h("div", { class: "x2v-play-compare" });
    view.root.append(
      this.note,
      h("div", {}, h("label", { for: promptId, class: "x2v-title" }, "What should the clip show?"), this.prompt, this.words, slot("prompt"), slot("run")),
      h("div", { class: "x2v-play-main" },
        h("div", { class: "x2v-play-stage" }, this.stage.root, this.progress,
          h("div", { class: "x2v-muted x2v-play-status" }, this.status, this.counter), this.player.root),
        h("div", { class: "x2v-play-side" }, this.set,
          h("div", { class: "x2v-play-line" }, h("span", { class: "x2v-play-label" }, "Python"), this.line, copy))),
      h("section", { "aria-label": "History" },
        h("div", { class: "x2v-play-head" }, h("span", { class: "x2v-title" }, "History"), this.pair,
          h("span", { class: "x2v-muted" }, "Choose 2 to 6 clips to compare. A star keeps a clip; the oldest without one go.")),
        slot("compare"), this.list),
      this.compared, this.grid(slot),
      h("div", { class: "x2v-muted" }, "Keys: Enter makes the clip at once, Esc stops it; outside the text, ← → frames, space plays."));
    commonKeys(view, this.player);
  }

  /** A slider over a setting. @param {string} key @param {string} label @param {(value: number) => string} format */
  slider(key, label, min, max, step, format) {
    const slider = new Slider(this.view, { key, label, min, max, format });
    slider.input.step = String(step);
    slider.input.value = String(this.mine[key]);
    this.view.listen(slider.input, "input", () => this.change({ [key]: Number(slider.input.value) }, SETTING));
    return slider.root;
  }

  /** The start picture. @returns {any[]} */
  upload() {
    const { view } = this, id = uid("image");
    const file = h("input", { type: "file", id, accept: "image/*", class: "x2v-play-file" });
    this.thumb = h("canvas", { width: 32, height: 32, class: "x2v-play-thumb", role: "img", "aria-label": "The start picture", hidden: true });
    this.drop = button(view, { label: "Start without a picture", text: "×" }, () => {
      this.thumb.hidden = this.drop.hidden = true;
      file.value = "";
      this.picture = null;
      this.change({}, 0);
    });
    this.drop.hidden = true;
    view.listen(file, "change", async () => {
      const chosen = file.files?.[0];
      if (!chosen) return;
      this.say({ image: null });
      try {
        const bitmap = await createImageBitmap(chosen);
        const scale = Math.min(1, 256 / Math.max(bitmap.width, bitmap.height));
        const canvas = new OffscreenCanvas(Math.max(1, bitmap.width * scale), Math.max(1, bitmap.height * scale));
        const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
        context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
        const side = Math.min(bitmap.width, bitmap.height);
        this.thumb.getContext("2d").drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, 32, 32);
        const bytes = await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer();
        const number = Math.floor(Math.random() * 1e9);
        this.send({ kind: "image", image: number }, [bytes]);
        this.picture = number;
        this.thumb.hidden = this.drop.hidden = false;
        this.change({}, 0);
      } catch {
        file.value = "";
        this.say({ image: { got: `the file ${chosen.name}`, rule: "it cannot be read as a picture", cure: "use a png or jpeg" } });
      }
    });
    return [h("label", { for: id }, "Start picture"), this.thumb, this.drop, file];
  }

  /** The grid over two settings. @param {(name: string) => any} slot */
  grid(slot) {
    const { view } = this, names = ["seed", "guidance", "steps", "prompt", "shape", "model"];
    const side = (/** @type {string} */ title, /** @type {string} */ first) => {
      const id = uid("values");
      const menu = h("select", { "aria-label": `${title}: which setting` }, ...names.map((name) => h("option", { value: name, selected: name === first }, name)));
      const values = h("input", { id, class: "x2v-play-values", "aria-label": `${title}: its values`, value: GRID_VALUES[/** @type {"seed"} */ (first)] });
      view.listen(menu, "change", () => {
        const name = /** @type {"seed" | "prompt" | "model"} */ (menu.value);
        values.value = name === "prompt" ? `${this.mine.prompt}; a blue car in the city` : name === "model" ? view.facts.models.join(", ") : GRID_VALUES[/** @type {"seed"} */ (name)];
      });
      return { menu, values, root: h("span", { class: "x2v-play-line" }, h("label", { for: id }, title), menu, values) };
    };
    const across = side("Across", "seed"), down = side("Down", "guidance");
    this.gridGo = button(view, { label: "Make the grid", text: "Make the grid" }, () => {
      this.say({ grid: null });
      if (this.gridLeft) return this.send({ kind: "stop_grid" });
      this.send({ kind: "grid", settings: this.settings(), across: [across.menu.value, across.values.value], down: [down.menu.value, down.values.value] });
    });
    this.gridStatus = h("span", { class: "x2v-muted", role: "status" }, "numbers as 0, 1, 5 or 0..5; prompts parted by ;  — at most 36 clips");
    this.gridPlace = h("div", { class: "x2v-play-gridplace" });
    /** @type {{ canvas: any, pictures: Pictures }[]} */
    this.cells = [];
    this.gridLeft = 0;
    this.gridSet = h("fieldset", { class: "x2v-play-gridset", disabled: true }, across.root, down.root, this.gridGo, this.gridStatus);
    return h("details", { class: "x2v-play-grid" }, h("summary", { class: "x2v-title" }, "A grid over two settings"), this.gridSet, slot("grid"), this.gridPlace);
  }

  // -- asking ---------------------------------------------------------------------------------------------

  /** @param {any} message @param {ArrayBuffer[]} [buffers] */
  send(message, buffers) {
    this.view.model.send(message, undefined, buffers);
  }

  /** Something was set: stop what runs, and ask soon. @param {Record<string, any>} change @param {number} wait */
  change(change, wait) {
    Object.assign(this.mine, change);
    this.view.select(change);
    this.say({ prompt: null, run: null, ...Object.fromEntries(Object.keys(change).map((key) => [key, null])) });
    if (!this.answered) return;
    this.typedAt = performance.now();
    if (this.job) this.cancel();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(wait === TYPING), wait);
  }

  cancel() {
    clearTimeout(this.timer);
    if (!this.job) return;
    this.send({ kind: "cancel" });
    this.job = null;
  }

  settings() {
    const { prompt, seed, steps, guidance, shape, model } = this.mine;
    return { prompt, seed, steps, guidance, shape, model, image: this.picture };
  }

  /** @param {boolean} typed by typing, so that a longer prompt takes the clip's place */
  ask(typed) {
    clearTimeout(this.timer);
    if (!this.answered) return;
    this.view.commit();
    if (!this.mine.prompt.trim()) {
      this.words.replaceChildren();
      return this.tell("Type what the clip should show.");
    }
    this.job = { id: uid("ask"), steps: this.mine.steps };
    this.send({ kind: "ask", id: this.job.id, settings: this.settings(), typed });
  }

  // -- what the kernel says -------------------------------------------------------------------------------

  /** @param {any} told @param {DataView[]} buffers */
  async hear(told, buffers) {
    const { view } = this, mine = this.job !== null && told.id === this.job.id;
    switch (told.kind) {
      case "hello":
        this.answered = true;
        this.note.hidden = true;
        this.set.disabled = this.gridSet.disabled = false;
        if (!this.status.textContent) this.tell("Type above: previews appear while you type.");
        break;
      case "busy":
        if (mine) this.tell(this.loaded ? "Reading the words…" : "Loading the model, once: some seconds…");
        break;
      case "words":
        this.loaded = true;
        if (mine) this.showWords(told.spans);
        break;
      case "begin":
        if (mine) this.begin(told, buffers);
        break;
      case "preview":
        if (mine && this.live) this.preview(told, buffers);
        break;
      case "done":
        await this.keep(told.entry, buffers[0]);
        if (mine) this.finish(told.entry);
        break;
      case "stopped":
        if (this.live && !this.job) this.tell("Stopped.");
        if (told.id?.[0] === "cell") this.endGrid("Stopped.");
        break;
      case "problems":
        this.problems(told, mine);
        break;
      case "file":
        this.download(told, buffers[0]);
        break;
      case "grid":
        this.beginGrid(told);
        break;
      case "cell":
        await this.addCell(told, buffers[0]);
        break;
      case "grid_done":
        this.endGrid("Done. A clip can be clicked to go on from it.");
        break;
      case "compare":
        this.showCompare(told, buffers[0]);
    }
    view.redraw();
  }

  /** @param {any} told @param {DataView[]} buffers weight, bias */
  begin({ grid, steps, line }, [weight, bias]) {
    const painter = new LatentPainter(floats(weight), floats(bias), grid);
    this.live = { painter, latents: null, frames: 1 + 4 * (grid[1] - 1), step: 0 };
    this.first = 0;
    this.line.value = line;
    this.progress.max = steps;
    this.progress.value = 0;
  }

  /** @param {any} told @param {DataView[]} buffers numbers at 8 bits, and a scale for each channel */
  preview({ step, t }, [small, scale]) {
    const live = /** @type {Live} */ (this.live), numbers = new Int8Array(small.buffer, small.byteOffset, small.byteLength), scales = floats(scale);
    const inner = numbers.length / scales.length;
    live.latents ??= new Float32Array(numbers.length);
    for (let i = 0; i < numbers.length; i++) live.latents[i] = numbers[i] * scales[Math.floor(i / inner)];
    live.step = step;
    this.progress.value = step + 1;
    this.counter.textContent = `step ${step + 1} of ${this.progress.max}, noise ${Math.round(100 * t)} %`;
    if (!this.first) {
      this.tell("Denoising: ", true);
      this.size(live.painter.width, live.painter.height, live.frames);
      this.player.play();
      this.first = performance.now() - this.typedAt;
      this.view.root.dataset.first = String(Math.round(this.first)); // what tests and measurements read
    }
    this.view.root.dataset.previews = String(Number(this.view.root.dataset.previews ?? 0) + 1);
  }

  /** @param {Entry} entry */
  finish(entry) {
    this.job = null;
    this.mine.entry = entry.id;
    this.view.select({ entry: entry.id });
    this.show(entry.id);
    const first = this.typedAt && this.first ? `, first preview after ${(this.first / 1000).toFixed(2)} s` : "";
    this.tell(`${entry.settings.steps} steps in ${entry.seconds.toFixed(1)} s${first}`);
  }

  /** @param {any} told @param {boolean} mine */
  problems({ id, fields }, mine) {
    const place = id === "grid" || id === "compare" ? id : Array.isArray(id) ? (id[0] === "cell" ? "grid" : "file") : null;
    if (place) {
      this.say({ [place]: Object.values(fields)[0] });
      if (place === "grid") this.endGrid("");
      return;
    }
    if (!mine && id !== null) return;
    this.job = null;
    this.say(Object.fromEntries(Object.entries(fields).map(([name, problem]) => [this.slots[name] ? name : "run", problem])));
    if ("image" in fields) this.picture = null;
    this.tell("Nothing was made.");
  }

  // -- showing --------------------------------------------------------------------------------------------

  /** @param {string} text @param {boolean} [counting] whether a count of steps follows */
  tell(text, counting = false) {
    this.status.textContent = text;
    if (!counting) this.counter.textContent = "";
  }

  /** Messages in their places; null takes one away. @param {Record<string, any>} problems */
  say(problems) {
    for (const [name, problem] of Object.entries(problems)) {
      const slot = this.slots[name];
      if (!slot) continue;
      slot.hidden = !problem;
      slot.textContent = problem ? `${sentence(problem.got)}: ${problem.rule}. ${sentence(problem.cure)}.` : "";
    }
  }

  /** @param {{ said: string, read: string[] | null, near: string[] }[]} spans */
  showWords(spans) {
    this.words.replaceChildren(...spans.map(({ said, read, near }) => {
      if (read === null) {
        const cures = near.map((word) => button(this.view, { label: `Write ${word} instead of ${said}`, text: word }, () => {
          const at = this.mine.prompt.toLowerCase().indexOf(said);
          if (at < 0) return;
          this.change({ prompt: this.mine.prompt.slice(0, at) + word + this.mine.prompt.slice(at + said.length) }, 0);
        }));
        return h("li", { class: "x2v-play-unknown" }, h("del", {}, said), h("span", {}, cures.length ? " unknown; did you mean " : " unknown"), ...cures);
      }
      const same = read.join(" ") === said;
      return h("li", { title: same ? "known" : "read as" }, said, same ? null : h("span", { class: "x2v-play-read" }, read.length ? ` → ${read.join(" ")}` : " → says nothing"));
    }));
  }

  /** @param {number} width @param {number} height @param {number} frames */
  size(width, height, frames) {
    const { stage, player, view } = this;
    if (stage.canvas.width !== width || stage.canvas.height !== height) {
      stage.canvas.width = width;
      stage.canvas.height = height;
      stage.data = stage.context.createImageData(width, height);
      stage.stage.style.aspectRatio = `${width} / ${height}`;
    }
    stage.root.style.maxWidth = `${Math.round((TALLEST * width) / Math.max(width, height))}px`;
    view.facts.limits = { ...view.facts.limits, frame: frames - 1 };
    player.last = frames - 1;
    player.slider.input.max = String(frames - 1);
    if (view.selection.frame > frames - 1) view.select({ frame: 0 });
    view.redraw(); // the slider says how many frames there are
  }

  /** Show a clip of the history. @param {number} id */
  show(id) {
    const entry = this.entries.get(id);
    if (!entry) return;
    this.live = null;
    this.player.fps = entry.facts.fps;
    this.size(entry.pictures.width, entry.pictures.height, entry.pictures.count);
    this.line.value = entry.facts.line;
    this.progress.value = 0;
  }

  /** @param {import("./common.js").Selection} selection @param {Set<string>} changed */
  draw(selection, changed) {
    this.mine = { ...selection };
    if (changed.has("entry") && !this.job) this.show(selection.entry);
    if (changed.has("prompt") && this.prompt.value !== selection.prompt) this.prompt.value = selection.prompt;
    if (changed.has("seed") && this.seed.value !== String(selection.seed)) this.seed.value = selection.seed;
    for (const one of this.shapes) one.setAttribute("aria-pressed", String(one.dataset.shape === selection.shape));
    const entry = this.entries.get(selection.entry), { stage, live } = this;
    if (live?.latents) {
      LatentPainter.pixels(live.painter.floats(live.latents, 0, Math.min(selection.frame, live.frames - 1)), stage.data);
      stage.put();
      stage.caption("preview: what this step takes the clip to be");
    } else if (entry) {
      stage.image(entry.pictures, Math.min(selection.frame, entry.pictures.count - 1));
      stage.caption(entry.facts.settings.prompt || "(no words)");
    }
    for (const [id, { pictures, thumb, card }] of this.entries) {
      if (thumb) paint(thumb, pictures, selection.frame);
      card?.setAttribute("aria-current", String(id === selection.entry));
    }
    for (const { canvas, pictures } of this.cells) paint(canvas, pictures, selection.frame);
  }

  // -- history --------------------------------------------------------------------------------------------

  /** Take over the history that the widget's state holds. */
  async readHistory() {
    const { facts, arrays } = this.view, ids = new Set(facts.history.map((/** @type {Entry} */ entry) => entry.id));
    for (const entry of facts.history) await this.keep(entry, arrays[`clip.${entry.id}`]);
    for (const id of this.entries.keys()) if (!ids.has(id)) this.entries.delete(id);
    this.list.replaceChildren(...[...this.entries.values()].sort((a, b) => b.facts.id - a.facts.id).map((entry) => this.card(entry)));
    this.mark();
  }

  /** A clip, from a message or from the state, whichever comes first. @param {Entry} facts @param {any} strip */
  async keep(facts, strip) {
    const made = this.entries.has(facts.id) ? null : await pictures(strip, facts);
    const have = this.entries.get(facts.id); // it can have come while the picture was opened
    if (have) have.facts = facts;
    else if (made) this.entries.set(facts.id, { facts, pictures: made });
  }

  /** @param {any} entry */
  card(entry) {
    const { view } = this, { facts } = entry, { settings } = facts;
    const usual = view.facts.usual;
    const parts = [`seed ${settings.seed}`];
    if (settings.steps !== usual.steps) parts.push(`${settings.steps} steps`);
    if (settings.guidance !== usual.guidance) parts.push(`guidance ${settings.guidance}`);
    if (settings.shape !== usual.shape) parts.push(settings.shape);
    if (settings.model !== usual.model) parts.push(settings.model);
    if (settings.image !== null) parts.push("from a picture");
    const said = `${settings.prompt || "no words"}, ${parts.join(", ")}`;
    entry.thumb = h("canvas", { width: entry.pictures.width, height: entry.pictures.height, class: "x2v-smooth", role: "img", "aria-label": `Clip: ${said}` });
    const open = h("button", { type: "button", class: "x2v-play-open", title: "Show it, and go back to its settings" },
      entry.thumb, h("span", { class: "x2v-play-words1" }, settings.prompt || "(no words)"), h("span", { class: "x2v-muted" }, parts.join(" · ")));
    view.listen(open, "click", () => this.restore(facts));
    const star = button(view, { label: `Star: ${said}`, text: facts.starred ? "★" : "☆", pressed: facts.starred }, () =>
      this.send({ kind: "star", entry: facts.id, starred: !facts.starred }));
    star.setAttribute("aria-pressed", String(facts.starred));
    const box = h("input", { type: "checkbox", checked: this.chosen.has(facts.id) });
    view.listen(box, "change", () => {
      this.chosen[box.checked ? "add" : "delete"](facts.id);
      this.mark();
    });
    star.disabled = !this.answered;
    entry.card = h("li", { class: "x2v-play-card" }, open, h("div", { class: "x2v-play-line" }, star, h("label", { class: "x2v-muted" }, box, " compare")));
    return entry.card;
  }

  /** What can be compared now. */
  mark() {
    for (const id of [...this.chosen]) if (!this.entries.has(id)) this.chosen.delete(id);
    this.pair.textContent = this.chosen.size ? `Compare ${this.chosen.size}` : "Compare";
    this.pair.disabled = !this.answered || this.chosen.size < 2 || this.chosen.size > 6;
  }

  /** Back to a clip and its settings. @param {Entry} facts */
  restore(facts) {
    this.cancel();
    const { image, ...settings } = facts.settings;
    this.picture = image;
    this.thumb.hidden = this.drop.hidden = image === null;
    this.say(Object.fromEntries(Object.keys(this.slots).map((name) => [name, null])));
    this.mine = { ...this.mine, ...settings, entry: facts.id };
    this.view.select({ ...settings, entry: facts.id });
    this.show(facts.id);
    this.words.replaceChildren();
    this.tell("");
    this.view.commit();
  }

  /** A Compare of chosen clips, inside. @param {any} told @param {DataView} buffer */
  showCompare({ facts, selection }, buffer) {
    this.endCompare?.();
    /** @type {Record<string, any>} */
    const values = { facts, selection, buffer, group: "" };
    const model = { get: (/** @type {string} */ name) => values[name], set: (/** @type {string} */ name, /** @type {any} */ value) => (values[name] = value), on() {}, off() {}, save_changes() {}, send() {} };
    const place = h("div", {});
    const end = compare.render({ model, el: place });
    this.endCompare = () => {
      end();
      this.compared.replaceChildren();
      this.endCompare = undefined;
    };
    this.view.signal.addEventListener("abort", () => end());
    this.compared.replaceChildren(h("div", { class: "x2v-play-head" }, h("span", { class: "x2v-title" }, "Chosen clips"),
      button(this.view, { label: "Close the comparison", text: "Close" }, () => this.endCompare?.())), place);
    this.compared.scrollIntoView({ block: "nearest" });
  }

  // -- the grid -------------------------------------------------------------------------------------------

  /** @param {any} told */
  beginGrid({ across, down }) {
    this.cells = [];
    this.gridLeft = across.values.length * down.values.length;
    this.gridGo.textContent = "Stop";
    this.gridStatus.textContent = `${this.gridLeft} clips to go`;
    this.gridCells = down.values.map(() => across.values.map(() => h("td", {})));
    this.gridPlace.replaceChildren(h("table", {},
      h("caption", { class: "x2v-muted" }, `${across.setting} across, ${down.setting} down`),
      h("thead", {}, h("tr", {}, h("td", {}), ...across.values.map((/** @type {any} */ value) => h("th", { scope: "col" }, `${value}`)))),
      h("tbody", {}, ...down.values.map((/** @type {any} */ value, /** @type {number} */ row) => h("tr", {}, h("th", { scope: "row" }, `${value}`), ...this.gridCells[row])))));
  }

  /** @param {any} facts @param {DataView} strip */
  async addCell(facts, strip) {
    this.gridLeft -= 1;
    this.gridStatus.textContent = `${this.gridLeft} clips to go`;
    const made = await pictures(strip, facts), { settings } = facts;
    const canvas = h("canvas", { width: made.width, height: made.height, class: "x2v-smooth" });
    const open = h("button", { type: "button", class: "x2v-play-open", "aria-label": `Go on from seed ${settings.seed}, guidance ${settings.guidance}, ${settings.steps} steps: ${settings.prompt}`, title: "Go on from this clip" }, canvas);
    this.view.listen(open, "click", () => {
      const { image, ...rest } = settings;
      this.picture = image;
      this.change(rest, 0);
    });
    this.gridCells[facts.row][facts.column].replaceChildren(open);
    this.cells.push({ canvas, pictures: made });
  }

  /** @param {string} text */
  endGrid(text) {
    this.gridLeft = 0;
    this.gridGo.textContent = "Make the grid";
    this.gridStatus.textContent = text;
  }

  // -- taking things away ---------------------------------------------------------------------------------

  /** @param {any} told @param {DataView} data */
  download({ name, mime }, data) {
    const url = URL.createObjectURL(new Blob([bytes(data)], { type: mime }));
    const link = h("a", { href: url, download: name, hidden: true });
    this.view.root.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    this.tell(`Saved as ${name}`);
  }

  /** @param {HTMLButtonElement} copy */
  async copy(copy) {
    try {
      await navigator.clipboard.writeText(this.line.value);
      copy.textContent = "Copied";
    } catch {
      this.line.select(); // where a page may not write to the clipboard, a person can
      copy.textContent = "Press Ctrl+C";
    }
    setTimeout(() => (copy.textContent = "Copy"), 1500);
  }
}

/** @param {DataView} view */
function bytes(view) {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** @param {DataView} view which can begin anywhere in a message, where typed arrays cannot */
function floats(view) {
  return new Float32Array(bytes(view).slice().buffer);
}

/** @param {any} data bytes of an image file @param {{ shape: number[], columns: number, mime: string }} packing @returns {Promise<Pictures>} */
async function pictures(data, { shape: [count, height, width], columns, mime }) {
  const raw = data instanceof DataView ? bytes(data) : data;
  return { bitmap: await createImageBitmap(new Blob([raw], { type: mime })), count, height, width, columns };
}

/** @param {HTMLCanvasElement} canvas @param {Pictures} pictures @param {number} frame */
function paint(canvas, { bitmap, count, width, height, columns }, frame) {
  const index = frame % count, x = (index % columns) * width, y = Math.floor(index / columns) * height;
  canvas.getContext("2d")?.drawImage(bitmap, x, y, width, height, 0, 0, canvas.width, canvas.height);
}

/** @param {string} text */
function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function diceSign() {
  const dots = [[5, 5], [11, 11], [5, 11], [11, 5], [8, 8]].map(([cx, cy]) => h("circle", { cx, cy, r: 1.4, fill: "currentColor" }));
  return h("svg", { viewBox: "0 0 16 16", width: 18, height: 18, "aria-hidden": "true" },
    h("rect", { x: 1.5, y: 1.5, width: 13, height: 13, rx: 3, fill: "none", stroke: "currentColor", "stroke-width": 1.4 }), ...dots);
}
