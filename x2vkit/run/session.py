"""`Session`: the kernel's half of the Playground. Takes requests, runs them one at a time, emits what
happens.

    session = Session(emit, backend)            # emit(kind, metadata, buffers): what to do with each event
    session.ask({"prompt": "a red ball"}, id=1)   # returns at once; "words", "preview", ..., "done" follow
    session.ask({"prompt": "a blue ball"}, id=2)  # stops the first between two steps
    session.wait()

A prompt goes first, then files, then the clips of a grid; a prompt or a file pushes a running clip of the
grid aside, which is made again afterwards. Knows nothing about widgets or browsers, and nothing about torch:
a `Backend` makes clips.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit import media
from x2vkit.backend import Backend, Emit, StepReport
from x2vkit.config import RunRequest
from x2vkit.errors import X2VError
from x2vkit.registry import LIMITS, SHAPES, SamplingDefaults
from x2vkit.run.files import read_picture
from x2vkit.run.grid import cells
from x2vkit.run.history import FIELDS, Entry, History, packed, settings_of
from x2vkit.run.request import python_line, read_request, short, slug, try_request
from x2vkit.run.worker import Cancelled, Task, Worker
from x2vkit.trace import Trace
from x2vkit.trace.about import about
from x2vkit.trace.differences import eight_bits
from x2vkit.trace.file import SUFFIX

FILES: dict[str, str] = {
    ".mp4": "video/mp4",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".png": "image/png",
    SUFFIX: "application/octet-stream",
}
"""What a clip can be exported as, with its media type; `SUFFIX` is the whole trace."""
ASK, FILE, CELL = 0, 1, 2
"""Priorities of the worker's tasks."""


class Session:
    """See the top of this module. All methods return at once, from any thread."""

    def __init__(self, emit: Emit, backend: Backend) -> None:
        self.backend = backend
        self._history = History()
        self._emit = emit
        self._images: dict[int, NDArray[np.uint8]] = {}
        self._worker = Worker("x2vkit playground")

    @property
    def history(self) -> list[Entry]:
        """The clips made, oldest first."""
        return list(self._history.entries)

    def choices(self) -> dict[str, Any]:
        """What can be set, as JSON values: shapes, models, usual values, largest values, kinds of files."""
        models = list(self.backend.models())
        palettes = {model: self.backend.palette(model) for model in models}
        shown = list({repr(one): one for one in palettes.values()}.values())
        usual = read_request({"shape": "square"}, models, self._quick)
        return {
            "shapes": {name: list(shape) for name, shape in SHAPES.items()},
            "models": models,
            "palettes": shown,
            "palette_of": {model: shown.index(one) for model, one in palettes.items()},
            "usual": settings_of(usual, None),
            "most": {name: LIMITS[name].high for name in ("steps", "guidance", "seed")},
            "files": list(FILES),
        }

    # -- requests

    def ask(self, values: Mapping[str, Any], id: Any = None, typed: bool = False) -> None:
        """Make a clip; whatever was asked for before is stopped. typed: while typing, see `Entry.typed`.

        Emits "problems" {id, fields} at once, or "busy", "words" {spans, notes}, "begin" {grid, steps, line}
        with the decoder's weight and bias (float32), "preview" {step, t} with the predicted latents (int8)
        and their scales (float32, one a channel), and at last "done" {entry} with its sheet, "stopped" or
        "problems".
        """
        self.cancel()
        request, image, wrong = self._read(values)
        if request is None:
            return self._problems(id, wrong)
        self._submit(ASK, lambda task: self._make(task, request, image, typed), id)

    def cancel(self) -> None:
        """Stop what was asked for, between two steps."""
        self._worker.cancel(lambda task: task.priority == ASK)

    def export(self, entry: int, suffix: str) -> None:
        """Emit "file" {name, mime} with its bytes: one of FILES, of a clip of the history."""
        self._submit(FILE, lambda task: self._export(entry, suffix), ("file", entry, suffix))

    def later(self, id: Any, work: Callable[[], None]) -> None:
        """Do something slow on the worker, as soon as no clip is asked for; what it raises is emitted."""
        self._submit(FILE, lambda task: work(), id)

    def grid(self, values: Mapping[str, Any], across: Sequence[str], down: Sequence[str]) -> None:
        """Make clips over two settings, each (name, its values as text; see `grid.values_of`).

        Emits "problems", or "grid" {across, down} and for every clip "cell" {row, column, ...} with its
        strip, then "grid_done". A new grid takes the old one's place.
        """
        self.stop_grid()
        try:
            columns, rows, places = cells(values, across, down)
        except X2VError as error:
            return self._problems("grid", {"grid": error})
        wanted: list[tuple[int, int, RunRequest, int | None]] = []
        for row, column, settings in places:
            request, image, wrong = self._read(settings)
            if request is None:
                return self._problems("grid", {"grid": next(iter(wrong.values()))})
            wanted.append((row, column, request, image))
        sides = (("across", across[0], columns), ("down", down[0], rows))
        self._emit("grid", {side: {"setting": name, "values": chosen} for side, name, chosen in sides}, [])
        for row, column, request, image in wanted:
            self._submit(CELL, self._cell(row, column, request, image), ("cell", row, column))
        self._submit(CELL, lambda task: self._emit("grid_done", {}, []), ("cell", -1, -1))

    def stop_grid(self) -> None:
        """Make no more clips of the grid."""
        self._worker.cancel(lambda task: task.priority == CELL)

    def image(self, id: int, data: bytes) -> None:
        """Keep an uploaded picture under a number for the setting `image`. Emits "problems" or "image"."""
        try:
            self._images[id] = read_picture(data)
        except X2VError as error:
            return self._problems(None, {"image": error})
        self._emit("image", {"image": id}, [])

    def warm(self, model: str) -> None:
        """Load a model before it is needed."""
        if model in self.backend.models() and not self._worker.busy:
            self._submit(ASK, lambda task: self.backend.preview_decoder(model), "warm")

    def star(self, entry: int, starred: bool) -> None:
        """Keep a clip of the history, or no longer."""
        self._history.star(entry, starred)

    def entry(self, id: int) -> Entry:
        """A clip of the history. X2VError when it is not there."""
        return self._history.get(id)

    def open(self, trace: Trace) -> Entry:
        """Put a trace into the history, as far as the Playground could have made it.

        Raises:
            X2VError: its shape is none that the Playground makes.
        """
        if (shape := trace.frames.shape[:3]) not in SHAPES.values():
            got = "x".join(map(str, shape))
            raise X2VError(
                f"a clip of {got}", f"the Playground makes {', '.join(SHAPES)}", "use another trace"
            )
        size = dict(zip(("num_frames", "height", "width"), shape, strict=True))
        known = {name: trace.request[name] for name in FIELDS if name in trace.request}
        request = RunRequest(**size | known)
        return self._remember(request.resolve(self._sampling(request.model)), None, trace)

    def wait(self, seconds: float = 60) -> bool:
        """Until nothing is left to do; whether that came within so many seconds."""
        return self._worker.wait(seconds)

    def close(self) -> None:
        """Stop everything."""
        self._worker.close()

    # -- what the worker does

    def _submit(self, priority: int, work: Callable[[Task[Any, None]], object], id: Any) -> None:
        def told(task: Task[Any, None]) -> None:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # unknown words are shown in their place
                    work(task)
            except Cancelled:
                self._emit("stopped", {"id": id}, [])
                raise
            except X2VError as error:
                self._problems(id, {field_of(error): error})
            except Exception as error:  # a run must not end the session, nor the widget show a traceback
                reason = f"{type(error).__name__}: {error}".strip(": ")
                cure = "try other settings, or restart the kernel"
                self._problems(id, {"run": X2VError("the run", f"it failed ({reason})", cure)})

        self._worker.submit(told, priority=priority, id=id, restart=priority == CELL)

    def _make(self, task: Task[Any, None], request: RunRequest, image: int | None, typed: bool) -> None:
        id = task.id
        self._emit("busy", {"id": id, "model": request.model}, [])
        self._words(task, request.model, request.prompt)
        linear = [
            np.ascontiguousarray(part, np.float32).tobytes()
            for part in self.backend.preview_decoder(request.model)
        ]

        def on_step(step: StepReport) -> None:
            task.check()
            if step.index == 0:
                begin = {"id": id, "grid": list(step.pred_x0.shape), "steps": request.steps}
                self._emit("begin", begin | {"line": self._line(request, image)}, linear)
            small, scale = eight_bits(step.pred_x0, 1)
            buffers = [small.tobytes(), scale.tobytes()]
            self._emit("preview", {"id": id, "step": step.index, "t": step.t}, buffers)

        trace = self.backend.generate(request, self._inputs(image), on_step)
        task.check()
        entry = self._remember(request, image, trace, typed)
        self._emit("done", {"id": id, "entry": entry.metadata()}, [entry.sheet])

    def _words(self, task: Task[Any, None], model: str, prompt: str) -> None:
        reading = self.backend.reading(model, prompt)
        task.check()
        self._emit("words", {"id": task.id, **reading.to_dict()}, [])
        if reading.spans and all(read is None for _, read, _ in reading.spans):
            strange = ", ".join(said for said, _, _ in reading.spans)
            cure = "use words that it knows, such as: a red ball bouncing on the beach"
            raise X2VError(f"prompt of {strange}", "the model knows none of these words", cure)

    def _cell(
        self, row: int, column: int, request: RunRequest, image: int | None
    ) -> Callable[[Task[Any, None]], None]:
        def work(task: Task[Any, None]) -> None:
            try:
                trace = self.backend.generate(request, self._inputs(image), lambda step: task.check())
            except X2VError as error:
                return self._problems("grid", {"grid": error})
            task.check()
            sheet, packing = packed(trace)
            where = {"row": row, "column": column, "settings": settings_of(request, image)}
            self._emit("cell", {**where, "fps": trace.fps, **packing}, [sheet])

        return work

    def _export(self, id: int, suffix: str) -> None:
        if suffix not in FILES:
            rule = f"a clip is exported as {', '.join(FILES)}"
            raise X2VError(f"file {short(suffix)}", rule, "use one of them")
        entry = self.entry(id)
        name = f"{slug(entry.request)}{suffix}"
        if suffix == SUFFIX:
            with tempfile.TemporaryDirectory() as folder:
                data = entry.trace.save(Path(folder) / name).read_bytes()
        else:
            data = media.WRITERS[suffix](entry.trace.frames, entry.trace.fps, about(entry.trace))
        self._emit("file", {"name": name, "mime": FILES[suffix]}, [data])

    # -- small things

    def _read(self, values: Mapping[str, Any]) -> tuple[RunRequest | None, int | None, dict[str, X2VError]]:
        """The request and the number of its picture, from plain values; or what is wrong with each."""
        known = {name: value for name, value in values.items() if name in FIELDS}
        request, wrong = try_request({"shape": "square"} | known, self.backend.models(), self._quick)
        image = values.get("image")
        if image is not None and image not in self._images:
            have = ", ".join(map(str, self._images)) or "none"
            wrong["image"] = X2VError(f"image={short(image)}", f"there are: {have}", "upload it again")
        for name in values.keys() - {*FIELDS, "image"}:
            wrong[name] = X2VError(
                short(name), f"the settings are {', '.join(FIELDS)}, image", "leave it out"
            )
        return (None if wrong else request), image, wrong

    def _remember(self, request: RunRequest, image: int | None, trace: Trace, typed: bool = False) -> Entry:
        return self._history.add(request, image, self._line(request, image), trace, typed)

    def _line(self, request: RunRequest, image: int | None) -> str:
        """The line of Python that makes a clip again; a picture does not fit into it, but its trace does."""
        if image is not None:
            return f"x2v.rerun(x2v.Trace.load({json.dumps(f'{slug(request)}{SUFFIX}')}))"
        return python_line(request, self._sampling(request.model))

    def _sampling(self, model: str) -> SamplingDefaults:
        return self.backend.sampling(model if model in self.backend.models() else self.backend.models()[0])

    def _quick(self, model: str) -> SamplingDefaults:
        """How a model is sampled where somebody waits."""
        return self._sampling(model).quick()

    def _inputs(self, image: int | None) -> dict[str, Any]:
        return {} if image is None else {"image": self._images[image]}

    def _problems(self, id: Any, wrong: Mapping[str, X2VError]) -> None:
        told = {name: error.parts for name, error in wrong.items()}
        self._emit("problems", {"id": id, "fields": told}, [])


def field_of(error: X2VError) -> str:
    """The setting that an error of a run is about, by what it names."""
    for name in ("prompt", "seed", "steps", "guidance", "model", "image"):
        if error.got.startswith(name):
            return name
    return "model" if error.got.startswith("weights") else "run"
