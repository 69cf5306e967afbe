"""The same clip whole or in pieces: what a model gains that makes all of a clip in one pass.

    F frames; f latent frames; S steps

Lumiere (Bar-Tal et al. 2024, arXiv 2401.12945) makes a clip as a whole and says what the usual cascade loses:
keyframes first, then the frames between them, window by window, each seeing a part. Others go on in time,
group after group (Henschel et al. 2024, arXiv 2403.14773). Here all three are the same model with the same
words, plan and noise, and with steps so many that they take about as many floating-point operations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from x2vkit.axes import TIME_STRIDE, latent_shape
from x2vkit.config import RunRequest
from x2vkit.core.planner import Plan
from x2vkit.core.sampler import Step
from x2vkit.errors import X2VError
from x2vkit.flops import run_flops
from x2vkit.media import Frames
from x2vkit.pipeline.limits import check_cost, model_config
from x2vkit.run.load import chosen
from x2vkit.run.request import check_choice, check_text, request_of, validate
from x2vkit.studio.go_on.carry import rebased
from x2vkit.studio.go_on.clip import LONGEST, Stages, joined
from x2vkit.studio.go_on.extend import window_of
from x2vkit.studio.go_on.windows import Drawn, Windows
from x2vkit.trace import Trace

HOW = ("whole", "keyframes", "groups")
PIECE = 5
"""Latent frames of a window where a clip is made in pieces: 17 frames."""
KEPT = 2
"""Latent frames of four that a group sees of those before it."""
EVERY = 4
"""Every so many frames one is a keyframe."""
STRENGTH = 0.7
"""How much of what lies between keyframes is made anew."""


def piecewise(
    prompt: str,
    how: str = "whole",
    *,
    num_frames: int = 33,
    seed: int = 0,
    steps: int | None = None,
    guidance: float | None = None,
    height: int = 128,
    width: int = 128,
    pipeline: Any = None,
    model: str = RunRequest.model,
    on_step: Callable[[Step], object] | None = None,
) -> Trace:
    """Make a clip whole, or as keyframes and what lies between, or group after group of frames.

    >>> x2v.views.Compare([x2v.piecewise("a dog running in the snow", how) for how in ("whole", "groups")])

    Args:
        prompt: the words.
        how: "whole": all frames in one pass. "keyframes": first every fourth frame, as a clip of its own;
            then all of them, 17 at a time, remade from what lies on the way from keyframe to keyframe.
            "groups": 17 frames, then 16 more beside the last of those, and so on.
        num_frames: F, 17 or more: 1 + 16k.
        seed: of the noise, which is the same in all three, as is the plan.
        steps: of the whole; in pieces so many that about as many floating-point operations are done.
        guidance, height, width, pipeline, model, on_step: as in `x2v.extend`.

    Returns:
        A trace, whose `flops` says what it took.

    Raises:
        X2VError: another way, or settings of no sense.
    """
    began = perf_counter()
    check_choice("how", how, HOW)
    pipeline = chosen(pipeline, model)
    options = {
        "steps": steps,
        "guidance": guidance,
        "height": height,
        "width": width,
        "num_frames": num_frames,
    }
    if not check_text("prompt", prompt):
        raise X2VError(f"prompt={prompt!r}", "a clip is made of words", 'use "a dog running in the snow"')
    request = request_of(RunRequest(check_text("prompt", prompt), seed=seed, model=model), options)
    request = request.resolve(pipeline.sampling)
    validate(request)
    if num_frames == 1 or (num_frames - 1) % (TIME_STRIDE * EVERY):
        rule = "a clip that is made in pieces has 1 + 16k frames, 17 or more"
        raise X2VError(f"num_frames={num_frames}", rule, "use 17, 33 or 49")
    if num_frames > LONGEST * request.fps:
        rule = f"a clip has up to {LONGEST:.0f} seconds at {request.fps:g} frames a second"
        raise X2VError(f"num_frames={num_frames}", rule, "use 17, 33 or 49")
    at_once = num_frames if how == "whole" else min(num_frames, RunRequest.num_frames)
    check_cost(pipeline, (at_once, height, width), *request.sampled(), 1.0, 1, False)
    f, h, w = latent_shape(num_frames, height, width)
    source = torch.Generator("cpu").manual_seed(seed)
    noise = torch.randn(pipeline.transformer.config.latent_channels, f, h, w, generator=source)
    plan = _plan(pipeline, request, source)
    windows = Windows(pipeline, request, on_step)
    make = {"whole": _whole, "keyframes": _keyframes, "groups": _groups}[how]
    parts = make(windows, noise, plan)
    latents = torch.cat([part[0][-1] for part in parts], 1)
    made_by: dict[str, Any] = {"call": "piecewise", "how": how, "prompt": prompt, "steps": request.steps}
    made_by |= {"num_frames": num_frames, "seed": seed}
    return joined(parts, Drawn(pipeline).add(latents), plan, windows, made_by, fps=request.fps, began=began)


def _plan(pipeline: Any, request: RunRequest, source: torch.Generator) -> Plan:
    shape = request.num_frames, request.height, request.width
    if pipeline.planner is None:
        return Plan.of_tracks({"boxes": np.full((shape[0], 2, 4), np.nan)})
    return pipeline.draft([request.prompt], shape, generator=source)


def _whole(windows: Windows, noise: Tensor, plan: Plan) -> list[Stages]:
    return [windows.fill(torch.zeros_like(noise), [], plan, latents=noise[None])]


def _groups(windows: Windows, noise: Tensor, plan: Plan) -> list[Stages]:
    """17 frames, then group after group beside the last two latent frames of four."""
    f, pipeline = noise.shape[1], windows.pipeline
    sizes = [PIECE] + [1 + KEPT + PIECE - 1] * ((f - PIECE) // (PIECE - 1))
    _spend(windows, noise, [(size, 1.0) for size in sizes])
    latents, drawn = noise[:, :0], Drawn(pipeline)
    frames: list[Frames] = []
    parts: list[Stages] = []
    while (done := latents.shape[1]) < f:
        start = max(0, done - 1 - KEPT)
        stop = done + PIECE - (done > 0)
        window = window_of(pipeline, latents, np.concatenate(frames), start) if done else latents
        known = window.shape[1]
        window = torch.cat([window, torch.zeros_like(noise[:, done:stop])], 1)
        own = torch.cat([noise[:, stop - window.shape[1] : done], noise[:, done:stop]], 1)
        of_it = rebased(plan, TIME_STRIDE * start, TIME_STRIDE * (stop - 1) + 1)
        made = windows.fill(window, range(known), of_it, latents=own[None])
        parts.append([each[:, :, known:] for each in made])
        latents = torch.cat([latents, made[0][-1][:, known:].to(latents)], 1)
        frames.append(drawn.add(latents[:, done:]))
    return parts


def _keyframes(windows: Windows, noise: Tensor, plan: Plan) -> list[Stages]:
    """Every fourth frame as a clip, then 17 frames at a time remade from the way between them."""
    f, pipeline = noise.shape[1], windows.pipeline
    count = 1 + (f - 1) // EVERY
    pieces = (f - 1) // (PIECE - 1)
    _spend(windows, noise, [(count, 1.0)] + [(PIECE, STRENGTH)] * pieces)
    sparse = Plan(*(track[:, ::EVERY] for track in vars(plan).values()))
    keys = windows.fill(torch.zeros_like(noise[:, :count]), [], sparse, latents=noise[None, :, :count])
    pictures = Drawn(pipeline).add(keys[0][-1])  # 1 + (F - 1) / 4 of them
    between = _in_steps(pictures, EVERY)
    parts: list[Stages] = []
    for piece in range(pieces):
        start = piece * (PIECE - 1)
        frames = slice(TIME_STRIDE * start, TIME_STRIDE * (start + PIECE - 1) + 1)
        own = noise[:, start : start + PIECE]
        made = windows.fill(
            torch.zeros_like(own), [], rebased(plan, frames.start, frames.stop),
            video=between[frames], strength=STRENGTH, latents=own[None],
        )  # fmt: skip
        parts.append([each[:, :, int(piece > 0) :] for each in made])
    return parts


def _in_steps(pictures: np.ndarray, every: int) -> np.ndarray:
    """Pictures (K, H, W, 3) and, in between, mixtures of neighbours: (1 + every (K - 1), H, W, 3)."""
    at = np.arange(1 + every * (len(pictures) - 1)) / every
    low = np.minimum(at.astype(int), len(pictures) - 2)
    share = (at - low)[:, None, None, None]
    mixed = pictures[low] * (1 - share) + pictures[low + 1] * share
    return mixed.round().astype(np.uint8)


def _spend(windows: Windows, noise: Tensor, pieces: list[tuple[int, float]]) -> None:
    """Set the steps with which runs of so many latent frames, each a share of its steps, take about as many
    operations as one run of the whole.
    """
    request, config = windows.request, model_config(windows.pipeline)
    words = len(windows.pipeline.text_encoder.tokenize(windows.said.prompt).ids)

    def cost(frames: int, steps: int) -> int:
        piece = replace(request, num_frames=1 + TIME_STRIDE * (frames - 1), steps=steps)
        return run_flops(config, piece, words, controlled=True)

    whole = cost(noise.shape[1], request.steps or 1)

    def spent(steps: int) -> int:
        return sum(cost(frames, max(1, round(steps * share))) for frames, share in pieces)

    best = min(range(1, 3 * (request.steps or 1) + 1), key=lambda steps: abs(spent(steps) - whole))
    windows.request = replace(request, steps=best)
