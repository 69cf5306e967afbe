"""What one attention layer of a model reads: which kinds of tokens ask, and which are asked.

A model with one attention over the whole sequence needs none of this: a trace without `layers` says that
every layer reads all tokens. Models with self and cross attention apart, or with attention inside one frame
alone, have an entry a layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from x2vkit.axes import TOKEN_KINDS, Geometry, Shape3
from x2vkit.errors import X2VError

WITHIN = ("", "frame", "place")
"""Where a layer's video tokens look: at all, at their own frame, or at their own place in all frames."""


@dataclass(frozen=True)
class AttentionLayer:
    """One layer of a trace, by the order of `Trace.layers`. Raises X2VError for kinds that no token has."""

    name: str
    """The module's path in the pipeline: "transformer.blocks.0.attn1"."""
    queries: tuple[str, ...] = ()
    """Kinds of tokens whose queries it holds, in the geometry's order; empty for all kinds."""
    keys: tuple[str, ...] = ()
    """Kinds of tokens whose keys it holds, in the geometry's order; empty for all kinds."""
    within: str = ""
    """One of WITHIN: "frame" or "place" where a video token's row holds only such keys, zero elsewhere."""

    def __post_init__(self) -> None:
        for side in ("queries", "keys"):
            object.__setattr__(self, side, tuple(getattr(self, side)))
        kinds = {*self.queries, *self.keys}
        if not isinstance(self.name, str) or self.within not in WITHIN or not kinds <= set(TOKEN_KINDS):
            rule = f"its kinds are of {', '.join(TOKEN_KINDS)}, and within is one of {', '.join(WITHIN[1:])}"
            raise X2VError(f"attention layer {self.name!r}", rule, "record it again")

    def places(self, side: str, geometry: Geometry) -> NDArray[np.int64]:
        """(n,) Places in the sequence, 0..L-1, of the tokens that "queries" or "keys" holds, in order."""
        kinds = getattr(self, side) or tuple(kind for kind, _ in geometry.token_kinds)
        spans = [np.array(geometry.span(kind), np.int64) for kind, _ in geometry.token_kinds if kind in kinds]
        return np.concatenate([np.zeros(0, np.int64), *spans])

    def seen(self, token: int, grid: Shape3, geometry: Geometry) -> NDArray[np.bool_]:
        """(keys held,) Which of its keys the token at a place of the sequence reads at all."""
        keys, video = self.places("keys", geometry), geometry.span("video")
        if not self.within or token not in video:
            return np.ones(len(keys), bool)
        size = grid[1] * grid[2]
        index, others = token - video.start, keys - video.start
        same = others // size == index // size if self.within == "frame" else others % size == index % size
        return same | ~((keys >= video.start) & (keys < video.stop))
