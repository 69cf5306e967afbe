"""The figures themselves: what is computed from a clip's readings. Plain numpy; it knows no model and draws
nothing.

    F  frames        O  subjects        n  clips

Lengths are in units of the frame's shorter side, times in seconds, heights point up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
CONFIDENT = 0.8
"""Probability from which on a frame's reading counts as sure."""


# -- agreement with words ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Agreement:
    """How often an attribute was read as it was stated."""

    right: float
    """Share of the clips that state the attribute and show it."""
    shuffled: float
    """The same when every clip is held against every other clip's words: what guessing gets."""
    count: int
    """Clips that state it."""


def agreement(
    targets: Sequence[dict[str, str]], predictions: Sequence[dict[str, str]]
) -> dict[str, Agreement]:
    """For each attribute, over the clips that state it.

    Shuffled is exact: the mean over all pairs of two different clips that both state the attribute.
    """
    result = {}
    for name in dict.fromkeys(name for words in targets for name in words):
        rows = [i for i, words in enumerate(targets) if name in words]
        wanted = np.array([targets[i][name] for i in rows])
        shown = np.array([predictions[i].get(name, "") for i in rows])
        hits = wanted[:, None] == shown[None, :]
        n, own = len(rows), float(np.trace(hits))
        others = float((hits.sum() - own) / (n * (n - 1))) if n > 1 else float("nan")
        result[name] = Agreement(own / n, others, n)
    return result


def all_right(targets: Sequence[dict[str, str]], predictions: Sequence[dict[str, str]]) -> Array:
    """(n,) 1 where a clip shows everything that its words state."""
    return np.array(
        [float(all(r.get(k) == v for k, v in s.items())) for s, r in zip(targets, predictions, strict=True)]
    )


def share_right(target: dict[str, str], predicted: dict[str, str]) -> float:
    """Share of what is stated that one clip shows."""
    return float(np.mean([predicted.get(name) == word for name, word in target.items()]))


# -- staying the same ----------------------------------------------------------------------------------------


def changes(probabilities: NDArray, seen: NDArray | None = None) -> bool:
    """Whether a clip's reading changes on the way: of the frames that are sure (`CONFIDENT`), at least two
    and at least a tenth read another word than most do.

    Args:
        probabilities: (F, words).
        seen: (F,) bool, frames that show enough of the subject.
    """
    sure = probabilities.max(1) >= CONFIDENT
    sure &= np.ones(len(sure), bool) if seen is None else seen
    words = probabilities[sure].argmax(1)
    if not len(words):
        return False
    others = len(words) - np.bincount(words).max()
    return bool(others >= 2 and others >= 0.1 * len(words))


def returns(visible: NDArray, probabilities: Sequence[NDArray]) -> bool | None:
    """Whether a subject that was hidden comes back as the same.

    The least visible frame cuts the clip in two; on both sides there must be frames with at least 1.4 times
    its area, else nobody was hidden. The same: the mean reading of these frames before is the mean reading of
    those after.

    Args:
        visible: (F,) seen area.
        probabilities: (F, words) of each attribute that must stay.

    Returns:
        None where nobody was hidden.
    """
    hidden = int(visible.argmin())
    clear = visible >= max(1.4 * visible[hidden], 0.5 * visible.max(), 1e-6)
    before, after = np.flatnonzero(clear[:hidden]), np.flatnonzero(clear[hidden:]) + hidden
    if not len(before) or not len(after):
        return None
    return all(p[before].mean(0).argmax() == p[after].mean(0).argmax() for p in probabilities)


# -- boxes and tracks ----------------------------------------------------------------------------------------


def iou(a: NDArray, b: NDArray) -> Array:
    """(F,) intersection over union of boxes (F, 4) in fractions, both clipped to the frame; NaN where one is
    NaN. Its mean over frames is the mIoU of a clip."""
    a, b = np.clip(a, 0, 1), np.clip(b, 0, 1)
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    both = np.clip(high - low, 0, None).prod(1)
    total = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - both
    return both / np.maximum(total, 1e-9) + 0 * (a[:, 0] + b[:, 0])


def heights(boxes: NDArray, height: int, width: int) -> Array:
    """(F,) height of a subject's lower edge from its boxes (F, 4); NaN frames are filled in between."""
    return _filled(-np.asarray(boxes, np.float64)[:, 3] * height / min(height, width))


def places(boxes: NDArray, height: int, width: int) -> Array:
    """(F,) horizontal place of a subject's middle; frames in which the frame's edge cuts it are filled in
    between."""
    boxes = np.asarray(boxes, np.float64)
    cut = (boxes[:, 0] <= 0.004) | (boxes[:, 2] >= 0.996)
    middle = (boxes[:, 0] + boxes[:, 2]) / 2 * width / min(height, width)
    return _filled(np.where(cut, np.nan, middle))


def _filled(values: Array) -> Array:
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return np.full(len(values), np.nan)
    return np.interp(np.arange(len(values)), known, values[known])


# -- physics -------------------------------------------------------------------------------------------------


def speed(place: Array, fps: float) -> float:
    """Mean horizontal speed: the slope of the least-squares line."""
    t = np.arange(len(place)) / fps
    return float(np.polyfit(t, place, 1)[0]) if np.isfinite(place).all() else float("nan")


def fit_bounce(height: Array, fps: float) -> float:
    """Gravity (units/s^2) of something that was let go and bounces, from its height (F,).

    The whole path is fitted: let go at some moment, it falls and loses a part of its speed at each contact.
    Time scale sqrt(drop / g), moment and restitution are searched on a grid that narrows three times; drop
    and floor follow by least squares. Something that stays where it is gives about 0.
    """
    if not np.isfinite(height).all():
        return float("nan")
    t = np.arange(len(height)) / fps
    scale, moment, loss = np.geomspace(0.12, 0.75, 28), np.linspace(0, 3.2, 24), np.linspace(0.6, 1.0, 6)
    for _ in range(4):
        grid = np.stack([axis.ravel() for axis in np.meshgrid(scale, moment, loss, indexing="ij")], 1)
        shapes = _bounce_shape(t[None] / grid[:, :1] + grid[:, 1:2], grid[:, 2])
        drop, error = _amplitude(shapes, height)
        best, steps = grid[error.argmin()], (scale[1] / scale[0], moment[1] - moment[0], loss[1] - loss[0])
        gravity = float(drop[error.argmin()] / best[0] ** 2)
        scale = np.geomspace(best[0] / steps[0], best[0] * steps[0], 9)
        moment = np.linspace(max(best[1] - steps[1], 0), best[1] + steps[1], 9)
        loss = np.linspace(max(best[2] - steps[2], 0.5), min(best[2] + steps[2], 1.0), 9)
    return gravity


def _bounce_shape(t: Array, loss: Array) -> Array:
    """Height (n, F) at times t (n, F) of what is let go from height 1 under gravity 1; loss (n,) the
    restitution."""
    y = 1 - 0.5 * t**2
    hit, v = np.full(len(t), 2**0.5), 2**0.5 * loss
    for _ in range(12):
        s = t - hit[:, None]
        y = np.where(s >= 0, v[:, None] * s - 0.5 * s**2, y)
        hit, v = hit + 2 * v, v * loss
    return np.maximum(y, 0)


def fit_jump(height: Array, fps: float) -> tuple[float, float]:
    """Period (s) and gravity (units/s^2) of something that jumps over and over, from its height (F,).

    Fitted: a parabola in the air for a part of each period, at rest on the ground for the other part. The
    search is as in `fit_bounce`. Where nothing leaves the ground by 2 % of the frame, the period is NaN and
    gravity 0.
    """
    if not np.isfinite(height).all():
        return float("nan"), float("nan")
    t = np.arange(len(height)) / fps
    period, air, phase = (
        np.geomspace(0.45, 2.2, 32),
        np.linspace(0.5, 0.95, 7),
        np.linspace(0, 1, 24, endpoint=False),
    )
    for _ in range(4):
        grid = np.stack([axis.ravel() for axis in np.meshgrid(period, air, phase, indexing="ij")], 1)
        s = np.mod(t[None] / grid[:, :1] + grid[:, 2:], 1) / grid[:, 1:2]
        top, error = _amplitude(np.clip(4 * s * (1 - s), 0, None), height)
        at = error.argmin()
        best, steps = grid[at], (period[1] / period[0], air[1] - air[0], phase[1] - phase[0])
        rise = float(top[at])
        period = np.geomspace(best[0] / steps[0], best[0] * steps[0], 9)
        air = np.linspace(max(best[1] - steps[1], 0.4), min(best[1] + steps[1], 1.0), 9)
        phase = np.linspace(best[2] - steps[2], best[2] + steps[2], 9)
    if rise < 0.02:
        return float("nan"), 0.0
    return float(best[0]), 8 * rise / float(best[0] * best[1]) ** 2


def _amplitude(shapes: Array, height: Array) -> tuple[Array, Array]:
    """Least-squares factor (n,), not below 0, and squared error (n,) of height = factor * shape + floor."""
    centred, wanted = shapes - shapes.mean(1, keepdims=True), height - height.mean()
    power = np.maximum((centred**2).sum(1), 1e-9)
    factor = np.maximum(centred @ wanted / power, 0)
    return factor, ((factor[:, None] * centred - wanted) ** 2).sum(1)


def relative_error(found: float, true: float) -> float:
    """abs(found / true - 1), at most 1; a thing that could not be fitted is as wrong as one that is not
    there."""
    return float(min(abs(found / true - 1), 1.0)) if np.isfinite(found) else 1.0


# -- distances -----------------------------------------------------------------------------------------------


def frechet(a: NDArray, b: NDArray) -> float:
    """Fréchet distance of two Gaussians fitted to features (n, D): |mean difference|^2 + tr(A + B - 2 sqrt(A
    B)).

    (Dowson and Landau 1982; Heusel et al. 2017, arXiv:1706.08500.)
    """
    mean = a.mean(0) - b.mean(0)
    A, B = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    roots = np.sqrt(np.clip(np.linalg.eigvals(A @ B).real, 0, None)).sum()
    return float(mean @ mean + np.trace(A) + np.trace(B) - 2 * roots)


def principal(features: NDArray, count: int = 32) -> tuple[Array, Array]:
    """Mean (D,) and the first principal directions (D, count) of features (n, D), each scaled to variance
    1."""
    mean = features.mean(0)
    _, scale, directions = np.linalg.svd(features - mean, full_matrices=False)
    count = min(count, len(features) - 1, len(scale))
    return mean, directions[:count].T / (scale[:count] / np.sqrt(len(features) - 1) + 1e-9)


def psnr(a: NDArray, b: NDArray) -> float:
    """Peak signal-to-noise ratio in dB of two uint8 pictures; at most 60."""
    error = np.square(a.astype(np.float64) - b).mean()
    return float(min(10 * np.log10(255**2 / max(error, 1e-9)), 60.0))


def correlation(a: NDArray, b: NDArray) -> float:
    """Pearson's correlation of two tracks (F,); 0 where one of them stands still."""
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / size) if size > 1e-9 else 0.0


def fine_detail(frames: NDArray, boxes: NDArray | None = None) -> float:
    """Mean energy of the finest detail of a clip (F, H, W, 3): each pixel less the mean of its four
    neighbours.

    boxes (F, 4) in fractions: only what lies in them counts; NaN where there is none in any frame.
    """
    gray = frames.astype(np.float64).mean(3)
    inner = gray[:, 1:-1, 1:-1]
    around = (gray[:, :-2, 1:-1] + gray[:, 2:, 1:-1] + gray[:, 1:-1, :-2] + gray[:, 1:-1, 2:]) / 4
    energy = np.square(inner - around)
    if boxes is None:
        return float(energy.mean())
    height, width = frames.shape[1:3]
    y, x = np.arange(1, height - 1) / height, np.arange(1, width - 1) / width
    x0, y0, x1, y1 = (boxes[:, k, None] for k in range(4))
    within = ((y >= y0) & (y <= y1))[:, :, None] & ((x >= x0) & (x <= x1))[:, None]
    return float(energy[within].mean()) if within.any() else float("nan")


def dynamics(frames: NDArray, fps: float) -> float:
    """Mean change of a clip's pixels (F, H, W, 3) in levels (of 255) a second."""
    if len(frames) < 2:
        return 0.0
    return float(np.abs(np.diff(frames.astype(np.float32).mean(3), axis=0)).mean() * fps)


def spread(features: NDArray, groups: Sequence[int]) -> float:
    """Diversity: mean distance of two members of the same group, of features (n, D); groups (n,) their
    numbers."""
    kinds = np.asarray(groups)
    distances = []
    for kind in np.unique(kinds):
        own = features[kinds == kind]
        apart = np.linalg.norm(own[:, None] - own[None], axis=-1)
        distances.append(apart[np.triu_indices(len(own), 1)])
    return float(np.concatenate(distances).mean())


def growth(boxes: NDArray) -> float:
    """How many times as high the boxes (F, 4) of the last fifth are as those of the first; NaN if they
    are not seen."""
    high = boxes[:, 3] - boxes[:, 1]
    part = max(1, len(high) // 5)
    early, late = high[:part], high[-part:]
    if not (np.isfinite(early).any() and np.isfinite(late).any()):
        return float("nan")
    return float(np.nanmedian(late) / max(np.nanmedian(early), 1e-6))
