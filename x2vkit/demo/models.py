"""The models that a page offers, by name: those that ship, one that the caller gave, or any diffusers video
pipeline. All of them turn an `Asked` into a `Made` and report every denoising step on the way.

Knows nothing about pages. Imports torch only once a model is needed.
"""

from __future__ import annotations

import inspect
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from x2vkit.demo.requests import Asked
from x2vkit.errors import X2VError
from x2vkit.media import Frames
from x2vkit.registry import shipped
from x2vkit.trace import Trace

DEFAULT = "small"
KEPT = 4
"""Models of those that ship that stay in memory."""
FOREIGN_FPS = 16
"""Frames a second of another pipeline's clips, where it says nothing."""


@dataclass(frozen=True)
class Progress:
    """One denoising step that is over."""

    step: int
    """From 1."""
    steps: int
    t: float | None = None
    """Noise level that the step looked at, 1 to 0, where the model tells."""
    picture: Frames | None = None
    """(F, H, W, 3) uint8: roughly what the clip will be, where the model tells."""
    clip: int = 0
    """Which of several clips this is, from 0."""


Report: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True)
class Made:
    """One clip that was made."""

    asked: Asked
    frames: Frames
    """(F, H, W, 3) uint8."""
    fps: float
    seconds: float
    """Wall time of the run."""
    words: tuple[str, ...] = ()
    """The prompt as the model read it."""
    unknown: tuple[str, ...] = ()
    """Words of the prompt that the model does not know."""
    notes: tuple[str, ...] = ()
    """What else the reader should know."""
    trace: Trace | None = None
    """How it was made, for a model that x2vkit can look into."""


class Models:
    """What can be chosen: `names()`, and `make` to run one. Loads a model when it is first needed."""

    def __init__(self, pipe: Any = None, fps: float | None = None) -> None:
        """pipe: None for all that ship; the name or folder of one; an X2VPipeline; any diffusers pipeline.

        fps: frames a second of a diffusers pipeline's clips. Raises X2VError for anything else.
        """
        self._given: dict[str, Any] = {}
        self._folders: dict[str, str] = {name: str(folder) for name, folder in shipped().items()}
        self._loaded: OrderedDict[str, Any] = OrderedDict()
        self.fps = fps
        self.foreign = False
        if isinstance(pipe, (str, Path)):
            self.default = str(pipe)
            self._folders = {self.default: str(pipe)} | self._folders
        elif pipe is not None:
            self.foreign = not _is_own(pipe)
            if self.foreign:
                check_pipeline(pipe)
                self._folders = {}
            self.default = "this model" if not self.foreign else type(pipe).__name__
            self._given[self.default] = pipe
        else:
            there = DEFAULT in self._folders or not self._folders
            self.default = DEFAULT if there else next(iter(self._folders))

    def names(self) -> list[str]:
        """The names to choose from, the default first."""
        return list(dict.fromkeys([self.default, *self._given, *self._folders]))

    def check(self, name: Any) -> str:
        """The name, if it is one of `names()`; None or "" is the default. Nothing else is ever opened."""
        if name is None or name == "":
            return self.default
        if not isinstance(name, str) or name not in self.names():
            raise X2VError(f"model={str(name)[:60]!r}", f"models are {', '.join(self.names())}", "choose one")
        return name

    def folder(self, name: str) -> str:
        """Where a model's weights lie; "" for one that was given."""
        return self._folders.get(name, "")

    def get(self, name: str) -> Any:
        """The pipeline of a name, loaded if need be."""
        if name in self._given:
            return self._given[name]
        if name not in self._loaded:
            from x2vkit.run import record as recorder

            recorder.quiet()
            self._loaded[name] = recorder.load(self._folders.get(name, name))
        self._loaded.move_to_end(name)
        while len(self._loaded) > KEPT:
            self._loaded.popitem(last=False)
        return self._loaded[name]

    def make(self, asked: Asked, report: Report, **options: Any) -> Made:
        """Run one model. options: `x2vkit.record`'s, for models of x2vkit (`attention=...`)."""
        pipe = self.get(asked.request.model)
        if self.foreign:
            return make_foreign(pipe, asked, report, self.fps)
        return make_own(pipe, asked, report, **options)


def make_own(pipe: Any, asked: Asked, report: Report, **options: Any) -> Made:
    """A clip of x2vkit's own pipeline, with its trace."""
    from x2vkit.run import record as recorder

    steps = _steps(asked)

    def tell(step: Any) -> None:
        report(Progress(step.index + 1, steps, step.t, pipe.preview(step.pred_x0)[0]))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trace = recorder.generate(asked.request, pipeline=pipe, on_step=tell, **asked.inputs, **options)
    said = [str(one.message) for one in caught if one.category is UserWarning]
    notes = [note for note in said if not note.startswith("words the model does not know")]
    return Made(
        asked=asked,
        frames=trace.frames,
        fps=trace.fps,
        seconds=trace.timings["total"],
        words=trace.words[1:],
        unknown=trace.unknown,
        notes=(*asked.notes, *notes),
        trace=trace,
    )


def check_pipeline(pipe: Any) -> None:
    """Raise X2VError unless a pipeline can be run as diffusers' video pipelines are."""
    known = _parameters(pipe)
    missing = [name for name in ("prompt", "num_inference_steps", "generator") if name not in known]
    if not callable(pipe) or missing:
        got = f"a {type(pipe).__name__}"
        rule = "a demo shows x2vkit's own pipeline, or one that is called as diffusers' video pipelines are"
        raise X2VError(got, rule, "give x2vkit.load(), or a diffusers text-to-video pipeline")


def make_foreign(pipe: Any, asked: Asked, report: Report, fps: float | None = None) -> Made:
    """A clip of any diffusers video pipeline, at the size that it makes by itself. No previews."""
    import torch

    request, known = asked.request, _parameters(pipe)
    if asked.inputs:
        rule = "other models than x2vkit's get words alone here"
        raise X2VError("a picture or clip to start from", rule, "take it away")

    def tell(_: Any, index: int, timestep: Any, kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        report(Progress(index + 1, request.steps))
        return {}

    options: dict[str, Any] = {
        "prompt": request.prompt,
        "num_inference_steps": request.steps,
        "generator": torch.Generator("cpu").manual_seed(request.seed),
        "guidance_scale": request.guidance,
        "callback_on_step_end": tell,
    }
    if request.negative_prompt:
        options["negative_prompt"] = request.negative_prompt
    begin = perf_counter()
    with torch.inference_mode():
        output = pipe(**{name: value for name, value in options.items() if name in known})
    frames = to_frames(output.frames)
    fps = fps or getattr(output, "fps", None) or FOREIGN_FPS
    return Made(asked, frames, float(fps), perf_counter() - begin, notes=asked.notes)


def to_frames(frames: Any) -> Frames:
    """The first clip of a diffusers output -> uint8 (F, H, W, 3).

    It may be lists of PIL images, an array (B, F, H, W, 3) or a tensor (B, F, 3, H, W), in [0, 1] or uint8.
    """
    if hasattr(frames, "detach"):
        frames = frames.detach().float().cpu().numpy() if frames.is_floating_point() else frames.cpu().numpy()
    clip = frames[0]
    if isinstance(clip, (list, tuple)):
        clip = np.stack([np.asarray(frame) for frame in clip])
    array: NDArray[Any] = np.asarray(clip)
    if array.ndim == 4 and array.shape[-1] != 3 and array.shape[1] == 3:
        array = array.transpose(0, 2, 3, 1)
    if array.dtype != np.uint8:
        array = np.rint(np.nan_to_num(array.astype(np.float32)).clip(0, 1) * 255).astype(np.uint8)
    if array.ndim != 4 or array.shape[-1] != 3 or not len(array):
        raise X2VError(f"frames of shape {array.shape}", "a clip is (F, H, W, 3)", "use output_type='np'")
    return np.ascontiguousarray(array)


def _steps(asked: Asked) -> int:
    """Steps that a run really takes: remaking a clip starts part of the way."""
    strength = float(asked.inputs.get("strength", 1.0))
    return max(1, round(asked.request.steps * strength))


def _is_own(pipe: Any) -> bool:
    """Whether this is x2vkit's pipeline, asked without importing torch for others."""
    return any(kind.__module__ == "x2vkit.pipeline.x2v" for kind in type(pipe).__mro__)


def _parameters(pipe: Any) -> set[str]:
    """The names that a pipeline can be called with."""
    try:
        return set(inspect.signature(pipe.__call__).parameters)
    except (TypeError, ValueError, AttributeError):
        return set()
