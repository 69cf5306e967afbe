"""Queries and keys as whole numbers for the browser, as many as a page can hold, and the rows that they stand
for.

A captured heads, D channels of a head, L tokens of the sequence, n queries

A model of real size has 32,760 tokens, and one head of one layer at one step is 8 MB of queries and keys at
8 bits. What does not fit is left out in this order: queries of patches between others (each patch is then
answered for by one near it), heads, places. A row is always over all keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.axes import Shape3
from x2vkit.trace import Trace
from x2vkit.trace.layers import AttentionLayer
from x2vkit.trace.record import Site
from x2vkit.views.buffer import Array, check_size
from x2vkit.views.shown import evenly

TOLERANCE = 1e-3
"""How far a row computed in the browser may lie from `Trace.attention`, in any of its numbers."""
CHECKED, MOST_CHECKED = 4, 64
"""One query in so many is computed both ways to choose between 8 and 16 bits; at most so many of a place."""
STRIDES = (1, 2, 4)
"""One patch in so many rows and columns has its query sent."""
BROWSER_COST = 60_000_000
"""Multiply-adds in which the browser works out the sums of all rows of a place, which a column needs."""
COLUMN_COST = 2e10
"""Those that Python may take for all places; else the sums of fewer rows are made."""
FARTHEST = 64


@dataclass
class Packed:
    """What is sent of a trace's attention."""

    sites: tuple[Site, ...]
    """The (step, layer) places."""
    heads: tuple[int, ...]
    """Which of the trace's captured heads, as places in `Trace.heads`."""
    stride: int
    """One query in so many rows and columns of patches."""
    far: dict[Site, int] = field(default_factory=dict)
    """Of each place, one row in so many rows and columns of patches has its sum sent, for columns."""
    arrays: dict[str, Array] = field(default_factory=dict)
    """Of place i: queries.i (A, n, D), keys.i (A, keys, D) of int8 or int16, and query_scale.i, key_scale.i
    (A, n) float32, so that number x scale is the recorded value; asks.i (n,), the places of those queries in
    the sequence; and, where the browser would take too long, norms.i (A, n) float32, the logarithm of each
    row's sum, NaN where none was made.
    """
    left_out: list[str] = field(default_factory=list)
    """What is not sent, in words."""


def packed(trace: Trace, room: int) -> Packed:
    """Queries and keys for the browser within so many bytes. X2VError where not even one head of one place
    fits.

    8 bits where rows stay within half of TOLERANCE of the recorded ones, as they do for bundled traces, which
    were stored so; 16 bits where they do not and that fits.
    """
    out = _choose(trace, room)
    heads = list(out.heads)
    whole = [[getattr(trace, side)[site][heads] for side in ("queries", "keys")] for site in out.sites]
    small = [[whole_numbers(x, np.int8) for x in pair] for pair in whole]
    if not all(map(_agree, whole, small)):
        if _size(trace, out.sites, len(heads), out.stride, 2) <= room:
            small = [[whole_numbers(x, np.int16) for x in pair] for pair in whole]
        else:
            out.left_out.append("queries and keys are rounded to 8 bits")
    share = COLUMN_COST / max(len(out.sites), 1)
    for i, (site, pair) in enumerate(zip(out.sites, small, strict=True)):
        reads = trace.reads(site[1])
        asks = asking(trace, reads, out.stride)
        (q, q_scale), (k, k_scale) = pair
        out.arrays |= {f"queries.{i}": q[:, asks], f"query_scale.{i}": q_scale[:, asks]}
        out.arrays |= {f"keys.{i}": k, f"key_scale.{i}": k_scale}
        out.arrays[f"asks.{i}"] = reads.places("queries", trace.geometry)[asks].astype(np.int32)
        out.far[site] = out.stride
        if q.shape[1] * k.shape[1] * k.shape[2] * len(heads) > BROWSER_COST:
            out.far[site], out.arrays[f"norms.{i}"] = _norms(trace, site, out, share)
    far = max(out.far.values(), default=1)
    if far > out.stride:
        out.left_out.append(f"who looks at a token is worked out for one patch in {far} × {far}")
    return out


def standing(places: Array, stride: int, video: range, grid: Shape3) -> NDArray[np.int64]:
    """The places in the sequence that answer for some places: of patches those in the middle of blocks of
    stride x stride in one latent frame, of other tokens they themselves. As in static/attention/places.js.
    """
    _, rows, columns = grid
    token = np.asarray(places, np.int64) - video.start
    time, row, column = token // (rows * columns), token // columns % rows, token % columns
    row, column = (
        np.minimum(x // stride * stride + stride // 2, n - 1) for x, n in ((row, rows), (column, columns))
    )
    stands = (time * rows + row) * columns + column + video.start
    inside = (token >= 0) & (token < len(video))
    return np.where(inside, stands, places)


def asking(trace: Trace, reads: AttentionLayer, stride: int) -> NDArray[np.int64]:
    """Which of a layer's queries are sent, as places among those it holds, in order."""
    places = reads.places("queries", trace.geometry)
    stands = standing(places, stride, trace.geometry.span("video"), trace.grid)
    return np.unique(np.searchsorted(places, stands)) if stride > 1 else np.arange(len(places))


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


def softmax(q: Array, k: Array) -> NDArray[np.float32]:
    """Rows of attention -> (A, n, L), adding up to 1 over L: q k^T / sqrt(D) of q (A, n, D), k (A, L, D)."""
    scores = q.astype(np.float32) @ k.astype(np.float32).swapaxes(1, 2) * q.shape[2] ** -0.5
    scores = np.exp(scores - scores.max(axis=2, keepdims=True))
    return scores / scores.sum(axis=2, keepdims=True)


def log_sums(
    trace: Trace, site: Site, heads: Sequence[int], held: Array, block: int = 128
) -> NDArray[np.float32]:
    """The logarithm of the sum of exponentials of each row (A, n), of some of a layer's queries."""
    reads = trace.reads(site[1])
    places = reads.places("queries", trace.geometry)
    k = trace.keys[site][list(heads)].astype(np.float32).swapaxes(1, 2)  # (A, D, keys)
    parts = []
    for start in range(0, len(held), block):
        some = held[start : start + block]
        q = trace.queries[site][list(heads)][:, some].astype(np.float32)
        scores = q @ k * q.shape[2] ** -0.5  # (A, block, keys)
        if reads.within:
            seen = np.stack([reads.seen(int(places[i]), trace.grid, trace.geometry) for i in some])
            scores = np.where(seen, scores, -np.inf)
        most = scores.max(axis=2, keepdims=True)
        np.exp(scores - most, out=scores)
        parts.append(most[..., 0] + np.log(scores.sum(axis=2)))
    return np.concatenate(parts, axis=1).astype(np.float32)


def _norms(trace: Trace, site: Site, out: Packed, cost: float) -> tuple[int, NDArray[np.float32]]:
    """Sums of as many rows as a cost allows -> (one in how many rows and columns, (A, n), NaN elsewhere)."""
    reads, video = trace.reads(site[1]), trace.geometry.span("video")
    places = reads.places("queries", trace.geometry)
    asks, keys = asking(trace, reads, out.stride), trace.keys[site].shape
    far = out.stride
    while True:
        stands = standing(standing(places, far, video, trace.grid), out.stride, video, trace.grid)
        held = np.unique(np.searchsorted(places, stands))
        if len(held) * keys[1] * keys[2] * len(out.heads) <= cost or far >= FARTHEST:
            break
        far *= 2
    norms = np.full((len(out.heads), len(asks)), np.nan, np.float32)
    norms[:, np.searchsorted(asks, held)] = log_sums(trace, site, out.heads, held)
    return far, norms


def _choose(trace: Trace, room: int) -> Packed:
    """What fits at 8 bits."""
    sites, count = trace.captured, len(trace.heads)
    for stride in STRIDES:
        if _size(trace, sites, count, stride, 1) <= room:
            return Packed(sites, tuple(range(count)), stride, left_out=_said(stride))
    stride = STRIDES[-1]
    each = _size(trace, sites, 1, stride, 1)
    heads, said = evenly(count, max(1, room // each)), _said(stride)
    if len(heads) < count:
        said.append(f"{len(heads)} of {count} heads")
    if each > room:
        largest = max(_size(trace, [site], 1, stride, 1) for site in sites)
        check_size(largest)
        kept = [sites[i] for i in evenly(len(sites), max(1, room // largest))]
        said.append(f"{len(kept)} of {len(sites)} places (step and layer)")
        sites = tuple(kept)
    return Packed(sites, tuple(heads), stride, left_out=said)


def _said(stride: int) -> list[str]:
    near = f"queries of one patch in {stride} × {stride}: a click asks the one nearest to it"
    return [near] if stride > 1 else []


def _size(trace: Trace, sites: Sequence[Site], heads: int, stride: int, size: int) -> int:
    """Bytes of queries, keys and their scales, at so many bytes a number."""
    total = 0
    for site in sites:
        _, keys, channels = trace.keys[site].shape
        asks = len(asking(trace, trace.reads(site[1]), stride))
        total += heads * ((asks + keys) * (channels * size + 4) + 4 * asks)
    return total


def _agree(whole: Sequence[Array], small: Sequence[tuple[Array, Any]]) -> bool:
    """Whether rows from whole numbers equal those from the recorded ones, of some queries."""
    q, k = whole
    (q8, q_scale), (k8, k_scale) = small
    some = slice(0, None, max(CHECKED, q.shape[1] // MOST_CHECKED))
    packed_q = q8[:, some] * q_scale[:, some, None]
    apart = softmax(q[:, some], k) - softmax(packed_q, k8 * k_scale[..., None])
    return bool(np.abs(apart).max() <= TOLERANCE / 2)
