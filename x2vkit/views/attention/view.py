"""`Attention`: where a patch or a word looks, over all words and all patches of the clip, as one softmax row.

    S steps; A captured heads, D channels of a head; F frames
    T words, N video tokens, L tokens of the whole sequence

Queries and keys travel to the browser as whole numbers with one scale a token; each row is computed there. A
map of all pairs is never stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from numpy.typing import NDArray

from x2vkit.errors import X2VError
from x2vkit.trace.record import Site
from x2vkit.views.attention.packing import packed, standing
from x2vkit.views.attention.presets import attention_presets
from x2vkit.views.attention.shares import LOG_DECADES, entropy, mean_share, nearest, received, share
from x2vkit.views.base import Content, TraceLike, View, as_trace, geometry_metadata, notes_metadata
from x2vkit.views.buffer import Array, Packable
from x2vkit.views.shown import Shown, trace_shape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DIRECTIONS = ("to", "from")
"""to: where the chosen token looks, its own softmax row. from: how much each token looks at it."""
UNDER = ("final", "predicted", "nothing")
"""What stands under the heat: the finished clip, the prediction at this step, nothing (exact colours)."""
FRAME_QUALITY = 90
"""JPEG quality of the clip, which here is what stands behind the numbers."""
BACKDROP_SHARE = 0.15
"""The share of what is sent that predictions behind the numbers may take."""
OTHERS = ("audio", "image", "history", "padding")
"""Kinds of tokens that are neither words nor patches of the clip."""


class Attention(View):
    """Click a patch or a word: where it looks, or who looks at it, per step, layer and head.

    trace: a Trace with attention (`x2vkit.record(prompt)`), the path of one, or None for a bundled one.
    selection: step (0..S-1), layer, head (an index into `heads`, or None for the mean of all), token
    (video token 0..N-1), word (0..T-1, or None: then it is the token that is asked), frame (0..F-1),
    direction (one of DIRECTIONS, or "map.NAME" of a trace that has maps), under (one of UNDER) and log (True:
    logarithmic colours). A step or layer that was not captured, or not sent, shows the nearest one that was.
    X2VError for a trace without attention. Of large traces less is sent; `packed` says what.
    """

    _module = "attention"
    label = "Attention: who looks where"

    def prepare(self, trace: TraceLike = None) -> Content:
        self.trace = trace = as_trace(trace)
        if not trace.captured:
            again = "x2vkit.rerun(trace, attention=x2vkit.AttentionCapture())"
            cure = f"make one with x2vkit.record(prompt), or this one again with {again}"
            if trace.coverage:  # of another model: why there is none stands in what was not seen
                cure = "record it with other layers: x2vkit.AttentionCapture(layers=...)"
                named = {one["what"] for one in trace.coverage.get("unseen", ())}
                cure = "record it again with its cache switched off" if "cache" in named else cure
                cure = "record it again before the model is compiled" if "compiled" in named else cure
            unseen = notes_metadata(trace, ())["unseen"]
            raise X2VError(
                "this trace", " ".join(["no attention was recorded in it.", *unseen]).rstrip("."), cure
            )
        geometry, shown = trace.geometry, Shown(trace, self.budget)
        self.words = trace.words if geometry.span("text") else ()
        """The words whose tokens attention reads; none of a model that reads them elsewhere."""
        arrays: dict[str, Packable] = {"t": trace.t, "frames": shown.frames(FRAME_QUALITY)}
        steps = sorted({step for step, _ in trace.captured})
        latents, under = shown.latents(["pred_x0"], steps, share=BACKDROP_SHARE)
        arrays |= latents | {f"map.{name}": array for name, array in trace.maps.items()}
        self.packed = packed(trace, shown.room - sum(array.size * 2 for array in trace.maps.values()))
        """Which queries and keys were sent."""
        arrays |= self.packed.arrays
        sites = self.packed.sites
        steps = sorted({step for step, _ in sites})
        presets = attention_presets(trace) if not self.packed.left_out else []
        first = next((dict(one.selection) for one in presets if one.selection["head"] is None), {})
        step = steps[len(steps) // 2]
        layers = [layer for s, layer in sites if s == step]
        n_t, n_h, n_w = trace.grid
        middle = (n_t // 2 * n_h + n_h // 2) * n_w + n_w // 2
        return Content(
            metadata={
                "prompt": trace.prompt,
                "unknown": list(trace.unknown),
                "words": list(self.words),
                "grid": list(trace.grid),
                "geometry": geometry_metadata(shown.geometry),
                "sites": [list(site) for site in sites],
                "stacks": [list(self.packed.place(site)) for site in sites],
                "reads": [self._reads(stack) for stack in self.packed.stacks],
                "stride": self.packed.stride,
                "steps": steps,
                "under": under,
                "heads": list(self.heads),
                "maps": list(trace.maps),
                "stages": list(trace.stages),
                "sections": list(trace.sections),
                "fps": trace.fps,
                "shrink": shown.shrink,
                "decades": LOG_DECADES,
                "presets": [asdict(one) for one in presets],
                **notes_metadata(trace, [*shown.left_out, *self.packed.left_out]),
            },
            arrays=arrays,
            selection={
                "step": step,
                "layer": layers[(len(layers) - 1) // 2],
                "head": None,
                "token": middle,
                "word": None,
                "frame": geometry.token_frames(n_t // 2)[0],
                "direction": DIRECTIONS[0],
                "under": UNDER[0],
                "log": False,
            }
            | first,
            limits={
                "step": trace.steps - 1,
                "layer": max(layer for _, layer in trace.captured),
                "head": len(self.packed.heads) - 1,
                "token": n_t * n_h * n_w - 1,
                "word": len(self.words) - 1,
                "frame": trace_shape(trace)[0] - 1,
            },
            choices={"direction": (*DIRECTIONS, *(f"map.{name}" for name in trace.maps)), "under": UNDER},
            blank={"head": None, "word": None},
        )

    @property
    def heads(self) -> tuple[int, ...]:
        """The heads that were sent, by their numbers in the model."""
        return tuple(self.trace.heads[i] for i in self.packed.heads)

    def _reads(self, stack: Sequence[Site]) -> dict[str, Any]:
        """What a stack's layer reads, for the browser."""
        layer, geometry = self.trace.reads(stack[0][1]), self.trace.geometry
        sides: dict[str, Any] = {
            side: [
                kind
                for kind, count in geometry.token_kinds
                if count and kind in (getattr(layer, side) or (kind,))
            ]
            for side in ("queries", "keys")
        }
        return sides | {"within": layer.within, "name": layer.name, "far": self.packed.far[stack[0]]}

    @traitlets.validate("selection")
    def _check_selection(self, proposal: Any) -> dict[str, Any]:
        wanted = dict(proposal["value"])
        if "word" not in wanted and wanted.get("token") not in (None, self._chosen.get("token")):
            wanted["word"] = None  # a patch was picked, here or in a linked view
        return super()._check_selection({"value": wanted})

    def data(self) -> dict[str, Array]:
        """What is seen now, from `Trace.attention`, as shares (1 is all of a query's attention):

        attention (L,) of the chosen head or the mean; heads (A, L) of those in `heads`; words (T,); video
        (time, rows, columns); frames (time,) and text (), the parts on them ("to": sums, 1 in all; "from":
        means); audio, image, history and padding, the parts on such tokens, where the sequence has them;
        entropy (A,) in bits, 0..log2(L); reach (A,) in latent frames, NaN for a word. Of a map, `attention`
        is the map of the word, and `heads` that alone.
        """
        heads = self._heads()
        chosen = None if self._map else self.selection["head"]
        row = heads.mean(axis=0) if chosen is None else heads[chosen]
        words, video = self._of("text", row), self._of("video", row).reshape(self.trace.grid)
        part = share if self._to else mean_share
        seen = {
            "attention": row,
            "heads": heads,
            "words": words,
            "video": video,
            "frames": np.stack([part(frame) for frame in video]),
            "text": part(words),
            "entropy": entropy(heads),
            "reach": self._reach(heads),
        }
        others = {kind: self._of(kind, row) for kind in OTHERS}
        return seen | {kind: part(tokens) for kind, tokens in others.items() if tokens.size}

    def figure(self) -> Figure:
        """The row as bars of the words, heat over all latent frames, the part on each, and every head."""
        from x2vkit.views.attention.figure import Picture

        choice = dict(self.selection)
        if not self._map:
            choice["direction"] = "to" if self._to else "from"
        return Picture(self.trace, self.words, self.heads, self._site(), choice, self.data()).figure()

    def _of(self, kind: str, shares: Array) -> Array:
        """The shares (..., L) on the tokens of a kind."""
        span = self.trace.geometry.span(kind)
        return shares[..., span.start : span.stop]

    def _site(self) -> Site:
        return nearest(self.packed.sites, self.selection["step"], self.selection["layer"])

    def _index(self) -> int:
        """The chosen token's place in the sequence."""
        word, geometry = self.selection["word"], self.trace.geometry
        if word is None:
            return geometry.span("video")[self.selection["token"]]
        return geometry.span("text")[word]

    @property
    def _map(self) -> str:
        """The name of the map that is shown, or nothing."""
        kind, _, name = self.selection["direction"].partition(".")
        return name if kind == "map" else ""

    @property
    def _to(self) -> bool:
        """Whether a row is shown: words of a layer that reads them apart ask nothing, and are looked at."""
        asking = self.trace.reads(self._site()[1]).places("queries", self.trace.geometry)
        return self.selection["direction"] == "to" and bool((asking == self._index()).any())

    def _heads(self) -> NDArray[np.float32]:
        trace, (step, layer), index = self.trace, self._site(), self._index()
        video = trace.geometry.span("video")
        if self._map:
            row = np.zeros((1, trace.geometry.tokens), np.float32)
            maps = trace.maps[self._map]
            step, word = min(self.selection["step"], len(maps) - 1), self.selection["word"] or 0
            row[0, video.start : video.stop] = maps[step, word].ravel()
            return row
        if self._to:
            stands = int(standing(np.array([index]), self.packed.stride, video, trace.grid)[0])
            return trace.attention(step, layer, stands)[list(self.packed.heads)]
        heads = received(trace, step, layer, index, self.packed.far[step, layer])
        return heads[list(self.packed.heads)]

    def _reach(self, heads: NDArray[np.float32]) -> NDArray[np.float32]:
        """How many latent frames away the patches lie that each head looks at (A,), by their weight."""
        if self.selection["word"] is not None or self._map:
            return np.full(len(heads), np.nan, np.float32)
        n_t, n_h, n_w = self.trace.grid
        here = self.selection["token"] // (n_h * n_w)
        mass = self._of("video", heads).reshape(-1, n_t, n_h * n_w).sum(axis=2)
        away = np.abs(np.arange(n_t) - here) * self.trace.geometry.patch[0]
        total = mass.sum(axis=1)
        return np.where(total > 0, mass @ away / np.maximum(total, 1e-30), np.nan).astype(np.float32)
