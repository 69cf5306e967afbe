"""Do clips look like the world's, at other sizes and lengths, too?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from x2vkit.judge import metrics
from x2vkit.judge.prompts import scenes
from x2vkit.judge.report import Figure
from x2vkit.judge.sampling import APART, ClipSampler, SampledClip, Shape
from x2vkit.judge.suites.common import attribute_changes, share_of_it

SHAPES: dict[str, Shape] = {
    "wide, 17 x 96 x 160": (17, 96, 160),
    "tall, 17 x 160 x 96": (17, 160, 96),
    "large, 17 x 160 x 160": (17, 160, 160),
    "still, 1 x 128 x 128": (1, 128, 128),
}
LONG: Shape = (33, 128, 128)


def distance(run: ClipSampler) -> Iterator[Figure]:
    """Do the clips as a whole look like the world's?"""
    made, real = run.both("usual", scenes(run.prompts, run.seed))
    others = [clip for clip, _ in run.real(scenes(run.prompts, run.seed + 1), seed=APART)]
    mean, directions = metrics.principal(np.stack([x.reading.features for x in others]))

    def coded(clips: list[SampledClip]) -> NDArray[np.float64]:
        return (np.stack([x.reading.features for x in clips]) - mean) @ directions

    reference = coded(others)
    meaning = (
        "Fréchet distance to as many real renders in the judge's features (first 32 principal components of "
        "real renders, each of variance 1); the ceiling is the distance between two sets of real renders"
    )
    floor = metrics.frechet(coded(real), reference)
    score = metrics.frechet(coded(made), reference) if made else None
    known = "FVD, in the judge's features"
    yield Figure(
        "Fréchet distance", "resolution", meaning, floor, score, None, len(real), "", True, known_as=known
    )
    meaning = "median energy of the finest detail, as a part of that of real renders of the same scenes"
    kept = [a.detail / b.detail for a, b in zip(made, real, strict=False)]
    yield Figure(
        "fine detail", "resolution", meaning, 1.0, float(np.median(kept)) if kept else None, None, len(real)
    )


def shapes(run: ClipSampler) -> Iterator[Figure]:
    """Does it do at other sizes what it does at its own?"""
    for name, shape in SHAPES.items():
        made, real = run.both(name, scenes(run.few, run.seed + 2), shape)
        yield share_of_it(made, real, f"share of it, {name}", "resolution")


def length(run: ClipSampler) -> Iterator[Figure]:
    """Does it hold for twice as long?"""
    made, real = run.both("long", scenes(run.few, run.seed + 2), LONG)
    yield share_of_it(made, real, f"share of it, {LONG[0]} frames", "length")
    yield from attribute_changes(made, real, f", {LONG[0]} frames", "length")
