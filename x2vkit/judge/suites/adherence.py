"""Does a clip show what its words say?"""

from __future__ import annotations

from collections.abc import Iterator

from x2vkit.judge.prompts import scenes
from x2vkit.judge.report import Figure
from x2vkit.judge.sampling import ClipSampler
from x2vkit.judge.suites.common import agreements


def adherence(run: ClipSampler) -> Iterator[Figure]:
    """Does a clip show what its words say?"""
    yield from agreements(*run.both("usual", scenes(run.prompts, run.seed)), "")


def heldout(run: ClipSampler) -> Iterator[Figure]:
    """The same where a subject meets a colour or a place that no training clip showed it with."""
    made, real = run.both("held out", scenes(max(4, run.prompts // 3), run.seed, held_out=True))
    kept = ("subject", "color", "scene", "action", "all of it", "share of it")
    for figure in agreements(made, real, ", held-out combinations"):
        if figure.name.split(",")[0] in kept:
            yield figure
