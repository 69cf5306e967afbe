"""What goes on: a clip's trace as latents and a plan, and a longer clip as one trace again.

    C, f, h, w latent grid; S steps

What was given is clean in every step of the new trace, as it was in the runs: a given frame has the noise
level 0 and is never changed. A minute of video in all of its steps would take a gigabyte, so a long clip
keeps fewer of them. Knows nothing about which frames are new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from x2vkit import media
from x2vkit.axes import OWN, TIME_STRIDE
from x2vkit.config import RunRequest, is_number
from x2vkit.core.planner import Plan
from x2vkit.errors import X2VError
from x2vkit.judge import Judge
from x2vkit.media import Frames
from x2vkit.pipeline.x2v import X2VPipeline
from x2vkit.run.capture import half
from x2vkit.run.load import chosen
from x2vkit.run.request import validate
from x2vkit.run.versions import versions, weights_hash
from x2vkit.studio.go_on.windows import Windows
from x2vkit.trace import Trace

KEPT_BYTES = 40_000_000
"""What latents and predictions of a trace may take; steps beyond that are left out, the last never."""
LONGEST = 120.0
"""Seconds of the longest clip."""
Stages = Sequence[Tensor]
"""Latents (S + 1, C, f, h, w), pred_x0 (S, ...) and pred_x0_cond (S, ...) of consecutive latent frames."""


@dataclass(frozen=True)
class Clip:
    """A clip that goes on."""

    trace: Trace
    latents: Tensor
    """(C, f, h, w) float32, clean."""
    plan: Plan
    """What it shows, by its own plan or as the judge reads it."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.trace.frames.shape[1:3]
        return height, width


def read_clip(trace: Any, pipeline: X2VPipeline | None, name: str = "clip") -> tuple[Clip, X2VPipeline]:
    """A clip, and the pipeline that made it: by default the one that its request names.

    Raises:
        X2VError: no trace, one frame only, or the trace of another model.
    """
    if not isinstance(trace, Trace):
        got = f"{name} of type {type(trace).__name__}"
        raise X2VError(got, "a clip that goes on is a Trace", "make one with x2v.generate(...)")
    if trace.made_by.get("call") == "upscale":
        rule = "a clip goes on at the size that it was made in"
        raise X2VError(f"{name}: an enlarged clip", rule, "extend it first, then upscale")
    if trace.coverage or replace(trace.geometry, token_kinds=()) != OWN:
        model = trace.coverage.get("pipeline", "another model")
        rule = "it goes on in the latents of x2vkit's own model"
        cure = "make it anew first: x2v.generate(prompt, video=trace.frames, strength=0.3)"
        raise X2VError(f"{name}: a trace of {model}", rule, cure)
    if len(trace.frames) < 1 + TIME_STRIDE:
        rule = "one frame says nothing about how it moves"
        cure = "make a clip of it first: x2v.generate(prompt, image=trace.frames[0])"
        raise X2VError(f"{name} of {len(trace.frames)} frame", rule, cure)
    pipeline = chosen(pipeline, str(trace.request.get("model", RunRequest.model)))
    if (have := weights_hash(pipeline)) != trace.weights:
        rule = f"the clip was made by weights {trace.weights[:12] or '(untold)'}"
        raise X2VError(f"{name} and weights {have[:12]}", rule, "pass the pipeline that made it")
    plan = Plan.of_tracks(trace.plan) if trace.plan else read_plan(trace.frames)
    latents = torch.tensor(trace.latents[-1].astype(np.float32)).to(pipeline._execution_device)
    return Clip(trace, latents, plan), pipeline


def read_plan(frames: Frames) -> Plan:
    """The plan of a clip that has none, as the judge reads its boxes; the camera stands still."""
    boxes = Judge.load().read(frames).boxes
    return Plan.of_tracks({"boxes": boxes})


def check_seconds(seconds: Any, have: float = 0.0, least: float = 0.0) -> float:
    """A time that a clip can get, beside those that it has. Raises X2VError."""
    if not is_number(seconds) or not least < seconds <= LONGEST - have:
        beside = f" beside the {have:.1f} that there are" if have else ""
        rule = f"a clip gets more than {least:g} and up to {max(LONGEST - have, 0):.0f} seconds{beside}"
        raise X2VError(f"seconds={seconds!r:.40}", rule, "use 4")
    return float(seconds)


def request_of_clip(trace: Trace, pipeline: X2VPipeline, **changes: Any) -> RunRequest:
    """A trace's request with what is not None changed, checked."""
    changes = {name: value for name, value in changes.items() if value is not None}
    request = replace(RunRequest.from_dict(dict(trace.request)), **changes).resolve(pipeline.sampling)
    validate(request)
    return request


def clean(latents: Tensor, steps: int) -> Stages:
    """Latents (C, f, h, w) that were given, as they are in every step."""
    return [latents.expand(count, *latents.shape) for count in (steps + 1, steps, steps)]


def joined(
    parts: Sequence[Stages],
    frames: Frames,
    plan: Plan,
    windows: Windows,
    made_by: Mapping[str, Any],
    *,
    fps: float,
    sound: NDArray[np.int16] | None = None,
    inputs: Mapping[str, NDArray] | None = None,
    began: float,
) -> Trace:
    """One trace of consecutive parts.

    Args:
        parts: of all latent frames, in order of time.
        frames: the clip (F, H, W, 3).
        plan: of the clip.
        windows: which made what is new.
        made_by: the call and its arguments; where its parts meet, is added.
        fps, sound, inputs: as in a Trace.
        began: when the work began, by `perf_counter`.
    """
    pipeline, request = windows.pipeline, windows.request
    steps = len(windows.levels) - 1
    keep = kept_steps(steps, sum(part[1][0].numel() for part in parts) * (3 if request.guidance != 1 else 2))
    rows = [torch.cat([part[i] for part in parts], 2) for i in range(3)] if len(parts) > 1 else parts[0]
    latents, pred_x0, cond = (half(row[keep]) for row in rows)
    said = windows.said
    words = pipeline.text_encoder.tokenize(said.prompt)
    return Trace(
        request=replace(request, num_frames=len(frames)).to_dict(),
        words=words.words,
        unknown=words.unknown,
        t=np.array([*(windows.levels[i] for i in keep), windows.levels[-1]], np.float32),
        latents=np.concatenate([latents, half(rows[0][-1:])]),
        pred_x0=pred_x0,
        pred_x0_cond=cond if request.guidance != 1 else None,
        frames=frames,
        fps=fps,
        plan={name: np.asarray(track[0], np.float32) for name, track in vars(plan).items()},
        geometry=replace(OWN, patch=pipeline.transformer.patch),
        inputs=inputs or {},
        made_by={**made_by, "seams": _seams(parts)},
        sound=sound,
        preview_weight=half(pipeline.vae.preview_weight),
        preview_bias=half(pipeline.vae.preview_bias),
        timings={"denoise": windows.seconds, "total": perf_counter() - began},
        flops=windows.flops,
        weights=weights_hash(pipeline),
        versions=versions(pipeline, pipeline.transformer),
    )


def _seams(parts: Sequence[Stages]) -> list[int]:
    """The frames with which parts after the first begin."""
    ends = np.cumsum([part[0].shape[2] for part in parts])[:-1]
    return [int(1 + TIME_STRIDE * (end - 1)) for end in ends]


def kept_steps(steps: int, numbers: int) -> list[int]:
    """The steps that a trace keeps, evenly from the first to the last: all, if a step of so many float16
    numbers is small enough.
    """
    count = int(np.clip(KEPT_BYTES // max(2 * numbers, 1), 1, steps))
    return sorted({round(i) for i in np.linspace(0, steps - 1, count)} if count > 1 else {steps - 1})


def silence(seconds: float) -> NDArray[np.int16]:
    """So many seconds in which nothing is heard."""
    return np.zeros(round(seconds * media.SOUND_RATE), np.int16)
