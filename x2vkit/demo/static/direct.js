// The Director's own page in a frame that can run its script and reach nothing else. What it asks for goes to
// the server through Gradio's queue; what the server tells goes to the frame.

const [wait, frame] = ["wait", "frame"].map((name) => element.querySelector(`.x2v-${name}`));
let requests = 0;

const view = () => frame.querySelector("iframe");
const tell = (message) => view()?.contentWindow.postMessage({ x2vHear: message }, "*");

const on = {
  empty({ text }) {
    wait.textContent = text;
  },

  /** { page, title, once }: once, where a Director that is there already stays */
  async view({ page, title, once }) {
    if (once && view()) return;
    const mine = ++requests;
    const answer = await fetch(page.url).catch(() => null);
    if (!answer || !answer.ok) {
      const cure = "Ask again";
      if (view()) tell({ kind: "problems", got: title, rule: "its page is no longer there", cure });
      else wait.textContent = "The page of this view is no longer there. Ask again.";
      return;
    }
    const html = await answer.text();
    if (mine !== requests) return;
    wait.textContent = "";
    const next = h("iframe", { title, sandbox: "allow-scripts", scrolling: "auto" });
    if (view()) next.style.height = view().style.height;
    next.srcdoc = themed(html);
    frame.replaceChildren(next);
  },

  /** { message }: what the Director hears */
  news({ message }) {
    tell(message);
  },
};

window.addEventListener("message", ({ source, data }) => {
  if (!view() || source !== view().contentWindow) return;
  const tall = Number(data?.x2vHeight);
  if (tall > 0) view().style.height = `${Math.min(tall, 4000)}px`;
  const sent = data?.x2vSend;
  if (sent?.kind === "hello") tell({ kind: "hello" });
  else if (sent?.kind === "ask") trigger("ask", { asked: sent.asked, drawn: sent.drawn, draft: sent.draft });
  else if (sent?.kind === "cancel") {
    trigger("cancel", {});
    tell({ kind: "stopped" });
  }
});

const onMessage = () => {
  const message = props.value;
  if (message && on[message.kind]) on[message.kind](message);
};
watch("value", onMessage);
onMessage();
