// @ts-check
/**
 * A world to play in: arrow keys, WASD or touch, and four new frames for each. Its kernel half is
 * ../../play.py; what both say to each other are messages {kind, ...}. Without a kernel (an exported page)
 * what was played is shown as a recording, and nothing can be pressed.
 */
import { button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { mount } from "../lib/mount.js";
import { Reel } from "./reel.js";
import { Keypad } from "./keypad.js";

const OPENING = {
  opening: "Somebody played here. Press a key, and it begins anew.",
  clip: "Press a key, and the clip goes on.",
  words: "Press a key, and the world is made.",
};
const RECORDING = "This is a recording. Open it in a notebook to play: x2v.views.Play()";
const LOADING = "The model is being loaded, which takes some seconds …";
/** Milliseconds without an answer after which a notebook's reader is told that there was none. */
const PATIENCE = 1500;

export default mount(async (view) => {
  const { metadata } = view;
  const reel = new Reel(view, { label: "The world" });
  await reel.begin();
  const kernel = new Kernel(view);
  const told = h("p", { class: "x2v-told", role: "status" });
  const pad = new Keypad(view, metadata.keys, (key) => kernel.press(key));
  const time = button(view, { label: "Time goes on", pressed: false }, () => {
    pad.idle = pad.idle ? null : "stay";
    time.setAttribute("aria-pressed", String(pad.idle !== null));
    if (!pad.busy) pad.next();
  });
  const again = button(view, { label: "Watch all of it" }, () => reel.watch(0));
  const box = button(view, { label: "Plan's box", pressed: true }, () => {
    reel.boxed = !reel.boxed;
    box.setAttribute("aria-pressed", String(reel.boxed));
    reel.draw();
  });
  const form = new Beginning(view, (prompt) => {
    pad.busy = true;
    kernel.begin(prompt);
  });
  const enable = (on) => {
    pad.enable(on);
    for (const each of [time, form.input, form.go]) each.disabled = !on;
  };
  const say = (text) => told.textContent !== text && (told.textContent = text);
  const help =
    "Arrow keys or WASD steer, held as long as you like; space jumps, a full stop waits, Escape stops.";
  const hint = h("div", { class: "x2v-muted" }, help);
  const controls = h("div", { class: "x2v-world-controls" }, pad.root, told, form.root, hint);
  view.root.append(
    h(
      "div",
      { class: "x2v-world" },
      h("div", {}, reel.root, h("div", { class: "x2v-bar" }, time, again, box)),
      controls,
    ),
  );
  pad.listen(view.root);
  view.listen(view.root, "keydown", (event) => {
    if (event.key !== "Escape") return;
    kernel.cancel();
    pad.stop();
    time.setAttribute("aria-pressed", "false");
    say("Stopped.");
  });
  enable(false);
  say(kernel.exported ? RECORDING : "Waiting for the kernel …");

  kernel.on({
    hello: () => {
      enable(true);
      say(OPENING[metadata.opening ? "opening" : metadata.made ? "clip" : "words"]);
    },
    waiting: ({ text }) => say(kernel.loaded ? text : LOADING),
    frames: (message, bytes) => {
      reel.add(bytes, message.size, message.boxes);
      say(`${message.size[0]} frames in ${message.seconds.toFixed(2)} s  ·  ${message.pressed} keys`);
      pad.next();
    },
    world: (message, bytes) => {
      reel.clear();
      reel.add(bytes, message.size, message.boxes);
      if (kernel.pressing) return say("Drawing …"); // the first key's frames are on their way
      say("A new world. Press a key.");
      pad.next();
    },
    problem: ({ got, rule, cure }) => {
      say(`${got}: ${rule}. ${cure}.`);
      pad.stop();
    },
  });
  view.model.send({ kind: "hello" });
  kernel.alone(() => say("The kernel has not answered yet. What was played can be watched."));
});

/** What is said to the kernel and heard from it. */
class Kernel {
  /** @param {import("../lib/view.js").View} view */
  constructor(view) {
    this.view = view;
    /** Keys whose frames have not come yet. */
    this.pressing = 0;
    this.loaded = false;
    /** Whether this is a page of its own, and no notebook. */
    this.exported = !view.model.widget_manager;
    this.answered = false;
    /** @type {Record<string, (message: any, bytes: DataView) => void>} */
    this.table = {};
    const hear = (message, buffers) => {
      this.answered = true;
      if (message.kind === "world" || message.kind === "frames") this.loaded = true;
      if (message.kind === "frames") this.pressing -= 1;
      if (message.kind === "problem") this.pressing = 0;
      this.table[message.kind]?.(message, buffers?.[0]);
    };
    view.model.on("msg:custom", hear);
    view.signal.addEventListener("abort", () => view.model.off("msg:custom", hear));
  }

  on(table) {
    this.table = table;
  }

  press(key) {
    this._wait("Drawing …");
    this.pressing += 1;
    this.view.model.send({ kind: "press", key });
  }

  begin(prompt) {
    this._wait("Making a new world …");
    this.pressing = 0;
    this.view.model.send({ kind: "start", prompt, seed: Math.floor(Math.random() * 1e6) });
  }

  cancel() {
    this.pressing = 0;
    this.view.model.send({ kind: "cancel" });
  }

  _wait(text) {
    this.table.waiting?.({ text }, /** @type {any} */ (null));
  }

  /** @param {() => void} then */
  alone(then) {
    if (this.exported) return;
    const timer = setTimeout(() => this.answered || then(), PATIENCE);
    this.view.signal.addEventListener("abort", () => clearTimeout(timer));
  }
}

/** Words for a new world. */
class Beginning {
  /** @param {import("../lib/view.js").View} view @param {(prompt: string) => void} begin */
  constructor(view, begin) {
    this.input = h("input", {
      type: "text",
      value: view.metadata.prompt,
      "aria-label": "Who is where",
      maxlength: 1000,
    });
    this.go = h("button", { type: "submit", class: "x2v-button" }, "New world");
    this.root = h("form", { class: "x2v-world-words" }, this.input, this.go);
    view.listen(this.root, "submit", (event) => {
      event.preventDefault();
      view.select({ prompt: this.input.value });
      view.commit();
      begin(this.input.value);
      view.root.focus();
    });
  }
}
