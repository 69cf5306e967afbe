// @ts-check
/** What stands where on the page. */
import { button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { traceFile } from "./trace.js";
import { INSIDE, inside, save } from "./opened.js";
import { video } from "./video.js";

/** @param {import("./page.js").Page} page */
export function layOut(page) {
  const { stage, settings, view } = page;
  const look = Object.entries(INSIDE).map(([name, [, , text]]) =>
    button(view, { label: text }, () => inside(page, name)),
  );
  const saves = [
    button(view, { label: "Keep it beside the next" }, () => page.beside.keep(page.made)),
    button(view, { label: "Save the clip" }, () => save(page, (made) => video(made, page.manifest.fps))),
    button(view, { label: "Save the run (.x2v)" }, () => save(page, (made) => traceFile(made, page.model))),
  ];
  page.buttons = [...look, ...saves];
  for (const each of page.buttons) each.disabled = true;
  const muted = (text) => h("p", { class: "x2v-muted" }, text);
  const keys = muted("Keys: Enter makes the clip, Esc stops; outside the text, ← → frames, space plays.");
  const how = muted("or press Enter; a clip also begins by itself when you stop typing");
  const about = muted(
    "It knows a small drawn world of cats, dogs, balls and the like. All is worked out here: nothing is sent.",
  );
  const head = h("div", {}, h("h1", {}, "A video model in your browser"), about);
  view.listen(document, "keydown", (event) => event.key === "Escape" && page.stop()); // wherever the focus is
  view.root.classList.add("x2v-web");
  view.root.append(
    head,
    page.prompt.root,
    page.second.root,
    h("div", { class: "x2v-bar" }, page.go, page.second.toggle, how),
    page.status,
    h(
      "div",
      { class: "x2v-web-main" },
      stage.root,
      h(
        "div",
        { class: "x2v-web-side" },
        settings.root,
        h("div", { class: "x2v-bar" }, ...page.buttons),
        page.beside.root,
      ),
    ),
    page.place,
    keys,
  );
}
