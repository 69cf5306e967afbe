"""Do things fall, jump and go as the world's laws have it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from x2vkit.judge import metrics
from x2vkit.judge.judge import FPS
from x2vkit.judge.prompts import scenes_where
from x2vkit.judge.report import Figure
from x2vkit.judge.sampling import USUAL, ClipSampler, SampledClip
from x2vkit.world import SceneSpec, gravity
from x2vkit.world.animate import animate
from x2vkit.world.grammar import DIRECTED


def physics(run: ClipSampler) -> Iterator[Figure]:
    """Gravity of what bounces, period of what jumps, speed of what goes: fitted to the judged boxes."""
    alone = {"camera": "static", "behind": "", "shot": ""}

    def errors(
        specs: list[SceneSpec], name: str, error: Callable[[SampledClip], float]
    ) -> tuple[float, float | None, int]:
        made, real = run.both(name, specs)
        found = [[error(x) for x in clips] for clips in (made, real)]
        return float(np.median(found[1])), float(np.median(found[0])) if made else None, len(real)

    def bounce(x: SampledClip) -> float:
        return metrics.relative_error(metrics.fit_bounce(x.height_track, FPS), gravity(x.spec.scene))

    def jump(x: SampledClip) -> float:
        return metrics.relative_error(metrics.fit_jump(x.height_track, FPS)[0], promised(x.spec, "period"))

    def pace(x: SampledClip) -> float:
        way = metrics.places(x.boxes, *x.shape[1:])
        return metrics.relative_error(metrics.speed(way, FPS), promised(x.spec, "speed"))

    def does(*actions: str) -> Callable[[SceneSpec], bool]:
        return lambda s: s.action in actions and len(s.cast) == 1 and not s.then

    def figure(name: str, meaning: str, values: tuple[float, float | None, int]) -> Figure:
        ceiling, score, count = values
        return Figure(
            name, "physics", meaning, ceiling, score, None, count, "%", True, "VBench-2.0: mechanics"
        )

    n = run.few
    falls = scenes_where(n, run.seed, does("bounce"), **alone)
    meaning = "median of abs(g / true g - 1), at most 1; g is fitted to the lower edge of the judged boxes"
    yield figure("gravity of bouncing, error", meaning, errors(falls, "bounce", bounce))
    leaps = scenes_where(n, run.seed, does("jump"), **alone)
    meaning = (
        "median of abs(period / true period - 1), at most 1, fitted to the lower edge of the judged boxes"
    )
    yield figure("period of jumping, error", meaning, errors(leaps, "jump", jump))
    walks = scenes_where(n, run.seed, does(*DIRECTED), **alone)
    meaning = (
        "median of abs(speed / true speed - 1), at most 1, of walking, running, rolling, flying and swimming"
    )
    yield figure("speed of going, error", meaning, errors(walks, "go", pace))


@cache
def promised(spec: SceneSpec, name: str) -> float:
    """What the word for an action promises of its only actor in a usual clip: period in s, speed in
    units/s to the right ... (`Truth.physics_of`).
    """
    return animate(spec, 0, *USUAL, FPS, place=False)[2].physics[name]
