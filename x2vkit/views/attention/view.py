"""`Attention`: where a patch or a word looks, over all words and all patches of the clip, as one softmax row.

    S steps; A captured heads, D channels of a head; F frames
    T words, N video tokens, L tokens of the whole sequence

Queries and keys travel to the browser as whole numbers with one scale a token; each row is computed there. A
map of all pairs is never stored.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from numpy.typing import NDArray

from x2vkit.errors import X2VError
from x2vkit.trace.record import Site
from x2vkit.views.attention.packing import packed
from x2vkit.views.attention.presets import attention_presets
from x2vkit.views.attention.shares import LOG_DECADES, entropy, mean_share, nearest, received, share
from x2vkit.views.base import Array, Content, Eight, SpriteSheet, TraceLike, View, as_trace, geometry_metadata

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DIRECTIONS = ("to", "from")
"""to: where the chosen token looks, its own softmax row. from: how much each token looks at it."""
UNDER = ("final", "predicted", "nothing")
"""What stands under the heat: the finished clip, the prediction at this step, nothing (exact colours)."""
FRAME_QUALITY = 90
"""JPEG quality of the clip, which here is what stands behind the numbers."""


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
        sites, geometry = list(trace.captured), trace.geometry
        self.words = trace.words if geometry.span("text") else ()
        """The words whose tokens attention reads; none of a model that reads them elsewhere."""
        steps = sorted({step for step, _ in sites})
        clip = SpriteSheet(trace.frames, FRAME_QUALITY)
        arrays: dict[str, Array | Eight | SpriteSheet] = {"t": trace.t, "frames": clip}
        arrays |= packed(trace)
        if trace.preview_weight is not None and trace.preview_bias is not None:
            arrays |= {"pred_x0": Eight(trace.pred_x0[steps], 2)}
            arrays |= {"weight": trace.preview_weight, "bias": trace.preview_bias}
        presets = attention_presets(trace)
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
                "geometry": geometry_metadata(trace),
                "sites": [list(site) for site in sites],
                "steps": steps,
                "heads": list(trace.heads),
                "fps": trace.fps,
                "decades": LOG_DECADES,
                "presets": [asdict(one) for one in presets],
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
                "layer": max(layer for _, layer in sites),
                "head": len(trace.heads) - 1,
                "token": n_t * n_h * n_w - 1,
                "word": len(self.words) - 1,
                "frame": len(trace.frames) - 1,
            },
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

        attention (L,) of the chosen head or the mean; heads (A, L); words (T,); video (time, rows, columns);
        frames (time,) and text (), the parts on them ("to": sums, 1 in all; "from": means); audio and image,
        the parts on such tokens, where the sequence has them; entropy (A,) in bits, 0..log2(L); reach (A,) in
        latent frames, NaN for a word.
        """
        heads = self._heads()
        chosen = self.selection["head"]
        row = heads.mean(axis=0) if chosen is None else heads[chosen]
        words, video = self._of("text", row), self._of("video", row).reshape(self.trace.grid)
        part = share if self.selection["direction"] == "to" else mean_share
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
        others = {kind: self._of(kind, row) for kind in ("audio", "image")}
        return seen | {kind: part(tokens) for kind, tokens in others.items() if tokens.size}

    def figure(self) -> Figure:
        """The row as bars of the words, heat over all latent frames, the part on each, and every head."""
        from x2vkit.views.attention.figure import Picture

        return Picture(self.trace, self.words, self._site(), dict(self.selection), self.data()).figure()

    def _of(self, kind: str, shares: Array) -> Array:
        """The shares (..., L) on the tokens of a kind."""
        span = self.trace.geometry.span(kind)
        return shares[..., span.start : span.stop]

    def _site(self) -> Site:
        return nearest(self.trace.captured, self.selection["step"], self.selection["layer"])

    def _index(self) -> int:
        """The chosen token's place in the sequence."""
        word, geometry = self.selection["word"], self.trace.geometry
        if word is None:
            return geometry.span("video")[self.selection["token"]]
        return geometry.span("text")[word]

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
        mass = self._of("video", heads).reshape(-1, n_t, n_h * n_w).sum(axis=2)
        away = np.abs(np.arange(n_t) - here) * self.trace.geometry.patch[0]
        return (mass @ away / mass.sum(axis=1)).astype(np.float32)
