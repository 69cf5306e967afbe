"""Does a clip show what its words say?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from x2vkit.judge import metrics
from x2vkit.judge.prompts import scenes, scenes_where
from x2vkit.judge.report import Figure
from x2vkit.judge.sampling import ClipSampler, SampledClip
from x2vkit.judge.suites.common import agreements, share
from x2vkit.world.grammar import PEOPLE, SceneSpec

BINDING, SPACE = "T2V-CompBench: consistent attribute binding", "T2V-CompBench: spatial relationships"
PLACED = ("left of", "right of", "next to")
LONG = (65, 128, 128)
"""Frames, height and width in which one thing can be done after the other."""
GROWN = 1.25
"""How many times as high something that grows is at the end, at least; the world's grows 1.5 times and
more."""


def adherence(run: ClipSampler) -> Iterator[Figure]:
    """Does a clip show what its words say?"""
    made, real = run.both("usual", scenes(run.prompts, run.seed))
    yield from agreements(made, real, "")
    alone = _alone(made), _alone(real)
    yield share("all of it, one actor", "the same where one actor is asked for", alone, _all)


def heldout(run: ClipSampler) -> Iterator[Figure]:
    """The same where a subject meets a colour or a place that no training clip showed it with."""
    made, real = run.both("held out", scenes(max(4, run.prompts // 3), run.seed, held_out=True))
    kept = ("subject", "color", "scene", "action", "all of it", "share of it")
    for figure in agreements(made, real, ", held-out combinations"):
        if figure.name.split(",")[0] in kept:
            yield figure


def pairs(run: ClipSampler) -> Iterator[Figure]:
    """Two actors at once: are both there, each with its own colour and action, where they are asked to be?"""
    clips = run.both("pairs", scenes_where(2 * run.few, run.seed, _is_pair))
    meaning = "share of the clips in which both subjects are read"
    yield share(
        "pairs: both subjects", meaning, clips, lambda x: x.shows("subject"), "VBench: multiple objects"
    )
    meaning = "share of the clips in which both subjects are read, each in its own colour"
    yield share("pairs: each its own color", meaning, clips, lambda x: x.shows("subject", "color"), BINDING)
    specs = scenes_where(run.few, run.seed + 3, lambda s: _is_pair(s) and _acts_apart(s))
    clips = run.both("actions", specs)
    meaning = (
        "share of the clips in which both subjects are read, each doing what it is said to do; they do "
        "different things"
    )
    yield share(
        "pairs: each its own action",
        meaning,
        clips,
        lambda x: x.shows("subject", "action"),
        "T2V-CompBench: action binding",
    )
    specs = scenes_where(run.few, run.seed + 4, lambda s: s.relation in PLACED)
    clips = run.both("places", specs)
    meaning = (
        "share of the clips in which both subjects are read, the first left of, right of or next to the "
        "second as asked"
    )
    yield share("pairs: where they stand", meaning, clips, lambda x: x.shows("subject", "relation"), SPACE)


def numbers(run: ClipSampler) -> Iterator[Figure]:
    """Are two two and three three?"""
    for count, word in ((2, "two"), (3, "three")):
        specs = scenes_where(run.few, run.seed + count, _are(count))
        clips = run.both(f"{word} of a kind", specs)
        meaning = f"share of the clips in which just {word} of the subject asked for are read"
        field = "T2V-CompBench: generative numeracy"
        yield share(f"{word} of a kind", meaning, clips, lambda x: x.shows("subject", "count"), field)
        meaning = f"share of the clips in which {word} of them are read in the colours asked for"
        yield share(
            f"{word} of a kind, their colors",
            meaning,
            clips,
            lambda x: x.shows("color", "count"),
            BINDING,
        )


def _are(count: int) -> Callable[[SceneSpec], bool]:
    return lambda spec: spec.counted and len(spec.cast) == count


def people(run: ClipSampler) -> Iterator[Figure]:
    """Women, men and children: who they are, what they wear, what they do."""
    made, real = run.both("people", scenes_where(run.few, run.seed, _is_person))
    fields = {
        "subject": "VBench: object class",
        "color": "VBench-2.0: human clothes",
        "garment": "VBench-2.0: human clothes",
        "action": "VBench: human action",
    }
    for name, field in fields.items():
        meaning = f"of clips of one person, the share in which the {name} is read that the words state"
        title = "color of the garment" if name == "color" else name
        stated = [x for x in made if name in x.target], [x for x in real if name in x.target]
        yield share(f"{title}, people", meaning, stated, _shows(name), field)


def _shows(name: str) -> Callable[[SampledClip], bool]:
    return lambda x: x.predicted.get(name) == x.target[name]


def order(run: ClipSampler) -> Iterator[Figure]:
    """One thing, then another: in that order?"""
    clips = run.both("order", scenes_where(run.few, run.seed, lambda s: bool(s.then)), LONG)
    meaning = "share of the clips whose first two fifths show the first action and whose last two the second"
    field = "VBench-2.0: motion order understanding"
    yield share(
        f"order of two actions, {LONG[0]} frames",
        meaning,
        clips,
        lambda x: x.shows("begins", "ends"),
        field,
    )


def growing(run: ClipSampler) -> Iterator[Figure]:
    """Does what grows get bigger?"""

    def grows(spec: SceneSpec) -> bool:
        return len(spec.cast) == 1 and spec.action == "grow"

    clips = run.both("growing", scenes_where(run.few, run.seed, grows, camera="static", then=""))
    meaning = (
        f"share of the clips in which what grows is at the end at least {GROWN} times as high as at the start"
    )
    field = "VBench-2.0: dynamic attribute; T2V-CompBench: dynamic attribute binding"
    yield share("growing", meaning, clips, lambda x: metrics.growth(x.boxes) >= GROWN, field)


def _alone(clips: list[SampledClip]) -> list[SampledClip]:
    return [x for x in clips if len(x.spec.cast) == 1]


def _all(x: SampledClip) -> bool:
    return metrics.share_right(x.target, x.predicted) == 1


def _is_pair(spec: SceneSpec) -> bool:
    return len(spec.cast) == 2 and not spec.counted


def _acts_apart(spec: SceneSpec) -> bool:
    return spec.relation == "and" and spec.cast[0].action != spec.cast[1].action


def _is_person(spec: SceneSpec) -> bool:
    return len(spec.cast) == 1 and spec.subject in PEOPLE and not spec.then
