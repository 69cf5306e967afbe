"""Figures that several suites give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from x2vkit.judge import metrics
from x2vkit.judge.prompts import RANKS
from x2vkit.judge.report import Figure
from x2vkit.judge.sampling import SampledClip

Clips = list[SampledClip]

FIELD = {
    "subject": "VBench: object class",
    "second subject": "VBench: multiple objects",
    "third subject": "VBench: multiple objects",
    "color": "VBench: color",
    "second color": "T2V-CompBench: consistent attribute binding",
    "third color": "T2V-CompBench: consistent attribute binding",
    "second action": "T2V-CompBench: action binding",
    "third action": "T2V-CompBench: action binding",
    "wearing": "T2V-CompBench: consistent attribute binding",
    "wearing_color": "T2V-CompBench: consistent attribute binding",
    "scene": "VBench: scene",
    "count": "T2V-CompBench: generative numeracy",
    "relation": "T2V-CompBench: spatial relationships",
    "direction": "T2V-CompBench: motion binding",
    "camera": "VBench-2.0: camera motion",
    "begins": "VBench-2.0: motion order understanding",
    "ends": "VBench-2.0: motion order understanding",
}
"""Attribute -> what the field calls the figure of it."""


def agreements(made: Clips, real: Clips, suffix: str, mood: bool = False) -> Iterator[Figure]:
    """One figure for each attribute that is stated, and two for all of them together."""
    scores = metrics.agreement([x.target for x in made], [x.predicted for x in made])
    ceilings = metrics.agreement([x.target for x in real], [x.predicted for x in real])
    for name, ceiling in ceilings.items():
        if name.endswith("mood") and not mood:
            continue
        score = scores.get(name)
        limit = "speech and emotion" if name == "mood" else "adherence"
        meaning = (
            f"of the clips whose words state the {name.replace('_', ' ')}, the share in which it is read"
        )
        chance = ceiling.shuffled if score is None else score.shuffled
        yield Figure(
            name + suffix,
            limit,
            meaning,
            ceiling.right,
            score.right if score else None,
            chance,
            ceiling.count,
            field=FIELD.get(name, ""),
        )
    yield share_of_it(made, real, "share of it" + suffix, "adherence")
    whole = [
        metrics.all_right([x.target for x in clips], [x.predicted for x in clips]) for clips in (made, real)
    ]
    meaning = "share of the clips that show everything their words state"
    yield Figure(
        "all of it" + suffix,
        "adherence",
        meaning,
        float(whole[1].mean()),
        mean_or_none(whole[0]),
        None,
        len(real),
    )


def share_of_it(made: Clips, real: Clips, name: str, limit: str) -> Figure:
    """How much of what is stated is shown, on average."""
    meaning = "mean over the clips of the share of stated things that are shown"
    right = [[metrics.share_right(x.target, x.predicted) for x in clips] for clips in (made, real)]
    table = metrics.agreement([x.target for x in made or real], [x.predicted for x in made or real]).values()
    counted = [a for a in table if a.count > 1]
    chance = sum(a.shuffled * a.count for a in counted) / max(sum(a.count for a in counted), 1)
    return Figure(name, limit, meaning, float(np.mean(right[1])), mean_or_none(right[0]), chance, len(real))


def share(
    name: str,
    meaning: str,
    clips: tuple[Clips, Clips],
    test: Callable[[SampledClip], bool],
    field: str = "",
    limit: str = "adherence",
) -> Figure:
    """The share of the clips, made and real, that pass a test."""
    score, ceiling = (mean_or_none([test(x) for x in each]) for each in clips)
    return Figure(name, limit, meaning, ceiling or 0.0, score, None, len(clips[1]), field=field)


def attribute_changes(made: Clips, real: Clips, suffix: str, limit: str = "consistency") -> Iterator[Figure]:
    """How often who is asked for turns into somebody else, or changes its colour, on the way."""
    names = (
        ("identity changes", "subject", "VBench: subject consistency"),
        ("color changes", "color", "VBench: appearance consistency"),
    )
    for name, attribute, field in names:
        rates = [[_changes(x, attribute) for x in clips] for clips in (made, real)]
        meaning = (
            "share of the clips in which, of any actor that the words ask for, at least two, and at least a "
            f"tenth, of the sure frames read another {attribute} than most do"
        )
        yield Figure(
            name + suffix,
            limit,
            meaning,
            float(np.mean(rates[1])),
            mean_or_none(rates[0]),
            None,
            len(real),
            "%",
            True,
            field,
        )


def _changes(x: SampledClip, attribute: str) -> bool:
    read, areas = x.reading.frames[attribute], x.reading.area
    numbers = range(max(1, min(len(x.spec.cast), len(x.reading.actors))))
    return any(metrics.changes(read[:, k], areas[:, k] > 0.02) for k in numbers)


def every(attribute: str) -> tuple[str, ...]:
    """The names of an attribute of each actor."""
    return tuple(rank + attribute for rank in RANKS)


def mean_or_none(values: Any) -> float | None:
    """The mean, or None of nothing."""
    return float(np.mean(values)) if len(values) else None
