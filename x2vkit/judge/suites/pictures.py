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
from x2vkit.world.grammar import DIRECTED, SceneSpec

SHAPES: dict[str, Shape] = {
    "wide, 33 x 96 x 160": (33, 96, 160),
    "tall, 33 x 160 x 96": (33, 160, 96),
    "large, 33 x 160 x 160": (33, 160, 160),
    "still, 1 x 128 x 128": (1, 128, 128),
}
LENGTHS: tuple[Shape, ...] = ((17, 128, 128), (65, 128, 128))
MOVING = (*DIRECTED, "jump", "bounce", "spin")
"""Actions that take a whole actor along."""
SEEDS = 4
"""Clips of the same words, for diversity."""


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
    yield Figure("Fréchet distance", "resolution", meaning, floor, score, None, len(real), "", True)
    meaning = "median energy of the finest detail, as a part of that of real renders of the same scenes"
    kept = [a.detail / b.detail for a, b in zip(made, real, strict=False)]
    yield Figure(
        "fine detail", "resolution", meaning, 1.0, float(np.median(kept)) if kept else None, None, len(real)
    )
    meaning = "the same within the boxes of those that go, jump, bounce or spin"
    pairs = [(a, b) for a, b in zip(made, real, strict=False) if _moves(a.spec)]
    kept = [a.subject_detail / b.subject_detail for a, b in pairs]
    kept = [value for value in kept if np.isfinite(value)]
    count = sum(_moves(x.spec) for x in real)
    score = float(np.median(kept)) if kept else None
    yield Figure("fine detail of what moves", "resolution", meaning, 1.0, score, None, count)
    meaning = (
        "median of how much a clip's pixels change a second, as a part of that of a real render, of scenes "
        "in which an actor or the camera moves"
    )
    pairs = [(a, b) for a, b in zip(made, real, strict=False) if _moves(a.spec) or a.spec.camera != "static"]
    moved = [a.dynamics / max(b.dynamics, 1e-6) for a, b in pairs]
    count = sum(_moves(x.spec) or x.spec.camera != "static" for x in real)
    score = float(np.median(moved)) if moved else None
    yield Figure(
        "dynamic degree", "resolution", meaning, 1.0, score, None, count, field="VBench: dynamic degree"
    )


def _moves(spec: SceneSpec) -> bool:
    return any(actor.action in MOVING or actor.then in MOVING for actor in spec.cast)


def diversity(run: ClipSampler) -> Iterator[Figure]:
    """Do other seeds give other clips?"""
    specs = [spec for spec in scenes(max(4, run.few // 2), run.seed + 5) for _ in range(SEEDS)]
    made, real = run.both("seeds", specs)
    groups = [i // SEEDS for i in range(len(specs))]
    mean, directions = metrics.principal(np.stack([x.reading.features for x in real]))

    def apart(clips: list[SampledClip]) -> float:
        coded = (np.stack([x.reading.features for x in clips]) - mean) @ directions
        return metrics.spread(coded, groups)

    meaning = (
        f"mean distance of {SEEDS} clips of the same words in the judge's features, as a part of that of "
        "real renders of other seeds"
    )
    score = apart(made) / apart(real) if made else None
    yield Figure(
        "diversity over seeds",
        "resolution",
        meaning,
        1.0,
        score,
        None,
        len(real),
        field="VBench-2.0: diversity",
    )


def shapes(run: ClipSampler) -> Iterator[Figure]:
    """Does it do at other sizes what it does at its own?"""
    for name, shape in SHAPES.items():
        made, real = run.both(name, scenes(run.few, run.seed + 2), shape)
        yield share_of_it(made, real, f"share of it, {name}", "resolution")


def length(run: ClipSampler) -> Iterator[Figure]:
    """Does it hold for half as long, and for twice?"""
    for shape in LENGTHS:
        made, real = run.both(f"{shape[0]} frames", scenes(run.few, run.seed + 2), shape)
        yield share_of_it(made, real, f"share of it, {shape[0]} frames", "length")
        yield from attribute_changes(made, real, f", {shape[0]} frames", "length")
