// @ts-check
/** What a model can do and what not yet: figures by limit, each beside its ceiling; the best and worst clips. */
import { button } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { mount } from "../lib/mount.js";
import { Picture } from "../lib/picture.js";
import { Player } from "../lib/player.js";
import { terms } from "../lib/terms.js";

const MARKS = [
  ["score", "the model"],
  ["ceiling", "ceiling: the judge on real renders"],
  ["baseline", "baseline: without what is measured"],
  ["chance", "words shuffled"],
];

export default mount(async (view) => {
  const { metadata } = view;
  const sections = metadata.questions
    .map((limit) => section(limit, metadata))
    .filter((one) => one.rows.length > 0);
  const chips = [["", "all"], ...sections.map(({ name }) => [name, name])].map(([name, text]) => {
    const chip = button(view, { label: `Show ${text}`, text: capital(text), pressed: false }, () => {
      view.select({ limit: name });
      view.commit();
    });
    return { name, chip };
  });
  const films = metadata.clips.length > 0 ? await clips(view) : [];
  view.root.append(
    h("div", {}, ...metadata.reports.map(told)),
    h("div", { class: "x2v-score-chips", role: "group", "aria-label": "Limit" }, ...chips.map((c) => c.chip)),
    legend(),
    ...sections.map(({ root }) => root),
    ...films,
    terms(view, ["judge", "ceiling", "adherence", "share of it", "all of it", "other"]),
  );
  view.onSelect(({ limit }) => {
    for (const { name, chip } of chips) chip.setAttribute("aria-pressed", String(name === limit));
    for (const { name, root } of sections) root.hidden = limit !== "" && limit !== name;
  });
});

/** @param {{model: string, how: string}} report */
function told({ model, how }) {
  return h("div", {}, h("strong", {}, model), h("span", { class: "x2v-muted" }, how ? `  ${how}` : ""));
}

function legend() {
  const items = MARKS.map(([name, text]) =>
    h("span", { class: "x2v-score-key" }, h("i", { class: `x2v-score-mark x2v-score-${name}` }), text),
  );
  return h("div", { class: "x2v-score-legend x2v-muted" }, ...items);
}

/** @param {any} limit @param {any} metadata */
function section(limit, metadata) {
  const rows = metadata.figures.filter((one) => one.limit === limit.name).map(row);
  const count =
    limit.of > 0 ? `${limit.at_ceiling} of ${limit.of} figures cannot be told from the ceiling` : "";
  const root = h(
    "section",
    { class: "x2v-score-limit", "aria-label": limit.name },
    h(
      "div",
      { class: "x2v-score-head" },
      h("span", { class: "x2v-title" }, capital(limit.name)),
      h("span", {}, limit.asks),
      h("span", { class: "x2v-muted" }, count),
    ),
    ...rows,
  );
  return { name: limit.name, rows, root };
}

/** One figure: its bar, its numbers, and what it means once it is opened. @param {any} figure */
function row(figure) {
  const place = (value) => `${Math.min(100, (100 * Math.max(0, value)) / figure.most).toFixed(2)}%`;
  const bar = h("div", { class: "x2v-score-bar", "aria-hidden": "true" });
  for (const [name] of MARKS) {
    if (figure[name] === null) continue;
    const mark = h("i", { class: `x2v-score-mark x2v-score-${name}` });
    mark.style[name === "score" ? "width" : "left"] = place(figure[name]);
    if (name === "score" && figure.less_is_better) mark.classList.add("x2v-score-less");
    bar.append(mark);
  }
  const error = figure.error === null ? "" : ` ± ${(100 * figure.error).toFixed(0)}`;
  const beside = MARKS.slice(1)
    .filter(([name]) => figure[name] !== null)
    .map(([name]) => `${name} ${amount(figure[name], figure.unit)}`);
  if (figure.known_as) beside.push(figure.known_as);
  return h(
    "details",
    { class: "x2v-score-row" },
    h(
      "summary",
      {},
      h(
        "span",
        { class: "x2v-score-name" },
        figure.name.replaceAll("_", " "),
        figure.less_is_better ? h("span", { class: "x2v-muted" }, " less is better") : null,
      ),
      bar,
      h("span", { class: "x2v-score-value" }, h("strong", {}, amount(figure.score, figure.unit)), error),
      h("span", { class: "x2v-muted x2v-score-beside" }, beside.join("  ·  ")),
    ),
    h(
      "p",
      {},
      `${capital(figure.meaning)}. `,
      figure.count ? `From ${figure.count} of them. ` : "",
      figure.known_as ? "The field asks alike in " : "",
      figure.known_as ? h("strong", {}, figure.known_as) : "",
      figure.known_as ? "." : "",
    ),
  );
}

/** @param {number | null} value @param {string} unit */
function amount(value, unit) {
  if (value === null) return "–";
  return unit === "%" ? `${(100 * value).toFixed(1)} %` : `${value.toFixed(2)} ${unit}`.trim();
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The best and the worst clips, all at the same moment. @param {import("../lib/view.js").View} view */
async function clips(view) {
  const { metadata } = view;
  const sheet = await view.image("clips");
  const shown = metadata.clips.map((clip, i) => {
    const label = `${clip.kind}: ${clip.prompt}`;
    const picture = new Picture(view, {
      width: sheet.width,
      height: sheet.height,
      label,
      title: "",
      smooth: true,
    });
    const right = clip.wrong.length === 0 ? "shows all of it" : `read instead ${clip.wrong.join(", ")}`;
    picture.title.remove();
    picture.note.remove();
    const root = h("div", { class: "x2v-score-clip" }, picture.root, h("div", {}, clip.prompt));
    root.append(h("div", { class: clip.wrong.length ? "x2v-score-bad" : "x2v-score-good" }, right));
    return { picture, root, i, kind: clip.kind };
  });
  const player = new Player(view, { fps: 4, label: "Moment", autoplay: true, format: (m) => `${m + 1}` });
  view.onSelect(({ frame }) => {
    for (const { picture, i } of shown)
      picture.image(sheet, i * (sheet.count / metadata.clips.length) + frame);
  });
  return ["best", "worst"].map((kind, first) => {
    const own = shown.filter((one) => one.kind === kind).map((one) => one.root);
    return h(
      "section",
      { "aria-label": `${kind} clips` },
      h("div", { class: "x2v-title" }, kind === "best" ? "Its best clips" : "Its worst clips"),
      first === 0 ? player.root : null,
      h("div", { class: "x2v-score-clips" }, ...own),
    );
  });
}
