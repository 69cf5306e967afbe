"""Moves a planned track into soft boxes: by as little as may be, and as evenly.

    F frames

Plain numpy. A track is first made small enough for its regions, then shifted: where no region counts, the
shift goes evenly from one to the next, so that what moves as planned keeps its shape.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from x2vkit.studio.direct.boxes import SoftBox

SWEEPS = 4000
"""Rounds of the smallest even shift, at most."""
ROOM = 0.01
"""Fractions of the frame by which a box is kept clear of its region's edge: what is drawn is never exact."""


def inside(track: NDArray, soft: Sequence[SoftBox], fps: float) -> tuple[NDArray[np.float64], float]:
    """A track that keeps soft boxes.

    Args:
        track: (F, 4) boxes as planned; NaN where out of sight.
        soft: what it has to keep.
        fps: frames a second.

    Returns:
        The track, and by how much it was changed: the sum of its mean shift and of its mean change of log
        size.
    """
    frames = len(track)
    where = np.tile((-np.inf, -np.inf, np.inf, np.inf), (frames, 1))
    for each in soft:
        counts, edges = each.frames(frames, fps), np.array(each.region)
        room = np.minimum(ROOM, (edges[2:] - edges[:2]) / 8)
        where[counts, :2] = np.maximum(where[counts, :2], edges[:2] + room)
        where[counts, 2:] = np.minimum(where[counts, 2:], edges[2:] - room)
    counts = np.isfinite(where).all(1)
    seen = np.isfinite(track[:, 0])
    filled = _filled(track, seen)
    middle, size = (filled[:, :2] + filled[:, 2:]) / 2, filled[:, 2:] - filled[:, :2]
    limit = np.where(counts, np.log((where[:, 2:] - where[:, :2]) / size).min(1), np.inf)
    smaller = _even(np.full(frames, -np.inf), np.minimum(limit, 0))
    size = size * np.exp(smaller)[:, None]
    low = where[:, :2] + size / 2 - middle
    high = where[:, 2:] - size / 2 - middle
    shift = np.stack([_even(low[:, axis], np.maximum(high, low)[:, axis]) for axis in (0, 1)], 1)
    middle = middle + shift
    kept = np.concatenate([middle - size / 2, middle + size / 2], 1)
    kept[~(seen | counts)] = np.nan
    return kept, float(np.abs(shift).sum(1).mean() + np.abs(smaller).mean())


def _even(low: NDArray, high: NDArray) -> NDArray[np.float64]:
    """The shift (F,) between bounds that changes least from frame to frame, and of such the smallest: Gauss
    and Seidel's rounds with each value held between its bounds.
    """
    shift = np.clip(np.zeros(len(low)), low, high)
    if not shift.any():
        return shift
    bound = np.flatnonzero(np.isfinite(low) | np.isfinite(high) & (high < 0))
    shift = np.clip(np.interp(np.arange(len(low)), bound, shift[bound]), low, high)
    for _ in range(min(SWEEPS, 4 * len(low) ** 2)):
        before = shift.copy()
        for part in (slice(0, None, 2), slice(1, None, 2)):
            padded = np.pad(shift, 1, mode="edge")
            mean = (padded[:-2] + padded[2:]) / 2
            shift[part] = np.clip(mean, low, high)[part]
        if np.abs(shift - before).max() < 1e-5:
            break
    return shift


def _filled(track: NDArray, seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """A track whose rows out of sight are those seen nearest in time; of none, a box in the middle."""
    if not seen.any():
        return np.tile((0.35, 0.35, 0.65, 0.65), (len(track), 1))
    at = np.arange(len(track))
    nearest = np.abs(at[:, None] - at[seen][None]).argmin(1)
    return np.asarray(track, np.float64)[seen][nearest]
