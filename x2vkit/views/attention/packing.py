"""Queries and keys as whole numbers for the browser, and the rows of attention that they stand for.

A captured heads, D channels of a head, L tokens of the sequence
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from x2vkit.trace import Trace
from x2vkit.views.base import Array, check_size

TOLERANCE = 1e-3
"""How far a row computed in the browser may lie from `Trace.attention`, in any of its numbers."""
CHECKED = 4
"""One query in so many is computed both ways to choose between 8 and 16 bits."""


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
        exact = softmax(q[site][:, some], k[site])
        packed_q = q8[site][:, some] * q_scale[site][:, some, None]
        if np.abs(exact - softmax(packed_q, k8[site] * k_scale[site][..., None])).max() > TOLERANCE / 2:
            return False
    return True


def softmax(q: Array, k: Array) -> NDArray[np.float32]:
    """Rows of attention -> (A, n, L), adding up to 1 over L: q k^T / sqrt(D) of q (A, n, D), k (A, L, D)."""
    scores = q.astype(np.float32) @ k.astype(np.float32).swapaxes(1, 2) * q.shape[2] ** -0.5
    scores = np.exp(scores - scores.max(axis=2, keepdims=True))
    return scores / scores.sum(axis=2, keepdims=True)
