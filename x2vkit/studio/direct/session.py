"""The kernel's half of a Director: takes requests, makes one clip at a time, reads it back, emits what
happens.

    session = DirectingSession(emit, backend)   # emit(kind, metadata, buffers): what to do with each event
    session.ask({"prompt": "a dog", "boxes": [{"0": [0, 0.4, 0.3, 0.7]}]})     # returns at once
    session.last                                # the clip, and what the judge reads from it

Knows nothing about widgets or browsers; torch is imported when the first clip is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from x2vkit.backend import Directed, Emit
from x2vkit.errors import X2VError
from x2vkit.run.backend import ModelBackend
from x2vkit.run.request import read_request
from x2vkit.run.worker import Cancelled, Task, Worker
from x2vkit.studio.session import StudioSession

SETTINGS = ("prompt", "seed", "steps", "model")
"""What a request says besides its directions."""
DIRECTIONS = ("boxes", "strokes", "camera")
"""What `direct` is told."""
SIZES = ("num_frames", "height", "width")


class DirectingSession(StudioSession):
    """See the top of this module. All methods return at once, from any thread."""

    def __init__(self, emit: Emit, backend: ModelBackend) -> None:
        super().__init__(emit, Worker("x2vkit director"))
        self._backend = backend
        self.last: Directed | None = None
        """The clip that was made last, or the plan of one."""

    def ask(self, values: Mapping[str, Any], draft: bool = False) -> None:
        """Make a clip, or with `draft` its plan alone; whatever was asked for before is stopped.

        Emits "problems" {got, rule, cure}, or "busy" {draft, loading}, "step" {step, steps}, and at last
        "done" or "drafted"; then `last` holds it. values: prompt, seed, steps, model, num_frames, height,
        width, and boxes, strokes, camera as in `direct`.
        """
        self.cancel()
        self._worker.submit(lambda task: self._run(task, values, draft))

    def _run(self, task: Task[Any, Any], values: Mapping[str, Any], draft: bool) -> None:
        def report(step: Any, steps: int) -> None:
            task.check()
            self._emit("step", {"step": step.index + 1, "steps": steps}, [])

        try:
            loading = self.last is None  # the first clip waits for the model
            self._emit("busy", {"draft": draft, "loading": loading}, [])
            self.last = directed(values, self._backend, report, draft)
            task.check()
            self._emit("drafted" if draft else "done", {}, [])
        except Cancelled:
            self._emit("stopped", {}, [])
        except X2VError as error:
            self._emit("problems", error.parts, [])
        except Exception:
            self._emit("problems", {"got": "this clip", "rule": "making it failed", "cure": "try again"}, [])
            raise


def directed(
    values: Mapping[str, Any],
    backend: ModelBackend,
    on_step: Callable[[Any, int], object],
    draft: bool = False,
) -> Directed:
    """A directed clip, read back, or with `draft` its plan alone, from what a page says.

    Args:
        values: as in `DirectingSession.ask`.
        backend: which has the model.
        on_step: called after each denoising step, with the number of steps; what it raises ends the run.
        draft: whether only the plan is wanted.

    Raises:
        X2VError: values that cannot be.
    """
    from x2vkit.studio.direct.call import direct, planned

    given = {name: values[name] for name in SETTINGS if values.get(name) is not None}
    request = read_request(given, backend.models(), backend.sampling)
    request = replace(request, **{name: values[name] for name in SIZES if name in values})
    directions = {name: values[name] for name in DIRECTIONS if values.get(name)}
    pipeline = backend.pipeline(request.model)
    if draft:
        plan = planned(request, pipeline, **directions)[0]
        return Directed(plan={name: tracks[0] for name, tracks in vars(plan).items()}, prompt=request.prompt)
    steps = request.sampled()[0]
    trace = direct(request, pipeline=pipeline, on_step=lambda step: on_step(step, steps), **directions)
    return read_back(trace)


def read_back(trace: Any) -> Directed:
    """A clip, and where the judge sees its subjects and its camera."""
    from x2vkit.judge import Judge

    reading = Judge.load().read(np.asarray(trace.frames))
    boxes, camera = reading.boxes.astype(np.float32), reading.camera.astype(np.float32)
    return Directed(plan=dict(trace.plan), prompt=trace.prompt, trace=trace, boxes=boxes, camera=camera)
