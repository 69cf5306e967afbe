"""Longer: what comes after a clip, and what came before it.

    f latent frames of the clip; m new ones in a window

A clip's own frames stay as they are. New ones are made window by window beside the nearest that are there,
and one plan for all of it, carried on from the clip's own (carry.py), says where everything goes.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from x2vkit.axes import TIME_STRIDE
from x2vkit.core.planner import Plan
from x2vkit.core.sampler import Step
from x2vkit.errors import X2VError
from x2vkit.media import Frames
from x2vkit.run.request import check_choice
from x2vkit.studio.go_on.carry import carry_on, rebased
from x2vkit.studio.go_on.clip import Stages, check_seconds, clean, joined, read_clip, request_of_clip, silence
from x2vkit.studio.go_on.windows import HISTORY, WINDOW, Drawn, Windows, encode
from x2vkit.trace import Trace

SHIFT = 0.02
"""Ways of the camera, in shorter sides, and changes of zoom, below which it looks at the same."""
DIRECTIONS = ("forward", "backward", "both")


def extend(
    clip: Trace,
    seconds: float,
    direction: str = "forward",
    *,
    follow: bool = True,
    seed: int | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    pipeline: Any = None,
    on_step: Callable[[Step], object] | None = None,
) -> Trace:
    """Make a clip longer.

    >>> longer = x2v.extend(x2v.generate("a dog walking in the snow"), 10)

    Args:
        clip: a trace of x2vkit's own model.
        seconds: how much longer it becomes, at least; with what it has, up to 120.
        direction: "forward", "backward", or "both", half of it each.
        follow: the camera goes with a subject that would leave the picture.
        seed, steps, guidance: of what is new; by default the clip's own.
        pipeline: the model that made the clip; by default the one that its request names.
        on_step: called with every Step of every window; what it raises ends the work.

    Returns:
        The whole clip as one trace, F = 1 + 4k frames; the clip's own are in it as they were.

    Raises:
        X2VError: seconds of no sense, a clip of one frame, a trace of another model.
    """
    began = perf_counter()
    check_choice("direction", direction, DIRECTIONS)
    if not isinstance(follow, bool):
        raise X2VError(f"follow={follow!r:.40}", "follow is True or False", "use follow=False")
    given, pipeline = read_clip(clip, pipeline)
    seconds = check_seconds(seconds, len(clip.frames) / clip.fps)
    request = request_of_clip(clip, pipeline, seed=seed, steps=steps, guidance=guidance)
    count = max(1, ceil(round(seconds * clip.fps / TIME_STRIDE, 6)))
    before = {"forward": 0, "backward": count, "both": count // 2}[direction]
    after = count - before
    plan = carry_on(given.plan, TIME_STRIDE * before, TIME_STRIDE * after, *given.size, follow=follow)
    windows = Windows(pipeline, request, on_step)
    parts: list[Stages] = []
    latents, frames, own = (
        given.latents,
        clip.frames,
        slice(TIME_STRIDE * before, TIME_STRIDE * before + len(clip.frames)),
    )
    if after:
        latents, frames, parts = forwards(windows, latents, frames, rebased(plan, own.start), after)
    if before:
        behind, made = backwards(windows, latents[:, 1:], plan, before + 1)
        parts = [*made, clean(given.latents[:, 1:], len(windows.levels) - 1), *parts]
        drawn = Drawn(pipeline).add(behind)
        frames = np.concatenate([drawn[: TIME_STRIDE * before], frames])
    else:
        parts = [clean(given.latents, len(windows.levels) - 1), *parts]
    sound = clip.sound
    if sound is not None and before:
        sound = np.concatenate([silence(TIME_STRIDE * before / clip.fps), sound])
    made_by: dict[str, Any] = {"call": "extend", "seconds": seconds, "direction": direction, "follow": follow}
    made_by["own"] = [own.start, own.stop]
    return joined(parts, frames, plan, windows, made_by, fps=clip.fps, sound=sound, began=began)


def forwards(
    windows: Windows, latents: Tensor, frames: Frames, plan: Plan, count: int, history: int = HISTORY
) -> tuple[Tensor, Frames, list[Stages]]:
    """`count` latent frames more after latents (C, f, h, w), which are those of `frames`.

    plan: of the whole. Returns all latents, all frames, and what the windows made, in order.
    """
    parts: list[Stages] = []
    drawn, shown = Drawn(windows.pipeline), [frames]
    drawn.add(latents)
    while count:
        f = latents.shape[1]
        start = max(0, f - 1 - history)
        new = min(WINDOW - (f - start), count)
        of_it = rebased(plan, TIME_STRIDE * start, TIME_STRIDE * (f - 1 + new) + 1)
        if same_view(plan, TIME_STRIDE * start):
            window, of_it = anchored(latents[:, start:], of_it, latents, plan)
        else:
            window = window_of(windows.pipeline, latents, np.concatenate(shown), start)
        known = window.shape[1]
        window = torch.cat([window, window.new_zeros(len(window), new, *window.shape[2:])], 1)
        made = windows.fill(window, range(known), of_it)
        parts.append([each[:, :, known:] for each in made])
        latents = torch.cat([latents, made[0][-1][:, known:].to(latents)], 1)
        shown.append(drawn.add(latents[:, -new:]))
        count -= new
    return latents, np.concatenate(shown), parts


def window_of(pipeline: Any, latents: Tensor, frames: Frames, start: int) -> Tensor:
    """The beginning of a window: latents (C, f, h, w) from latent frame `start` on, of which the first holds
    one frame there.

    frames: those of the latents, or the last of them.
    """
    if start == 0:
        return latents
    back = TIME_STRIDE * (latents.shape[1] - 1 - start) + 1
    still = encode(pipeline, frames[len(frames) - back :][:1]).to(latents)
    return torch.cat([still, latents[:, start + 1 :]], 1)


def same_view(plan: Plan, frame: int) -> bool:
    """Whether the camera looks at a frame where it looks at the first."""
    away = np.abs(plan.camera[0, frame] - plan.camera[0, 0])
    return bool((away < (SHIFT, SHIFT, SHIFT)).all())


def anchored(window: Tensor, of_it: Plan, latents: Tensor, plan: Plan) -> tuple[Tensor, Plan]:
    """A window and its plan with the clip's very first frame in the place of its own: the sharpest picture
    that there is of everything, and the only one that no model has drawn twice.
    """
    first = {name: track.copy() for name, track in vars(of_it).items()}
    for name in ("boxes", "turn", "mouth"):
        first[name][:, 0] = getattr(plan, name)[:, 0]
    return torch.cat([latents[:, :1], window[:, 1:]], 1), Plan(**first)


def backwards(
    windows: Windows, latents: Tensor, plan: Plan, count: int, history: int = HISTORY
) -> tuple[Tensor, list[Stages]]:
    """`count` latent frames before latents (C, f, h, w) of four frames each; the first of them holds one.

    plan: of the whole. Returns the new latents, and what the windows made, in order of time. The first latent
    frame of a window holds one frame; where others come before it, it is made again with them.
    """
    parts: list[Stages] = []
    made_latents = latents[:, :0]
    while count:
        known = torch.cat([made_latents, latents], 1)[:, :history]
        new = min(WINDOW - known.shape[1], count)
        start = count - new
        window = torch.cat([known.new_zeros(len(known), new, *known.shape[2:]), known], 1)
        of_it = rebased(plan, TIME_STRIDE * start, TIME_STRIDE * (start + window.shape[1] - 1) + 1)
        made = windows.fill(window, range(new, window.shape[1]), of_it)
        first = 1 if start else 0
        parts.insert(0, [each[:, :, first:new] for each in made])
        made_latents = torch.cat([made[0][-1][:, first:new].to(latents), made_latents], 1)
        count -= new - first
    return made_latents, parts
