"""What is read off attention: columns, entropy, and shares for people.

A captured heads, L tokens of the sequence
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from x2vkit.trace import Trace
from x2vkit.trace.record import Site
from x2vkit.views.attention.packing import log_sums, standing

LOG_DECADES = 3
"""How far below the largest value the logarithmic colour scale reaches."""


def received(
    trace: Trace, step: int, layer: int, key: int, stride: int = 1, block: int = 128
) -> NDArray[np.float32]:
    """How much of each token's own attention goes to one key -> (A, L), each within 0..1; 0 of tokens that
    the layer does not ask, and where it does not read the key.

    The column of `Trace.attention` over all queries; `block` queries at a time, never all pairs. stride: only
    one patch in so many rows and columns is asked, and answers for those around it.
    """
    reads, video = trace.reads(layer), trace.geometry.span("video")
    places, keys = (reads.places(side, trace.geometry) for side in ("queries", "keys"))
    q, k = trace.queries[step, layer], trace.keys[step, layer].astype(np.float32)
    out = np.zeros((len(q), trace.geometry.tokens), np.float32)
    at = np.flatnonzero(keys == key)
    if not len(at):
        return out
    held, answers = np.unique(
        np.searchsorted(places, standing(places, stride, video, trace.grid)), return_inverse=True
    )
    site, heads = (step, layer), range(len(q))
    score = np.einsum("and,ad->an", q[:, held].astype(np.float32), k[:, at[0]]) * q.shape[2] ** -0.5
    shares = np.exp(score - log_sums(trace, site, heads, held, block))
    if reads.within:
        seen = [reads.seen(int(places[i]), trace.grid, trace.geometry)[at[0]] for i in held]
        shares = shares * np.array(seen)
    out[:, places] = shares[:, answers]
    return out


def share(tokens: NDArray[np.float32]) -> np.floating:
    """The part of a row that falls on some tokens."""
    return np.sum(tokens)


def mean_share(tokens: NDArray[np.float32]) -> np.floating:
    """The part of its own attention that each of some tokens gives on average; 0 where there is none."""
    return np.mean(tokens) if tokens.size else np.float32(0)


def entropy(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Entropy of each row (A, L) in bits, after making it sum to 1: 0 (one key) .. log2(L) (all alike)."""
    p = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-30)
    return -(p * np.log2(np.maximum(p, 1e-30))).sum(axis=1)


def nearest(sites: tuple[Site, ...], step: int, layer: int) -> Site:
    """The captured (step, layer) next to the one asked for: the step counts first."""
    return min(sites, key=lambda site: (abs(site[0] - step), abs(site[1] - layer), site))


def percent(share: float) -> str:
    """A share for people, as static/attention/shares.js writes it too."""
    value = 100 * share
    if 0 < value < 0.001:
        return "< 0.001 %"
    return f"{value:.{1 if value >= 10 else 2 if value >= 0.1 else 3}f} %"
