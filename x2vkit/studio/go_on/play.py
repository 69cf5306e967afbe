"""A world that is played: four new frames for every key.

    C, f, h, w latent grid; k latent frames of history

Each key moves a plan on (steer.py), and the model draws what it says beside the last latent frames, which are
given. A step is a small run: few tokens, few denoising steps, guidance in the first of them alone, which
decides what is where; and its frames are drawn by a decoder that goes on from where it was. (Interactive
video models work in this way: Genie, Bruce et al. 2024, arXiv 2402.15391; GameNGen, Valevski et al. 2024,
arXiv 2408.14837.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from x2vkit.axes import TIME_STRIDE
from x2vkit.backend import KEYS
from x2vkit.config import RunRequest
from x2vkit.core.planner import Plan
from x2vkit.core.sampler import Step
from x2vkit.errors import X2VError
from x2vkit.media import Frames
from x2vkit.run.load import chosen
from x2vkit.run.record import generate, wording_of
from x2vkit.run.request import check_choice, check_text, request_of
from x2vkit.studio.checks import checked_run
from x2vkit.studio.go_on.carry import rebased
from x2vkit.studio.go_on.clip import LONGEST, Clip, Stages, clean, joined, read_clip, request_of_clip
from x2vkit.studio.go_on.extend import anchored, same_view, window_of
from x2vkit.studio.go_on.steer import Steered, subject_and_scene, without_moves
from x2vkit.studio.go_on.windows import Drawn, Windows
from x2vkit.trace import Trace

STEPS = 3
"""Denoising steps of a key."""
START_STEPS = 8
"""Denoising steps of the first picture, which everything after it is made of."""
MEMORY = 1
"""Known latent frames of four that a step sees, beside one that holds one frame."""


def play(
    start: str | Trace,
    *,
    seed: int = 0,
    steps: int = STEPS,
    guidance: float | None = None,
    height: int = 128,
    width: int = 128,
    pipeline: Any = None,
    model: str = RunRequest.model,
) -> PlayedWorld:
    """Make a world to play in.

    >>> world = x2v.play("a robot in the city")
    >>> world.step("left")                     # uint8 (4, H, W, 3): what came of it

    Args:
        start: who is where (what it does, the keys say), of which the first five frames are made; or a clip
            to play on from.
        seed: of the noise.
        steps: denoising steps of a key.
        guidance: towards the words, in the first step of a key; by default that of the weights.
        height, width: in pixels, multiples of 16, if there is no clip.
        pipeline: the model; by default the one that `model` names.

    Raises:
        X2VError: a prompt without a subject, a clip of another model, or settings of no sense.
    """
    if isinstance(start, Trace):
        clip, pipeline = read_clip(start, pipeline, "start")
        request = request_of_clip(start, pipeline, seed=seed, steps=steps, guidance=guidance)
        return PlayedWorld(request, pipeline, clip)
    pipeline = chosen(pipeline, model)
    options = {"steps": steps, "guidance": guidance, "height": height, "width": width, "num_frames": 5}
    request = request_of(RunRequest(check_text("start", start), seed=seed, model=model), options)
    return PlayedWorld(checked_run(request, pipeline), pipeline, None)


class PlayedWorld:
    """A world and all that has been played in it; made by `play`."""

    def __init__(self, request: RunRequest, pipeline: Any, clip: Clip | None) -> None:
        self._began = perf_counter()
        self.request, self.pipeline = request, pipeline
        words = pipeline.text_encoder.tokenize(wording_of(request, pipeline).prompt).words
        self.subject, scene = subject_and_scene(words)
        if not self.subject:
            rule = "somebody has to be steered: a dog, a robot, a boat ..."
            raise X2VError(f"prompt={request.prompt!r:.60}", rule, 'say who: "a robot in the city"')
        self._windows = Windows(pipeline, request)
        self._who = without_moves(words)
        self._size = (request.height, request.width)
        if clip is None:
            self._steered = Steered.standing(self.subject, scene, self._drafted_box(), *self._size)
            clip = self._first_frames()
        else:
            box = clip.plan.boxes[0, -1, 0]
            self._steered = Steered.standing(self.subject, scene, box, *self._size, middle=False)
        self._own = clip.latents.shape[1]
        self._latents = clip.latents
        self._frames, self._drawn = [clip.trace.frames], Drawn(pipeline)
        self._drawn.add(self._latents)
        self._plan = {name: track[0] for name, track in vars(clip.plan).items()}
        self._camera = self._plan["camera"][-1]
        self._parts: list[Stages] = []
        self.keys: list[str] = []
        """What was pressed so far."""
        self.seconds: list[float] = []
        """What each step took."""

    @property
    def frames(self) -> Frames:
        """All frames so far, uint8 (F, H, W, 3)."""
        return np.concatenate(self._frames)

    @property
    def boxes(self) -> NDArray[np.float32]:
        """(F, 4) where the plan has the subject: x0, y0, x1, y1 in fractions; NaN where out of sight."""
        return self._plan["boxes"][:, 0]

    def step(self, key: str = "stay", on_step: Callable[[Step], object] | None = None) -> Frames:
        """Press a key -> the four frames that follow, uint8 (4, H, W, 3).

        Args:
            key: "left", "right", "up", "down", "jump" or "stay".
            on_step: called with every denoising Step; what it raises leaves the world as it was.

        Raises:
            X2VError: another key, or a world that has been played in for two minutes.
        """
        began = perf_counter()
        check_choice("key", key, KEYS)
        frames = len(self._plan["boxes"])
        if frames / self.request.fps >= LONGEST:
            rule = f"a world is played in for {LONGEST:.0f} seconds"
            raise X2VError(f"a world of {frames} frames", rule, "start another: x2v.play(...)")
        steered, plan = replace(self._steered), self._plan
        new = steered.press(key)
        new["mouth"] = np.full(TIME_STRIDE, np.nan)
        new["camera"] = self._camera + new["camera"]
        plan = {name: np.concatenate([plan[name], new[name].astype(np.float32)]) for name in plan}
        self._windows.request = replace(self.request, prompt=f"{self._who} {steered.move(key)}")
        self._windows.on_step = on_step
        made = self._draw(plan)
        self._steered, self._plan = steered, plan
        latents = made[0][-1].to(self._latents)
        self._latents = torch.cat([self._latents, latents], 1)
        self._frames.append(self._drawn.add(latents))
        self._parts.append(made)
        self.keys.append(key)
        self.seconds.append(perf_counter() - began)
        return self._frames[-1]

    def trace(self) -> Trace:
        """All of it as one trace."""
        steps = max(len(self._windows.levels) - 1, 1)
        start = clean(self._latents[:, : self._own], steps)
        windows = replace(self._windows, request=self.request, levels=self._windows.levels or [1.0, 0.0])
        plan = Plan(**{name: track[None] for name, track in self._plan.items()})
        made_by = {"call": "play", "start": self.request.prompt, "keys": list(self.keys)}
        parts = [start, *self._parts]
        return joined(
            parts, self.frames, rebased(plan), windows, made_by, fps=self.request.fps, began=self._began
        )

    def _draw(self, plan: dict[str, NDArray[np.float32]]) -> Stages:
        """The next latent frame, by a plan that has it: (S + 1, C, 1, h, w) and so on."""
        f = self._latents.shape[1]
        start = max(0, f - 1 - MEMORY)
        whole = Plan(**{name: track[None] for name, track in plan.items()})
        of_it = rebased(whole, TIME_STRIDE * start)
        if same_view(whole, TIME_STRIDE * start):
            window, of_it = anchored(self._latents[:, start:], of_it, self._latents, whole)
        else:
            recent = np.concatenate(self._frames[-MEMORY - 1 :])
            window = window_of(self.pipeline, self._latents, recent, start)
        known = window.shape[1]
        window = torch.cat([window, torch.zeros_like(window[:, :1])], 1)
        made = self._windows.fill(window, range(known), of_it, guided=1)
        return [each[:, :, known:] for each in made]

    def _drafted_box(self) -> NDArray[np.float32]:
        """(4,) where the planner has the subject; NaN where it has none."""
        if self.pipeline.planner is None:
            return np.full(4, np.nan, np.float32)
        noise = torch.Generator("cpu").manual_seed(self.request.seed)
        return self.pipeline.draft([self.request.prompt], (5, *self._size), generator=noise).boxes[0, 0, 0]

    def _first_frames(self) -> Clip:
        """Five frames in which nothing moves yet."""
        boxes = np.full((5, 2, 4), np.nan, np.float32)
        boxes[:, 0] = self._steered.box
        plan = Plan.of_tracks({"boxes": boxes})
        request = replace(self.request, steps=START_STEPS, prompt=f"{self._who} {self._steered.move('stay')}")
        trace = generate(request, pipeline=self.pipeline, plan=plan)
        latents = torch.tensor(trace.latents[-1].astype(np.float32))
        return Clip(trace, latents.to(self.pipeline._execution_device), plan)
