"""Where each word goes: attention of the video's tokens to it, pooled over the kept steps, layers and heads.

A heads    N video tokens    T words    D channels of a head
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.axes import Geometry, Shape3
from x2vkit.trace.layers import AttentionLayer
from x2vkit.trace.record import Site

Array = NDArray[Any]
CHUNK = 256
"""Rows that are computed at a time."""


def word_maps(
    kept: Mapping[Site, tuple[Array, Array]],
    layers: Sequence[AttentionLayer],
    geometry: Geometry,
    grid: Shape3,
) -> dict[str, NDArray[np.float16]]:
    """`Trace.maps` of what was kept: "cross" (1, T, time, rows, columns), the mean part of each video token's
    attention that goes to each word; none where no kept layer lets the video read words.
    """
    found = []
    for (_, layer), (q, k) in kept.items():
        reads = layers[layer]
        asks = np.isin(reads.places("queries", geometry), geometry.span("video"))
        asked = np.isin(reads.places("keys", geometry), geometry.span("text"))
        if asked.any() and asks.any():
            found.append(_shares(q[:, asks], k, asked))
    if not found:
        return {}
    mean = np.mean(found, 0).T.reshape(1, -1, *grid)  # (1, T, time, rows, columns)
    return {"cross": mean.astype(np.float16)}


def _shares(q: Array, k: Array, asked: Array) -> NDArray[np.float32]:
    """(A, N, D), (A, keys, D) -> (N, T) the part of each row that goes to each asked key, mean over heads."""
    keys = k.astype(np.float32).swapaxes(1, 2) * q.shape[2] ** -0.5
    parts = []
    for start in range(0, q.shape[1], CHUNK):
        scores = q[:, start : start + CHUNK].astype(np.float32) @ keys  # (A, CHUNK, keys)
        rows = np.exp(scores - scores.max(-1, keepdims=True))
        parts.append((rows[..., asked] / rows.sum(-1, keepdims=True)).mean(0))
    return np.concatenate(parts)
