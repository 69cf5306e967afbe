// A view's own page in a frame that can run its script and reach nothing else; or several clips in step.

const [wait, players, frame] = ["wait", "players", "frame"].map((name) =>
  element.querySelector(`.x2v-${name}`),
);
let films = [];
let requests = 0;

const clear = () => {
  players.replaceChildren();
  films = [];
};

const on = {
  empty({ text }) {
    clear();
    frame.replaceChildren();
    wait.textContent = text;
  },

  wait({ text }) {
    clear();
    frame.replaceChildren();
    wait.textContent = text;
  },

  /** { clips: [{ sheet, frames, width, height, fps, title } or null, ...], text } */
  players({ clips, text }) {
    frame.replaceChildren();
    wait.textContent = text;
    clips.forEach((clip, i) => {
      if (!clip) return;
      if (!films[i]) {
        while (players.children.length <= i) {
          const title = h("figcaption", {});
          const canvas = h("canvas", { role: "img" });
          players.append(h("figure", {}, canvas, title));
          films.push({ film: new Film(canvas), title });
        }
      }
      films[i].title.textContent = clip.title;
      films[i].film.show(clip);
    });
  },

  async view({ page, title, name }) {
    if (name) address({ view: name });
    const mine = ++requests;
    const answer = await fetch(page.url).catch(() => null);
    if (!answer || !answer.ok)
      return on.trouble({ got: title, rule: "its page is no longer there", cure: "Ask again" });
    const html = await answer.text();
    if (mine !== requests) return;
    clear();
    wait.textContent = "";
    const view = h("iframe", { title, sandbox: "allow-scripts", scrolling: "auto" });
    view.srcdoc = themed(html);
    frame.replaceChildren(view);
  },

  trouble(message) {
    clear();
    wait.textContent = "";
    frame.replaceChildren(trouble(message));
  },
};

// The view tells how tall it is (see ../payloads.py); nothing else that it says is heard.
window.addEventListener("message", ({ source, data }) => {
  const view = frame.querySelector("iframe");
  const tall = Number(data?.x2vHeight);
  if (view && source === view.contentWindow && tall > 0) view.style.height = `${Math.min(tall, 4000)}px`;
});

const onMessage = () => {
  const message = props.value;
  if (message && on[message.kind]) on[message.kind](message);
};
watch("value", onMessage);
onMessage();
