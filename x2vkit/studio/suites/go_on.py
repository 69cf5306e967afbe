"""Clips that go on: does anything drift, is there a seam, and what do pieces cost?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.axes import TIME_STRIDE
from x2vkit.judge import metrics
from x2vkit.judge.judge import FPS, Reading
from x2vkit.judge.prompts import plain, scenes_where
from x2vkit.judge.report import Figure
from x2vkit.judge.sampling import USUAL, ClipSampler
from x2vkit.judge.suites.common import mean_or_none
from x2vkit.processes import share
from x2vkit.run.record import generate
from x2vkit.studio.go_on.between import connect, loop
from x2vkit.studio.go_on.extend import extend as go_on
from x2vkit.studio.go_on.piecewise import HOW, piecewise
from x2vkit.trace import Trace
from x2vkit.world import SceneSpec

LONGER, MINUTE = 10.0, 60.0
"""Seconds that clips of the suite are made longer; every tenth of them is made a minute long."""
WHO = ("subject", "wearing", "wearing_color")
"""What a judge reads that says who somebody is, beside the colour."""
SIDES = {"identity": "VBench-2.0: Human Identity", "color": "VBench: Subject Consistency"}
"""What may drift, and what the field calls it."""
LONG = (33, *USUAL[1:])


@dataclass(frozen=True)
class _Longer:
    """What is counted of one clip that was made longer."""

    drifts: dict[str, bool]
    """Of SIDES, whether the last 17 frames read otherwise than the first."""
    seam: float


def extend(run: ClipSampler) -> Iterator[Figure]:
    """Made longer, does a clip drift, and does it jump where it goes on?"""
    specs = scenes_where(run.prompts, run.seed, lambda s: not s.other and not s.behind)
    real = [
        (run.world.render(spec, run.seed + i, *USUAL, fps=FPS).frames, again.reading)
        for i, (spec, (again, _)) in enumerate(zip(specs, run.real(specs), strict=True))
    ]
    ceilings = [_Longer(_drifts(run.judge.read(frames), again), seam(frames, [9])) for frames, again in real]
    longer = {
        "": _made(run, specs, LONGER, _extended),
        " without": _made(run, specs[: max(1, run.prompts // 2)], LONGER, _from_last_frames),
        ", to 60 s": _made(run, specs[: max(1, run.prompts // 10)], MINUTE, _extended),
    }
    for suffix, name in (("", "extend by 10 s"), (", to 60 s", "extend to 60 s")):
        found, without = longer[suffix], [] if suffix else longer[" without"]
        for side, known_as in zip(
            SIDES, ("VBench-2.0: Human Identity", "VBench: Subject Consistency"), strict=True
        ):
            rate = [_per_ten(x.drifts[side], MINUTE if suffix else LONGER) for x in found]
            meaning = (
                f"share of clips whose {side} reads otherwise in the last 17 frames than in the first, each "
                "10 s; ceiling: two real renders of a scene; baseline: clips that each begin with the last "
                "frame of the one before"
            )
            yield Figure(
                f"{name}, {side} drift", "length", meaning,
                float(np.mean([x.drifts[side] for x in ceilings])), mean_or_none(rate),
                None, len(found), less_is_better=True, known_as=known_as,
                baseline=mean_or_none([float(x.drifts[side]) for x in without]),
            )  # fmt: skip
        yield _seam_figure(name, ceilings, found, without)


def _seam_figure(name: str, ceilings: list[_Longer], found: list[_Longer], without: list[_Longer]) -> Figure:
    meaning = (
        "how much the picture changes where new frames begin, over how much it changes at the same place of "
        "other latent frames of the clip; 1 is no seam"
    )
    return Figure(
        f"{name}, seam", "length", meaning, float(np.mean([x.seam for x in ceilings])),
        mean_or_none([x.seam for x in found]), None, len(found), "", True,
        baseline=mean_or_none([x.seam for x in without]), known_as="VBench: Motion Smoothness",
    )  # fmt: skip


def loop_connect(run: ClipSampler) -> Iterator[Figure]:
    """Is there a seam where a loop comes round and where two clips are joined, and are their ends kept?"""
    specs = scenes_where(run.prompts, run.seed, lambda s: not s.other and not s.behind)
    real = [run.world.render(spec, i, *USUAL, fps=FPS).frames for i, spec in enumerate(specs[: run.few])]
    clips = [] if run.pipeline is None else share(specs, lambda spec: _clip(run, spec))
    turns = share(clips, lambda clip: loop(clip, pipeline=run.pipeline))
    pairs = list(zip(clips, clips[1:], strict=False))
    joined = share(pairs, lambda pair: connect(*pair, pipeline=run.pipeline))
    ceiling = float(np.mean([seam(frames, [9]) for frames in real]))
    meaning = (
        "how much the picture changes where the clip's own frames and new ones meet, over how much it does "
        "at the same place of other latent frames; of a loop also from its last frame to its first; "
        "baseline: the clip played again from its beginning, or the second after the first"
    )
    for name, made, cut in (("loop", turns, [(x, x) for x in clips]), ("connect", joined, pairs)):
        seams = [seam(_round(x) if name == "loop" else x.frames, _meetings(x)) for x in made]
        hard = [seam(np.concatenate([a.frames, b.frames]), [len(a.frames)]) for a, b in cut]
        yield Figure(
            f"{name}, seam", "length", meaning, ceiling, mean_or_none(seams), None, len(made), "", True,
            baseline=mean_or_none(hard), known_as="VBench: Motion Smoothness",
        )  # fmt: skip
        kept = [
            metrics.psnr(x.frames[: len(clip.frames)], clip.frames)
            for x, clip in zip(made, clips, strict=False)
        ]
        told = (
            "mean PSNR of the clip's own frames in the result; they are put in as they are (60 is the same)"
        )
        yield Figure(f"{name}, ends kept", "length", told, 60.0, mean_or_none(kept), None, len(made), "dB")


def strategies(run: ClipSampler) -> Iterator[Figure]:
    """The same words, plan and noise whole, as keyframes first, and in groups, at equal FLOPs."""
    specs = scenes_where(run.prompts, run.seed, lambda s: not s.other and not s.behind)
    real = [clip for clip, _ in run.real(specs, LONG)]
    for how in HOW:
        made = [] if run.pipeline is None else share(list(enumerate(specs)), partial(_in_pieces, run, how))
        read = [run.judge.read(x.frames) for x in made]
        changed = [_changes(x) for x in read]
        meaning = "share of clips of 33 frames in which kind or colour of the subject changes on the way"
        yield Figure(
            f"{how}, identity changes", "consistency", meaning,
            float(np.mean([_changes(x.reading) for x in real])), mean_or_none([float(x) for x in changed]),
            None, len(made), less_is_better=True, known_as="VBench: Subject Consistency",
        )  # fmt: skip
        jerks = [jerk(x.boxes[:, 0]) for x in read]
        meaning = "mean change of the subject's speed from frame to frame, in % of the frame's side"
        yield Figure(
            f"{how}, jerk", "consistency", meaning,
            float(np.nanmean([jerk(x.reading.boxes[:, 0]) for x in real])),
            float(np.nanmean(jerks)) if jerks else None,
            None, len(made), "", True,
            known_as="VBench: Motion Smoothness",
        )  # fmt: skip


# -- what is counted ----------------------------------------------------------------------------------------


def seam(frames: NDArray[np.uint8], at: Sequence[int]) -> float:
    """How much frames change on the way to those `at`, over how much they do at other frames of the same
    place in a latent frame.
    """
    change = np.abs(np.diff(frames.astype(np.int16), axis=0)).mean((1, 2, 3))  # [i - 1] is the way to i
    others = [i for i in range(1, len(frames)) if i % TIME_STRIDE == 1 and i not in at]
    return float(change[np.array(at) - 1].mean() / max(change[np.array(others) - 1].mean(), 0.05))


def jerk(boxes: NDArray) -> float:
    """Mean size of the second difference of boxes' middles (F, 4), in % of the side; NaN where unseen."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    second = np.linalg.norm(np.diff(middle, n=2, axis=0), axis=1)
    return float(100 * np.nanmean(second)) if np.isfinite(second).any() else float("nan")


def _drifts(first: Reading, last: Reading) -> dict[str, bool]:
    told = first.values["wearing"] != "none"
    names = WHO if told else WHO[:2]
    changed = any(first.values[name] != last.values[name] for name in names)
    return {"identity": changed, "color": first.values["color"] != last.values["color"]}


def _per_ten(changed: bool, seconds: float) -> float:
    return float(changed) * LONGER / seconds


def _changes(reading: Reading) -> bool:
    seen = reading.area[:, 0] > 0.01
    return any(metrics.changes(reading.frames[name], seen) for name in ("subject", "color"))


def _meetings(trace: Trace) -> list[int]:
    """Frames at which a clip's own and new ones meet."""
    own = [end for end in trace.made_by["own"] if 0 < end < len(trace.frames)]
    return own + [len(trace.frames)] * (trace.made_by["call"] == "loop")


def _round(trace: Trace) -> NDArray[np.uint8]:
    return np.concatenate([trace.frames, trace.frames[:1]])


# -- making clips -------------------------------------------------------------------------------------------


def _sampled(run: ClipSampler) -> dict[str, Any]:
    return {"steps": run.options["num_inference_steps"], "guidance": run.options["guidance_scale"]}


def _clip(run: ClipSampler, spec: SceneSpec, seed: int = 0) -> Trace:
    return generate(plain(spec), seed=run.seed + seed, pipeline=run.pipeline, **_sampled(run))


def _in_pieces(run: ClipSampler, how: str, which: tuple[int, SceneSpec]) -> Trace:
    i, spec = which
    run.bar.update()
    return piecewise(plain(spec), how, seed=run.seed + i, pipeline=run.pipeline, **_sampled(run))


def _made(
    run: ClipSampler, specs: list[SceneSpec], seconds: float, how: Callable[..., tuple[NDArray, list[int]]]
) -> list[_Longer]:
    def one(spec: SceneSpec) -> _Longer:
        clip = _clip(run, spec)
        frames, seams = how(run, clip, seconds)
        run.bar.update()
        ends = [run.judge.read(part) for part in (frames[: USUAL[0]], frames[-USUAL[0] :])]
        return _Longer(_drifts(*ends), seam(frames, seams))

    return [] if run.pipeline is None else share(specs, one)


def _extended(run: ClipSampler, clip: Trace, seconds: float) -> tuple[NDArray, list[int]]:
    seconds = seconds if seconds < MINUTE else MINUTE - len(clip.frames) / clip.fps
    made = go_on(clip, seconds, pipeline=run.pipeline)
    return made.frames, list(made.made_by["seams"])


def _from_last_frames(run: ClipSampler, clip: Trace, seconds: float) -> tuple[NDArray, list[int]]:
    """As long, of clips that each begin with the last frame of the one before."""
    frames, seams = clip.frames, []
    while len(frames) < len(clip.frames) + seconds * clip.fps:
        seams.append(len(frames))
        seed = run.seed + len(seams)
        more = generate(clip.prompt, image=frames[-1], seed=seed, pipeline=run.pipeline, **_sampled(run))
        frames = np.concatenate([frames, more.frames[1:]])
    return frames, seams
