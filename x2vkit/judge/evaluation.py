"""`x2vkit evaluate`: ask a model for scenes whose truth is known, let the judge read the clips, and count.

Every figure is measured twice, with the same judge: on the model's clips and on real renders of the same
scenes. The second is the *ceiling*; a score is to be read against it, never alone. Where words are judged,
the score with the words shuffled among the clips is shown too. What each figure means stands beside its code
and in the report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from tqdm import tqdm

from x2vkit.errors import X2VError
from x2vkit.judge import metrics
from x2vkit.judge.judge import Judge
from x2vkit.judge.prompts import plain
from x2vkit.judge.report import Figure, Report, Shown
from x2vkit.judge.sampling import ClipSampler, SampledClip
from x2vkit.judge.suites.adherence import adherence, heldout
from x2vkit.judge.suites.consistency import consistency, permanence
from x2vkit.judge.suites.control import control, image, speech
from x2vkit.judge.suites.physics import physics
from x2vkit.judge.suites.pictures import distance, length, shapes
from x2vkit.registry import SamplingDefaults

Suite = Callable[[ClipSampler], Iterator[Figure]]


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
    steps: int | None = None,
    guidance: float | None = None,
    only: Sequence[str] = (),
    suites: Mapping[str, Suite] = SUITES,
    judge: Judge | None = None,
    name: str = "",
    batch: int = 8,
    progress: bool = False,
) -> Report:
    """Measure a pipeline.

    Args:
        pipeline: called as an `X2VPipeline`; None measures real renders only, the ceiling.
        prompts: clips for the adherence figures; suites that need fewer take an eighth, held-out combinations
            a third.
        seed: another one, other prompts and clips.
        steps: denoising steps; by default those of the weights (`pipeline.sampling`).
        guidance: classifier-free guidance scale; by default that of the weights.
        only: names of `suites`; empty for all.
        suites: what measures, by name: those of the model, or `x2vkit.studio.suites.SUITES`.
        judge: what reads the clips; the one that ships by default.
        name: of the model, for the report.
        batch: clips made side by side.
        progress: whether a bar is shown.

    Raises:
        X2VError: a suite that there is none of, or fewer than 8 prompts.
    """
    strange = sorted(set(only) - set(suites))
    if strange:
        raise X2VError(
            f"only={','.join(strange)}", f"the suites are {', '.join(suites)}", "name some of these"
        )
    if prompts < 8:
        raise X2VError(f"prompts={prompts}", "shares of fewer than 8 clips say nothing", "use 300")
    start = perf_counter()
    chosen = {key: suite for key, suite in suites.items() if not only or key in only}
    if pipeline is not None and hasattr(pipeline, "set_progress_bar_config"):
        pipeline.set_progress_bar_config(disable=True)
    sampling = getattr(pipeline, "sampling", SamplingDefaults())
    steps = sampling.steps if steps is None else steps
    guidance = sampling.guidance if guidance is None else guidance
    options = {"num_inference_steps": steps, "guidance_scale": guidance}
    figures: list[Figure] = []
    with tqdm(desc="clips", unit="clip", disable=not progress) as bar:
        run = ClipSampler(judge or Judge.load(), pipeline, prompts, seed, options, batch, bar)
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


def _extremes(run: ClipSampler, count: int = 6) -> tuple[tuple[Shown, ...], tuple[Shown, ...]]:
    """The clips that show the most and the least of what was asked for; of equals, those the judge is surest
    of."""
    made, real = run.kept.get("usual", ([], []))
    clips = made or real

    def key(x: SampledClip) -> tuple[float, float]:
        sure = np.mean([x.reading.confidence.get(name, 0.0) for name in x.target])
        right = metrics.share_right(x.target, x.predicted)
        return right, float(sure if right > 0.5 else -sure)

    ordered = sorted(clips, key=key, reverse=True)
    count = min(count, len(ordered) // 2)
    if not count:
        return (), ()
    return tuple(map(_shown, ordered[:count])), tuple(map(_shown, ordered[::-1][:count]))


def _shown(x: SampledClip) -> Shown:
    wrong = tuple(
        f"{name.replace('_', ' ')}: {x.predicted.get(name)}"
        for name, word in x.target.items()
        if x.predicted.get(name) != word
    )
    return Shown(plain(x.spec), metrics.share_right(x.target, x.predicted), wrong, x.moments)
