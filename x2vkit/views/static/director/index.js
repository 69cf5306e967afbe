// @ts-check
/**
 * Say on the picture where things go: drag the plan, draw boxes, regions and strokes, choose a camera move;
 * then see what was asked for and what the judge reads back, on top of each other.
 */
import { Code } from "../lib/code.js";
import { h } from "../lib/elements.js";
import { commonKeys } from "../lib/keys.js";
import { mount } from "../lib/mount.js";
import { Player } from "../lib/player.js";
import { terms } from "../lib/terms.js";
import { lineOf, parse, requestOf } from "./asked.js";
import { Camera, Found, List, Tools, key } from "./panel.js";
import { RADIUS, Stage } from "./stage.js";
import { Tracks } from "./tracks.js";
import { Words } from "./words.js";

export default mount(async (view) => {
  let frames = await view.image("frames");
  /** The plan that keyframes were set on: a new one comes with each clip. */
  const asked = () => parse(view.selection.asked);
  const change = (edit) => {
    const next = asked();
    edit(next);
    view.select({ asked: JSON.stringify(next) });
    view.commit();
  };
  const request = () => {
    const { prompt, seed } = view.selection;
    const { fps, steps } = view.metadata;
    return requestOf(asked(), { prompt, seed, steps, plan: view.arrays.plan, frames: frames.count, fps });
  };

  const tools = new Tools(view, () => view.redraw());
  const stage = new Stage(view, {
    tool: () => tools.tool,
    subject: () => tools.subject,
    pick: (subject) => tools.pick(subject),
    done: (what, value) => change((next) => put(next, what, value, tools.subject, view)),
  });
  const found = new Found(view);
  const kernel = kernelOf(view, {
    request,
    found,
    frozen: () => change((next) => freeze(next, view, frames.count)),
  });
  const words = new Words(view, kernel);
  kernel.words = words;
  const camera = new Camera(view, (text) => change((next) => (next.camera = text)));
  const list = new List(view, change);
  const code = new Code(view);
  const tracks = new Tracks(view);
  const player = new Player(view, { fps: view.metadata.fps, autoplay: false });

  const side = h(
    "div",
    { class: "x2v-dir-side" },
    words.root,
    tools.root,
    camera.root,
    list.root,
    tracks.root,
  );
  const left = h("div", { class: "x2v-dir-left" }, stage.root, key(), player.root, found.root);
  view.root.append(
    h("div", { class: "x2v-dir-body" }, left, side),
    code.root,
    terms(view, ["plan", "judge", "latent position"]),
  );
  stage.size(frames);
  commonKeys(view, player);
  view.onSelect((selection) => {
    const now = asked();
    stage.draw(frames, now);
    words.draw(selection);
    camera.draw(now.camera);
    list.draw(now);
    found.draw();
    tracks.draw(selection.frame);
    code.show(lineOf(request()));
  });
  view.onData(async () => {
    frames = await view.image("frames");
    stage.size(frames);
    tracks.renew();
    player.last = view.metadata.limits.frame;
    player.slider.input.max = String(player.last);
    view.redraw();
    if (!view.metadata.drafted) player.play();
  });
  kernel.hello();
});

/** Put what a gesture drew into what is asked for. */
function put(next, what, value, subject, view) {
  const { frame } = view.selection;
  if (what === "key") {
    const at = value.subject;
    next.boxes[at] ??= { base: value.base, keys: {} };
    next.boxes[at].keys[frame] = value.box;
    next.soft[at] = [];
  } else if (what === "region") {
    next.soft[subject].push({
      box: value,
      since: Number((frame / view.metadata.fps).toFixed(3)),
      until: null,
    });
    next.boxes[subject] = null;
  } else if (what === "stroke") {
    if (next.strokes.length >= 2) next.strokes.shift();
    next.strokes.push({ path: value, radius: RADIUS });
  }
}

/**
 * The plan changes with the next clip: what was dragged over this one is kept as boxes of their own.
 * @param {import("./asked.js").Asked} next
 */
function freeze(next, view, count) {
  const { boxes } = requestOf(next, {
    ...{ prompt: "", seed: 0, steps: 1, plan: view.arrays.plan },
    ...{ frames: count, fps: view.metadata.fps },
  });
  next.boxes.forEach((hard, i) => {
    if (!hard || hard.base !== "plan" || !boxes?.[i]) return;
    const keys = Array.isArray(boxes[i]) ? { 0: boxes[i] } : boxes[i];
    const frame = (second) => Math.round(Number(second) * view.metadata.fps);
    const entries = Object.entries(keys).map(([second, box]) => [frame(second), box]);
    next.boxes[i] = { base: "none", keys: Object.fromEntries(entries) };
  });
}

/** What makes clips, where there is something that does. */
function kernelOf(view, { request, found, frozen }) {
  const { model } = view;
  const emit = (message) => model.send?.(message);
  const kernel = {
    /** @type {any} */
    words: null,
    hello: () => emit({ kind: "hello" }),
    ask: (draft) => {
      if (kernel.words.make.disabled) return;
      kernel.words.say(kernel.words.odd);
      if (kernel.words.odd) return;
      if (!view.selection.prompt.trim())
        return kernel.words.say({ got: "no words", rule: "a clip is made of a prompt", cure: "write one" });
      frozen();
      emit({ kind: "ask", asked: request(), drawn: view.selection.asked, draft });
    },
    stop: () => emit({ kind: "cancel" }),
  };
  const heard = (message) => {
    const { words } = kernel;
    if (message.kind === "hello") return words.alive(true);
    if (message.kind === "busy") {
      words.busy(true);
      words.say(null);
      found.root.hidden = true; // what was found of the clip before
      const next = message.draft ? "planning" : "planning, then drawing";
      words.status.textContent = message.loading
        ? `The model is being loaded, which takes some seconds; then ${next} …`
        : next;
    } else if (message.kind === "step") {
      words.progress.max = message.steps;
      words.progress.value = message.step;
      words.status.textContent = `step ${message.step} of ${message.steps}`;
    } else if (["done", "drafted", "stopped", "problems"].includes(message.kind)) {
      words.busy(false);
      found.root.hidden = false;
      words.status.textContent = message.kind === "stopped" ? "stopped" : "";
      if (message.kind === "problems") words.say(message);
      view.root.dataset.heard = message.kind;
    }
  };
  model.on("msg:custom", heard);
  view.signal.addEventListener("abort", () => model.off("msg:custom", heard));
  return kernel;
}
