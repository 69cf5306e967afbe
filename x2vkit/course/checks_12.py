"""What the exercises of lesson 12 must hold: six limits as numbers, and the size of a real model."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from x2vkit.axes import Geometry
from x2vkit.course.properties import Answer, Property, equals, has_shape, holds
from x2vkit.judge import metrics
from x2vkit.media import Frames
from x2vkit.studio.suites.go_on import seam as package_seam


def fine_detail(fn: Answer) -> Iterator[Property]:
    """frames (F, H, W, 3) -> mean energy of each inner pixel less the mean of its four neighbours."""
    flat = np.full((2, 5, 5, 3), 90, np.uint8)
    hint = "grey (the mean of the colours, as floats) minus the mean of the pixels above, below, left and right"
    yield equals("one colour has no detail", fn(flat), 0.0, hint)
    ramp = np.broadcast_to(np.arange(6, dtype=np.uint8)[None, None, :, None] * 20, (1, 5, 6, 3))
    yield equals("a smooth ramp has none either", fn(ramp), 0.0, "each pixel of a ramp is the mean of its neighbours")
    dot = np.zeros((1, 5, 5, 3), np.uint8)
    dot[0, 2, 2] = 8
    hint = "square it, then take the mean over the inner pixels: here (8^2 + 4 * 2^2) / 9"
    yield equals("one dot among nine inner pixels", fn(dot), 80 / 9, hint)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    hint = "bytes wrap around at 256: make floats first"
    yield equals("the same as the judge's on random frames", fn(noise) / metrics.fine_detail(noise), 1.0, hint)


def changes(fn: Answer) -> Iterator[Property]:
    """probabilities (F, words), sure -> number of sure frames that read another word than most do."""
    p = np.array([[0.9, 0.1], [0.95, 0.05], [0.1, 0.9], [0.6, 0.4], [0.3, 0.7]])
    hint = "take the frames whose largest probability is at least `sure`; count those that are not the most common word"
    yield equals("three sure frames, one of them differs", fn(p, 0.8), 1, hint)
    yield equals("all frames are sure at 0.5: two differ", fn(p, 0.5), 2, hint)
    yield equals("exactly `sure` is sure enough", fn(p, 0.9), 1, "at least `sure`: >= and not >")
    yield equals("no frame is sure: nothing changes", fn(p, 0.99), 0, "where no frame is left the answer is 0")
    rng = np.random.default_rng(0)
    for _ in range(6):
        p = rng.dirichlet(0.15 * np.ones(3), 12)
        sure = p.max(1) >= metrics.CONFIDENT
        found = int(fn(p, metrics.CONFIDENT))
        judged = bool(found >= 2 and found >= 0.1 * sure.sum())
        yield holds("the judge comes to the same verdict", judged == metrics.changes(p), hint, found)


def gravity(fn: Answer) -> Iterator[Property]:
    """height (F,) in the air, fps -> the gravity that fits best."""
    t = np.arange(9) / 12
    hint = "np.polyfit(t, height, 2) gives the factor of t^2 first, and height = ... - gravity / 2 * t^2"
    yield equals("something that falls with gravity 3", fn(1 - 1.5 * t**2, 12), 3.0, hint, 1e-4)
    hint = "time is frames divided by fps"
    yield equals("filmed at 24 frames a second", fn(1 - 1.5 * (np.arange(9) / 24) ** 2, 24), 3.0, hint, 1e-4)
    yield equals("thrown upwards first: the same", fn(0.2 + 2 * t - 1.5 * t**2, 12), 3.0, "fit all three numbers", 1e-4)
    yield equals("something that floats: 0", fn(0.3 + 0 * t, 12), 0.0, hint, 1e-4)
    shaken = 1 - 1.5 * t**2 + 0.008 * (-1.0) ** np.arange(9)
    hint = "second differences make the noise of single frames four times as large: fit one parabola to all of them"
    yield equals("a pixel up and down moves it by under a tenth", fn(shaken, 12) / 3, 1.0, hint, 0.1)


def correlation(fn: Answer) -> Iterator[Property]:
    """a, b (F,) -> from -1 to 1; 0 where one of them stands still."""
    a = np.array([0.0, 1.0, 0.0, 1.0, 0.5])
    yield equals("a track with itself: 1", fn(a, a), 1.0, "sum of a b over the roots of the sums of a a and b b")
    yield equals("twice as wide open, and shifted: still 1", fn(a, 3 * a + 2), 1.0, "subtract each track's mean first")
    yield equals("the opposite: -1", fn(a, 1 - a), -1.0, "it has a sign")
    yield equals("a mouth that never moves: 0", fn(a, np.full(5, 0.4)), 0.0, "do not divide by 0: return 0 there")
    rng = np.random.default_rng(0)
    a, b = rng.random(17), rng.random(17)
    yield equals("the same as the judge's on random tracks", fn(a, b), metrics.correlation(a, b), "see above")


def windows(fn: Answer) -> Iterator[Property]:
    """frames, length, overlap -> (start, stop) of the clips that make a long one, each knowing the last's end."""
    yield equals("one clip is enough for its own length", fn(17, 17, 1), [[0, 17]], "start with (0, length)")
    found = fn(33, 17, 1)
    hint = "the next clip starts `overlap` frames before the last one ends, since it is given those"
    yield equals("two clips that share one frame", found, [[0, 17], [16, 33]], hint)
    found = fn(40, 17, 5)
    yield equals("with five shared frames three are needed", found, [[0, 17], [12, 29], [24, 41]], hint)
    for frames, overlap in ((100, 1), (61, 9), (18, 5)):
        spans = np.asarray(fn(frames, 17, overlap))
        yield has_shape(f"pairs ({frames} frames)", spans, (len(spans), 2), "a list of (start, stop)")
        reached = spans[-1, 1] >= frames and (len(spans) == 1 or spans[-2, 1] < frames)
        yield holds(f"it reaches frame {frames} and makes no clip too many", reached, "stop when the end is reached", spans)
        good = (spans[:-1, 1] - spans[1:, 0] == overlap).all() and (spans[:, 1] - spans[:, 0] == 17).all()
        yield holds("every clip has 17 frames and shares as many as asked", good, hint, spans)


def seam(fn: Answer) -> Iterator[Property]:
    """frames (F, H, W, 3), at -> how much frames change there, over how much they do where other groups begin."""
    even = _moving([8] * 12)
    yield equals("even motion has no seam: 1", fn(even, [9]), 1.0, "mean change at `at`, divided by the mean change at the others")
    steps = [8] * 12
    steps[8] = 24  # the way to frame 9
    hint = "the way to frame i is frames[i] - frames[i - 1]"
    yield equals("three times the change at frame 9: 3", fn(_moving(steps), [9]), 3.0, hint)
    hint = "the others are 1, 5, 9 ... without those of `at`"
    yield equals("a seam elsewhere counts among the others", fn(_moving(steps), [5]), 0.5, hint)
    inside = [8, 2, 2, 2] * 3
    yield equals("what changes inside a group does not count", fn(_moving(inside), [9]), 1.0, hint)
    back = _moving([8, 8, 8, 8, -8, 8, 8, 8, 8, 8, 8, 8])
    yield equals("a change downwards is as large", fn(back, [9]), 1.0, "bytes wrap around at 256: make ints or floats first, then np.abs")
    steps[4] = 16
    yield equals("two seams: their mean", fn(_moving(steps), [5, 9]), 2.5, "at is a list: take the mean over it")
    still = np.full((13, 2, 2, 3), 90, np.uint8)
    yield equals("a clip that stands still has none", fn(still, [9]), 0.0, "divide by 0.05 at least: max(others, 0.05)")
    frames = np.random.default_rng(0).integers(0, 256, (17, 4, 4, 3), np.uint8)
    yield equals("the same as the judge's on random frames", fn(frames, [5]), package_seam(frames, [5]), hint)


def _moving(steps: list[int]) -> Frames:
    """Grey frames, one more than steps, each so much brighter than the one before."""
    grey = 20 + np.cumsum([0, *steps])
    return np.broadcast_to(grey.astype(np.uint8)[:, None, None, None], (len(grey), 2, 2, 3)).copy()


def sequence_length(fn: Answer) -> Iterator[Property]:
    """F, H, W, temporal, spatial, patch (3,) -> video tokens of a model causal in time."""
    hint = "latent frames 1 + (F - 1) / temporal, rows H / spatial, columns W / spatial; each divided by its patch"
    yield equals("x2vkit: 17 frames of 128 x 128 are 320", fn(17, 128, 128, 4, 8, (1, 2, 2)), 320, hint)
    yield equals("a still", fn(1, 128, 128, 4, 8, (1, 2, 2)), 64, "the first frame has a latent frame of its own")
    yield equals("Wan 2.1: 81 frames of 480 x 832", fn(81, 480, 832, 4, 8, (1, 2, 2)), 32760, hint)
    yield equals("LTX-Video: 121 frames of 512 x 768", fn(121, 512, 768, 8, 32, (1, 1, 1)), 6144, hint)
    rng = np.random.default_rng(0)
    for _ in range(4):
        temporal, spatial = int(rng.choice([4, 8])), int(rng.choice([8, 16]))
        size = 1 + temporal * int(rng.integers(1, 30)), *(2 * spatial * int(n) for n in rng.integers(2, 30, 2))
        wanted = prod(Geometry(temporal, spatial, (1, 2, 2)).token_grid(*size))
        found = fn(*size, temporal, spatial, (1, 2, 2))
        yield holds("as the package's Geometry counts", found == wanted, hint, found)
