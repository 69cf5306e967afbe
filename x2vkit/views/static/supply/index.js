// @ts-check
/** How much video there is, how little of it would outnumber Hollywood, and what a made hour costs. */
import { Slider, button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { mount } from "../lib/mount.js";
import { terms } from "../lib/terms.js";
import { many, power } from "../lib/numbers.js";
import { sums } from "./sums.js";

export default mount((view) => {
  const { metadata } = view;
  const slider = (key, label, format, min = 0) =>
    new Slider(view, { key, label, max: metadata.limits[key], min, format }).root;
  const percent = (place) => `${Number((10 ** (place / 20 - 4)).toPrecision(3))} %`;
  const bars = ["uploaded", "competing", "hollywood"].map(bar);
  const ratio = h("p", { class: "x2v-told", role: "status" });
  const cost = h("div", { class: "x2v-supply-costs" });
  const again = button(view, { label: "As it was", text: "↺ as it was" }, () => {
    view.select({ ...metadata.usual });
    view.commit();
  });
  view.root.append(
    h("div", { class: "x2v-bar" }, h("div", { class: "x2v-prompt" }, "How much video is there?"), again),
    h(
      "div",
      { class: "x2v-supply-sliders" },
      slider("per_minute", "Uploaded", (hours) => `${hours.toLocaleString("en")} hours a minute`),
      slider("share", "Good enough", percent),
      slider("hollywood", "Hollywood", (hours) => `${(100 * hours).toLocaleString("en")} hours a year`, 1),
    ),
    h("div", { class: "x2v-supply-bars" }, ...bars.map((one) => one.root)),
    h(
      "div",
      { class: "x2v-muted" },
      "Bars are logarithmic: each tenth of their width is nearly eight times as much.",
    ),
    ratio,
    h("div", { class: "x2v-prompt" }, "What does a generated hour cost?"),
    h(
      "div",
      { class: "x2v-supply-sliders" },
      slider("steps", "Steps", (steps) => `${steps} a clip`, 1),
      slider("times", "Model", (place) =>
        place ? `${many(10 ** (place / 10))} times the FLOPs` : "this one",
      ),
      slider("watts", "2 cores draw", (watts) => `${watts} W`, 1),
      slider("price", "Electricity", (cents) => `US$ ${(cents / 100).toFixed(2)} a kWh`),
    ),
    cost,
    h("div", { class: "x2v-title" }, "Where the numbers come from"),
    h(
      "ul",
      { class: "x2v-supply-sources x2v-muted" },
      ...metadata.sources.map((source) => h("li", {}, source)),
    ),
    terms(view, ["FLOPs"]),
  );
  view.onSelect((selection) => {
    const found = sums(/** @type {any} */ (selection), metadata);
    for (const one of bars) one.draw(found);
    const twice = found.ratio.toLocaleString("en", { maximumFractionDigits: 2 });
    ratio.textContent =
      `${selection.per_minute.toLocaleString("en")} hours a minute are ` +
      `${(found.uploaded / 1e6).toLocaleString("en", { maximumFractionDigits: 1 })} million a year. ` +
      `If ${percent(selection.share)} of them is good enough, that is ` +
      `${Math.round(found.competing).toLocaleString("en")} hours: ${twice} times Hollywood's.`;
    cost.replaceChildren(...costs(found, selection));
  });
});

const NAMES = { uploaded: "uploaded a year", competing: "good enough", hollywood: "Hollywood" };
const MOST = Math.log10(2e9);

/** A bar of hours on a logarithmic scale. @param {string} name */
function bar(name) {
  const fill = h("div", { class: `x2v-supply-fill x2v-supply-${name}` });
  const text = h("span", { class: "x2v-supply-amount" });
  const root = h(
    "div",
    { class: "x2v-supply-row" },
    h("span", {}, NAMES[name]),
    h("div", { class: "x2v-supply-bar", "aria-hidden": "true" }, fill),
    text,
  );
  return {
    root,
    draw(found) {
      fill.style.width = `${Math.max(0, Math.min(100, (100 * Math.log10(Math.max(found[name], 1))) / MOST))}%`;
      text.textContent = `${Math.round(found[name]).toLocaleString("en")} h`;
    },
  };
}

/** The cost of an hour, a box a machine. @param {any} found @param {any} selection */
function costs(found, selection) {
  const dollars = (value) => `US$ ${value >= 100 ? many(value) : value.toPrecision(2)}`;
  const box = (title, large, ...lines) =>
    h(
      "div",
      { class: "x2v-supply-cost" },
      h("div", { class: "x2v-title" }, title),
      h("div", { class: "x2v-supply-large" }, large),
      ...lines.map((line) => h("div", { class: "x2v-muted" }, line)),
    );
  return [
    box(
      "an hour of video",
      `${power(found.flops)} FLOPs`,
      `${Math.round(found.clips).toLocaleString("en")} clips of 17 frames, ${selection.steps} steps each`,
    ),
    box(
      "on 2 cores",
      dollars(found.money),
      `${time(found.hours)} of work, ${many(found.kwh)} kWh`,
      selection.times === 0 ? "seconds as measured" : "scaled by FLOPs from what was measured",
    ),
    box(
      "on one H100",
      dollars(found.gpu_money),
      `${time(found.gpu_hours)} of work, in electricity alone`,
      "by FLOPs",
    ),
    box("as many hours as Hollywood", dollars(found.rival_money), "on H100s, in electricity alone"),
  ];
}

/** Hours as people say them. @param {number} hours */
function time(hours) {
  if (hours < 1 / 60) return `${(3600 * hours).toPrecision(2)} s`;
  if (hours < 1) return `${(60 * hours).toPrecision(2)} min`;
  return hours < 1e4 ? `${many(hours)} h` : `${many(hours / 8760)} years`;
}
