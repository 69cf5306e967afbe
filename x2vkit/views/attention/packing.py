"""Queries and keys as whole numbers for the browser, as many as a page can hold, and the rows that they stand
for.

S' steps of a stack (a layer's places), A captured heads, D channels of a head, L tokens of the sequence, n
queries

A layer's places are one `trace.differences.Stack`, sent as differences from step to step: all twenty steps of
three layers of the bundled dog take 2.9 MB, where each place for itself would take 7.5. A model of real size
has 32,760 tokens, and one head of one layer at one step is 8 MB at 8 bits. What does not fit is left out in
this order: queries of patches between others (each patch is then answered for by one near it), heads, places.
A row is always over all keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.axes import Shape3
from x2vkit.trace import Trace
from x2vkit.trace.differences import SMALLEST, Stack
from x2vkit.trace.layers import AttentionLayer
from x2vkit.trace.record import Site
from x2vkit.views.buffer import LIMIT_BYTES, Array, check_size
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
SIDES = ("queries", "keys")
SCALES = {"queries": "query_scale", "keys": "key_scale"}
UNPACKED = LIMIT_BYTES // 2
"""What queries and keys may take in the browser's memory where they travel in fewer bytes than that."""


@dataclass
class Packed:
    """What is sent of a trace's attention."""

    stacks: tuple[tuple[Site, ...], ...]
    """The (step, layer) places that are sent, of one layer each."""
    heads: tuple[int, ...]
    """Which of the trace's captured heads, as places in `Trace.heads`."""
    stride: int
    """One query in so many rows and columns of patches."""
    far: dict[Site, int] = field(default_factory=dict)
    """Of each place, one row in so many rows and columns of patches has its sum sent, for columns."""
    arrays: dict[str, Array | Stack] = field(default_factory=dict)
    """Of stack i: queries.i (S', A, n, D), keys.i (S', A, keys, D) of int8 or int16, and query_scale.i
    (A, n), key_scale.i (A, keys) float32, so that number x scale is the recorded value; asks.i (n,), the
    places of those queries in the sequence; and, where the browser would take too long, norms.i (S', A, n)
    float32, the logarithm of each row's sum, NaN where none was made.
    """
    left_out: list[str] = field(default_factory=list)
    """What is not sent, in words."""

    @property
    def sites(self) -> tuple[Site, ...]:
        """The places that are sent, in order."""
        return tuple(sorted(site for stack in self.stacks for site in stack))

    def place(self, site: Site) -> tuple[int, int]:
        """Which stack holds a place, and where in it."""
        return next((i, stack.index(site)) for i, stack in enumerate(self.stacks) if site in stack)


def packed(trace: Trace, room: int) -> Packed:
    """Queries and keys for the browser within so many bytes. X2VError where not even one head of one place
    fits.

    8 bits where rows stay within half of TOLERANCE of the recorded ones, as they do for bundled traces, which
    were stored so; 16 bits where they do not and that fits.
    """
    out = _choose(trace, room)
    pairs = _stored(trace, out) or _pairs(trace, out, room)
    share = COLUMN_COST / max(len(out.sites), 1)
    for i, (stack, pair) in enumerate(zip(out.stacks, pairs, strict=True)):
        for name, side in zip(SIDES, pair, strict=True):
            out.arrays[f"{name}.{i}"] = replace(side, scale=None)
            out.arrays[f"{SCALES[name]}.{i}"] = np.asarray(side.scale)
        reads = trace.reads(stack[0][1])
        asks = asking(trace, reads, out.stride)
        out.arrays[f"asks.{i}"] = reads.places("queries", trace.geometry)[asks].astype(np.int32)
        out.far |= dict.fromkeys(stack, out.stride)
        _, keys, channels = trace.keys[stack[0]].shape
        if len(out.heads) * len(asks) * keys * channels > BROWSER_COST:
            found = [_norms(trace, site, out, share) for site in stack]
            out.far |= {site: far for site, (far, _) in zip(stack, found, strict=True)}
            out.arrays[f"norms.{i}"] = np.stack([norms for _, norms in found])
    far = max(out.far.values(), default=1)
    if far > out.stride:
        out.left_out.append(f"who looks at a token is worked out for one patch in {far} × {far}")
    return out


def _stored(trace: Trace, out: Packed) -> list[tuple[Stack, Stack]]:
    """Queries and keys of each stack as the file of a compact trace holds them; none where a part of them is
    left out, or a stack lies in pieces.
    """
    if out.stride > 1 or len(out.heads) < len(trace.heads) or out.stacks != trace.stacks():
        return []
    pairs = [pair for stack in out.stacks if (pair := stored_pair(trace, stack))]
    return pairs if len(pairs) == len(out.stacks) else []


def stored_pair(trace: Trace, stack: Sequence[Site]) -> tuple[Stack, Stack] | None:
    """Queries and keys of one of `Trace.stacks` as the file of a compact trace holds them, if all their steps
    lie in one piece there; else None.
    """
    step, layer = stack[0]
    queries, keys = (trace.stored(f"{side}.{step}.{layer}") for side in SIDES)
    if queries is None or keys is None or {queries.shape[0], keys.shape[0]} != {len(stack)}:
        return None
    return queries, keys


def _pairs(trace: Trace, out: Packed, room: int) -> list[tuple[Stack, Stack]]:
    """Queries and keys of each stack in whole numbers: of 8 bits where that is near enough, else of 16."""
    heads = list(out.heads)
    whole = [
        [np.stack([getattr(trace, side)[site][heads] for site in stack]) for side in SIDES]
        for stack in out.stacks
    ]
    small = [[whole_numbers(x, np.int8) for x in pair] for pair in whole]
    if not all(map(_agree, whole, small)):
        if _size(trace, out.stacks, len(heads), out.stride, 2) <= room:
            small = [[whole_numbers(x, np.int16) for x in pair] for pair in whole]
        else:
            out.left_out.append("queries and keys are rounded to 8 bits")
    pairs = []
    for stack, ((q, q_scale), keys) in zip(out.stacks, small, strict=True):
        asks = asking(trace, trace.reads(stack[0][1]), out.stride)
        pairs.append((Stack.of(q[:, :, asks], q_scale[:, asks]), Stack.of(*keys)))
    return pairs


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
    """Vectors (S', ..., D) as whole numbers, and one scale (...,) for all S', the scale that fits best (least
    squares).

    Best, and not the largest magnitude / 127: that one is a rounded number in itself, and would make a whole
    vector too long or too short.
    """
    values = array.astype(np.float32, copy=False)
    most = np.maximum(values.max(axis=(0, -1)), -values.min(axis=(0, -1)))
    numbers = values * (np.iinfo(kind).max / np.maximum(most, SMALLEST))[..., None]
    np.rint(numbers, out=numbers)
    products, squares = (np.einsum("s...d,s...d->...", numbers, other) for other in (values, numbers))
    return numbers.astype(kind), products / np.maximum(squares, 1)


def softmax(q: Array, k: Array) -> NDArray[np.float32]:
    """Rows of attention -> (A, n, L), adding up to 1 over L: q k^T / sqrt(D) of q (A, n, D), k (A, L, D)."""
    scores = (q.astype(np.float32) * q.shape[2] ** -0.5) @ k.astype(np.float32).swapaxes(1, 2)
    scores -= scores.max(axis=2, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=2, keepdims=True)
    return scores


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
    stacks, count = trace.stacks(), len(trace.heads)
    small = min(1.0, _deflated_share(trace)) if _size(trace, stacks, count, 1, 1) > room else 1.0

    def fits(stacks: Sequence[Sequence[Site]], heads: int, stride: int) -> bool:
        size = _size(trace, stacks, heads, stride, 1)
        return size <= room or (size <= UNPACKED and small * size <= room)

    for stride in STRIDES:
        if fits(stacks, count, stride):
            return Packed(stacks, tuple(range(count)), stride, left_out=_said(stride))
    most = next((heads for heads in range(count, 0, -1) if fits(stacks, heads, stride)), 1)
    heads, said = evenly(count, most), _said(stride)
    if len(heads) < count:
        said.append(f"{len(heads)} of {count} heads")
    if not fits(stacks, 1, stride):
        sites = [site for stack in stacks for site in stack]
        largest = max(_size(trace, [[site]], 1, stride, 1) for site in sites)
        check_size(largest)
        kept = {trace.captured[i] for i in evenly(len(sites), max(1, room // largest))}
        said.append(f"{len(kept)} of {len(sites)} places (step and layer)")
        some = (tuple(site for site in stack if site in kept) for stack in stacks)
        stacks = tuple(stack for stack in some if stack)
    return Packed(stacks, tuple(heads), stride, left_out=said)


def _deflated_share(trace: Trace) -> float:
    """How much of its bytes a stack of 8 bits takes packed, judged by the keys of one head of each."""
    some = []
    for stack in trace.stacks():
        if pair := stored_pair(trace, stack):
            some.append(pair[1])
        else:
            keys = np.stack([trace.keys[site][:1] for site in stack])
            some.append(Stack.of(whole_numbers(keys, np.int8)[0]))
    return sum(len(one.data) for one in some) / max(sum(one.nbytes for one in some), 1)


def _said(stride: int) -> list[str]:
    near = f"queries of one patch in {stride} × {stride}: a click asks the one nearest to it"
    return [near] if stride > 1 else []


def _size(trace: Trace, stacks: Sequence[Sequence[Site]], heads: int, stride: int, size: int) -> int:
    """Bytes of queries, keys, their scales and the places that ask, at so many bytes a number."""
    total = 0
    for stack in stacks:
        _, keys, channels = trace.keys[stack[0]].shape
        asks = len(asking(trace, trace.reads(stack[0][1]), stride))
        total += heads * ((asks + keys) * (len(stack) * channels * size + 4)) + 4 * asks
    return total


def _agree(whole: Sequence[Array], small: Sequence[tuple[Array, Any]]) -> bool:
    """Whether rows from whole numbers equal those from the recorded ones, of some queries of each step."""
    (q8, q_scale), (k8, k_scale) = small
    some = slice(0, None, max(CHECKED, q8.shape[2] // MOST_CHECKED))
    for step, (q, k) in enumerate(zip(*whole, strict=True)):
        packed_q = q8[step][:, some] * q_scale[:, some, None]
        apart = softmax(q[:, some], k) - softmax(packed_q, k8[step] * k_scale[..., None])
        if np.abs(apart).max() > TOLERANCE / 2:
            return False
    return True
