"""Do things fall, jump and go as the world's laws have it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from x2vkit.judge import metrics
from x2vkit.judge.judge import FPS
from x2vkit.judge.prompts import scenes_where
from x2vkit.judge.report import Figure
from x2vkit.judge.sampling import ClipSampler, SampledClip
from x2vkit.world import SceneSpec, gravity
from x2vkit.world.animate import SPEED


def physics(run: ClipSampler) -> Iterator[Figure]:
    """Gravity of what bounces, period of what jumps, speed of what goes: fitted to the judged boxes."""
    alone = {"camera": "static", "behind": ""}

    def errors(
        specs: list[SceneSpec], name: str, error: Callable[[SampledClip], float]
    ) -> tuple[float, float | None, int]:
        made, real = run.both(name, specs)
        found = [[error(x) for x in clips] for clips in (made, real)]
        return float(np.median(found[1])), float(np.median(found[0])) if made else None, len(real)

    def bounce(x: SampledClip) -> float:
        return metrics.relative_error(metrics.fit_bounce(x.height_track, FPS), gravity(x.spec.scene))

    def jump(x: SampledClip) -> float:
        return metrics.relative_error(metrics.fit_jump(x.height_track, FPS)[0], jump_period(x.spec.scene))

    def pace(x: SampledClip) -> float:
        way = metrics.places(x.reading.boxes[:, 0], *x.shape[1:])
        return metrics.relative_error(metrics.speed(way, FPS), true_speed(x.spec))

    def figure(name: str, meaning: str, values: tuple[float, float | None, int], known_as: str) -> Figure:
        ceiling, score, count = values
        return Figure(name, "physics", meaning, ceiling, score, None, count, "%", True, known_as=known_as)

    mechanics = "VBench-2.0: Mechanics"

    n = run.few
    falls = scenes_where(n, run.seed, lambda s: s.action == "bounce" and not s.other, **alone)
    meaning = "median of abs(g / true g - 1), at most 1; g is fitted to the lower edge of the judged boxes"
    yield figure("gravity of bouncing, error", meaning, errors(falls, "bounce", bounce), mechanics)
    leaps = scenes_where(n, run.seed, lambda s: s.action == "jump" and not s.other, **alone)
    meaning = (
        "median of abs(period / true period - 1), at most 1, fitted to the lower edge of the judged boxes"
    )
    yield figure("period of jumping, error", meaning, errors(leaps, "jump", jump), mechanics)
    walks = scenes_where(n, run.seed, lambda s: s.action in SPEED and not s.other and not s.behind, **alone)
    meaning = (
        "median of abs(speed / true speed - 1), at most 1, of walking, running, rolling, flying and swimming"
    )
    yield figure("speed of going, error", meaning, errors(walks, "go", pace), "")


def jump_period(scene: str) -> float:
    """Seconds of one jump: 0.22 on the ground, the flight as long as gravity makes it (see
    world/animate.py)."""
    return 0.22 + 0.68 * float(np.sqrt(gravity("grass") / gravity(scene)))


def true_speed(spec: SceneSpec) -> float:
    """Units/s to the right that the word for an action means (see world/animate.py)."""
    fast = 1.15 if spec.subject in ("car", "boat") else 1.0
    return SPEED[spec.action] * fast * (1 if spec.direction == "right" else -1)
