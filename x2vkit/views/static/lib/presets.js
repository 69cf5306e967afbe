// @ts-check
/** "Show me": places worth seeing, found by computation on the trace (views/presets.py). */
import { h } from "./elements.js";
import { same } from "./view.js";

/**
 * A line of buttons, each to one place; its sentence stands below as long as one is there.
 * @param {import("./view.js").View} view with `metadata.presets`
 * @returns {HTMLElement} hidden where nothing was found
 */
export function presets(view) {
  /** @type {{ label: string, sentence: string, selection: import("./view.js").Selection }[]} */
  const found = view.metadata.presets ?? [];
  if (!found.length) return h("div", { hidden: true });
  const told = h("p", { class: "x2v-told x2v-preset-told", role: "status", hidden: true });
  const buttons = found.map(({ label, sentence, selection }) => {
    const it = h(
      "button",
      { type: "button", class: "x2v-term", title: sentence, "aria-label": label, "aria-pressed": "false" },
      label,
    );
    view.listen(it, "click", () => {
      for (const pause of view.guests) pause(selection); // what plays would move on at once
      view.select(selection);
      view.commit();
    });
    return it;
  });
  view.onSelect((now) => {
    const there = found.findIndex(({ selection }) =>
      Object.entries(selection).every(([key, value]) => same(now[key], value)),
    );
    buttons.forEach((it, i) => it.setAttribute("aria-pressed", String(i === there)));
    told.hidden = there < 0;
    const text = there < 0 ? "" : found[there].sentence;
    if (told.textContent !== text) told.textContent = text;
  });
  const line = h("div", { class: "x2v-terms-row" }, h("span", { class: "x2v-muted" }, "Show me"), ...buttons);
  return h("div", { class: "x2v-presets" }, line, told);
}
