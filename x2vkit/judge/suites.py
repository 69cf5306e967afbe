"""`x2vkit evaluate`: ask a model for scenes whose truth is known, let the judge read the clips, and count.

Every figure is measured twice, with the same judge: on the model's clips and on real renders of the same
scenes. The second is the *ceiling*; a score is to be read against it, never alone. Where words are judged,
the score with the words shuffled among the clips is shown too. What each figure means stands beside its code
and in the report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from x2vkit.errors import X2VError
from x2vkit.judge import metrics, sampling
from x2vkit.judge.judge import FPS, Judge
from x2vkit.judge.prompts import plain, scenes, scenes_where
from x2vkit.judge.report import Figure, Report, Shown
from x2vkit.judge.sampling import APART, Run, SampledClip, Shape
from x2vkit.world import SceneSpec, gravity
from x2vkit.world.animate import SPEED

SHAPES: dict[str, Shape] = {
    "wide, 17 x 96 x 160": (17, 96, 160),
    "tall, 17 x 160 x 96": (17, 160, 96),
    "large, 17 x 160 x 160": (17, 160, 160),
    "still, 1 x 128 x 128": (1, 128, 128),
}
LONG: Shape = (33, 128, 128)

Suite = Callable[[Run], Iterator[Figure]]


# -- what the words say --------------------------------------------------------------------------------------


def adherence(run: Run) -> Iterator[Figure]:
    """Does a clip show what its words say?"""
    yield from _agreements(*run.both("usual", scenes(run.prompts, run.seed)), "")


def heldout(run: Run) -> Iterator[Figure]:
    """The same where a subject meets a colour or a place that no training clip showed it with."""
    made, real = run.both("held out", scenes(max(4, run.prompts // 3), run.seed, held_out=True))
    kept = ("subject", "color", "scene", "action", "all of it", "share of it")
    for figure in _agreements(made, real, ", held-out combinations"):
        if figure.name.split(",")[0] in kept:
            yield figure


def _agreements(made: list[SampledClip], real: list[SampledClip], suffix: str, mood: bool = False) -> Iterator[Figure]:
    scores = metrics.agreement([x.said for x in made], [x.read for x in made])
    ceilings = metrics.agreement([x.said for x in real], [x.read for x in real])
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
        )
    yield _share(made, real, "share of it" + suffix, "adherence")
    whole = [metrics.all_right([x.said for x in looks], [x.read for x in looks]) for looks in (made, real)]
    meaning = "share of the clips that show everything their words state"
    yield Figure(
        "all of it" + suffix, "adherence", meaning, float(whole[1].mean()), _mean(whole[0]), None, len(real)
    )


def _share(made: list[SampledClip], real: list[SampledClip], name: str, limit: str) -> Figure:
    meaning = "mean over the clips of the share of stated things that are shown"
    right = [[metrics.share_right(x.said, x.read) for x in looks] for looks in (made, real)]
    table = metrics.agreement([x.said for x in made or real], [x.read for x in made or real]).values()
    counted = [a for a in table if a.count > 1]
    chance = sum(a.shuffled * a.count for a in counted) / max(sum(a.count for a in counted), 1)
    return Figure(name, limit, meaning, float(np.mean(right[1])), _mean(right[0]), chance, len(real))


# -- staying the same ----------------------------------------------------------------------------------------


def consistency(run: Run) -> Iterator[Figure]:
    """Does the subject stay who it is?"""
    made, real = run.both("usual", scenes(run.prompts, run.seed))
    yield from _changes(made, real, "")


def _changes(made: list[SampledClip], real: list[SampledClip], suffix: str, limit: str = "consistency") -> Iterator[Figure]:
    for name, attribute in (("identity changes", "subject"), ("color changes", "color")):
        rates = [
            [metrics.changes(x.reading.frames[attribute], x.reading.area[:, 0] > 0.02) for x in looks]
            for looks in (made, real)
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
            _mean(rates[0]),
            None,
            len(real),
            "%",
            True,
        )


def permanence(run: Run) -> Iterator[Figure]:
    """Behind something and out again: is it the same?"""
    specs = scenes_where(2 * run.few, run.seed, lambda s: bool(s.behind), camera="static")
    made, real = run.both("behind", specs)

    def back(looks: list[SampledClip]) -> list[bool]:
        answers = [
            metrics.returns(x.reading.area[:, 0], [x.reading.frames[name] for name in ("subject", "color")])
            for x in looks
            if x.read["behind"] != "none"
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
        _mean(ceiling) or 0.0,
        _mean(score),
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


# -- physics -------------------------------------------------------------------------------------------------


def physics(run: Run) -> Iterator[Figure]:
    """Gravity of what bounces, period of what jumps, speed of what goes: fitted to the judged boxes."""
    alone = {"camera": "static", "behind": ""}

    def errors(
        specs: list[SceneSpec], name: str, error: Callable[[SampledClip], float]
    ) -> tuple[float, float | None, int]:
        made, real = run.both(name, specs)
        found = [[error(x) for x in looks] for looks in (made, real)]
        return float(np.median(found[1])), float(np.median(found[0])) if made else None, len(real)

    def bounce(x: SampledClip) -> float:
        return metrics.relative_error(metrics.fit_bounce(x.height_track, FPS), gravity(x.spec.scene))

    def jump(x: SampledClip) -> float:
        return metrics.relative_error(metrics.fit_jump(x.height_track, FPS)[0], jump_period(x.spec.scene))

    def pace(x: SampledClip) -> float:
        way = metrics.places(x.reading.boxes[:, 0], *x.shape[1:])
        return metrics.relative_error(metrics.speed(way, FPS), true_speed(x.spec))

    def figure(name: str, meaning: str, values: tuple[float, float | None, int]) -> Figure:
        ceiling, score, count = values
        return Figure(name, "physics", meaning, ceiling, score, None, count, "%", True)

    n = run.few
    falls = scenes_where(n, run.seed, lambda s: s.action == "bounce" and not s.other, **alone)
    meaning = "median of abs(g / true g - 1), at most 1; g is fitted to the lower edge of the judged boxes"
    yield figure("gravity of bouncing, error", meaning, errors(falls, "bounce", bounce))
    leaps = scenes_where(n, run.seed, lambda s: s.action == "jump" and not s.other, **alone)
    meaning = (
        "median of abs(period / true period - 1), at most 1, fitted to the lower edge of the judged boxes"
    )
    yield figure("period of jumping, error", meaning, errors(leaps, "jump", jump))
    walks = scenes_where(n, run.seed, lambda s: s.action in SPEED and not s.other and not s.behind, **alone)
    meaning = (
        "median of abs(speed / true speed - 1), at most 1, of walking, running, rolling, flying and swimming"
    )
    yield figure("speed of going, error", meaning, errors(walks, "go", pace))


def jump_period(scene: str) -> float:
    """Seconds of one jump: 0.22 on the ground, the flight as long as gravity makes it (see
    world/animate.py)."""
    return 0.22 + 0.68 * float(np.sqrt(gravity("grass") / gravity(scene)))


def true_speed(spec: SceneSpec) -> float:
    """Units/s to the right that the word for an action means (see world/animate.py)."""
    fast = 1.15 if spec.subject in ("car", "boat") else 1.0
    return SPEED[spec.action] * fast * (1 if spec.direction == "right" else -1)


# -- pictures, sizes, length ---------------------------------------------------------------------------------


def distance(run: Run) -> Iterator[Figure]:
    """Do the clips as a whole look like the world's?"""
    made, real = run.both("usual", scenes(run.prompts, run.seed))
    others = [look for look, _ in run.real(scenes(run.prompts, run.seed + 1), seed=APART)]
    mean, directions = metrics.principal(np.stack([x.reading.features for x in others]))

    def coded(looks: list[SampledClip]) -> NDArray[np.float64]:
        return (np.stack([x.reading.features for x in looks]) - mean) @ directions

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


def shapes(run: Run) -> Iterator[Figure]:
    """Does it do at other sizes what it does at its own?"""
    for name, shape in SHAPES.items():
        made, real = run.both(name, scenes(run.few, run.seed + 2), shape)
        yield _share(made, real, f"share of it, {name}", "resolution")


def length(run: Run) -> Iterator[Figure]:
    """Does it hold for twice as long?"""
    made, real = run.both("long", scenes(run.few, run.seed + 2), LONG)
    yield _share(made, real, f"share of it, {LONG[0]} frames", "length")
    yield from _changes(made, real, f", {LONG[0]} frames", "length")


# -- speech, emotion, control --------------------------------------------------------------------------------


def speech(run: Run) -> Iterator[Figure]:
    """Does a mouth follow a track of openness, and does a face show its mood?"""
    specs = scenes_where(
        run.few,
        run.seed,
        lambda s: s.action == "talk" and s.subject == "face" and not s.other,
        camera="static",
    )
    real = run.real(specs)
    asked = [truth.mouth[:, 0] for _, truth in real]
    made = run.made(specs, conditions=[sampling.given_mouth(x, truth) for x, truth in real])
    found = [
        [metrics.correlation(x.reading.mouth, t) for x, t in zip(looks, asked, strict=False)]
        for looks in (made, [x for x, _ in real])
    ]
    shown = made or [x for x, _ in real]
    mixed = [metrics.correlation(x.reading.mouth, asked[i - 1]) for i, x in enumerate(shown)]
    meaning = "mean correlation over time of the judged openness of the mouth with the track that was given"
    yield Figure(
        "mouth follows its track",
        "speech and emotion",
        meaning,
        float(np.mean(found[1])),
        _mean(found[0]),
        float(np.mean(mixed)),
        len(real),
        "",
    )
    specs = scenes_where(run.few, run.seed, lambda s: bool(s.mood) and s.action == "stand")
    for figure in _agreements(*run.both("mood", specs), "", mood=True):
        if figure.name == "mood":
            yield figure


def control(run: Run) -> Iterator[Figure]:
    """Do boxes and a camera track do what they say?"""
    specs = scenes_where(run.few, run.seed, lambda s: not s.other and not s.behind, camera="static")
    real = run.real(specs)
    wanted = [np.where(truth.visible[:, :1] > 0.6, truth.boxes[:, 0], np.nan) for _, truth in real]
    made = run.made(specs, conditions=[sampling.given_boxes(x, truth) for x, truth in real])

    def overlap(looks: list[SampledClip]) -> list[float]:
        found = [
            np.nan_to_num(metrics.iou(x.reading.boxes[:, 0], w)[np.isfinite(w[:, 0])])
            for x, w in zip(looks, wanted, strict=True)
        ]
        return [float(each.mean()) for each in found if len(each)]

    shown = made or [x for x, _ in real]
    meaning = "mean intersection over union of the judged box of the subject with the box that was given"
    chance = _mean(overlap(shown[1:] + shown[:1]))
    yield Figure(
        "box is kept, IoU",
        "control",
        meaning,
        float(np.mean(overlap([x for x, _ in real]))),
        _mean(overlap(made)) if made else None,
        chance,
        len(real),
        "",
    )

    specs = scenes_where(run.few, run.seed + 1, lambda s: s.camera != "static")
    real = run.real(specs)
    silent = [plain(SceneSpec.from_dict({**s.to_dict(), "camera": "static"})) for s in specs]
    made = run.made(specs, words=silent, conditions=[sampling.given_camera(truth) for _, truth in real])
    ask = [{"camera": s.camera} for s in specs]
    ceiling = metrics.agreement(ask, [x.read for x, _ in real])["camera"]
    score = metrics.agreement(ask, [x.read for x in made])["camera"] if made else None
    meaning = (
        "share of the clips that show the camera move of a given camera track, which the words do not mention"
    )
    yield Figure(
        "camera track is followed",
        "control",
        meaning,
        ceiling.right,
        score.right if score else None,
        (score or ceiling).shuffled,
        len(real),
    )


def image(run: Run) -> Iterator[Figure]:
    """From a first frame: is it kept, and are the words still obeyed?"""
    specs = scenes_where(run.few, run.seed, lambda s: not s.other and not s.behind)
    real = run.real(specs)
    given = [x.first for x, _ in real]
    made = run.made(specs, image=given)
    kept = [metrics.psnr(x.first, picture) for x, picture in zip(made, given, strict=False)]
    mixed = [metrics.psnr(x.first, given[i - 1]) for i, x in enumerate(made)]
    best = [
        metrics.psnr(coded, picture)
        for coded, picture in zip(sampling.recoded(run.pipeline, given), given, strict=True)
    ]
    meaning = "mean PSNR of the first frame to the given one; ceiling: what the autoencoder alone keeps of it"
    yield Figure(
        "first frame is kept",
        "control",
        meaning,
        float(np.mean(best)),
        _mean(kept),
        _mean(mixed),
        len(real),
        "dB",
    )
    yield _share(made, [x for x, _ in real], "share of it, from a first frame", "control")


def _mean(values: Any) -> float | None:
    return float(np.mean(values)) if len(values) else None


SUITES: dict[str, Suite] = {
    suite.__name__: suite
    for suite in (
        adherence,
        heldout,
        consistency,
        permanence,
        physics,
        distance,
        shapes,
        length,
        speech,
        control,
        image,
    )
}
"""Name -> what measures it."""


def evaluate(
    pipeline: Any,
    *,
    prompts: int = 300,
    seed: int = 0,
    steps: int = 20,
    guidance: float = 4.0,
    only: Sequence[str] = (),
    judge: Judge | None = None,
    name: str = "",
    batch: int = 8,
    progress: bool = False,
) -> Report:
    """Measure a pipeline (None: real renders only, the ceiling).

    prompts: clips for the adherence figures; suites that need fewer take an eighth, held-out combinations a
    third. steps, guidance: as in `X2VPipeline`. only: names of `SUITES`; empty for all. name: of the model,
    for the report. batch: clips made side by side. Raises X2VError for a suite that there is none of, or
    fewer than 8 prompts.
    """
    strange = sorted(set(only) - set(SUITES))
    if strange:
        raise X2VError(
            f"only={','.join(strange)}", f"the suites are {', '.join(SUITES)}", "name some of these"
        )
    if prompts < 8:
        raise X2VError(f"prompts={prompts}", "shares of fewer than 8 clips say nothing", "use 300")
    start = perf_counter()
    chosen = {key: suite for key, suite in SUITES.items() if not only or key in only}
    if pipeline is not None and hasattr(pipeline, "set_progress_bar_config"):
        pipeline.set_progress_bar_config(disable=True)
    options = {"num_inference_steps": steps, "guidance_scale": guidance}
    figures: list[Figure] = []
    with tqdm(desc="clips", unit="clip", disable=not progress) as bar:
        run = Run(judge or Judge.load(), pipeline, prompts, seed, options, batch, bar)
        for key, suite in chosen.items():
            bar.set_description(key)
            figures += suite(run)
    best, worst = _extremes(run)
    settings = {
        "prompts": prompts,
        "seed": seed,
        "steps": steps,
        "guidance": guidance,
        "suites": list(chosen),
    }
    model = name or ("real renders" if pipeline is None else "model")
    return Report(model, tuple(figures), settings, perf_counter() - start, best, worst)


def _extremes(run: Run, count: int = 6) -> tuple[tuple[Shown, ...], tuple[Shown, ...]]:
    """The clips that show the most and the least of what was asked; of equals, those the judge is surest
    of."""
    made, real = run.kept.get("usual", ([], []))
    looks = made or real

    def key(x: SampledClip) -> tuple[float, float]:
        sure = np.mean([x.reading.confidence.get(name, 0.0) for name in x.said])
        right = metrics.share_right(x.said, x.read)
        return right, float(sure if right > 0.5 else -sure)

    ordered = sorted(looks, key=key, reverse=True)
    count = min(count, len(ordered) // 2)
    if not count:
        return (), ()
    return tuple(map(_shown, ordered[:count])), tuple(map(_shown, ordered[::-1][:count]))


def _shown(x: SampledClip) -> Shown:
    wrong = tuple(
        f"{name.replace('_', ' ')}: {x.read.get(name)}"
        for name, word in x.said.items()
        if x.read.get(name) != word
    )
    return Shown(plain(x.spec), metrics.share_right(x.said, x.read), wrong, x.moments)
