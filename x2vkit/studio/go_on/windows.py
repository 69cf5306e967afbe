"""New latent frames beside ones that are there: window by window, as long as one likes.

    C, f, h, w latent grid of a clip; k latent frames of history, m new ones; S steps

The model was trained on clips of 17 and 33 frames, so a long clip is made in windows of that length. A window
is laid out as every clip that the model knows: its first latent frame holds one frame, standing still, then
come latent frames of four, some of them known and clean (t = 0, never changed), the others noise. So each
window sees how things look and move, is planned by its part of one plan for the whole, and adds what is
missing. Frames are drawn as their latents come (core/vae_stream.py), which gives those of the whole decoded
at once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from x2vkit.axes import pixel_shape
from x2vkit.config import RunRequest
from x2vkit.core.conditions import known_frames
from x2vkit.core.planner import Plan
from x2vkit.core.sampler import Step
from x2vkit.core.vae_stream import DecoderStream
from x2vkit.flops import run_flops
from x2vkit.media import Frames
from x2vkit.pipeline.limits import model_config
from x2vkit.pipeline.outputs import ClipStep, to_uint8
from x2vkit.run.record import wording_of
from x2vkit.run.scheduler import scheduler_of
from x2vkit.run.wording import Wording

WINDOW = 9
"""Latent frames of a window: 33 frames, the longest clips that the shipped models were trained on."""
HISTORY = 2
"""Known latent frames of four before the new ones, if there are so many."""
AT_ONCE = 24
"""Latent frames that are decoded together."""
SEEDS_APART = 7919
"""Seeds of the windows of one clip lie so far apart."""
REACH = 6
"""Latent frames back that a frame depends on in the decoder: one for each of its blocks, and its own."""


@dataclass
class Windows:
    """What all windows of a clip share: the model, the words, and how it is sampled."""

    pipeline: Any
    """An X2VPipeline."""
    request: RunRequest
    """Resolved: prompt, steps, guidance, seed, scheduler."""
    on_step: Callable[[Step], object] | None = None
    """Called with every step of every window; what it raises ends the work."""
    flops: int = 0
    """Of all windows so far, by formula."""
    seconds: float = 0.0
    """Time that they took."""
    made: int = 0
    """Windows so far: each has noise of its own."""
    levels: list[float] = field(default_factory=list)
    """(S + 1,) noise levels of the last window."""

    @property
    def said(self) -> Wording:
        """How the words go to the model."""
        return wording_of(self.request, self.pipeline)

    def fill(
        self,
        window: Tensor,
        known: Sequence[int],
        plan: Plan,
        guided: int | None = None,
        towards: str | None = None,
        share: Tensor | None = None,
        **given: Any,
    ) -> list[Tensor]:
        """Make the latent frames of one window that are not known.

        Args:
            window: latents (C, f, h, w); what is not known may be anything.
            known: latent frames that are given.
            plan: of the window's F frames.
            guided: how many steps have guidance, from the first on; None is all of them.
            towards: another prompt, whose prediction counts in each latent frame by its share.
            share: (f,) 0 (the request's own prompt) to 1 (`towards`).
            **given: more for `X2VPipeline.stream`: its noise, or a video to remake.

        Returns:
            Latents before each step and after the last (S + 1, C, f, h, w), pred_x0 (S, ...) and pred_x0_cond
            (S, ...); the known ones are clean in all of them.
        """
        said, began = self.said, perf_counter()
        f, h, w = window.shape[1:]
        F, H, W = pixel_shape(f, h, w)
        size = {"num_frames": F, "height": H, "width": W}
        given |= {"conditions": known_frames(window[None], known) if known else None, "plan": plan, **size}
        runs = [self._run(said.prompt, given)]
        if towards is not None and share is not None:
            runs.append(self._run(towards, given))
            share = share.view(-1, 1, 1).to(window)
        kept: tuple[list[Tensor], ...] = ([], [], [])
        self.levels = []
        steps = [next(run) for run in runs]
        while steps:
            last = steps[0]
            for rows, name in zip(kept, ("latents", "pred_x0", "pred_x0_cond"), strict=True):
                rows.append(_mixed(steps, name, share)[0])
            following = _mixed(steps, "next_latents", share)
            self.levels.append(last.t)
            if self.on_step is not None:
                self.on_step(last)
            changes: dict[str, Any] = {"guidance_scale": 1.0} if guided == last.index + 1 else {}
            changes |= {"latents": following} if len(runs) > 1 else {}
            steps = [step for run in runs if (step := _send(run, changes)) is not None]
        kept[0].append(following[0])
        self.levels.append(last.next_t)
        self.made += 1
        self.seconds += perf_counter() - began
        words = len(self.pipeline.text_encoder.tokenize(said.prompt).ids)
        request = replace(self.request, **size, steps=len(self.levels) - 1)  # type: ignore[arg-type]
        self.flops += len(runs) * run_flops(model_config(self.pipeline), request, words, controlled=True)
        return [torch.stack(rows) for rows in kept]

    def _run(self, prompt: str, given: dict[str, Any]) -> Generator[ClipStep, Any, None]:
        """One run over a window; all runs of one window start from the same noise."""
        return self.pipeline.stream(
            prompt,
            negative_prompt=self.said.negative_prompt,
            num_inference_steps=self.request.steps,
            guidance_scale=self.request.guidance,
            generator=torch.Generator("cpu").manual_seed(self.request.seed + SEEDS_APART * self.made),
            scheduler=scheduler_of(self.request, self.pipeline),
            **given,
        )


def _mixed(steps: Sequence[ClipStep], name: str, share: Tensor | None) -> Tensor:
    """A tensor of one step, or of two steps as their shares have it. (Mixing what Euler's step leads to is
    mixing velocities.)
    """
    first = getattr(steps[0], name)
    return first if share is None or len(steps) < 2 else torch.lerp(first, getattr(steps[1], name), share)


def _send(run: Generator[ClipStep, Any, None], changes: dict[str, Any] | None) -> ClipStep | None:
    """The next step of a run after changing it; None at its end."""
    try:
        return run.send(changes)
    except StopIteration:
        return None


@torch.no_grad()
def encode(pipeline: Any, frames: Frames) -> Tensor:
    """Frames (F, H, W, 3) uint8, F = 1 + 4k, -> latents (C, f, h, w), float32."""
    video = torch.from_numpy(frames.copy()).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    return pipeline._encode(video)[0]


class Drawn:
    """The frames of a clip's latents, drawn as they come."""

    def __init__(self, pipeline: Any) -> None:
        self.pipeline, self._stream = pipeline, DecoderStream(pipeline.vae)

    def add(self, latents: Tensor) -> Frames:
        """The frames of the next latent frames (C, f, h, w) -> (F, H, W, 3) uint8."""
        own = latents[None].to(self.pipeline._execution_device, self.pipeline.vae.dtype)
        parts = [self._stream.decode(part) for part in own.split(AT_ONCE, dim=2)]
        return to_uint8(torch.cat(parts, 2).float().clamp(-1, 1))[0]
