"""A plan that leads from one clip to the beginning of another, or of itself.

    F frames of a clip, n new ones

Lengths are in units of the frame's shorter side, times in frames. Knows no model.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from x2vkit.core.planner import Plan
from x2vkit.studio.go_on.carry import DIRECTED, RECENT, camera_path, line

Array = NDArray[np.float64]
ENDING = 4
"""Frames at an end that say how fast things go there."""


def leading(a: Plan, b: Plan, n: int, *, round_: bool = False, back: bool = False) -> Plan:
    """A plan of `a`, then n new frames, then `b`.

    Args:
        a, b: plans of one clip each.
        n: frames between them.
        round_: the first subject goes out of the picture and comes in again on the other side.
        back: the camera comes back to where it was at the beginning of `a`; else it goes on from where it is.
    """
    boxes = np.stack([_boxes(a.boxes[0, :, i], b.boxes[0, :, i], n, round_ and i == 0) for i in (0, 1)], 1)
    paths = [camera_path(each.camera[0]) for each in (a, b)]
    if back:
        between = _smooth(paths[0], paths[1], n)
        after = paths[1]
    else:
        speeds = [_speed(paths[0], last=True), _speed(paths[1], last=False)]
        share = np.linspace(0, 1, n + 1)[:, None]
        way = np.cumsum(speeds[0] * (1 - share) + speeds[1] * share, 0) + paths[0][-1]
        between, after = way[:-1], way[-1] + paths[1] - paths[1][0]
    camera = np.concatenate([paths[0], between, after])
    turns = [np.unwrap(each.turn[0].astype(np.float64))[:, None] for each in (a, b)]
    turns[1] = turns[1] + 2 * np.pi * np.round((turns[0][-1] - turns[1][0]) / (2 * np.pi))
    tracks = {
        "boxes": np.concatenate([a.boxes[0], boxes, b.boxes[0]]),
        "mouth": np.concatenate([a.mouth[0], _mouth(a.mouth[0], b.mouth[0], n), b.mouth[0]]),
        "camera": np.concatenate([camera[:, :2], np.exp(camera[:, 2:])], 1),
        "turn": np.concatenate([turns[0], _smooth(turns[0], turns[1], n), turns[1]])[:, 0],
    }
    return Plan(**{name: track[None].astype(np.float32) for name, track in tracks.items()})


def lap(plan: Plan, height: int, width: int) -> tuple[bool, int]:
    """Whether the first subject goes through the picture while the camera stands still; and the frames that
    it takes from the clip's end, out of it and in again on the other side, to where the clip began.
    """
    boxes, camera = plan.boxes[0, :, 0].astype(np.float64), camera_path(plan.camera[0])
    seen = np.flatnonzero(np.isfinite(boxes[:, 0]))
    moves = any(line(camera[-RECENT:, axis], 0.05)[1] for axis in range(3))
    if len(seen) < 3 or moves:
        return False, 0
    middle = (boxes[seen, 0] + boxes[seen, 2]) / 2
    slope = np.polyfit(seen, middle, 1)[0]
    if abs(slope) * len(boxes) * width / min(height, width) < DIRECTED:
        return False, 0
    wide = (boxes[seen, 2] - boxes[seen, 0]).max()
    return True, max(8, round((1 + wide + 0.1) / abs(slope) - len(boxes)))


def _boxes(a: NDArray, b: NDArray, n: int, round_: bool) -> Array:
    """Boxes (n, 4) from the last of a (F, 4) to the first of b; NaN where one of them has none."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    seen = np.isfinite(a[-1, 0]), np.isfinite(b[0, 0])
    if round_ and all(seen):
        return _through(a, b, n)
    if all(seen):
        return _smooth(a, b, n)
    nothing = np.full((n, 4), np.nan)
    half = n // 2
    if seen[0]:  # it is gone in the middle of the way
        nothing[:half] = a[-1]
    elif seen[1]:
        nothing[half:] = b[0]
    return nothing


def _through(a: Array, b: Array, n: int) -> Array:
    """Out on one side at an even speed, and in on the other, to where b begins."""
    slope = line((a[:, 0] + a[:, 2]) / 2, 0.0)[1]
    wide = a[-1, 2] - a[-1, 0]
    lap_ = np.sign(slope) * (1 + wide + 0.1)
    share = np.arange(1, n + 1)[:, None] / (n + 1)
    way = a[-1] + share * (b[0] + (lap_, 0, lap_, 0) - a[-1])
    gone = way[:, 0] >= 1 if slope > 0 else way[:, 2] <= 0
    way[gone] -= (lap_, 0, lap_, 0)
    outside = (way[:, 2] <= 0) | (way[:, 0] >= 1)
    return np.where(outside[:, None], np.nan, way)


def _smooth(a: Array, b: Array, n: int) -> Array:
    """(n, K) from the last row of a (F, K) to the first of b, with the speed that each has there (a cubic
    Hermite curve).
    """
    speeds = [_speed(a, last=True), _speed(b, last=False)]
    s = (np.arange(1, n + 1) / (n + 1))[:, None]
    way = n + 1
    most = min(way, 8)  # a long way leaves the speed of its ends behind
    h00, h10 = 2 * s**3 - 3 * s**2 + 1, s**3 - 2 * s**2 + s
    h01, h11 = -2 * s**3 + 3 * s**2, s**3 - s**2
    return h00 * a[-1] + h10 * most * speeds[0] + h01 * b[0] + h11 * most * speeds[1]


def _speed(values: Array, *, last: bool) -> Array:
    """(K,) a frame at one end of (F, K); 0 where too little is known."""
    part = values[-ENDING:] if last else values[:ENDING]
    if len(part) < 2 or not np.isfinite(part).all():
        return np.zeros(values.shape[1])
    return np.polyfit(np.arange(len(part)), part, 1)[0]


def _mouth(a: Array, b: Array, n: int) -> Array:
    """Openness (n,) that closes and opens again; NaN unless there is talk on both sides."""
    share = np.arange(1, n + 1) / (n + 1)
    return a[-1] * np.maximum(1 - 2 * share, 0) + b[0] * np.maximum(2 * share - 1, 0)
