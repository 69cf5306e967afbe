"""The static picture of `Attention`, also shown on GitHub and in a PDF.

A captured heads; T words, N video tokens, L tokens of the whole sequence
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from x2vkit.trace import Trace
from x2vkit.trace.record import Site
from x2vkit.views.attention.shares import LOG_DECADES, percent
from x2vkit.views.buffer import Array
from x2vkit.views.patches.order import patch_pixels
from x2vkit.views.shown import evenly, nearest_of, shrink_of, smaller, trace_shape
from x2vkit.views.style import PALETTE, colormap, token_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAINT, STRONG, DIM = 0.45, 0.9, 0.6
"""How opaque heat is over a picture where there is least and most of it, and how bright the picture is below:
as in static/attention/board.js and style.css.
"""
MOST_WORDS, MOST_HEADS, MOST_TIMES = 14, 6, 8
"""What the picture has room for: words, heads, latent frames."""
BOXES = (
    (0.08, 0.4, 0.11, 0.41),
    (0.25, 0.4, 0.74, 0.41),
    (0.08, 0.25, 0.91, 0.1),
    (0.08, 0.02, 0.91, 0.13),
)
"""Where words, latent frames, parts and heads stand: by hand, for a layout engine would draw everything
twice, and this picture delays the widget.
"""


@dataclass(frozen=True)
class Picture:
    """One selection of an `Attention`, to be drawn."""

    trace: Trace
    """What it shows."""
    words: Sequence[str]
    """The words whose tokens attention reads."""
    heads: Sequence[int]
    """The heads that are shown, by their numbers in the model."""
    site: Site
    """The captured (step, layer)."""
    choice: Mapping[str, Any]
    """The view's selection."""
    seen: Mapping[str, Array]
    """What `Attention.data` returns."""

    def figure(self) -> Figure:
        """The row as bars of the words, heat over all latent frames, the part on each, and every head."""
        figure = Figure(figsize=(10, 5.4))
        words, strip, parts, heads = (figure.add_axes(box) for box in BOXES)
        if self.words:
            self._draw_words(words, self.seen)
        else:
            words.axis("off")
        self._draw_strip(strip, self.seen)
        self._draw_parts(parts, self.seen)
        self._draw_heads(heads, self.seen)
        figure.text(0.5, 0.965, self.trace.prompt, ha="center", fontsize=11, fontweight="bold")
        figure.text(0.5, 0.895, self._sentence(self.seen), ha="center", fontsize=9)
        return figure

    @property
    def times(self) -> list[int]:
        """The latent frames that are drawn: all, or some with that of the patch that is asked."""
        count, n_h, n_w = self.trace.grid
        times = evenly(count, MOST_TIMES)
        if len(times) < count and self.choice["word"] is None:
            asked = self.choice["token"] // (n_h * n_w)
            times[nearest_of(times, asked)] = asked
        return times

    def _draw_words(self, axes: Axes, seen: Mapping[str, Array]) -> None:
        """The words that matter most, in the prompt's order, and the one that is asked."""
        chosen = self.choice["word"]
        most = set(np.argsort(-seen["words"])[:MOST_WORDS]) | ({chosen} - {None})
        shown = sorted(int(word) for word in most)
        names = [self.words[word] for word in shown]
        names = [name if len(name) <= 12 else f"{name[:11]}…" for name in names]
        axes.barh(range(len(shown)), 100 * seen["words"][shown], color=PALETTE["green"])
        axes.set_yticks(range(len(shown)), names, fontsize=8)
        axes.set_title("words, %", fontsize=9)
        axes.invert_yaxis()
        axes.tick_params(axis="x", labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
        if chosen is not None:
            axes.get_yticklabels()[shown.index(chosen)].set(color=PALETTE["orange"], fontweight="bold")

    def _draw_strip(self, axes: Axes, seen: Mapping[str, Array]) -> None:
        """Latent frames side by side in units of patches, one patch of space between them."""
        _, n_h, n_w = self.trace.grid
        times, most = self.times, float(seen["video"].max())
        pairs = zip(seen["video"][times], self._pictures(times), strict=True)
        heated, n_t = [self._heated(*pair, most) for pair in pairs], len(times)
        gap = -(-heated[0].shape[1] // n_w)
        sheet = np.ones((heated[0].shape[0], (n_w + 1) * gap * n_t - gap, 3))
        for place, (time, picture) in enumerate(zip(times, heated, strict=True)):
            left = place * (n_w + 1)
            sheet[:, left * gap : left * gap + picture.shape[1]] = picture
            frames = self.trace.geometry.token_frames(time)
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
        if self.choice["word"] is None:
            time, row, column = np.unravel_index(self.choice["token"], self.trace.grid)
            corner = (times.index(int(time)) * (n_w + 1) + column, row)
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=PALETTE["orange"], linewidth=2))

    def _draw_parts(self, axes: Axes, seen: Mapping[str, Array]) -> None:
        """What falls on the words and on each latent frame."""
        times = [f"t{time}" for time in self.times]
        others = [kind for kind in ("audio", "image", "history", "padding") if kind in seen]
        text = ["words"] if self.words else []
        names = [*text, *times, *others]
        parts = np.array(
            [*(seen["text"] for _ in text), *seen["frames"][self.times], *(seen[kind] for kind in others)],
            float,
        )
        places = range(len(names))
        colors = [PALETTE[color] for color in (*["green" for _ in text], *["blue" for _ in times])]
        colors += [PALETTE["purple"] for _ in others]
        axes.bar(places, 100 * parts, color=colors, width=0.5)
        for place, part in zip(places, parts, strict=True):
            axes.text(place, 100 * part, percent(part), ha="center", va="bottom", fontsize=8)
        axes.set_xticks(places, names, fontsize=8)
        axes.set(ylim=(0, 135 * max(parts.max(), 1e-9)), yticks=[])
        axes.set_ylabel("sum" if self.choice["direction"] == "to" else "mean", fontsize=8)
        axes.tick_params(length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)

    def _draw_heads(self, axes: Axes, seen: Mapping[str, Array]) -> None:
        """The latent frames of the first heads, each with its own brightest."""
        _, n_h, n_w = self.trace.grid
        times = self.times
        n_t = len(times)
        if len(seen["heads"]) != len(self.heads):  # a map has none
            axes.axis("off")
            return
        heads, wide = self.heads[:MOST_HEADS], (n_w + 1) * n_t + 1
        sheet, tokens = np.full((n_h, len(heads) * wide), np.nan), self.trace.geometry.span("video")
        for i, number in enumerate(heads):
            video = seen["heads"][i, tokens.start : tokens.stop].reshape(self.trace.grid)
            for place, time in enumerate(times):
                left = i * wide + place * (n_w + 1)
                sheet[:, left : left + n_w] = self._level(video[time], float(video.max()))
            reach, bits = seen["reach"][i], f"head {number + 1}: {seen['entropy'][i]:.1f} bits"
            note = bits if np.isnan(reach) else f"{bits}\nreach {reach:.1f}"
            shade = "black" if self.choice["head"] in (None, i) else PALETTE["grey"]
            axes.text((i + 0.5) * wide, -1, note, ha="center", va="bottom", fontsize=8, color=shade)
        axes.imshow(sheet, cmap=colormap(), vmin=0, vmax=1, interpolation="nearest")
        if len(self.heads) > len(heads):
            more = f"and {len(self.heads) - len(heads)} more heads"
            axes.text(len(heads) * wide, n_h, more, ha="right", va="top", fontsize=8, color=PALETTE["grey"])
        axes.axis("off")

    def _pictures(self, times: Sequence[int]) -> list[Array | None]:
        """A picture under the heat for each latent frame: the selected frame in its own, else the middle."""
        under, frame, trace = self.choice["under"], self.choice["frame"], self.trace
        spans = [trace.geometry.token_frames(time) for time in times]
        shown = [frame if frame in span else span[len(span) // 2] for span in spans]
        if under == "nothing":
            return [None] * len(spans)
        last = trace_shape(trace)[0] - 1  # the last row of tokens may be part empty
        shown = [min(i, last) for i in shown]
        clip = [trace.frames[i] if under == "final" else trace.preview_frame(self.site[0], i) for i in shown]
        return [smaller(picture, shrink_of(trace)) for picture in clip]

    def _level(self, values: Array, most: float) -> Array:
        """Shares as places on the colour scale, 0..1."""
        if not self.choice["log"]:
            return values / max(most, 1e-12)
        return (1 + np.log10(np.maximum(values, 1e-12) / max(most, 1e-12)) / LOG_DECADES).clip(0, 1)

    def _heated(self, values: Array, picture: Array | None, most: float) -> Array:
        """Heat over a grey picture (H, W, 3) in 0..1, as the browser lays it."""
        level = self._level(values, most)
        color = colormap()(level)[..., :3]
        if picture is None:
            picture = np.zeros_like(smaller(self.trace.frames[0], shrink_of(self.trace)))
        bare = self.choice["under"] == "nothing"
        H, W, _ = picture.shape
        _, tall, wide = (size // shrink_of(self.trace) for size in patch_pixels(self.trace.geometry))
        color, level = (x.repeat(tall, 0).repeat(wide, 1)[:H, :W] for x in (color, level[..., None]))
        grey = DIM * picture.mean(axis=2, keepdims=True) / 255
        alpha = 1 if bare else FAINT + (STRONG - FAINT) * level
        return (color * alpha + grey * (1 - alpha)).clip(0, 1)

    def _sentence(self, seen: Mapping[str, Array]) -> str:
        """What the static picture shows, in words."""
        trace, (step, layer) = self.trace, self.site
        word, head = self.choice["word"], self.choice["head"]
        name = f"patch {token_name(self.choice['token'], trace.grid)}"
        name = name if word is None else f"word “{self.words[word]}”"
        which = "mean of heads" if head is None else f"head {self.heads[head] + 1}"
        most = percent(float(seen["video"].max()))
        scale = f"{'logarithmic ' if self.choice['log'] else ''}colours up to {most}"
        place = f"step {step + 1} of {trace.steps}  ·  layer {layer + 1}  ·  {which}  ·  {scale}"
        if self.choice["direction"].startswith("map."):
            words = self.words[word or 0]
            return f"map: word “{words}” over all patches, pooled over heads and layers\n{place}"
        if self.choice["direction"] == "to":
            kinds = {"text": "words", "video": "patches", "image": "picture tokens"}
            read = trace.reads(layer).keys
            counts = [
                f"{count:,} {kinds.get(kind, f'{kind} tokens')}"
                for kind, count in trace.geometry.token_kinds
                if count and (not read or kind in read)
            ]
            keys = " and ".join(filter(None, (", ".join(counts[:-1]), counts[-1])))
            return f"query: {name} → keys: all {keys}, one softmax row\n{place}"
        return f"key: {name} ← queries: the part of each token's own attention that goes to it\n{place}"
