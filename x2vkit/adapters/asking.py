"""What a pipeline's call takes, read from its signature and configs: sizes and their rules, a start picture.

Nothing is guessed: what neither says is not offered, and is left to the pipeline's own default.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from x2vkit.adapters.sizes import FRAMES, spatial_stride, temporal_stride
from x2vkit.errors import X2VError

NEEDED = ("num_inference_steps", "generator")
"""What the call of a diffusers pipeline takes, whatever it makes."""
NAMES = {"steps": "num_inference_steps", "guidance": "guidance_scale"}
"""Settings of x2vkit that diffusers calls otherwise."""
LONGEST, LARGEST = 4, 2
"""How many times the usual length and side are offered at most."""
PATCHES = ("patch_size", "patch_size_h", "p")
"""How configs name the latent positions along one side of a patch."""


@dataclass(frozen=True)
class Range:
    """Values that a setting can have: `first` + k * `step`, up to `last`."""

    usual: int
    """What the pipeline takes where nothing is said."""
    first: int
    step: int
    last: int

    def check(self, name: str, value: int) -> int:
        """The value, if it can be. X2VError with the values beside it."""
        if self.first <= value <= self.last and (value - self.first) % self.step == 0:
            return value
        below = self.first + max(0, min(value, self.last) - self.first) // self.step * self.step
        near = sorted({below, min(below + self.step, self.last)})
        rule = f"{name} is {self.first} + k × {self.step}, at most {self.last}"
        raise X2VError(f"{name}={value}", rule, f"use {' or '.join(map(str, near))}")


@dataclass(frozen=True)
class Asking:
    """What can be said to one pipeline."""

    pipeline: str
    """Its class."""
    known: frozenset[str]
    """The names of its call's arguments."""
    ranges: Mapping[str, Range]
    """num_frames, height and width, as far as the pipeline says their rules."""
    steps: int | None = None
    """Its usual denoising steps."""
    guidance: float | None = None
    """Its usual guidance."""
    image: bool = False
    """Whether it takes a start picture."""
    image_needed: bool = False
    """Whether it makes nothing without one."""

    @property
    def frames_name(self) -> str:
        """What the call names its number of frames."""
        return next((name for name in FRAMES if name in self.known), "num_frames")

    def call(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call: x2vkit's settings by diffusers' names; None is the pipeline's own.

        Raises:
            X2VError: the pipeline takes no such thing, or not this value, or needs a picture.
        """
        given = {name: value for name, value in settings.items() if value is not None and str(value)}
        if self.image_needed and "image" not in given:
            raise X2VError("no picture", f"{self.pipeline} starts from one", "give a picture to start from")
        call = {}
        for name, value in given.items():
            said = self.frames_name if name == "num_frames" else NAMES.get(name, name)
            if said not in self.known:
                rule = f"{self.pipeline} takes no {name.replace('_', ' ')}"
                raise X2VError(f"{name}={str(value)[:40]}", rule, "leave it out")
            call[said] = self.ranges[name].check(name, value) if name in self.ranges else value
        return call


def asking_of(pipe: Any) -> Asking:
    """What can be said to a pipeline.

    Raises:
        X2VError: it is not called as diffusers' video pipelines are.
    """
    arguments: Mapping[str, inspect.Parameter] = {}
    try:
        arguments = inspect.signature(pipe.__call__).parameters
    except (TypeError, ValueError, AttributeError):
        pass
    if not callable(pipe) or not all(name in arguments for name in NEEDED):
        rule = "it is not called as diffusers' video pipelines are, with num_inference_steps and generator"
        raise X2VError(f"a {type(pipe).__name__}", rule, "give a diffusers video pipeline")

    def usual(name: str) -> Any:
        value = arguments[name].default if name in arguments else None
        return None if value is inspect.Parameter.empty else value

    image = arguments.get("image")
    return Asking(
        pipeline=type(pipe).__name__,
        known=frozenset(arguments),
        ranges=_ranges(pipe, usual, arguments),
        steps=usual("num_inference_steps"),
        guidance=usual("guidance_scale"),
        image=image is not None,
        image_needed=image is not None and (image.default is image.empty or "prompt" not in arguments),
    )


def _ranges(pipe: Any, usual: Any, arguments: Mapping[str, Any]) -> dict[str, Range]:
    found = {}
    model = getattr(pipe, "transformer", None)
    config = getattr(model, "config", None) or {}
    stride, patch = spatial_stride(pipe), _patch(config)
    for name in ("height", "width"):
        sample = config.get(f"sample_{name}")
        side = usual(name) or getattr(pipe, f"default_{name}", None)
        side = side or (sample * stride if sample and stride else None)
        if name in arguments and stride and isinstance(side, int) and side % (stride * patch) == 0:
            step = stride * patch
            found[name] = Range(side, step, step, LARGEST * side)
    frames = next((name for name in FRAMES if name in arguments), "")
    count, long = usual(frames) if frames else None, temporal_stride(pipe)
    if isinstance(count, int) and long and (count - 1) % long == 0:
        found["num_frames"] = Range(count, 1, long, LONGEST * (count - 1) + 1)
    return found


def _patch(config: Mapping[str, Any]) -> int:
    """Latent positions along one side of a patch; 1 where a model cuts none."""
    value: Any = next((config.get(name) for name in PATCHES if config.get(name)), 1)
    return int(value[-1]) if isinstance(value, (tuple, list)) else int(value)


def refused_call(run: Callable[..., Any], args: tuple, kwargs: Mapping[str, Any]) -> X2VError:
    """Why a pipeline's bound call does not take these arguments, in a sentence."""
    pipeline = type(getattr(run, "__self__", run)).__name__
    known = inspect.signature(run).parameters
    if unknown := [name for name in kwargs if name not in known]:
        name = unknown[0]
        near = get_close_matches(name, known, 1)
        cure = f"use {near[0]}" if near else f"leave it out; it takes {', '.join(known)}"
        if name == "seed" and "generator" in known:
            cure = f"pass generator=torch.Generator().manual_seed({kwargs[name]!r})"
        return X2VError(f"{name}={str(kwargs[name])[:40]!r}", f"{pipeline} takes no {name}", cure)
    needed = [
        one.name for one in known.values() if one.default is one.empty and one.kind < one.VAR_POSITIONAL
    ]
    missing = [name for name in needed[len(args) :] if name not in kwargs]
    if missing:
        rule = f"{pipeline} takes one" if missing == ["image"] else f"{pipeline} cannot be called without"
        said = " and ".join(missing)
        return X2VError(f"no {said}", rule, f"pass {said}")
    return X2VError(
        "this call", f"{pipeline} takes each argument once, by name", f"name them: {', '.join(known)}"
    )


def check_steps(call: Mapping[str, Any]) -> None:
    """X2VError where a call asks for a number of steps that is none."""
    steps = call.get("num_inference_steps")
    if steps is not None and not (hasattr(steps, "__index__") and int(steps) >= 1):
        rule = "a clip is denoised in a whole number of steps, at least one"
        raise X2VError(f"num_inference_steps={steps!r}", rule, "use num_inference_steps=30")
