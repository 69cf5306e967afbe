"""`Session`: the kernel's half of the Playground. Takes wishes, runs them one at a time, tells what happens.

    session = Session(tell)                     # tell(kind, facts, buffers): what to do with each event
    session.ask({"prompt": "a red ball"}, id=1)   # returns at once; "words", "preview", ..., "done" follow
    session.ask({"prompt": "a blue ball"}, id=2)  # stops the first between two steps
    session.wait()

One worker thread does everything slow and ends when nothing is left to do. A prompt goes first, then files,
then the cells of a grid; a prompt pushes a running cell aside, which is made again afterwards. Knows nothing
about widgets or browsers, and nothing about torch: a `Maker` makes clips.
"""

from __future__ import annotations

import tempfile
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from x2vkit import media
from x2vkit.config import RunRequest
from x2vkit.errors import X2VError
from x2vkit.registry import shipped
from x2vkit.trace import Trace
from x2vkit.trace.file import SUFFIX, eight_bits
from x2vkit.views.base import Strip, pack
from x2vkit.views.settings import MOST_CELLS, USUAL, Settings, read_picture, read_settings, values_of

HISTORY = 24
"""Clips kept; beyond that the oldest without a star goes."""

FILES: dict[str, str] = {
    ".mp4": "video/mp4",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".png": "image/png",
    SUFFIX: "application/octet-stream",
}
"""What a clip can be exported as, with its media type; `SUFFIX` is the whole trace."""

Span = tuple[str, tuple[str, ...] | None, tuple[str, ...]]
"""A part of a prompt, what it is read as (None: unknown), and known words that are spelt like it."""
OnStep = Callable[[int, float, NDArray[np.float32]], None]
"""Called after each step with its index, its noise level and the clip it predicts, (C, f, h, w)."""
Tell = Callable[[str, dict[str, Any], list[bytes]], None]
"""Called with each event: its kind, its facts as JSON values, its large data. Mostly by the worker."""


class Maker(Protocol):
    """What makes clips: a model, or a stand-in for one."""

    def models(self) -> Sequence[str]:
        """The names of the models that there are."""

    def spans(self, model: str, prompt: str) -> Sequence[Span]:
        """How a model reads a prompt. Raises X2VError where there is no such model."""

    def decoder(self, model: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """A linear picture of one latent cell: weight (4 * 8 * 8 * 3, C) and bias (4 * 8 * 8 * 3,)."""

    def make(self, request: RunRequest, image: NDArray[np.uint8] | None, on_step: OnStep) -> Trace:
        """Run to the end; what `on_step` raises ends it early. Raises X2VError on what cannot be run."""


class Stopped(Exception):
    """Raised inside a run that nobody waits for any more."""


@dataclass(frozen=True)
class Entry:
    """A clip of the history."""

    id: int
    """Its number, from 0 in order of making."""
    settings: Settings
    """What was asked."""
    trace: Trace
    """The whole run."""
    strip: bytes
    """All frames in one image file."""
    packing: Mapping[str, Any]
    """How `strip` is laid out: shape, columns, mime."""
    starred: bool = False
    """Starred clips stay."""
    typed: bool = False
    """Made while typing: a longer prompt takes its place."""

    def facts(self) -> dict[str, Any]:
        """All but the pictures, as JSON values."""
        return {
            "id": self.id,
            "settings": asdict(self.settings),
            "line": self.settings.line(),
            "unknown": list(self.trace.unknown),
            "fps": self.trace.fps,
            "seconds": round(self.trace.timings.get("total", 0.0), 2),
            "starred": self.starred,
            **self.packing,
        }


@dataclass(eq=False)
class _Job:
    """One thing to do. rank: 0 goes first."""

    rank: int
    work: Callable[[_Job], None]
    id: Any = None
    stopped: bool = False
    again: bool = False

    def check(self) -> None:
        if self.stopped:
            raise Stopped


ASK, FILE, CELL = 0, 1, 2


class Session:
    """See the top of this module. All methods return at once, from any thread."""

    def __init__(self, tell: Tell, maker: Maker | None = None) -> None:
        self.maker: Maker = maker or Shipped()
        self.history: list[Entry] = []
        """The clips made, oldest first."""
        self._tell = tell
        self._images: dict[int, NDArray[np.uint8]] = {}
        self._jobs: list[_Job] = []
        self._running: _Job | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.RLock()
        self._next = 0

    # -- wishes
    # ------------------------------------------------------------------------------------------------------

    def ask(self, values: Mapping[str, Any], id: Any = None, typed: bool = False) -> None:
        """Make a clip; whatever was asked before is stopped. typed: while typing, see `Entry.typed`.

        Tells "problems" {id, fields} at once, or "busy", "words" {spans}, "begin" {grid, steps, line} with
        the decoder's weight and bias (float32), "preview" {step, t} with the predicted latents (int8) and
        their scales (float32, one a channel), and at last "done" {entry} with its strip, "stopped" or
        "problems".
        """
        self.cancel()
        settings, wrong = self.read(values)
        if wrong:
            self._problems(id, wrong)
            return
        assert settings is not None
        with self._lock:
            if self._running is not None and self._running.rank == CELL:
                self._running.again = self._running.stopped = True
            self._add(_Job(ASK, lambda job: self._make(job, settings, typed), id))

    def cancel(self) -> None:
        """Stop what was asked, between two steps."""
        with self._lock:
            self._drop(ASK)

    def export(self, entry: int, suffix: str) -> None:
        """Tell "file" {name, mime} with its bytes: one of FILES, of a clip of the history."""
        with self._lock:
            self._add(_Job(FILE, lambda job: self._export(entry, suffix), ("file", entry, suffix)))

    def later(self, id: Any, work: Callable[[], None]) -> None:
        """Do something slow on the worker, as soon as no clip is asked for; what it raises is told."""
        with self._lock:
            self._add(_Job(FILE, lambda job: work(), id))

    def grid(self, values: Mapping[str, Any], across: tuple[str, str], down: tuple[str, str]) -> None:
        """Make clips over two settings, each (name, its values as text; see `values_of`).

        Tells "problems", or "grid" {across, down} and for every clip "cell" {row, column, ...} with its
        strip, then "grid_done". A new grid takes the old one's place.
        """
        self.stop_grid()
        try:
            columns, rows = values_of(*across), values_of(*down)
            if across[0] == down[0]:
                raise X2VError(f"{down[0]} twice", "a grid goes over two settings", "choose another for one")
            if (count := len(columns) * len(rows)) > MOST_CELLS:
                rule = f"a grid has at most {MOST_CELLS} clips"
                raise X2VError(f"{len(columns)} x {len(rows)} = {count} clips", rule, "leave values out")
        except X2VError as error:
            return self._problems("grid", {"grid": error})
        cells: list[tuple[int, int, Settings]] = []
        for row, down_value in enumerate(rows):
            for column, across_value in enumerate(columns):
                settings, wrong = self.read({**values, across[0]: across_value, down[0]: down_value})
                if wrong:
                    return self._problems("grid", {"grid": next(iter(wrong.values()))})
                assert settings is not None
                cells.append((row, column, settings))
        sides = (("across", across[0], columns), ("down", down[0], rows))
        self._tell("grid", {side: {"setting": name, "values": chosen} for side, name, chosen in sides}, [])
        with self._lock:
            for row, column, settings in cells:
                self._add(_Job(CELL, self._cell_work(row, column, settings), ("cell", row, column)))
            self._add(_Job(CELL, lambda job: self._tell("grid_done", {}, []), ("cell", -1, -1)))

    def stop_grid(self) -> None:
        """Make no more clips of the grid."""
        with self._lock:
            self._drop(CELL)

    def image(self, id: int, data: bytes) -> None:
        """Keep an uploaded picture under a number for `Settings.image`. Tells "problems" or "image"."""
        try:
            self._images[id] = read_picture(data)
        except X2VError as error:
            return self._problems(None, {"image": error})
        self._tell("image", {"image": id}, [])

    def warm(self, model: str) -> None:
        """Load a model before it is needed."""
        with self._lock:
            if self._running is None and not self._jobs:
                self._add(_Job(ASK, lambda job: self._words(job, model, ""), "warm"))

    def star(self, entry: int, starred: bool) -> None:
        """Keep a clip of the history, or no longer."""
        with self._lock:
            self.history = [replace(e, starred=starred) if e.id == entry else e for e in self.history]

    def entry(self, id: int) -> Entry:
        """A clip of the history. X2VError when it is not there."""
        for one in self.history:
            if one.id == id:
                return one
        have = ", ".join(str(one.id) for one in self.history) or "none"
        raise X2VError(f"clip {id}", f"the history holds {have}", "use one of them")

    def remember(self, settings: Settings, trace: Trace, typed: bool = False) -> Entry:
        """Put a clip into the history, in the place of one that it goes on from or repeats."""
        strip, packing = packed(trace)
        with self._lock:
            starred = False
            if (old := self._forebear(settings, typed)) is not None:
                self.history.remove(old)
                starred = old.starred
            entry = Entry(self._next, settings, trace, strip, packing, starred, typed)
            self._next += 1
            self.history.append(entry)
            while len(self.history) > HISTORY:
                plain = [one for one in self.history[:-1] if not one.starred]
                self.history.remove(plain[0] if plain else self.history[0])
        return entry

    def read(self, values: Mapping[str, Any]) -> tuple[Settings | None, dict[str, X2VError]]:
        """Settings from plain values, or what is wrong with each."""
        return read_settings(values, self.maker.models(), self._images)

    def wait(self, seconds: float = 60) -> bool:
        """Until nothing is left to do; whether that came within so many seconds."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return self._thread is None

    def close(self) -> None:
        """Stop everything."""
        with self._lock:
            for rank in (ASK, FILE, CELL):
                self._drop(rank)

    # -- the worker
    # ------------------------------------------------------------------------------------------------------

    def _add(self, job: _Job) -> None:
        with self._lock:
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="x2vkit playground", daemon=True)
                self._thread.start()

    def _drop(self, rank: int) -> None:
        with self._lock:
            self._jobs = [job for job in self._jobs if job.rank != rank]
            if self._running is not None and self._running.rank == rank:
                self._running.stopped, self._running.again = True, False

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._thread = None
                    return
                job = min(self._jobs, key=lambda one: one.rank)  # the first of its rank
                self._jobs.remove(job)
                self._running = job
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # unknown words are told in their place
                    job.work(job)
            except Stopped:
                with self._lock:
                    if job.again:
                        self._jobs.insert(0, _Job(job.rank, job.work, job.id))
                self._tell("stopped", {"id": job.id}, [])
            except X2VError as error:
                self._problems(job.id, {field_of(error): error})
            except Exception as error:  # a run must not end the session, nor the widget show a traceback
                reason = f"{type(error).__name__}: {error}".strip(": ")
                cure = "try other settings, or restart the kernel"
                self._problems(job.id, {"run": X2VError("the run", f"it failed ({reason})", cure)})
            finally:
                with self._lock:
                    self._running = None

    def _make(self, job: _Job, settings: Settings, typed: bool) -> None:
        self._tell("busy", {"id": job.id, "model": settings.model}, [])
        self._words(job, settings.model, settings.prompt)
        weight, bias = self.maker.decoder(settings.model)
        linear = [np.ascontiguousarray(part, np.float32).tobytes() for part in (weight, bias)]

        def on_step(index: int, t: float, pred_x0: NDArray[np.float32]) -> None:
            job.check()
            if index == 0:
                begin = {"id": job.id, "grid": list(pred_x0.shape), "steps": settings.steps}
                self._tell("begin", begin | {"line": settings.line()}, linear)
            small, scale = eight_bits(pred_x0, 1)
            self._tell("preview", {"id": job.id, "step": index, "t": t}, [small.tobytes(), scale.tobytes()])

        trace = self.maker.make(settings.request(), self._picture(settings), on_step)
        job.check()
        entry = self.remember(settings, trace, typed)
        self._tell("done", {"id": job.id, "entry": entry.facts()}, [entry.strip])

    def _words(self, job: _Job, model: str, prompt: str) -> None:
        spans = self.maker.spans(model, prompt)
        job.check()
        told = [
            {"said": said, "read": None if read is None else list(read), "near": list(near)}
            for said, read, near in spans
        ]
        self._tell("words", {"id": job.id, "spans": told}, [])
        if spans and all(read is None for _, read, _ in spans):
            strange = ", ".join(said for said, _, _ in spans)
            cure = "use words that it knows, such as: a red ball bouncing on the beach"
            raise X2VError(f"prompt of {strange}", "the model knows none of these words", cure)

    def _cell_work(self, row: int, column: int, settings: Settings) -> Callable[[_Job], None]:
        def work(job: _Job) -> None:
            def on_step(index: int, t: float, pred_x0: NDArray[np.float32]) -> None:
                job.check()

            try:
                trace = self.maker.make(settings.request(), self._picture(settings), on_step)
            except X2VError as error:
                return self._problems("grid", {"grid": error})
            job.check()
            strip, packing = packed(trace)
            facts = {"row": row, "column": column, "settings": asdict(settings), "fps": trace.fps, **packing}
            self._tell("cell", facts, [strip])

        return work

    def _export(self, id: int, suffix: str) -> None:
        if suffix not in FILES:
            rule = f"a clip is exported as {', '.join(FILES)}"
            raise X2VError(f"file {suffix!r}", rule, "use one of them")
        entry = self.entry(id)
        name = f"{entry.settings.slug()}{suffix}"
        if suffix == SUFFIX:
            with tempfile.TemporaryDirectory() as folder:
                data = entry.trace.save(Path(folder) / name).read_bytes()
        else:
            data = media.WRITERS[suffix](entry.trace.frames, entry.trace.fps)
        self._tell("file", {"name": name, "mime": FILES[suffix]}, [data])

    # -- small things
    # ------------------------------------------------------------------------------------------------------

    def _problems(self, id: Any, wrong: Mapping[str, X2VError]) -> None:
        told = {name: {"got": e.got, "rule": e.rule, "cure": e.cure} for name, e in wrong.items()}
        self._tell("problems", {"id": id, "fields": told}, [])

    def _picture(self, settings: Settings) -> NDArray[np.uint8] | None:
        return None if settings.image is None else self._images[settings.image]

    def _forebear(self, settings: Settings, typed: bool) -> Entry | None:
        """The clip whose place a new one takes: the same wish, or the last one, if typing went on from it."""
        for one in self.history:
            if one.settings == settings:
                return one
        last = self.history[-1] if self.history else None
        if not typed or last is None or not last.typed or last.starred:
            return None
        before, now = last.settings.prompt, settings.prompt
        goes_on = before.startswith(now) or now.startswith(before)
        return last if goes_on and replace(last.settings, prompt=now) == settings else None


def packed(trace: Trace) -> tuple[bytes, dict[str, Any]]:
    """A trace's clip as one image file -> (its bytes, its shape, columns and mime)."""
    entries, data = pack({"clip": Strip(trace.frames, quality=88)})
    entry = entries[0]
    return data[: entry["bytes"]], {key: entry[key] for key in ("shape", "columns", "mime")}


def field_of(error: X2VError) -> str:
    """The setting that an error of a run is about, by what it names."""
    for name in ("prompt", "seed", "steps", "guidance", "model", "image"):
        if error.got.startswith(name):
            return name
    return "model" if error.got.startswith("weights") else "run"


@dataclass
class Shipped:
    """A Maker of the models that ship, and of folders that `save_pretrained` wrote; loads each once."""

    folders: Sequence[str] = ()
    """More models than those that ship, by folder."""
    _kept: dict[str, Any] = field(default_factory=dict)

    def models(self) -> Sequence[str]:
        found = sorted(shipped())
        usual = [USUAL.model] if USUAL.model in found else []  # first
        return tuple(dict.fromkeys([*usual, *found, *self.folders]))

    def spans(self, model: str, prompt: str) -> Sequence[Span]:
        text = self._pipeline(model).text_encoder
        spans = text.spans(prompt)
        return [(said, read, tuple(text.near(said)) if read is None else ()) for said, read in spans]

    def decoder(self, model: str) -> tuple[NDArray[Any], NDArray[Any]]:
        vae = self._pipeline(model).vae
        weight, bias = vae.preview_weight, vae.preview_bias
        return weight.detach().float().cpu().numpy(), bias.detach().float().cpu().numpy()

    def make(self, request: RunRequest, image: NDArray[np.uint8] | None, on_step: OnStep) -> Trace:
        def look(step: Any) -> None:
            on_step(step.index, step.t, step.pred_x0[0].float().cpu().numpy())

        pipeline = self._pipeline(request.model)
        return import_module("x2vkit.run.record").generate(request, pipeline=pipeline, image=image, on_step=look)

    def _pipeline(self, name: str) -> Any:
        if name not in self._kept:
            recorder = import_module("x2vkit.run.record")  # torch comes with it: only now, when it is needed
            recorder.quiet()
            self._kept[name] = recorder.load(name)
        return self._kept[name]
