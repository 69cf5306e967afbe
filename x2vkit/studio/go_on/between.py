"""What lies between: a clip that comes round to its beginning, two clips joined, two pictures with a way from
one to the other.

    f latent frames; m new ones; F frames

Both ends are known, and a plan leads from the one to the other at the speeds that they have. The windows
are filled from the first end on; the last of them holds both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from x2vkit.axes import TIME_STRIDE, check_shape
from x2vkit.config import RunRequest
from x2vkit.core.planner import Plan
from x2vkit.core.sampler import Step
from x2vkit.errors import X2VError
from x2vkit.judge import Judge
from x2vkit.media import SOUND_RATE, Frames, Sound
from x2vkit.pipeline.inputs import Picture, read_image
from x2vkit.pipeline.outputs import to_uint8
from x2vkit.run.load import chosen
from x2vkit.run.request import check_text, request_of
from x2vkit.studio.checks import checked_run
from x2vkit.studio.go_on.carry import rebased
from x2vkit.studio.go_on.clip import (
    Clip,
    Stages,
    check_seconds,
    clean,
    joined,
    read_clip,
    request_of_clip,
    silence,
)
from x2vkit.studio.go_on.extend import forwards, window_of
from x2vkit.studio.go_on.path import lap, leading
from x2vkit.studio.go_on.windows import HISTORY, WINDOW, Drawn, Windows, encode
from x2vkit.trace import Trace

ENDS = 2
"""Known latent frames on either side of the last window."""
ROOM = WINDOW - 1 - 2 * ENDS
"""Latent frames that the last window has for what is new."""
DISSOLVED = 7
"""Frames into which the difference between a bridge's end and the clip that follows is dissolved, at most: a
latent frame holds that clip's first frame with three new ones, so the model is not told of it alone.
"""
USUAL = 16 / 12
"""Seconds of a bridge, if nothing says otherwise."""
ALIKE = 0.75
"""Share of its speed down to which a subject may go round the picture once more."""


def loop(
    clip: Trace,
    seconds: float | None = None,
    *,
    seed: int | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    pipeline: Any = None,
    on_step: Callable[[Step], object] | None = None,
) -> Trace:
    """Make a clip that comes round: after its last frame its first one may follow, without a seam.

    What stays in its place is led back to how it was in the first frame. What goes somewhere walks out of the
    picture and comes in on the other side.

    Args:
        clip: a trace of x2vkit's own model.
        seconds: of the way back; None for as long as it takes.
        seed, steps, guidance, pipeline, on_step: as in `extend`.

    Returns:
        The clip's own frames and then those that lead back.

    Raises:
        X2VError: as `extend`.
    """
    began = perf_counter()
    given, pipeline = read_clip(clip, pipeline)
    have = len(clip.frames) / clip.fps
    round_, natural = lap(given.plan, *given.size)
    if seconds is None:
        seconds = natural / clip.fps if round_ else USUAL
    seconds = check_seconds(seconds, have)
    count = max(1, round(seconds * clip.fps / TIME_STRIDE))
    new = TIME_STRIDE * count
    once_more = round_ and natural * ALIKE <= new <= natural / ALIKE
    plan = leading(given.plan, given.plan, new, round_=once_more, back=True)
    request = request_of_clip(clip, pipeline, seed=seed, steps=steps, guidance=guidance)
    windows = Windows(pipeline, request, on_step)
    whole = min(ENDS, (len(clip.frames) - 1) // TIME_STRIDE)
    lead = clip.frames[: TIME_STRIDE * whole]  # where new frames end, its first begins a group of four
    tail = encode(pipeline, np.concatenate([clip.frames[:1], lead]))[:, 1:]
    parts, latents = _bridge(windows, given, tail, plan, count)
    frames = Drawn(pipeline).add(latents)[len(clip.frames) :]
    frames = np.concatenate([clip.frames, frames])
    plan = rebased(plan, 0, len(frames))
    made_by = {"call": "loop", "seconds": seconds, "own": [0, len(clip.frames)]}
    return joined(parts, frames, plan, windows, made_by, fps=clip.fps, sound=clip.sound, began=began)


def connect(
    a: Trace,
    b: Trace,
    seconds: float = USUAL,
    *,
    prompt: str | None = None,
    seed: int | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    pipeline: Any = None,
    on_step: Callable[[Step], object] | None = None,
) -> Trace:
    """Join two clips by frames that lead from the end of the one to the beginning of the other.

    Args:
        a, b: traces of x2vkit's own model, of one size and one frame rate.
        seconds: between them.
        prompt: what is to be seen in between; by default the words of `a`, more and more those of `b`.
        seed, steps, guidance, pipeline, on_step: as in `extend`; by default those of `a`.

    Returns:
        The frames of `a`, those between, the frames of `b`; each with its own sound. `made_by["dissolved"]`
        says which frames between were mixed with what `b` begins with; the last latents are those of the
        mixture, the steps before them as the model took them.

    Raises:
        X2VError: two shapes or frame rates; else as `extend`.
    """
    began = perf_counter()
    first, pipeline = read_clip(a, pipeline, "a")
    second, _ = read_clip(b, pipeline, "b")
    if first.size != second.size or a.fps != b.fps:
        got = " and ".join(f"{c.size[0]} x {c.size[1]} at {c.trace.fps:g} fps" for c in (first, second))
        rule = "clips that are joined have one shape and one frame rate"
        raise X2VError(f"clips of {got}", rule, "make one of them anew")
    seconds = check_seconds(seconds, (len(a.frames) + len(b.frames)) / a.fps)
    count = max(1, round((seconds * a.fps + 1) / TIME_STRIDE))
    new = TIME_STRIDE * count - 1  # the first frame of b is the last of the group of four before it
    plan = leading(first.plan, second.plan, new)
    request = request_of_clip(a, pipeline, seed=seed, steps=steps, guidance=guidance, prompt=prompt)
    towards = b.prompt if prompt is None and b.prompt != a.prompt else None
    windows = Windows(pipeline, request, on_step)
    parts, latents = _bridge(windows, first, second.latents[:, 1:], plan, count, towards=towards)
    steps_run = len(windows.levels) - 1
    drawn = Drawn(pipeline).add(latents)[len(a.frames) : len(a.frames) + new + 1]
    between = met(drawn, b.frames[0])
    frames = np.concatenate([a.frames, between, b.frames])
    start = len(a.frames) + new
    dissolved = min(DISSOLVED, new)
    parts[-1] = reencoded(pipeline, parts[-1], frames[: start + 1], dissolved + 1)
    parts.append(clean(second.latents[:, 1:], steps_run))
    made_by = {
        "call": "connect", "seconds": seconds, "between": [a.prompt, b.prompt],
        "own": [0, len(a.frames), start, start + len(b.frames)], "dissolved": [start - dissolved, start],
    }  # fmt: skip
    sound = _sounds(a, b, start)
    return joined(parts, frames, plan, windows, made_by, fps=a.fps, sound=sound, began=began)


def inbetween(
    first: Picture,
    last: Picture,
    prompt: str = "",
    seconds: float = 17 / 12,
    *,
    height: int = 128,
    width: int = 128,
    seed: int = 0,
    steps: int | None = None,
    guidance: float | None = None,
    pipeline: Any = None,
    model: str = RunRequest.model,
    on_step: Callable[[Step], object] | None = None,
) -> Trace:
    """Make the frames between two pictures.

    Args:
        first, last: pictures as `x2v.generate` takes them (a path, a PIL image, an array), scaled and cropped
            to fit.
        prompt: what happens; by default what the judge reads in the pictures.
        seconds: of the whole clip.
        height, width: in pixels, multiples of 16.
        seed, steps, guidance, on_step: as in `x2v.generate`.
        pipeline: the model; by default the one that `model` names.

    Returns:
        A clip whose first and last frame are the pictures.

    Raises:
        X2VError: no pictures, seconds or a size of no sense.
    """
    began = perf_counter()
    seconds = check_seconds(seconds)
    pipeline = chosen(pipeline, model)
    check_shape(1, height, width, pipeline.transformer.patch)
    count = max(1, ceil((seconds * RunRequest.fps - 1) / TIME_STRIDE))
    F = 1 + TIME_STRIDE * count
    options = {"seed": seed, "steps": steps, "guidance": guidance, "height": height, "width": width}
    request = request_of(RunRequest(check_text("prompt", prompt), model=model), options)
    # One window is checked, since each is run alone.
    request = replace(checked_run(request, pipeline), num_frames=F)
    ends = [_picture(name, value, height, width) for name, value in (("first", first), ("last", last))]
    request = replace(request, prompt=request.prompt or _seen(ends))
    windows = Windows(pipeline, request, on_step)
    boxes = [Judge.load().read(end[None]).boxes for end in ends]
    held = leading(_still(boxes[0]), _still(boxes[1]), F - 2)
    plan = Plan(*(np.concatenate([t, np.repeat(t[:, -1:], TIME_STRIDE, 1)], 1) for t in vars(held).values()))
    start, stay = encode(pipeline, ends[0][None]), encode(pipeline, np.repeat(ends[1][None], 5, 0))[:, 1:]
    given = Clip(None, start, _still(boxes[0]))  # type: ignore[arg-type]
    parts, latents = _bridge(windows, given, stay, plan, count, shown=ends[0][None])
    frames = Drawn(pipeline).add(latents)[:F]
    frames = np.concatenate([ends[0][None], frames[1:-1], ends[1][None]])
    made_by = {"call": "inbetween", "seconds": seconds, "prompt": request.prompt}
    inputs = {f"{name}": end for name, end in zip(("first", "last"), ends, strict=True)}
    return joined(
        parts, frames, rebased(plan, 0, F), windows, made_by, fps=request.fps, inputs=inputs, began=began
    )


def _bridge(
    windows: Windows,
    given: Clip,
    tail: Tensor,
    plan: Plan,
    count: int,
    *,
    shown: Frames | None = None,
    towards: str | None = None,
) -> tuple[list[Stages], Tensor]:
    """`count` new latent frames from the end of a clip to the latent frames `tail`, of four frames each.

    plan: of the clip, what is new and the tail's frames. shown: the frames of the clip, if it has no trace.
    towards: other words, which count the more the nearer the tail is.

    Returns what there is up to the tail, in order: the clip, clean, and what the windows made; and the
    latents of it.
    """
    latents = given.latents
    parts: list[Stages] = []
    frames = given.trace.frames if shown is None else shown
    if count > ROOM:
        latents, frames, parts = forwards(windows, latents, frames, plan, count - ROOM)
        count = ROOM
    f = latents.shape[1]
    start = max(0, f - 1 - ENDS)
    window = window_of(windows.pipeline, latents, frames, start)
    known, tail = window.shape[1], tail[:, :ENDS].to(latents)
    window = torch.cat([window, window.new_zeros(len(window), count, *window.shape[2:]), tail], 1)
    held = [*range(known), *range(known + count, window.shape[1])]
    of_it = rebased(plan, TIME_STRIDE * start, TIME_STRIDE * (start + window.shape[1] - 1) + 1)
    share = None
    if towards is not None:
        ramp = torch.arange(1, count + 1) / (count + 1)
        share = torch.cat([torch.zeros(known), ramp, torch.ones(window.shape[1] - known - count)])
    made = windows.fill(window, held, of_it, towards=towards, share=share)
    new = slice(known, known + count)
    parts = [clean(given.latents, len(windows.levels) - 1), *parts, [each[:, :, new] for each in made]]
    return parts, torch.cat([latents, made[0][-1][:, new].to(latents)], 1)


def met(drawn: Frames, end: Frames) -> Frames:
    """The frames between, of drawn frames (n + 1, H, W, 3) whose last should be `end` (H, W, 3): what that
    one lacks is dissolved into the last `DISSOLVED` of the n before it.
    """
    frames = drawn[:-1].astype(np.float32)
    count = min(DISSOLVED, len(frames))
    share = np.arange(1, count + 1, dtype=np.float32) / (count + 1)
    frames[len(frames) - count :] += share[:, None, None, None] * (end.astype(np.float32) - drawn[-1])
    return frames.clip(0, 255).round().astype(np.uint8)


def reencoded(pipeline: Any, part: Stages, frames: Frames, changed: int) -> Stages:
    """A part whose last latents show what became of its frames after they were drawn.

    Args:
        part: latents (S + 1, C, f, h, w) and predictions, the last of a clip.
        frames: of the whole clip up to the part's end, 1 + 4k.
        changed: how many of the last of them are no longer as they were drawn; not more than the part has.
    """
    groups = ceil(changed / TIME_STRIDE)
    seen = min(len(frames), 1 + TIME_STRIDE * (groups + HISTORY))
    latents = part[0].clone()
    latents[-1][:, -groups:] = encode(pipeline, frames[len(frames) - seen :])[:, -groups:].to(latents)
    return [latents, *part[1:]]


def _sounds(a: Trace, b: Trace, start: int) -> Sound | None:
    """The sounds of two clips, the second of which begins at frame `start`; silence where there is none."""
    if a.sound is None and b.sound is None:
        return None
    sound = silence((start + len(b.frames)) / a.fps)
    for clip, first in ((a, 0), (b, start)):
        if clip.sound is not None:
            at = round(first / a.fps * SOUND_RATE)
            heard = clip.sound[: min(len(sound) - at, round(len(clip.frames) / a.fps * SOUND_RATE))]
            sound[at : at + len(heard)] = heard
    return sound


def _picture(name: str, value: Any, height: int, width: int) -> Frames:
    """One picture as a frame (H, W, 3) uint8; a trace is its picture at that end."""
    if isinstance(value, Trace):
        value = value.frames[-1 if name == "first" else 0]
    if value is None:
        raise X2VError(f"{name}=None", "both ends are pictures", "give a path, a PIL image or an array")
    return to_uint8(read_image(value, height, width)[:, :, None])[0, 0]


def _still(boxes: Any) -> Plan:
    """The plan of one frame with boxes (1, 2, 4)."""
    return Plan.of_tracks({"boxes": boxes})


def _seen(pictures: list[Frames]) -> str:
    """A sentence for what two pictures show."""
    values = Judge.load().read(np.stack(pictures)).values
    return f"a {values['color']} {values['subject']} in the {values['scene']}"
