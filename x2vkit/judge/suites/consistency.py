"""Does a subject stay who it is?"""

from __future__ import annotations

from collections.abc import Iterator

from x2vkit.judge import metrics
from x2vkit.judge.prompts import scenes, scenes_where
from x2vkit.judge.report import Figure
from x2vkit.judge.sampling import ClipSampler, SampledClip
from x2vkit.judge.suites.common import attribute_changes, mean_or_none


def consistency(run: ClipSampler) -> Iterator[Figure]:
    """Does the subject stay who it is?"""
    made, real = run.both("usual", scenes(run.prompts, run.seed))
    yield from attribute_changes(made, real, "")


def permanence(run: ClipSampler) -> Iterator[Figure]:
    """Behind something and out again: is it the same?"""
    specs = scenes_where(2 * run.few, run.seed, lambda s: bool(s.behind), camera="static")
    made, real = run.both("behind", specs)

    def back(clips: list[SampledClip]) -> list[bool]:
        answers = [
            metrics.returns(
                x.reading.area[:, 0], [x.reading.frames[name][:, 0] for name in ("subject", "color")]
            )
            for x in clips
            if x.predicted["behind"] != "none"
        ]
        return [answer for answer in answers if answer is not None]

    meaning = (
        "of the clips in which a tree or rock hides the subject and gives it free again, the share in which "
        "subject and color read the same before and after"
    )
    score, ceiling = back(made), back(real)
    yield Figure(
        "comes back the same",
        "consistency",
        meaning,
        mean_or_none(ceiling) or 0.0,
        mean_or_none(score),
        None,
        len(score or ceiling),
    )
    meaning = (
        "share of the clips asked for in which a tree or rock does hide the subject and gives it free again"
    )
    share = len(score) / len(made) if made else None
    yield Figure(
        "goes behind and comes back", "consistency", meaning, len(ceiling) / len(real), share, None, len(real)
    )
