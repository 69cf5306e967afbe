// The stage: what the model sees while it denoises, then the clip, and below it the clips of this visit.
// Messages come as the component's value; see ../payloads.py for their fields.

const find = (name) => element.querySelector(`.x2v-${name}`);
const [screen, canvas, video, bar, state, caption, details, tools, reel, over] = [
  "screen",
  "canvas",
  "video",
  "bar",
  "state",
  "caption",
  "details",
  "tools",
  "reel",
  "over",
].map(find);
const film = new Film(canvas);
const visit = new Map(); // id -> message, in the order they were made
let shown = null;
let first = true; // the clip that a page comes with is nobody's choice

const busy = (on) => {
  document.body.classList.toggle("x2v-busy", on);
  screen.setAttribute("aria-busy", on);
};

const say = (text) => {
  if (state.textContent !== text) state.textContent = text;
};

const progress = (share) => {
  bar.style.width = `${100 * share}%`;
};

const aspect = ({ width, height }) => screen.style.setProperty("--ratio", width / height);

const noVideo = () => {
  video.hidden = true;
  video.removeAttribute("src");
};

/** The prompt as the model read it: words that it does not know are struck out. */
const words = ({ prompt, unknown }) => {
  const strange = new Set((unknown ?? []).map((word) => word.toLowerCase()));
  const parts = (prompt || "(no words)").split(/(\s+)/).map((part) => {
    const bare = part.toLowerCase().replace(/[^\p{L}\p{N}'-]/gu, "");
    return strange.has(bare) ? h("del", { title: "The model does not know this word" }, part) : part;
  });
  return parts;
};

const on = {
  wait({ text }) {
    busy(true);
    over.replaceChildren();
    say(text);
    progress(0);
    if (screen.dataset.shows === "preview") screen.dataset.shows = "old"; // of a run before
  },

  step(message) {
    busy(true);
    over.replaceChildren();
    progress(message.step / message.steps);
    say(
      `Step ${message.step} of ${message.steps}` +
        (message.noise === null ? "" : ` · ${message.noise} % noise`),
    );
    if (message.sheet) {
      noVideo();
      aspect(message);
      film.show(message);
      screen.dataset.shows = "preview";
    }
  },

  async clip(message) {
    busy(false);
    shown = message;
    over.replaceChildren();
    progress(0);
    aspect(message);
    noVideo();
    about(message);
    say("");
    if (!message.example) remember(message);
    if (message.id && message.settings) {
      const { prompt, seed } = message.settings;
      if (!first) address({ prompt, seed });
    }
    first = false;
    for (const card of reel.children) card.setAttribute("aria-current", card.dataset.id === message.id);
    const player = film.show(message);
    tools.querySelector("[data-do=inside]").hidden = !message.inside;
    const save = tools.querySelector("[data-do=save]");
    save.hidden = !message.film;
    await player;
    screen.dataset.shows = "clip";
    if (!message.film) return;
    // The file is asked for once and kept here: the server may forget it.
    message.blob ??= fetch(message.film.url)
      .then((answer) => (answer.ok ? answer.blob() : null))
      .catch(() => null);
    const blob = await message.blob;
    if (!blob || shown !== message) return;
    message.url ??= URL.createObjectURL(blob);
    save.href = message.url;
    save.download = message.film.orig_name;
    if (message.frames === 1) return; // a still is a still
    video.src = message.url;
    video.hidden = false;
    await video.play().catch(() => noVideo()); // no codec: the canvas goes on
    if (video.src === message.url) screen.dataset.shows = "video";
  },

  trouble(message) {
    busy(false);
    progress(0);
    say("");
    back();
    over.replaceChildren(trouble(message));
  },

  stopped() {
    busy(false);
    progress(0);
    say("Stopped");
    back();
  },
};

/** What stands under the picture: a clip's words and numbers, or the words that a run has begun with. */
const about = (message) => {
  caption.replaceChildren(...words(message));
  details.replaceChildren(...(message.metadata ?? []).map((fact) => h("span", {}, fact)));
  for (const note of message.notes ?? []) details.append(h("span", { class: "x2v-note" }, note));
  tools.hidden = !message.id;
};

/** The last clip's words again, where nothing of a new one is seen. */
const back = () => {
  if (shown && screen.dataset.shows !== "preview") about(shown);
};

const remember = (message) => {
  if (visit.has(message.id)) return;
  visit.set(message.id, message);
  const still = h("canvas", {});
  const thumb = new Film(still);
  thumb.calm = true;
  const card = h(
    "button",
    { type: "button", "data-id": message.id, title: message.prompt },
    still,
    h("span", {}, message.prompt || "(no words)"),
  );
  card.addEventListener("click", () => {
    on.clip(message);
    trigger("recall", { id: message.id, settings: message.settings });
  });
  reel.prepend(card);
  thumb.show(message);
  while (reel.children.length > 48) reel.lastChild.remove();
  element.querySelector(".x2v-visit").hidden = false;
};

screen.addEventListener("click", () => {
  if (!video.hidden) video.paused ? video.play() : video.pause();
});
const copy = tools.querySelector("[data-do=link]");
copy.addEventListener("click", async () => {
  const { prompt, seed } = shown.settings;
  address({ prompt, seed });
  const done = await navigator.clipboard?.writeText(location.href).then(
    () => true,
    () => false,
  );
  copy.textContent = done ? "Link copied" : "It is in the address bar";
  setTimeout(() => (copy.textContent = COPY), 2000);
});
tools.querySelector("[data-do=inside]").addEventListener("click", () => trigger("inside", { id: shown.id }));

const onMessage = () => {
  const message = props.value;
  if (message && on[message.kind]) on[message.kind](message);
};
watch("value", onMessage);
onMessage();

// From the click until the server answers. A queue that is full refuses before any answer, with a toast alone.
const COPY = copy.textContent;
const WAITING = "Waiting for a turn…";
const toasts = () => document.querySelectorAll("[data-testid=toast-body].error").length;
const waiting = (prompt) => {
  busy(true);
  about({ prompt });
  over.replaceChildren();
  say(WAITING);
  let before = toasts();
  const watching = setInterval(() => {
    if (state.textContent !== WAITING) return clearInterval(watching);
    if (toasts() > before) on.stopped();
    before = toasts();
  }, 200);
};
// Esc stops whatever runs in the tab that is open.
document.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  [...document.querySelectorAll(".x2v-stop")].find((stop) => stop.offsetParent !== null)?.click();
});
// Which tab is open is in the address, too. Gradio keeps a hidden twin of each tab, to measure.
const tabs = () => [...document.querySelectorAll("[role=tab]")];
const named = (tab) => tab.textContent.trim();
document.addEventListener("click", ({ target }) => {
  const tab = target.closest?.("[role=tab]");
  if (tab) address({ tab: named(tab) === named(tabs()[0]) ? null : named(tab) });
});
window.x2v = {
  follow: () => {
    const wanted = new URL(location.href).searchParams.get("tab")?.toLowerCase();
    tabs()
      .findLast((tab) => named(tab).toLowerCase() === wanted)
      ?.click();
  },
  busy: waiting,
  stopped: () => on.stopped(),
  idle: () => {
    if (document.body.classList.contains("x2v-busy")) on.stopped();
  },
};
