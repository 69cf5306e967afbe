// @ts-check
/** What becomes of a finished clip: a view opens on it, or it is saved. */
import { button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { nest } from "../lib/nested.js";
import { download } from "./download.js";
import { attention, denoise } from "./inside.js";
import { patches } from "./patches.js";

/** @typedef {import("./page.js").Page} Page */

/** @type {Record<string, [any, string, string]>} */
export const INSIDE = {
  denoise: [denoise, "Denoising", "Look at every step"],
  patches: [patches, "Patches", "Look at the patches"],
  attention: [attention, "Attention", "Look at attention"],
};

/** Open a view on the clip that was made. @param {Page} page @param {string} name */
export async function inside(page, name) {
  if (!page.made || !page.model) return;
  const [make, title] = INSIDE[name];
  const content = await make(page.made, page.model);
  page.endInside();
  page.open = name;
  const close = button(page.view, { label: `Close ${title}`, text: "Close" }, () => {
    page.open = "";
    page.endInside();
    page.place.replaceChildren();
  });
  const inner = h("div");
  page.place.replaceChildren(
    h("div", { class: "x2v-bar" }, h("span", { class: "x2v-title" }, title), close),
    inner,
  );
  page.endInside = nest(page.view, page.view.model.get("views")[name], content, inner);
}

/** Give a file to the reader. @param {Page} page @param {(made: any) => any} write */
export async function save(page, write) {
  if (!page.made) return;
  page.tell("Writing…");
  const { name, blob } = await write(page.made);
  download(page.view.root, name, blob);
  page.tell(`Saved as ${name}`);
}
