// @ts-check
/** What steps, guidance and tokens cost and give when sampling. */
import { h, uid } from "../lib/elements.js";
import { Tooltip } from "../lib/tooltip.js";
import { percent, power, short } from "../lib/numbers.js";

/** What steps, guidance and tokens cost and give when sampling, as small plots of measured points. */
export class Sampling {
  /** @param {any} view */
  constructor(view) {
    const { rows, usual } = view.metadata.sampling;
    const like = (names) => rows.filter((row) => names.every((name) => row[name] === usual[name]));
    const shape = ["num_frames", "height", "width"];
    const judged = rows.some((r) => "adherence" in r);
    const quality = judged ? "adherence" : "psnr";
    const panels = [
      ["steps", like([...shape, "guidance"]), "steps", quality],
      ["guidance", like([...shape, "steps"]), "guidance", quality],
      ["tokens", like(["steps", "guidance"]), "tokens", "seconds"],
    ];
    this.root = h(
      "section",
      { class: "x2v-scaling-sampling", "aria-label": "Compute while sampling" },
      h("div", { class: "x2v-title" }, "Compute can also be spent while sampling"),
      h(
        "div",
        { class: "x2v-scaling-panels" },
        ...panels.map(([name, some, x, y]) => this._panel(view, name, some, x, y)),
      ),
      h(
        "div",
        { class: "x2v-muted" },
        "Measured with the largest-compute checkpoint: ",
        judged ? "adherence as the judge reads it; " : "nearness (PSNR) to the clip of 64 steps; ",
        "seconds for one clip on one processor core.",
      ),
    );
  }

  /** @param {any} view @param {string} name @param {any[]} rows @param {string} x @param {string} y */
  _panel(view, name, rows, x, y) {
    const width = 220;
    const height = 170;
    const left = 44;
    const right = 14;
    const top = 22;
    const bottom = 36;
    rows = rows.filter((row) => row[y] !== undefined).sort((a, b) => a[x] - b[x]);
    if (rows.length < 2) return null;
    const xs = rows.map((row) => Math.log2(row[x]));
    const ys = rows.map((row) => row[y]);
    const lowX = Math.min(...xs);
    const highX = Math.max(...xs);
    const highY = Math.max(...ys) * 1.08;
    const lowY = y === "psnr" ? Math.min(...ys) * 0.9 : 0;
    const px = (v) => left + ((width - left - right) * (v - lowX)) / (highX - lowX || 1);
    const py = (v) => height - bottom - ((height - top - bottom) * (v - lowY)) / (highY - lowY || 1);
    const say = (v) => (y === "adherence" ? percent(v) : y === "seconds" ? `${short(v)} s` : `${short(v)}`);
    const tip = new Tooltip(view);
    const dots = rows.map((row, i) => {
      const dot = h("circle", { class: "x2v-scaling-sample", cx: px(xs[i]), cy: py(ys[i]), r: 4.5 });
      const size = `${row.num_frames} × ${row.height} × ${row.width}`;
      const asked = `${row.steps} steps, guidance ${row.guidance}`;
      const cost = `${power(row.flops)} FLOPs, ${row.seconds} s`;
      const lines = [asked, `${size}: ${row.tokens} tokens`, cost];
      view.listen(dot, "pointermove", (event) =>
        tip.show(event, [...lines, `${y}: ${say(row[y])}`].join("\n")),
      );
      view.listen(dot, "pointerleave", () => tip.hide());
      return dot;
    });
    const named = rows
      .map((_, i) => i)
      .filter((i) => i === rows.length - 1 || px(xs[rows.length - 1]) - px(xs[i]) > 24);
    const label = { adherence: "adherence", psnr: "PSNR, dB", seconds: "seconds" }[y];
    const title = uid("sampling");
    return h(
      "svg",
      {
        viewBox: `0 0 ${width} ${height}`,
        class: "x2v-scaling-small",
        role: "img",
        "aria-labelledby": title,
      },
      h(
        "title",
        { id: title },
        `${label} against ${name}: ${rows.map((row) => `${row[x]}: ${say(row[y])}`).join(", ")}`,
      ),
      ...[lowY, highY / 1.08].flatMap((v) => [
        h("line", { class: "x2v-scaling-grid", x1: left, x2: width - right, y1: py(v), y2: py(v) }),
        h("text", { x: left - 5, y: py(v) + 4, "text-anchor": "end" }, say(v)),
      ]),
      ...named.map((i) =>
        h("text", { x: px(xs[i]), y: height - bottom + 14, "text-anchor": "middle" }, rows[i][x]),
      ),
      h("polyline", {
        class: "x2v-scaling-line",
        points: rows.map((row, i) => `${px(xs[i])},${py(ys[i])}`).join(" "),
      }),
      ...dots,
      h("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, name),
      h("text", { x: left, y: top - 8 }, label),
    );
  }
}
