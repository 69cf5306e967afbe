"""`Attention`: where a patch or a word looks, over all words and all patches of the clip, as one softmax row.

    S steps; A captured heads, D channels of a head; T words, N video tokens, L = T + N keys; F frames

Queries and keys travel to the browser as whole numbers with one scale a token; each row is computed there. A
map of all pairs is never stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from numpy.typing import NDArray

from x2vkit.axes import frames_of
from x2vkit.errors import X2VError
from x2vkit.media import Frames
from x2vkit.trace import Trace
from x2vkit.trace.record import Site
from x2vkit.views.base import Array, Content, Eight, Strip, TraceLike, View, as_trace, check_size
from x2vkit.views.style import PALETTE, colormap, token_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DIRECTIONS = ("to", "from")
"""to: where the chosen token looks, its own softmax row. from: how much each token looks at it."""
UNDER = ("final", "predicted", "nothing")
"""What stands under the heat: the finished clip, the prediction at this step, nothing (exact colours)."""
FRAME_QUALITY = 90
"""JPEG quality of the clip, which here is what stands behind the numbers."""
LOG_DECADES = 3
"""How far below the largest value the logarithmic colour scale reaches."""
FAINT, STRONG, DIM = 0.45, 0.9, 0.6
"""How opaque heat is over a picture where there is least and most of it, and how bright the picture is below:
as in static/attention.js and .css.
"""
FIGURE_WORDS, FIGURE_HEADS = 14, 6
"""What the static picture has room for."""
TOLERANCE = 1e-3
"""How far a row computed in the browser may lie from `Trace.attention`, in any of its numbers."""
CHECKED = 4
"""One query in so many is computed both ways to choose between 8 and 16 bits."""


class Attention(View):
    """Click a patch or a word: where it looks, or who looks at it, per step, layer and head.

    trace: a Trace with attention (`x2vkit.record(prompt)`), the path of one, or None for a bundled one.
    selection: step (0..S-1), layer, head (an index into `trace.heads`, or None for the mean of all), token
    (video token 0..N-1), word (0..T-1, or None: then it is the token that is asked), frame (0..F-1),
    direction (one of DIRECTIONS), under (one of UNDER) and log (True: logarithmic colours). A step or layer
    that was not captured shows the nearest one that was. X2VError for a trace without attention, or with more
    of it than `base.LIMIT_BYTES`.
    """

    _module = "attention"
    label = "Attention: who looks where"

    def prepare(self, trace: TraceLike = None) -> Content:
        self.trace = trace = as_trace(trace)
        if not trace.captured:
            again = "x2vkit.rerun(trace, attention=x2vkit.AttentionCapture())"
            cure = f"make one with x2vkit.record(prompt), or this one again with {again}"
            raise X2VError("this trace", "no attention was recorded in it", cure)
        sites = list(trace.captured)
        steps = sorted({step for step, _ in sites})
        clip = Strip(trace.frames, FRAME_QUALITY)
        arrays: dict[str, Array | Eight | Strip] = {"t": trace.t, "frames": clip}
        arrays |= packed(trace)
        if trace.preview_weight is not None and trace.preview_bias is not None:
            arrays |= {"pred_x0": Eight(trace.pred_x0[steps], 2)}
            arrays |= {"weight": trace.preview_weight, "bias": trace.preview_bias}
        step = steps[len(steps) // 2]
        layers = [layer for s, layer in sites if s == step]
        n_t, n_h, n_w = trace.grid
        middle = (n_t // 2 * n_h + n_h // 2) * n_w + n_w // 2
        limits = {
            "step": trace.steps - 1,
            "layer": max(layer for _, layer in sites),
            "head": len(trace.heads) - 1,
            "token": n_t * n_h * n_w - 1,
            "word": len(trace.words) - 1,
            "frame": len(trace.frames) - 1,
        }
        return Content(
            facts={
                "prompt": trace.prompt,
                "unknown": list(trace.unknown),
                "words": list(trace.words),
                "grid": list(trace.grid),
                "patch": list(trace.patch),
                "sites": [list(site) for site in sites],
                "steps": steps,
                "heads": list(trace.heads),
                "fps": trace.fps,
                "decades": LOG_DECADES,
            },
            arrays=arrays,
            selection={
                "step": step,
                "layer": layers[(len(layers) - 1) // 2],
                "head": None,
                "token": middle,
                "word": None,
                "frame": time_frames(trace, n_t // 2)[0],
                "direction": DIRECTIONS[0],
                "under": UNDER[0],
                "log": False,
            },
            limits=limits,
        )

    @traitlets.validate("selection")
    def _check_selection(self, proposal: Any) -> dict[str, Any]:
        wanted = dict(proposal["value"])
        for key, known in (("direction", DIRECTIONS), ("under", UNDER), ("log", (False, True))):
            if key in wanted and wanted[key] not in known:
                rule = f"{key} is one of {', '.join(map(repr, known))}"
                raise X2VError(f"{key}={wanted[key]!r}", rule, "use one of them")
        if "word" not in wanted and wanted.get("token") not in (None, self.selection.get("token")):
            wanted["word"] = None  # a patch was picked, here or in a linked view
        return super()._check_selection({"value": wanted})

    def data(self) -> dict[str, Array]:
        """What is seen now, from `Trace.attention`, as shares (1 is all of a query's attention):

        attention (T + N,) of the chosen head or the mean; heads (A, T + N); words (T,); video (time, rows,
        columns); frames (time,) and text (), the parts on them ("to": sums, 1 in all; "from": means);
        entropy (A,) in bits, 0..log2(T + N); reach (A,) in latent frames, NaN for a word.
        """
        heads = self._heads()
        chosen = self.selection["head"]
        row = heads.mean(axis=0) if chosen is None else heads[chosen]
        words, video = row[: len(self.trace.words)], row[len(self.trace.words) :].reshape(self.trace.grid)
        part = np.sum if self.selection["direction"] == "to" else np.mean
        return {
            "attention": row,
            "heads": heads,
            "words": words,
            "video": video,
            "frames": part(video, axis=(1, 2)),
            "text": part(words),
            "entropy": entropy(heads),
            "reach": self._reach(heads),
        }

    def figure(self) -> Figure:
        """The row as bars of the words, heat over all latent frames, the part on each, and every head."""
        from matplotlib.figure import Figure

        seen = self.data()
        figure = Figure(figsize=(10, 5.4))
        words, strip, parts, heads = (
            figure.add_axes(box)
            for box in (
                (0.08, 0.4, 0.11, 0.41),
                (0.25, 0.4, 0.74, 0.41),
                (0.08, 0.25, 0.91, 0.1),
                (0.08, 0.02, 0.91, 0.13),
            )
        )  # by hand: a layout engine would draw everything twice, and this picture delays the widget
        self._draw_words(words, seen)
        self._draw_strip(strip, seen)
        self._draw_parts(parts, seen)
        self._draw_heads(heads, seen)
        figure.text(0.5, 0.965, self.trace.prompt, ha="center", fontsize=11, fontweight="bold")
        figure.text(0.5, 0.895, self._sentence(seen), ha="center", fontsize=9)
        return figure

    def _draw_words(self, axes: Axes, seen: dict[str, Array]) -> None:
        """The words that matter most, in the prompt's order, and the one that is asked."""
        chosen = self.selection["word"]
        most = set(np.argsort(-seen["words"])[:FIGURE_WORDS]) | ({chosen} - {None})
        shown = sorted(int(word) for word in most)
        names = [self.trace.words[word] for word in shown]
        names = [name if len(name) <= 12 else f"{name[:11]}…" for name in names]
        axes.barh(range(len(shown)), 100 * seen["words"][shown], color=PALETTE["green"])
        axes.set_yticks(range(len(shown)), names, fontsize=8)
        axes.set_title("words, %", fontsize=9)
        axes.invert_yaxis()
        axes.tick_params(axis="x", labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
        if chosen is not None:
            axes.get_yticklabels()[shown.index(chosen)].set(color=PALETTE["orange"], fontweight="bold")

    def _draw_strip(self, axes: Axes, seen: dict[str, Array]) -> None:
        """Latent frames side by side in units of patches, one patch of space between them."""
        from matplotlib.patches import Rectangle

        n_t, n_h, n_w = self.trace.grid
        most = float(seen["video"].max())
        heated = [self._heated(*pair, most) for pair in zip(seen["video"], self._pictures(), strict=True)]
        gap = heated[0].shape[1] // n_w
        sheet = np.ones((heated[0].shape[0], (n_w + 1) * gap * n_t - gap, 3))
        for time, picture in enumerate(heated):
            left = time * (n_w + 1)
            sheet[:, left * gap : (left + n_w) * gap] = picture
            frames = time_frames(self.trace, time)
            span = f"frames {frames[0] + 1}–{frames[-1] + 1}" if len(frames) > 1 else f"frame {frames[0] + 1}"
            axes.text(left + n_w / 2, -0.25, f"t{time}\n{span}", ha="center", va="bottom", fontsize=8)
        axes.imshow(sheet, extent=(0, (n_w + 1) * n_t - 1, n_h, 0), interpolation="nearest")
        some = range(0, n_w, max(1, n_w // 4))
        columns = [(time * (n_w + 1) + column + 0.5, f"c{column}") for time in range(n_t) for column in some]
        axes.set_xticks([place for place, _ in columns], [name for _, name in columns], fontsize=7)
        rows = range(0, n_h, max(1, n_h // 4))
        axes.set_yticks([row + 0.5 for row in rows], [f"r{row}" for row in rows], fontsize=7)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        if self.selection["word"] is None:
            time, row, column = np.unravel_index(self.selection["token"], self.trace.grid)
            corner = (time * (n_w + 1) + column, row)
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=PALETTE["orange"], linewidth=2))

    def _draw_parts(self, axes: Axes, seen: dict[str, Array]) -> None:
        """What falls on the words and on each latent frame."""
        names = ["words", *(f"t{time}" for time in range(self.trace.grid[0]))]
        parts = np.array([seen["text"], *seen["frames"]], np.float64)
        places = range(len(names))
        colors = [PALETTE["green"], *[PALETTE["blue"]] * (len(names) - 1)]
        axes.bar(places, 100 * parts, color=colors, width=0.5)
        for place, part in zip(places, parts, strict=True):
            axes.text(place, 100 * part, percent(part), ha="center", va="bottom", fontsize=8)
        axes.set_xticks(places, names, fontsize=8)
        axes.set(ylim=(0, 135 * max(parts.max(), 1e-9)), yticks=[])
        axes.set_ylabel("sum" if self.selection["direction"] == "to" else "mean", fontsize=8)
        axes.tick_params(length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)

    def _draw_heads(self, axes: Axes, seen: dict[str, Array]) -> None:
        """The latent frames of the first heads, each with its own brightest."""
        n_t, n_h, n_w = self.trace.grid
        heads, wide = self.trace.heads[:FIGURE_HEADS], (n_w + 1) * n_t + 1
        sheet = np.full((n_h, len(heads) * wide), np.nan)
        for i, number in enumerate(heads):
            video = seen["heads"][i, len(self.trace.words) :].reshape(self.trace.grid)
            for time in range(n_t):
                left = i * wide + time * (n_w + 1)
                sheet[:, left : left + n_w] = self._level(video[time], float(video.max()))
            reach, bits = seen["reach"][i], f"head {number + 1}: {seen['entropy'][i]:.1f} bits"
            note = bits if np.isnan(reach) else f"{bits}\nreach {reach:.1f}"
            shade = "black" if self.selection["head"] in (None, i) else PALETTE["grey"]
            axes.text((i + 0.5) * wide, -1, note, ha="center", va="bottom", fontsize=8, color=shade)
        axes.imshow(sheet, cmap=colormap(), vmin=0, vmax=1, interpolation="nearest")
        if len(self.trace.heads) > len(heads):
            more = f"and {len(self.trace.heads) - len(heads)} more heads"
            axes.text(len(heads) * wide, n_h, more, ha="right", va="top", fontsize=8, color=PALETTE["grey"])
        axes.axis("off")

    def _site(self) -> Site:
        return nearest(self.trace.captured, self.selection["step"], self.selection["layer"])

    def _index(self) -> int:
        """The chosen token among all T + N."""
        word = self.selection["word"]
        return len(self.trace.words) + self.selection["token"] if word is None else word

    def _heads(self) -> NDArray[np.float32]:
        if self.selection["direction"] == "to":
            return self.trace.attention(*self._site(), self._index())
        return received(self.trace, *self._site(), self._index())

    def _reach(self, heads: NDArray[np.float32]) -> NDArray[np.float32]:
        """How many latent frames away the patches lie that each head looks at (A,), by their weight."""
        if self.selection["word"] is not None:
            return np.full(len(heads), np.nan, np.float32)
        n_t, n_h, n_w = self.trace.grid
        here = self.selection["token"] // (n_h * n_w)
        mass = heads[:, len(self.trace.words) :].reshape(-1, n_t, n_h * n_w).sum(axis=2)
        away = np.abs(np.arange(n_t) - here) * self.trace.patch[0]
        return (mass @ away / mass.sum(axis=1)).astype(np.float32)

    def _pictures(self) -> Frames | list[None]:
        """A picture under the heat for each latent frame: the selected frame in its own, else the middle."""
        under, frame = self.selection["under"], self.selection["frame"]
        spans = [time_frames(self.trace, time) for time in range(self.trace.grid[0])]
        if under == "nothing":
            return [None] * len(spans)
        step = self._site()[0]
        clip = self.trace.frames if under == "final" else self.trace.preview(step)
        return clip[[frame if frame in span else span[len(span) // 2] for span in spans]]

    def _level(self, values: Array, most: float) -> Array:
        """Shares as places on the colour scale, 0..1."""
        if not self.selection["log"]:
            return values / max(most, 1e-12)
        return (1 + np.log10(np.maximum(values, 1e-12) / max(most, 1e-12)) / LOG_DECADES).clip(0, 1)

    def _heated(self, values: Array, picture: Array | None, most: float) -> Array:
        """Heat over a grey picture (H, W, 3) in 0..1, as the browser lays it."""
        level = self._level(values, most)
        color = colormap()(level)[..., :3]
        if picture is None:
            picture = np.zeros_like(self.trace.frames[0])
        bare = self.selection["under"] == "nothing"
        H, W, _ = picture.shape
        tall, wide = H // values.shape[0], W // values.shape[1]
        color, level = (x.repeat(tall, 0).repeat(wide, 1) for x in (color, level[..., None]))
        grey = DIM * picture.mean(axis=2, keepdims=True) / 255
        alpha = 1 if bare else FAINT + (STRONG - FAINT) * level
        return (color * alpha + grey * (1 - alpha)).clip(0, 1)

    def _sentence(self, seen: dict[str, Array]) -> str:
        """What the static picture shows, in words."""
        trace, (step, layer) = self.trace, self._site()
        word, head = self.selection["word"], self.selection["head"]
        name = f"patch {token_name(self.selection['token'], trace.grid)}"
        name = name if word is None else f"word “{trace.words[word]}”"
        which = "mean of heads" if head is None else f"head {trace.heads[head] + 1}"
        most = percent(float(seen["video"].max()))
        scale = f"{'logarithmic ' if self.selection['log'] else ''}colours up to {most}"
        place = f"step {step + 1} of {trace.steps}  ·  layer {layer + 1}  ·  {which}  ·  {scale}"
        if self.selection["direction"] == "to":
            keys = f"{len(trace.words)} words and {seen['video'].size} patches"
            return f"query: {name} → keys: all {keys}, one softmax row\n{place}"
        return f"key: {name} ← queries: the part of each token's own attention that goes to it\n{place}"


def packed(trace: Trace) -> dict[str, Array]:
    """Queries and keys for the browser: queries, keys (sites, A, L, D) of int8 or int16, and their scales
    query_scale, key_scale (sites, A, L) float32, so that number x scale is the recorded value.

    8 bits where rows stay within half of TOLERANCE of the recorded ones, as they do for bundled traces, which
    were stored so; 16 bits else.
    """
    check_size(sum(2 * array.size for array in trace.queries.values()))  # at 8 bits; `pack` asks for 16
    q, k = (np.stack([kind[site] for site in trace.captured]) for kind in (trace.queries, trace.keys))
    small = [whole_numbers(x, np.int8) for x in (q, k)]
    if not _agree(q, k, small):
        small = [whole_numbers(x, np.int16) for x in (q, k)]
    (queries, query_scale), (keys, key_scale) = small
    return {"queries": queries, "query_scale": query_scale, "keys": keys, "key_scale": key_scale}


def whole_numbers(array: Array, kind: type[np.int8] | type[np.int16]) -> tuple[Array, NDArray[np.float32]]:
    """Vectors (..., D) as whole numbers and one scale each (...,), the scale that fits best (least squares).

    Best, and not the largest magnitude / 127: that one is a rounded number in itself, and would make a whole
    vector too long or too short.
    """
    values = array.astype(np.float32)
    scale = np.maximum(np.abs(values).max(axis=-1, keepdims=True), 1e-12) / np.iinfo(kind).max
    numbers = np.rint(values / scale)
    scale = (numbers * values).sum(axis=-1) / np.maximum((numbers * numbers).sum(axis=-1), 1)
    return numbers.astype(kind), scale.astype(np.float32)


def _agree(q: Array, k: Array, small: list[tuple[Array, NDArray[np.float32]]]) -> bool:
    """Whether rows from whole numbers equal those from the recorded ones; ends where they first do not."""
    (q8, q_scale), (k8, k_scale) = small
    for site in range(len(q)):
        some = slice(site % CHECKED, None, CHECKED)
        exact = _softmax(q[site][:, some], k[site])
        packed_q = q8[site][:, some] * q_scale[site][:, some, None]
        if np.abs(exact - _softmax(packed_q, k8[site] * k_scale[site][..., None])).max() > TOLERANCE / 2:
            return False
    return True


def _softmax(q: Array, k: Array) -> NDArray[np.float32]:
    """softmax(q k^T / sqrt(D)): q (A, n, D), k (A, L, D) -> (A, n, L)."""
    scores = q.astype(np.float32) @ k.astype(np.float32).swapaxes(1, 2) * q.shape[2] ** -0.5
    scores = np.exp(scores - scores.max(axis=2, keepdims=True))
    return scores / scores.sum(axis=2, keepdims=True)


def received(trace: Trace, step: int, layer: int, key: int, block: int = 256) -> NDArray[np.float32]:
    """How much of each token's own attention goes to one key -> (A, T + N), each within 0..1.

    The column of `Trace.attention` over all queries; `block` queries at a time, never all pairs.
    """
    q, k = trace.queries[step, layer], trace.keys[step, layer]
    parts = [_softmax(q[:, i : i + block], k)[:, :, key] for i in range(0, q.shape[1], block)]
    return np.concatenate(parts, axis=1)


def entropy(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Entropy of each row (A, L) in bits, after making it sum to 1: 0 (one key) .. log2(L) (all alike)."""
    p = shares / shares.sum(axis=1, keepdims=True)
    return -(p * np.log2(np.maximum(p, 1e-30))).sum(axis=1)


def nearest(sites: tuple[Site, ...], step: int, layer: int) -> Site:
    """The captured (step, layer) next to the one asked for: the step counts first."""
    return min(sites, key=lambda site: (abs(site[0] - step), abs(site[1] - layer), site))


def time_frames(trace: Trace, time: int) -> range:
    """The frames of one row of tokens in time (`trace.patch[0]` latent frames)."""
    long = trace.patch[0]
    return range(frames_of(time * long).start, frames_of(time * long + long - 1).stop)


def percent(share: float) -> str:
    """A share for people, as static/attention.js writes it too."""
    value = 100 * share
    if 0 < value < 0.001:
        return "< 0.001 %"
    return f"{value:.{1 if value >= 10 else 2 if value >= 0.1 else 3}f} %"
