"""What the page and its API do, without the page: make, compare, look inside. Every action is a generator
that yields `Progress` (or None while it waits) and returns what was made; closing it stops the computation.

A clip is remembered by its request, not by its numbers: looking inside makes it again, bit for bit,
and records it this time. So a thousand visitors cost a few kilobytes each. Knows nothing about Gradio.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Lock
from typing import Any, Generic, TypeVar

from x2vkit.backend import Directed
from x2vkit.config import RunRequest
from x2vkit.demo.made import Made, Progress
from x2vkit.demo.models import Models
from x2vkit.errors import X2VError
from x2vkit.run.request import CheckedRequest, read_request
from x2vkit.run.worker import Task, Worker
from x2vkit.trace import Trace, samples

Value = TypeVar("Value")
EXAMPLE = "example:"
"""A clip's id begins so where it is a bundled one."""
EXAMPLES = ("cat", "dog", "dog-red")
"""Bundled clips, by how surely the judge reads in them what their words say (tests/demo/test_engine.py); of
several with the same words the best."""
REMEMBERED, RECORDED = 500, 3
"""Clips that can be looked into, and recordings (tens of MB each) kept at hand."""
RECORD_BYTES = 48_000_000
"""What a recording may take; longer clips keep the attention of fewer steps."""

ASKED = ("prompt", "seed", "steps", "model", "boxes", "strokes", "camera")
"""What a visitor's Director may ask for; the clip's size is the model's own."""
VIEWS = {
    "overview": ("Overview", "Overview"),
    "denoise": ("Denoise", "Denoising"),
    "patches": ("Patches", "Patches"),
    "attention": ("Attention", "Attention"),
}
"""View -> its class in x2vkit.views, and what the page calls it."""


class Recent(Generic[Value]):
    """The newest `size` values by key, for many threads."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: OrderedDict[str, Value] = OrderedDict()
        self._lock = Lock()

    def put(self, key: str, value: Value) -> Value:
        with self._lock:
            self._kept[key] = value
            self._kept.move_to_end(key)
            while len(self._kept) > self.size:
                self._kept.popitem(last=False)
        return value

    def get(self, key: str) -> Value | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)


class Engine:
    """The models, the worker that they run in, and a memory of what was requested."""

    def __init__(self, models: Models) -> None:
        self.models = models
        self.worker = Worker("x2vkit demo", linger=60.0)
        self._warmed = Event()
        self._requests: Recent[CheckedRequest] = Recent(REMEMBERED)
        self._traces: Recent[Trace] = Recent(RECORDED)

    def warm(self) -> None:
        """Load the default model in the background, and let it make one step: the next visitor waits less.
        Once; later calls do nothing.
        """
        if not self.models.foreign and not self._warmed.is_set():
            self._warmed.set()
            self.worker.submit(lambda task: self._warm(), priority=1)

    def make(self, wanted: CheckedRequest) -> Generator[Progress | None, None, tuple[str, Made]]:
        """Make one clip -> (its id, the clip)."""
        made = yield from self._stream(wanted)
        key = secrets.token_urlsafe(12)
        self._requests.put(key, wanted)
        if self.models.foreign and made.trace is not None:  # it was recorded as it went
            self._traces.put(key, made.trace)
        return key, made

    def compare(self, wanted: Sequence[CheckedRequest]) -> Generator[Progress | None, None, list[Made]]:
        """Make several clips; with one seed and one size, they begin with the same noise."""

        def work(task: Task[Progress, list[Made]]) -> list[Made]:
            def make(clip: int, one: CheckedRequest) -> Made:
                return self.models.make(one, lambda step: task.report(replace(step, clip=clip)))

            return [make(clip, one) for clip, one in enumerate(wanted)]

        return (yield from self.worker.stream(work))

    def direct(
        self, asked: Mapping[str, Any], draft: bool = False
    ) -> Generator[Progress | None, None, Directed]:
        """Make a directed clip and read it back, or with `draft` its plan alone.

        asked: prompt, seed, steps, boxes, strokes and camera, as a Director says them.
        """
        if self.models.foreign:
            rule = "directions are planned, and only x2vkit's own models have a planner"
            raise X2VError(f"directions for {self.models.default}", rule, "use `x2vkit demo` without a model")

        def work(task: Task[Progress, Directed]) -> Directed:
            from x2vkit.studio.direct.session import directed

            def report(step: Any, steps: int) -> None:
                task.report(Progress(step.index + 1, steps, step.t))

            given = {**asked, "model": self.models.default}
            values = {name: value for name, value in given.items() if name in ASKED}
            return directed(values, self.models.backend, report, draft)

        return (yield from self.worker.stream(work))

    def record(self, key: str, attention: bool = False) -> Generator[Progress | None, None, Trace]:
        """The recording of a clip that was made here, with the attention of some steps; or a bundled one.

        attention: record a bundled one anew if its attention was not kept.
        """
        if (kept := self._traces.get(key)) is not None:
            return kept
        wanted = self._requests.get(key)
        if key.startswith(EXAMPLE):
            trace = samples.sample(key.removeprefix(EXAMPLE))
            if trace.captured or not attention or self.models.foreign:
                return trace
            request = RunRequest.from_dict(dict(trace.request))
            wanted = CheckedRequest(replace(request, model=self.models.default))
        if wanted is None:
            raise X2VError("this clip", "it was too long ago, and is no longer remembered", "make it again")
        if self.models.foreign:
            rule = f"the records of the last {RECORDED} clips are kept, of those that could be recorded"
            raise X2VError(f"a clip of {self.models.default}", rule, "make it again, and look at once")
        made = yield from self._stream(wanted, RECORD_BYTES)
        assert made.trace is not None  # x2vkit's own models always leave one
        return self._traces.put(key, made.trace)

    def close(self) -> None:
        """Take no more work."""
        self.worker.close()

    def _stream(
        self, wanted: CheckedRequest, record_bytes: int = 0
    ) -> Generator[Progress | None, None, Made]:
        def work(task: Task[Progress, Made]) -> Made:
            return self.models.make(wanted, task.report, record_bytes)

        return (yield from self.worker.stream(work))

    def _warm(self) -> None:
        values = {"prompt": "a dog", "steps": 1, "model": self.models.default}
        request = read_request(values, self.models.names(), self.models.sampling)
        self.models.make(CheckedRequest(request), lambda step: None)


def views() -> dict[str, str]:
    """The views that there are: name -> what the page calls it."""
    folder = "x2vkit.views"
    return {name: label for name, (_, label) in VIEWS.items() if find_spec(f"{folder}.{name}") is not None}


def view_html(name: Any, trace: Trace) -> str:
    """One view of a trace as one HTML page, the same as in a notebook."""
    if not isinstance(name, str) or name not in views():
        raise X2VError(f"view={str(name)[:60]!r}", f"views are {', '.join(views())}", "choose one")
    import x2vkit.views

    return getattr(x2vkit.views, VIEWS[name][0])(trace).to_html()


def director_html(
    made: Directed | None = None, asked: Mapping[str, Any] | None = None, drawn: str = ""
) -> str:
    """The Director on what was made, or on a bundled clip, as one HTML page.

    asked: the request that it came of, and drawn: what is drawn on it, as the Director keeps it; both stay.
    """
    import x2vkit.views

    view = x2vkit.views.Director(made)
    if asked is not None:
        drawing = {"asked": drawn} if drawn else {}
        view.selection = {"prompt": asked["prompt"], "seed": asked["seed"], **drawing}
    return view.to_html()


def compare_html(made: Sequence[Made]) -> str | None:
    """Several clips side by side, as the notebook's view; None where there is no such view or no traces."""
    traces = [one.trace for one in made]
    if find_spec("x2vkit.views.compare") is None or any(trace is None for trace in traces):
        return None
    import x2vkit.views

    return x2vkit.views.Compare(traces).to_html()


def examples() -> list[str]:
    """The names of the bundled clips that a page shows, the best one first."""
    return list(EXAMPLES)


def cache_folder() -> Path:
    """Where Gradio keeps files that the page may read."""
    from gradio.utils import get_upload_folder

    return Path(get_upload_folder())
