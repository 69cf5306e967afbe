"""Figures that several suites give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from x2vkit.judge import metrics
from x2vkit.judge.report import Figure
from x2vkit.judge.sampling import SampledClip

SUBJECT = "VBench: Subject Consistency"
BINDING = "T2V-CompBench: Consistent Attribute Binding"
KNOWN_AS = {
    "subject": "VBench: Object Class", "color": "VBench: Color", "scene": "VBench: Scene",
    "wearing_color": BINDING, "action": "T2V-CompBench: Action Binding",
    "direction": "T2V-CompBench: Motion Binding", "camera": "VBench-2.0: Camera Motion",
    "other": "VBench: Multiple Objects", "relation": "T2V-CompBench: Object Interactions",
}  # fmt: skip
"""Attribute -> where the field asks the same of a clip; its detectors and questions are others."""


def agreements(
    made: list[SampledClip], real: list[SampledClip], suffix: str, mood: bool = False
) -> Iterator[Figure]:
    """Of each attribute, the share of clips that show what their words state; then of all together.

    "other" is the second subject. "share of it" is the mean share of what is stated that a clip shows, "all
    of it" the share of the clips that show everything.
    """
    scores = metrics.agreement([x.target for x in made], [x.predicted for x in made])
    ceilings = metrics.agreement([x.target for x in real], [x.predicted for x in real])
    for name, ceiling in ceilings.items():
        if name == "mood" and not mood:
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
            known_as=KNOWN_AS.get(name, ""),
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


def share_of_it(made: list[SampledClip], real: list[SampledClip], name: str, limit: str) -> Figure:
    """Mean share of what is stated that a clip shows."""
    meaning = "mean over the clips of the share of stated things that are shown"
    right = [[metrics.share_right(x.target, x.predicted) for x in clips] for clips in (made, real)]
    table = metrics.agreement([x.target for x in made or real], [x.predicted for x in made or real]).values()
    counted = [a for a in table if a.count > 1]
    chance = sum(a.shuffled * a.count for a in counted) / max(sum(a.count for a in counted), 1)
    return Figure(name, limit, meaning, float(np.mean(right[1])), mean_or_none(right[0]), chance, len(real))


def attribute_changes(
    made: list[SampledClip], real: list[SampledClip], suffix: str, limit: str = "consistency"
) -> Iterator[Figure]:
    """Shares of the clips in which the subject, or its colour, changes."""
    rows = (("identity changes", "subject", SUBJECT), ("color changes", "color", BINDING))
    for name, attribute, known_as in rows:
        rates = [
            [metrics.changes(x.reading.frames[attribute], x.reading.area[:, 0] > 0.02) for x in clips]
            for clips in (made, real)
        ]
        meaning = (
            "share of the clips in which at least two, and at least a tenth, of the sure frames read another "
            f"{attribute} than most do"
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
            known_as=known_as,
        )


def mean_or_none(values: Any) -> float | None:
    """The mean; None of nothing."""
    return float(np.mean(values)) if len(values) else None
