// Under the prompt: words that the model does not know, with those it knows, what it cannot show, and the palette.
// The first value brings the palettes; later ones how the words are read, and what they expand to. See
// ../payloads.py.

const [box, hints, more] = ["words", "hints", "more"].map((name) => element.querySelector(`.x2v-${name}`));
const { palettes, palette_of } = props.value;
let palette = null;
let expander = null;
let chosen = props.value.model;

/** Write another prompt, as if it were typed. */
const write = (text, value) => {
  text.value = value;
  text.dispatchEvent(new Event("input", { bubbles: true }));
};

const unknown = (text, { word, near }) => {
  const cures = near.map((known) => {
    const cure = h("button", { type: "button", title: `Write ${known} instead of ${word}` }, known);
    cure.addEventListener("click", () => {
      const at = text.value.toLowerCase().indexOf(word);
      if (at >= 0) write(text, text.value.slice(0, at) + known + text.value.slice(at + word.length));
    });
    return cure;
  });
  return h(
    "li",
    { class: "x2v-unknown" },
    h("del", {}, word),
    cures.length ? " unknown; it knows " : " unknown",
    ...cures,
  );
};

let taking = false; // a sentence of the expansion is written, and it stays open

const expanderOf = (text) => {
  const one = new m_lib_expander.Expander({
    prompt: () => text.value,
    ask: (prompt, seed) => trigger("expand", { prompt, seed }),
    take: (sentence) => {
      taking = true;
      write(text, sentence);
      taking = false;
    },
    listen: (target, type, act) => target.addEventListener(type, act),
  });
  text.addEventListener("input", () => taking || one.clear());
  return one;
};

const begin = (text) => {
  palette = new m_lib_palette.Palette(palettes[palette_of[chosen]], {
    text,
    changed: (value) => write(text, value),
    listen: (target, type, act) => target.addEventListener(type, act),
  });
  box.append(palette.root);
  expander = expanderOf(text);
  more.append(expander.root);
};

const onMessage = () => {
  const text = document.querySelector("#prompt textarea");
  const { kind, model, prompt, spans, notes } = props.value;
  if (kind === "expansion") expander?.show(props.value);
  if (kind === "unexpanded") expander?.fail(props.value.text);
  if (kind === "unread" && prompt === text.value) hints.replaceChildren();
  if (kind !== "reading" || !palette || prompt !== text.value) return; // an answer that was overtaken
  hints.replaceChildren(
    ...spans.filter((span) => span.read === null).map((span) => unknown(text, span)),
    ...notes.map((note) => h("li", { class: "x2v-hint" }, note)),
  );
  if (model !== chosen) palette.show(palettes[palette_of[(chosen = model)]]);
  palette.mark();
};
watch("value", onMessage);

// The prompt may stand in the page a moment later than this.
const waiting = setInterval(() => {
  const text = document.querySelector("#prompt textarea");
  if (!text) return;
  clearInterval(waiting);
  begin(text);
}, 50);
