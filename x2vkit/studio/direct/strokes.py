"""A motion brush: paint a thing in the first frame and drag its path; what is not painted stays.

    F frames

As Runway's Motion Brush and DragNUWA (Yin et al. 2023, arXiv 2308.08089) have it. A stroke belongs to the
subject that it begins on and becomes that subject's boxes: the thing keeps its size and goes along the path.
Knows nothing about models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.axes import Shape3
from x2vkit.config import is_number
from x2vkit.core.raster import LARGEST, control_raster, numbers
from x2vkit.errors import X2VError

RADIUS = 0.1
"""Of a stroke that says none, in fractions of the shorter side."""
WIDEST = 2.0
"""Radius of the largest brush: the whole picture."""
STROKE = "a stroke is a path of two or more points x, y in fractions of the frame, and perhaps a radius"
CURE = "give strokes=[([(0.3, 0.6), (0.7, 0.6)], 0.1)]"


@dataclass(frozen=True)
class Stroke:
    """A checked stroke."""

    path: NDArray[np.float64]
    """(F, 2) x, y of every frame, evenly over the clip."""
    radius: float
    """Of the brush, in fractions of the shorter side."""


def read_strokes(strokes: Any, shape: Shape3) -> list[Stroke]:
    """Strokes as anybody may give them.

    Args:
        strokes: a list, each a pair of path and radius, a path alone, or {"path": ..., "radius": ...}.
        shape: frames, height, width.

    Raises:
        X2VError: what is no stroke, or begins off the frame.
    """
    if not isinstance(strokes, (list, tuple)):
        raise X2VError(f"strokes={repr(strokes):.60}", "strokes are a list", CURE)
    return [_read(each, shape) for each in strokes]


def _read(value: Any, shape: Shape3) -> Stroke:
    path: Any
    if isinstance(value, Mapping):
        path, radius = value.get("path"), value.get("radius", RADIUS)
    elif isinstance(value, (list, tuple)) and len(value) == 2 and isinstance(value[1], (int, float)):
        path, radius = value
    else:
        path, radius = value, RADIUS
    points = numbers("stroke", path)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2 or not _finite(points):
        raise X2VError(f"stroke {repr(path):.60}", STROKE, CURE)
    if not is_number(radius) or not 0 < radius <= WIDEST:
        rule = f"a radius is above 0 and up to {WIDEST:g}, in fractions of the shorter side"
        raise X2VError(f"stroke of radius {radius!r:.40}", rule, "use 0.1")
    control_raster(shape, (), [(points, radius)], None)  # no more than one picture holds
    if not ((points[0] >= 0) & (points[0] <= 1)).all():
        got = f"stroke that begins at {points[0].round(3).tolist()}"
        raise X2VError(got, "it begins on the frame, which goes from 0 to 1", "divide pixels by the size")
    when = np.linspace(0, len(points) - 1, shape[0])
    path = np.stack([np.interp(when, np.arange(len(points)), column) for column in points.T], 1)
    if not ((path > -0.5) & (path < 1.5)).all():
        rule = "it stays within half a frame of the picture"
        raise X2VError(f"stroke that reaches {path.min():.3g} to {path.max():.3g}", rule, "shorten it")
    return Stroke(path, float(radius))


def _finite(points: NDArray) -> bool:
    return bool(np.isfinite(points).all() and (np.abs(points) <= LARGEST).all())


def painted(
    strokes: Sequence[Stroke],
    first: NDArray,
    sides: tuple[float, float],
    fixed: bool,
    names: Sequence[str] = (),
) -> dict[int, Stroke]:
    """Which subject each stroke begins on.

    Args:
        strokes: as `read_strokes` makes them.
        first: (2, 4) boxes of the subjects in the first frame; NaN where there is none.
        sides: width and height in fractions of the shorter side.
        fixed: whether the first frame is given, so that nothing can be moved under a brush; else the nearest
            subject is meant.
        names: nouns of the subjects, for errors.

    Raises:
        X2VError: a stroke on nothing, or more strokes than subjects.
    """
    found: dict[int, Stroke] = {}
    for stroke in strokes:
        distance = np.array([_distance(stroke.path[0], box, sides) for box in first])
        distance[list(found)] = np.inf
        at = int(distance.argmin())
        if not np.isfinite(distance[at]):
            there = int(np.isfinite(first[:, 0]).sum())
            rule = f"there {'is one subject' if there == 1 else f'are {there} subjects'}, and one stroke each"
            raise X2VError(f"{len(strokes)} strokes", rule, "draw one path for each, with more points")
        if fixed and distance[at] > stroke.radius:
            where = "; ".join(
                f"{names[i] if i < len(names) else 'a subject'} at {box.round(2).tolist()}"
                for i, box in enumerate(first)
                if np.isfinite(box[0])
            )
            got = f"stroke that begins at {stroke.path[0].round(3).tolist()}"
            raise X2VError(got, f"nothing is there to be moved; there is {where}", "begin it on that")
        found[at] = stroke
    return found


def dragged(box: NDArray, stroke: Stroke) -> NDArray[np.float64]:
    """A box (4,) taken along: (F, 4). What was painted stays under the brush; a box that the stroke does not
    begin on is put under it.
    """
    start, middle = stroke.path[0], (box[:2] + box[2:]) / 2
    on = (box[:2] <= start).all() and (start <= box[2:]).all()
    way = stroke.path - (start if on else middle)
    return np.asarray(box, np.float64)[None] + np.concatenate([way, way], 1)


def _distance(point: NDArray, box: NDArray, sides: tuple[float, float]) -> float:
    """From a point to a box, 0 inside it, in fractions of the shorter side; endless to none."""
    if not np.isfinite(box).all():
        return float("inf")
    away = np.maximum(np.maximum(box[:2] - point, point - box[2:]), 0) * sides
    return float(np.hypot(*away))
