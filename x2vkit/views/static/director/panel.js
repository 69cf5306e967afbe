// @ts-check
/** What stands beside the picture: tools, the camera, what is asked for, what was read back. */
import { button } from "../lib/controls.js";
import { h, uid } from "../lib/elements.js";
import { NAMES } from "./asked.js";
import { dot } from "./shapes.js";

/** @typedef {import("./stage.js").Tool} Tool */

/** @type {[Tool, string, string][]} */
const TOOLS = [
  ["plan", "Move", "Drag a planned box, or its corners: a keyframe of this frame"],
  ["box", "Box", "Draw where the subject is in this frame; more frames make keyframes"],
  ["region", "Region", "Draw a region that the subject stays in"],
  ["brush", "Brush", "Paint the thing in the first frame and drag its path"],
];

/** Which tool draws, and for which subject. */
export class Tools {
  /** @param {import("../lib/view.js").View} view @param {() => void} changed */
  constructor(view, changed) {
    /** @type {Tool} */
    this.tool = "plan";
    this.subject = 0;
    this.changed = changed;
    this.tools = TOOLS.map(([tool, text, label]) =>
      button(view, { label: `${text}. ${label}`, text, pressed: false }, () => this.choose(tool)),
    );
    this.subjects = NAMES.map((name, i) => {
      const it = button(view, { label: `Draw for the ${name} subject`, text: name, pressed: false }, () =>
        this.pick(i),
      );
      it.classList.add("x2v-dir-subject", `x2v-dir-s${i}`);
      return it;
    });
    this.help = h("p", { class: "x2v-muted" });
    this.root = h(
      "div",
      { class: "x2v-dir-tools" },
      h("div", { class: "x2v-bar", role: "group", "aria-label": "Tool" }, ...this.tools),
      h(
        "div",
        { class: "x2v-bar", role: "group", "aria-label": "Subject" },
        "for the",
        ...this.subjects,
        "subject",
      ),
      this.help,
    );
    this._show();
  }

  /** @param {Tool} tool */
  choose(tool) {
    this.tool = tool;
    this._show();
  }

  /** @param {number} subject */
  pick(subject) {
    this.subject = subject;
    this._show();
  }

  _show() {
    TOOLS.forEach(([tool, , label], i) => {
      this.tools[i].setAttribute("aria-pressed", String(tool === this.tool));
      if (tool === this.tool) this.help.textContent = `${label}.`;
    });
    this.subjects.forEach((one, i) => one.setAttribute("aria-pressed", String(i === this.subject)));
    this.changed();
  }
}

/** A camera's words: chosen, or typed. */
export class Camera {
  /** @param {import("../lib/view.js").View} view @param {(words: string) => void} changed */
  constructor(view, changed) {
    const [id, list] = [uid("camera"), uid("cameras")];
    this.input = h("input", {
      id,
      class: "x2v-dir-text",
      maxlength: 400,
      placeholder: "as the words say, or: pan left, then zoom in slowly",
    });
    this.menu = h(
      "select",
      { id: list, "aria-label": "Camera moves to choose from" },
      h("option", { value: "" }, "moves"),
      ...view.metadata.cameras.map((move) => h("option", { value: move }, move)),
    );
    view.listen(this.input, "change", () => changed(this.input.value));
    view.listen(this.menu, "change", () => {
      changed(this.menu.value);
      this.menu.value = "";
    });
    this.root = h(
      "div",
      { class: "x2v-dir-camera" },
      h("label", { for: id }, "Camera"),
      this.input,
      this.menu,
    );
  }

  /** @param {string} camera */
  draw(camera) {
    if (this.input.value !== camera) this.input.value = camera;
  }
}

/** What is asked for, each with a button that takes it back. */
export class List {
  /** @param {import("../lib/view.js").View} view @param {(change: (asked: any) => void) => void} change */
  constructor(view, change) {
    this.view = view;
    this.change = change;
    this.items = h("ul", { class: "x2v-dir-list" });
    this.root = h("div", {}, h("div", { class: "x2v-title" }, "Asked for"), this.items);
  }

  /** @param {import("./asked.js").Asked} asked */
  draw(asked) {
    const rows = [];
    const seconds = (frame) => `${(frame / this.view.metadata.fps).toFixed(2)} s`;
    asked.boxes.forEach((hard, i) => {
      if (!hard) return;
      const keys = Object.keys(hard.keys).map(Number);
      const when = keys
        .sort((a, b) => a - b)
        .map(seconds)
        .join(", ");
      const what = hard.base === "plan" ? "plan moved at" : "box at";
      rows.push(this._row(i, `${what} ${when}`, (one) => (one.boxes[i] = null)));
    });
    asked.soft.forEach((each, i) =>
      each.forEach((soft, k) => {
        const row = this._row(i, "region from", (one) => one.soft[i].splice(k, 1));
        row.insertBefore(this._times(soft, i, k), row.lastChild);
        rows.push(row);
      }),
    );
    asked.strokes.forEach((_, k) =>
      rows.push(this._row(-1, `stroke ${k + 1}`, (one) => one.strokes.splice(k, 1))),
    );
    if (asked.camera) rows.push(this._row(-1, `camera: ${asked.camera}`, (one) => (one.camera = "")));
    if (!rows.length) rows.push(h("li", { class: "x2v-muted" }, "Nothing yet: the words alone decide."));
    this.items.replaceChildren(...rows);
  }

  _row(subject, text, drop) {
    const remove = h(
      "button",
      { type: "button", class: "x2v-dir-drop", "aria-label": `Take back: ${text}` },
      "×",
    );
    remove.addEventListener("click", () => this.change(drop));
    const name = subject < 0 ? "" : h("b", { class: `x2v-dir-name x2v-dir-s${subject}` }, NAMES[subject]);
    return h("li", {}, name, h("span", {}, text), remove);
  }

  /** From which second to which a region counts. */
  _times({ since, until }, subject, k) {
    const last = this.view.metadata.limits.frame / this.view.metadata.fps;
    const field = (value, label, set) => {
      const place = {
        type: "number",
        class: "x2v-dir-number",
        min: 0,
        max: last.toFixed(2),
        step: 0.05,
        "aria-label": label,
      };
      const input = h("input", { ...place, value: value.toFixed(2) });
      input.addEventListener("change", () => {
        const second = Math.min(Math.max(Number(input.value) || 0, 0), last);
        this.change((one) => set(one.soft[subject][k], Number(second.toFixed(3))));
      });
      return input;
    };
    return h(
      "span",
      { class: "x2v-dir-times" },
      field(since, "from this second", (soft, second) => (soft.since = second)),
      " to ",
      field(
        until ?? last,
        "to this second",
        (soft, second) => (soft.until = second >= last - 0.01 ? null : second),
      ),
      " s",
    );
  }
}

/** What came of it: how well the judge's boxes keep the plan's. */
export class Found {
  /** @param {import("../lib/view.js").View} view */
  constructor(view) {
    this.view = view;
    this.root = h("div", { class: "x2v-dir-found", role: "status" });
  }

  draw() {
    const { found, drafted } = this.view.metadata;
    const lines = found.flatMap((one, i) =>
      one
        ? [
            h(
              "p",
              {},
              h("b", { class: `x2v-dir-name x2v-dir-s${i}` }, NAMES[i]),
              ` overlap with the plan ${(100 * one.miou).toFixed(0)} % (mIoU), `,
              `way off by ${(100 * one.way).toFixed(1)} % of the diagonal`,
            ),
          ]
        : [],
    );
    if (drafted) lines.push(h("p", {}, "Planned, not drawn yet: the picture is the last clip's."));
    this.root.replaceChildren(...lines);
  }
}

/** What the lines on the picture mean, drawn as they are there: of the first subject and of the second. */
export function key() {
  const line = (style, subject, x) => [
    h("path", { class: `x2v-dir-${style} x2v-dir-s${subject}`, d: `M${x} 7h22` }),
    style === "hard" && h("path", { class: `x2v-dir-corner x2v-dir-s${subject}`, d: dot(x, 7) }),
  ];
  const region = (subject, x) => [
    h("rect", { class: `x2v-dir-soft x2v-dir-s${subject}`, x, y: 2, width: 22, height: 10 }),
  ];
  const one = (style, text) => {
    const drawn = [0, 1].flatMap((subject) => {
      const x = 8 + 32 * subject;
      return style === "soft" ? region(subject, x) : line(style, subject, x);
    });
    const place = { viewBox: "0 0 70 14", width: 70, height: 14, "aria-hidden": "true" };
    const sample = h("svg", { class: "x2v-dir-lines", ...place }, ...drawn.filter(Boolean));
    return h("span", { class: "x2v-dir-keyed" }, sample, text);
  };
  return h(
    "div",
    { class: "x2v-muted x2v-dir-legend" },
    one("planned", "planned"),
    one("hard", "asked for"),
    one("soft", "region"),
    one("read", "read back by the judge"),
  );
}
