"""Does a character stay who it is over six shots?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from time import process_time

import numpy as np

from x2vkit.config import RunRequest
from x2vkit.judge import metrics
from x2vkit.judge.prompts import plain, scenes_where
from x2vkit.judge.report import Figure
from x2vkit.judge.sampling import ClipSampler, SampledClip
from x2vkit.judge.suites.common import mean_or_none
from x2vkit.world import SceneSpec
from x2vkit.world.grammar import CAN, HELD_OUT_SCENES, SCENES

SHOTS = 6
OWN = ("subject", "color", "wearing", "wearing_color")
"""What a character is; the rest of what words state is of the shot."""


def stories(characters: int, seed: int) -> list[list[SceneSpec]]:
    """SHOTS scenes of each of so many characters with a garment: other places, actions, directions."""
    found = []
    for number, lead in enumerate(scenes_where(characters, seed, _fits, camera="static", size="", behind="")):
        rng = np.random.default_rng([seed, number, 53])
        places = [place for place in SCENES if place != HELD_OUT_SCENES[lead.subject]]
        actions = [one for one in (*CAN[lead.subject], "stand", "spin", "jump") if one != "talk"]
        found.append(
            [
                replace(
                    lead,
                    scene=str(place),
                    action=str(rng.choice(actions)),
                    direction=str(rng.choice(("left", "right"))),
                )
                for place in rng.permutation(places)[:SHOTS]
            ]
        )
    return found


def cast(run: ClipSampler) -> Iterator[Figure]:
    """One character over six shots: by `x2v.shoot`, and as separate runs of the same words."""
    told = stories(max(2, run.prompts // SHOTS), run.seed)
    flat = [spec for story in told for spec in story]
    real = [clip for clip, _ in run.real(flat)]
    made, price = _shot(run, told)
    separate, usual = _separate(run, flat)
    meaning = (
        "share of the shots in which kind, colour and garment are read as the cast says; baseline: separate "
        "runs of the same words"
    )
    rates = [[_own(clip) for clip in clips] for clips in (real, made, separate)]
    yield _figure("stays who it is", meaning, rates, run, "subject consistency (VBench-2.0 human identity)")
    meaning = "share of the stories in which all six shots read the same kind, colour and garment"
    rates = [_alike(clips) for clips in (real, made, separate)]
    yield _figure("the same in all six shots", meaning, rates, run, "subject consistency over shots")
    meaning = "share of what the words say of the shot itself, place, action and direction, that is shown"
    rates = [[_rest(clip) for clip in clips] for clips in (real, made, separate)]
    yield _figure("and does what the shot says", meaning, rates, run, "adherence")
    if made:
        meaning = "processor time of the six shots of a cast, over that of separate runs"
        yield Figure("price", "consistency", meaning, 1.0, price / usual, None, len(made), "", True)


def _fits(spec: SceneSpec) -> bool:
    return bool(spec.wearing) and not spec.other and spec.action != "talk"


def _shot(run: ClipSampler, told: list[list[SceneSpec]]) -> tuple[list[SampledClip], float]:
    if run.pipeline is None:
        return [], 0.0
    from x2vkit.studio.cast import shoot_one
    from x2vkit.studio.character import Character

    found: list[SampledClip] = []
    spent = 0.0
    for number, story in enumerate(told):
        lead = Character(_who(story[0]), number)
        for spec in story:
            request = _request(run, plain(spec), len(found))
            begin = process_time()
            frames = shoot_one({lead.noun: lead}, request, pipeline=run.pipeline).frames
            spent += process_time() - begin
            found.append(run.judged(spec, frames))
            run.bar.update()
    return found, spent


def _separate(run: ClipSampler, flat: list[SceneSpec]) -> tuple[list[SampledClip], float]:
    if run.pipeline is None:
        return [], 0.0
    from x2vkit.run.record import generate

    found, spent = [], 0.0
    for number, spec in enumerate(flat):
        begin = process_time()
        frames = generate(_request(run, plain(spec), number), pipeline=run.pipeline).frames
        spent += process_time() - begin
        found.append(run.judged(spec, frames))
        run.bar.update()
    return found, spent


def _request(run: ClipSampler, prompt: str, number: int) -> RunRequest:
    steps, guidance = run.options.get("num_inference_steps"), run.options.get("guidance_scale")
    return RunRequest(prompt=prompt, seed=1_000_003 * run.seed + number, steps=steps, guidance=guidance)


def _who(spec: SceneSpec) -> str:
    """The words "a red dog wearing a blue hat" of a scene's whole sentence."""
    assert spec.wearing is not None
    item = spec.wearing[0]
    return plain(spec).partition(f" {item} ")[0] + f" {item}"


def _own(clip: SampledClip) -> float:
    return float(all(clip.predicted.get(name) == clip.target[name] for name in OWN))


def _alike(clips: list[SampledClip]) -> list[float]:
    """Of each story, whether its shots read alike."""
    read = [tuple(clip.predicted.get(name) for name in OWN) for clip in clips]
    return [float(len(set(read[i : i + SHOTS])) == 1) for i in range(0, len(read), SHOTS)]


def _rest(clip: SampledClip) -> float:
    target = {name: word for name, word in clip.target.items() if name not in OWN}
    return metrics.share_right(target, clip.predicted)


def _figure(name: str, meaning: str, rates: list[list[float]], run: ClipSampler, known_as: str) -> Figure:
    real, made, separate = rates
    return Figure(
        name, "consistency", meaning, float(np.mean(real)), mean_or_none(made), None, len(real),
        baseline=mean_or_none(separate), known_as=known_as,
    )  # fmt: skip
