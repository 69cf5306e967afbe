"""The models that a page offers, by name: those that ship, one that the caller gave, or any diffusers video
pipeline. All of them turn a `CheckedRequest` into a `Made` and report every denoising step on the way.

x2vkit's own run in a `Backend`. Knows nothing about pages. Imports torch only once a model is needed.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from x2vkit.backend import Reading, StepReport
from x2vkit.config import RunRequest
from x2vkit.errors import X2VError
from x2vkit.media import Frames
from x2vkit.registry import SamplingDefaults
from x2vkit.run.backend import ModelBackend, is_own
from x2vkit.run.files import with_files
from x2vkit.run.request import RANDOM_SEED, CheckedRequest, check_choice, check_text, draw_seed, read_request
from x2vkit.run.wording import notes_on
from x2vkit.trace import Trace

FOREIGN_FPS = 16
"""Frames a second of another pipeline's clips, where it says nothing."""
GIVEN = "this model"
"""The name of an X2VPipeline that the caller gave."""


@dataclass(frozen=True)
class Progress:
    """One denoising step that is over."""

    step: int
    """From 1."""
    steps: int
    t: float | None = None
    """Noise level of the step, 1 to 0, where the model tells."""
    picture: Frames | None = None
    """(F, H, W, 3) uint8: roughly what the clip will be, where the model tells."""
    clip: int = 0
    """Which of several clips this is, from 0."""


Report: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True)
class Made:
    """One clip that was made."""

    request: RunRequest
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
    """What can be chosen: `names()`, and `make` to run one. Loads a model when it is first needed.

    Args:
        pipe: None for all that ship; the name or folder of one; an X2VPipeline; any diffusers pipeline.
        fps: frames a second of a diffusers pipeline's clips.

    Raises:
        X2VError: the pipe is of another kind.
    """

    def __init__(self, pipe: Any = None, fps: float | None = None) -> None:
        self.fps = fps
        self.pipe: Any = None
        """A pipeline that is not x2vkit's own."""
        self.backend = ModelBackend()
        if isinstance(pipe, (str, Path)):
            self.backend = ModelBackend((str(pipe),))
            self.default = str(pipe)
        elif pipe is not None and is_own(pipe):
            self.backend = ModelBackend(pipelines={GIVEN: pipe})
            self.default = GIVEN
        elif pipe is not None:
            check_pipeline(pipe)
            self.pipe, self.default = pipe, type(pipe).__name__
        else:
            self.default = self.backend.models()[0]

    @property
    def foreign(self) -> bool:
        """Whether the model is not x2vkit's own: it gets words alone, and cannot be looked into."""
        return self.pipe is not None

    def names(self) -> list[str]:
        """The names to choose from, the default first."""
        return [self.default] if self.foreign else list(dict.fromkeys([self.default, *self.backend.models()]))

    def check(self, name: Any) -> str:
        """The name, if it is one of `names()`; None or "" is the default. Nothing else is ever opened."""
        return self.default if name is None or name == "" else check_choice("model", name, self.names())

    def sampling(self, name: str) -> SamplingDefaults:
        """How a model is sampled unless a request says otherwise."""
        return SamplingDefaults() if self.foreign else self.backend.sampling(name)

    def train_flops(self, name: str) -> float | None:
        """Floating-point operations of a model's training, where that is told."""
        return None if self.foreign else self.backend.train_flops(name)

    def read(
        self, values: Mapping[str, Any], image: Any = None, video: Any = None, strength: Any = None
    ) -> CheckedRequest:
        """A visitor's plain values and the paths of uploaded files, checked.

        A model of None or "" is the default one, a seed of -1 is drawn. X2VError for the first value that
        cannot be.
        """
        values = {"shape": "square", **values, "model": self.check(values.get("model"))}
        if type(values.get("seed")) in (int, float) and values["seed"] == RANDOM_SEED:
            values["seed"] = draw_seed()
        wanted = with_files(read_request(values, self.names(), self.sampling), image, video, strength)
        return replace(wanted, notes=(*wanted.notes, *self._notes(wanted.request)))

    def reading(self, name: Any, prompt: Any) -> Reading:
        """How a model reads a prompt, without its weights; of a foreign model, nothing."""
        if self.foreign:
            return Reading([])
        return self.backend.reading(self.check(name), check_text("prompt", prompt))

    def _notes(self, request: RunRequest) -> tuple[str, ...]:
        if self.foreign:
            return ()
        return notes_on(request.prompt, request.negative_prompt, self.backend.lexicon(request.model))

    def make(self, wanted: CheckedRequest, report: Report, record_bytes: int = 0) -> Made:
        """Run one model. record_bytes: also keep the attention of as many steps as fit."""
        if self.foreign:
            return make_foreign(self.pipe, wanted, report, self.fps)
        return make_own(self.backend, wanted, report, record_bytes)


def make_own(backend: ModelBackend, wanted: CheckedRequest, report: Report, record_bytes: int = 0) -> Made:
    """A clip of x2vkit's own pipeline, with its trace."""
    request, inputs = wanted.request, wanted.inputs

    def on_step(step: StepReport) -> None:
        picture = backend.preview(request.model, step.pred_x0)
        report(Progress(step.index + 1, step.steps, step.t, picture))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if record_bytes:
            trace = backend.record(request, inputs, on_step, record_bytes)
        else:
            trace = backend.generate(request, inputs, on_step)
    warned = [str(one.message) for one in caught if one.category is UserWarning]
    notes = [note for note in warned if not note.startswith("words the model does not know")]
    return Made(
        request=request,
        frames=trace.frames,
        fps=trace.fps,
        seconds=trace.timings["total"],
        words=trace.words[1:],
        unknown=trace.unknown,
        notes=tuple(dict.fromkeys((*wanted.notes, *notes))),
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


def make_foreign(pipe: Any, wanted: CheckedRequest, report: Report, fps: float | None = None) -> Made:
    """A clip of any diffusers video pipeline, at the size that it makes by itself. No previews."""
    import torch

    request, known = wanted.request, _parameters(pipe)
    steps, guidance = request.sampled()
    if wanted.inputs:
        rule = "other models than x2vkit's get words alone here"
        raise X2VError("a picture or clip to start from", rule, "take it away")

    def on_step(_: Any, index: int, timestep: Any, kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        report(Progress(index + 1, steps))
        return {}

    options: dict[str, Any] = {
        "prompt": request.prompt,
        "num_inference_steps": steps,
        "generator": torch.Generator("cpu").manual_seed(request.seed),
        "guidance_scale": guidance,
        "callback_on_step_end": on_step,
    }
    if request.negative_prompt:
        options["negative_prompt"] = request.negative_prompt
    begin = perf_counter()
    with torch.inference_mode():
        output = pipe(**{name: value for name, value in options.items() if name in known})
    frames = to_frames(output.frames)
    fps = fps or getattr(output, "fps", None) or FOREIGN_FPS
    return Made(request, frames, float(fps), perf_counter() - begin, notes=wanted.notes)


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


def _parameters(pipe: Any) -> set[str]:
    """The names that a pipeline can be called with."""
    try:
        return set(inspect.signature(pipe.__call__).parameters)
    except (TypeError, ValueError, AttributeError):
        return set()
