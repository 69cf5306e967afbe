"""Does a mouth follow a sound, in time? Beside the same prompts without one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from x2vkit.judge import metrics
from x2vkit.judge.judge import FPS
from x2vkit.judge.prompts import plain, talking_faces
from x2vkit.judge.report import Figure
from x2vkit.judge.sampling import APART, USUAL, ClipSampler
from x2vkit.media import SOUND_RATE, Sound
from x2vkit.studio.voice import openness
from x2vkit.world import SceneSpec

LAGS = range(-3, 4)
"""Frames by which a mouth may come late or early."""


def speech(run: ClipSampler) -> Iterator[Figure]:
    """Correlation of the judged mouth with the openness that a sound asks for, and the lag between them."""
    specs = talking_faces(run.prompts, run.seed)
    ceiling = [_drawn(run, spec, i) for i, spec in enumerate(specs)]
    score, without, mixed = _made(run, [plain(spec) for spec in specs])
    meaning = (
        "mean correlation over time of the judged openness of the mouth with the openness that the sound "
        "asks for; ceiling: faces that the world draws with just this openness; without: the same prompts, "
        "their mouths planned from words"
    )
    at_once = LAGS.index(0)
    yield Figure(
        "mouth follows the sound",
        "speech and emotion",
        meaning,
        float(np.mean([each[at_once] for each in ceiling])),
        float(np.mean([each[at_once] for each in score])) if score else None,
        float(np.mean([each[at_once] for each in mixed])) if mixed else None,
        len(specs),
        "",
        baseline=float(np.mean([each[at_once] for each in without])) if without else None,
        known_as="SyncNet: LSE-C, as a correlation",
    )
    yield Figure(
        "mouth comes late by, frames",
        "speech and emotion",
        "lag at which that correlation, averaged over the clips, is largest (a frame is 83 ms)",
        float(LAGS[int(np.mean(ceiling, 0).argmax())]),
        float(LAGS[int(np.mean(score, 0).argmax())]) if score else None,
        None,
        len(specs),
        "",
        True,
        known_as="SyncNet: AV offset",
    )


def _drawn(run: ClipSampler, spec: SceneSpec, i: int) -> NDArray[np.float64]:
    """Correlations at each lag of a face that the world draws, its mouth as open as the sound asks for."""
    track = openness(babble(_seed(run, i)), USUAL[0], FPS)
    clip = run.world.render(spec, run.seed + APART + i, *USUAL, fps=FPS, mouth=track)
    run.bar.update()
    return _by_lag(run.judge.read(clip.frames).mouth, track)


def _seed(run: ClipSampler, i: int) -> int:
    return 1_000_003 * run.seed + i


def _made(run: ClipSampler, prompts: list[str]) -> tuple[list[NDArray], list[NDArray], list[NDArray]]:
    """Correlations at each lag of clips that speak, of the same without a sound, and of the first with the
    sounds of others.
    """
    if run.pipeline is None:
        return [], [], []
    from x2vkit.run.record import generate
    from x2vkit.studio.speak import speak

    how = {"steps": run.options["num_inference_steps"], "guidance": run.options["guidance_scale"]}
    mouths, tracks, silent = [], [], []
    for i, prompt in enumerate(prompts):
        seed = _seed(run, i)
        made = speak(prompt, audio=(babble(seed), SOUND_RATE), seed=seed, pipeline=run.pipeline, **how)
        still = generate(prompt, seed=seed, pipeline=run.pipeline, **how)
        mouths.append(run.judge.read(made.frames).mouth)
        silent.append(run.judge.read(still.frames).mouth)
        tracks.append(made.plan["mouth"])
        run.bar.update(2)
    score = [_by_lag(mouth, track) for mouth, track in zip(mouths, tracks, strict=True)]
    without = [_by_lag(mouth, track) for mouth, track in zip(silent, tracks, strict=True)]
    return score, without, [_by_lag(mouth, tracks[i - 1]) for i, mouth in enumerate(mouths)]


def _by_lag(mouth: NDArray, track: NDArray) -> NDArray[np.float64]:
    """Correlation of a mouth with a track, at each of LAGS."""
    size = len(track)
    pairs = [(mouth[max(0, k) : size + min(0, k)], track[max(0, -k) : size - max(0, k)]) for k in LAGS]
    return np.array([metrics.correlation(*pair) for pair in pairs])


def babble(seed: int, frames: int = USUAL[0]) -> Sound:
    """Made-up speech as long as so many frames: syllables of 0.2 to 0.35 s, some with a pause after them,
    each a buzz through the first formant of an open or a closed vowel.
    """
    rng = np.random.default_rng([seed, 83])
    total = round(frames / FPS * SOUND_RATE)
    sound, at = np.zeros(total), 0
    while at < total:
        size = round(rng.uniform(0.2, 0.35) * SOUND_RATE)
        t = np.arange(size) / SOUND_RATE
        pitch, formant = rng.uniform(90, 220), rng.choice([290.0, 420.0, 600.0, 780.0])
        tones = np.arange(pitch, 3000, pitch)
        heights = 1 / (1 + ((tones - formant) / 90) ** 2) / np.sqrt(tones)
        voice = (heights[:, None] * np.sin(2 * np.pi * tones[:, None] * t)).sum(0) / heights.sum()
        voice *= np.sin(np.pi * np.arange(size) / size) ** 0.5 * rng.uniform(0.3, 0.8)
        sound[at : at + size] += voice[: total - at]
        at += size + (round(rng.uniform(0.08, 0.25) * SOUND_RATE) if rng.random() < 0.3 else 0)
    return (np.clip(sound, -1, 1) * 32767).astype(np.int16)
