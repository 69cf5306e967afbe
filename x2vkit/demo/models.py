"""The models that a page offers, by name: those that ship, one that the caller gave, or any diffusers video
pipeline. All of them turn a `CheckedRequest` into a `Made` and report every denoising step on the way.

x2vkit's own run in a `Backend`. Knows nothing about pages. Imports torch only once a model is needed.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from x2vkit.backend import Reading, StepReport
from x2vkit.config import RunRequest
from x2vkit.demo.foreign import Foreign
from x2vkit.demo.made import Made, Progress, Report
from x2vkit.registry import SamplingDefaults
from x2vkit.run.backend import is_own
from x2vkit.run.files import with_files
from x2vkit.run.request import RANDOM_SEED, CheckedRequest, check_choice, check_text, draw_seed, read_request
from x2vkit.run.wording import notes_on
from x2vkit.studio.backend import StudioBackend

GIVEN = "this model"
"""The name of an X2VPipeline that the caller gave."""


class Models:
    """What can be chosen: `names()`, and `make` to run one. Loads a model when it is first needed.

    Args:
        pipe: None for all that ship; the name or folder of one; an X2VPipeline; any diffusers pipeline.
        fps: frames a second of a diffusers pipeline's clips.

    Raises:
        X2VError: the pipe is of another kind.
    """

    def __init__(self, pipe: Any = None, fps: float | None = None) -> None:
        self.other: Foreign | None = None
        """A pipeline that is not x2vkit's own."""
        self.backend = StudioBackend()
        if isinstance(pipe, (str, Path)):
            self.backend = StudioBackend((str(pipe),))
            self.default = str(pipe)
        elif pipe is not None and is_own(pipe):
            self.backend = StudioBackend(pipelines={GIVEN: pipe})
            self.default = GIVEN
        elif pipe is not None:
            self.other = Foreign(pipe, fps)
            self.default = self.other.name
        else:
            self.default = self.backend.models()[0]

    @property
    def foreign(self) -> bool:
        """Whether the model is not x2vkit's own."""
        return self.other is not None

    def names(self) -> list[str]:
        """The names to choose from, the default first."""
        return [self.default] if self.foreign else list(dict.fromkeys([self.default, *self.backend.models()]))

    def check(self, name: Any) -> str:
        """The name, if it is one of `names()`; None or "" is the default. Nothing else is ever opened."""
        return self.default if name is None or name == "" else check_choice("model", name, self.names())

    def sampling(self, name: str) -> SamplingDefaults:
        """How a model is sampled unless a visitor says otherwise: in as few steps as nobody sees."""
        return self.other.sampling() if self.other else self.backend.sampling(name).quick()

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
        if self.other is not None:
            return self.other.read(values, image, video)
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
        if self.other is not None:
            return self.other.make(wanted, report)
        return make_own(self.backend, wanted, report, record_bytes)


def make_own(backend: StudioBackend, wanted: CheckedRequest, report: Report, record_bytes: int = 0) -> Made:
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
