// @ts-check
/**
 * A world to play in: arrow keys, WASD or touch, and four new frames for each. Its kernel half is
 * ../../play.py; what both say to each other are messages {kind, ...}. Without a kernel (an exported page)
 * what was played is shown, and nothing can be pressed.
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
  const form = new Beginning(view, (prompt) => kernel.begin(prompt));
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
    view.model.send({ kind: "cancel" });
    pad.stop();
    time.setAttribute("aria-pressed", "false");
    say("Stopped.");
  });
  pad.enable(false);
  say(OPENING[metadata.opening ? "opening" : metadata.made ? "clip" : "words"]);

  kernel.on({
    hello: () => pad.enable(true),
    waiting: () => say(metadata.pressed || kernel.pressed ? "…" : "The model is being loaded …"),
    frames: (message, bytes) => {
      reel.add(bytes, message.size, message.boxes);
      say(`${message.size[0]} frames in ${message.seconds.toFixed(2)} s  ·  ${message.pressed} keys`);
      pad.next();
    },
    world: (message, bytes) => {
      reel.clear();
      reel.add(bytes, message.size, message.boxes);
      say("A new world. Press a key.");
      pad.busy = false;
    },
    problem: ({ got, rule, cure }) => {
      say(`${got}: ${rule}. ${cure}.`);
      pad.stop();
    },
  });
  view.model.send({ kind: "hello" });
  kernel.alone(() => say("No kernel answers here: what was played can be watched."));
});

/** What is said to the kernel and heard from it. */
class Kernel {
  /** @param {import("../lib/view.js").View} view */
  constructor(view) {
    this.view = view;
    this.pressed = 0;
    this.answered = false;
    /** @type {Record<string, (message: any, bytes: DataView) => void>} */
    this.table = {};
    const hear = (message, buffers) => {
      this.answered = true;
      this.table[message.kind]?.(message, buffers?.[0]);
    };
    view.model.on("msg:custom", hear);
    view.signal.addEventListener("abort", () => view.model.off("msg:custom", hear));
  }

  on(table) {
    this.table = table;
  }

  press(key) {
    this.table.waiting?.({}, /** @type {any} */ (null));
    this.pressed += 1;
    this.view.model.send({ kind: "press", key });
  }

  begin(prompt) {
    this.table.waiting?.({}, /** @type {any} */ (null));
    this.view.model.send({ kind: "start", prompt, seed: Math.floor(Math.random() * 1e6) });
  }

  /** @param {() => void} then */
  alone(then) {
    const timer = setTimeout(() => this.answered || then(), 1500);
    this.view.signal.addEventListener("abort", () => clearTimeout(timer));
  }
}

/** Words for a new world. */
class Beginning {
  /** @param {import("../lib/view.js").View} view @param {(prompt: string) => void} begin */
  constructor(view, begin) {
    const input = h("input", {
      type: "text",
      value: view.metadata.prompt,
      "aria-label": "Who is where",
      maxlength: 1000,
    });
    const go = h("button", { type: "submit", class: "x2v-button" }, "New world");
    this.root = h("form", { class: "x2v-world-words" }, input, go);
    view.listen(this.root, "submit", (event) => {
      event.preventDefault();
      view.select({ prompt: input.value });
      view.commit();
      begin(input.value);
      view.root.focus();
    });
  }
}
