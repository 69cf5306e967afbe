"""`Heads`: every layer and head of a run against the truth, and each a click from its attention.

S steps; A captured heads, T words
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from x2vkit.errors import X2VError
from x2vkit.trace.record import Site
from x2vkit.views.attention import Attention
from x2vkit.views.attention.presets import content_words
from x2vkit.views.base import Content, TraceLike, View, as_trace
from x2vkit.views.buffer import Array
from x2vkit.views.heads.scores import spots, spots_by_chance, spots_by_staying, spots_found, words_found
from x2vkit.views.opening import Opening
from x2vkit.views.style import colormap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MEASURES = ("spots", "words")
"""spots: the same spot of the subject in other frames. words: the patches of the subject, by one word."""
CHANCE = 0.5
"""What a head without any knowledge reaches where words are measured."""


class Heads(Opening):
    """A table of layers and heads: how well each follows the subject through time, and finds it by a word.

    trace: a Trace with attention and a plan, the path of one, or None for a bundled one. selection: step
    (0..S-1), layer, head (an index into `trace.heads`), token (0..N-1), measure (one of MEASURES), word
    (0..T-1) and inside ("" or "attention"). X2VError for a trace without attention, without a plan (which
    says where the subject is), or whose layers read only parts of the sequence.
    """

    _module = "heads"
    _parts = ("attention",)
    inside: ClassVar[Mapping[str, type[View]]] = {"attention": Attention}
    label = "Heads against the truth"

    def prepare(self, trace: TraceLike = None) -> Content:
        self.trace = trace = as_trace(trace)
        if not trace.captured:
            raise X2VError(
                "this trace", "no attention was recorded in it", "record it with x2vkit.record(prompt)"
            )
        if "boxes" not in trace.plan or not np.isfinite(trace.plan["boxes"][:, 0]).any():
            rule = "heads are measured against a plan, which says where the subject is, and it has none"
            raise X2VError("this trace", rule, "record one with x2vkit's own model and plan=True")
        if trace.layers:
            rule = "heads are measured where every layer reads the whole sequence"
            raise X2VError("this trace", rule, "look at it with x2vkit.views.Attention")
        if trace.grid[0] < 2:
            rule = "heads are measured by what they find in other latent frames, and it has one"
            raise X2VError("this trace", rule, "record a longer clip")
        where = spots(trace)
        self.spots = np.stack([spots_found(trace, site, where) for site in trace.captured])
        self.chance, self.still = spots_by_chance(trace, where), spots_by_staying(trace, where)
        self.words = np.stack([words_found(trace, site) for site in trace.captured])
        self._spot = where.tokens[len(where.tokens) // 2] if len(where.tokens) else 0
        best = np.unravel_index(int(np.nanargmax(self.spots)), self.spots.shape)
        step, layer = trace.captured[int(best[0])]
        start = {"step": step, "layer": layer, "head": int(best[1]), "token": int(self._spot)}
        return self._content(start | {"measure": "spots", "word": self._own_word(), "inside": ""})

    def data(self) -> dict[str, Array]:
        """Scores of every captured (step, layer) in the order of `trace.captured`: spots (sites, A), share of
        spots found; words (sites, A, T), areas under the ROC curve; chance (2,) of the two; and still (), the
        share of spots that a head finds which looks at its own place of the picture.
        """
        chance = np.array([self.chance, CHANCE])
        return {"spots": self.spots, "words": self.words, "chance": chance, "still": np.array(self.still)}

    def figure(self) -> Figure:
        """The table of the selected measure: a row a head, a column a step."""
        from matplotlib.figure import Figure

        trace, scores, chance = self.trace, self._scores(), self._chance()
        steps = sorted({step for step, _ in trace.captured})
        layers = sorted({layer for _, layer in trace.captured})
        heads = scores.shape[1]
        cells = np.full((len(layers), heads, len(steps)), np.nan)
        for (step, layer), row in zip(trace.captured, scores, strict=True):
            cells[layers.index(layer), :, steps.index(step)] = row
        table = cells.reshape(-1, len(steps))
        figure = Figure(figsize=(max(5, 3 + 0.4 * len(steps)), 1.6 + 0.24 * len(table)), layout="constrained")
        axes = figure.add_subplot()
        picture = axes.imshow(table, cmap=colormap(), vmin=chance, vmax=1, aspect="auto")
        axes.set(xlabel="step", xticks=range(len(steps)), yticks=range(len(table)))
        axes.set_xticklabels([str(step + 1) for step in steps])
        axes.set_yticklabels(
            [f"layer {layer + 1}, head {head + 1}" for layer in layers for head in trace.heads], fontsize=8
        )
        for (y, x), score in np.ndenumerate(table):
            dark = (score - chance) / (1 - chance) < 0.6
            told = f"{100 * score:.0f}" if np.isfinite(score) else ""
            axes.text(x, y, told, ha="center", va="center", fontsize=8, color="w" if dark else "k")
        figure.colorbar(picture, ax=axes, label="chance … 1")
        figure.suptitle(f"{trace.prompt}  ·  {self._name()}", fontsize=10)
        return figure

    def _content(self, selection: Mapping[str, Any]) -> Content:
        trace = self.trace
        sites: list[Site] = list(trace.captured)
        return Content(
            metadata={
                "prompt": trace.prompt,
                "unknown": list(trace.unknown),
                "words": [[i, trace.words[i]] for i in content_words(trace.words)],
                "sites": [list(site) for site in sites],
                "heads": list(trace.heads),
                "noise": [float(trace.t[step]) for step in range(trace.steps)],
                "chance": {"spots": self.chance, "words": CHANCE},
                "still": self.still,
                "texts": len(trace.words),
            },
            arrays={"spots": self.spots.astype(np.float32), "words": self.words.astype(np.float32)},
            selection=dict(selection),
            limits={
                "step": trace.steps - 1,
                "layer": max(layer for _, layer in sites),
                "head": len(trace.heads) - 1,
                "token": int(np.prod(trace.grid)) - 1,
                "word": len(trace.words) - 1,
            },
            choices={"measure": tuple(MEASURES)},
        )

    def _own_word(self) -> int:
        """The word by which heads find the subject best, on average over all of them."""
        worth = content_words(self.trace.words)
        means = self.words.mean(axis=(0, 1))
        return max(worth, key=lambda i: means[i]) if worth else 0

    def _scores(self) -> Array:
        return (
            self.spots if self.selection["measure"] == "spots" else self.words[:, :, self.selection["word"]]
        )

    def _chance(self) -> float:
        return self.chance if self.selection["measure"] == "spots" else CHANCE

    def _name(self) -> str:
        if self.selection["measure"] == "spots":
            return f"spots found in other frames, % (chance {100 * self.chance:.0f})"
        return f"patches of the subject by “{self.trace.words[self.selection['word']]}”, area under ROC, %"
