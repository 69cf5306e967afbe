"""`FilmSession`: the kernel's half of the Storyboard view and of the demo's Film tab.

    session = FilmSession(emit, backend)          # emit(kind, metadata, buffers): what to do with each event
    session.make(board, id=1)                     # returns at once; "shot", "ready" ..., "film" follow
    session.wait()

One film at a time; a new one stops the old one between two steps, and the shots that were ready stay ready.
Knows nothing about widgets or browsers, and imports torch only once a film is made.
"""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from x2vkit.backend import Emit
from x2vkit.errors import X2VError
from x2vkit.media import Frames
from x2vkit.registry import DEFAULT_MODEL
from x2vkit.run.worker import Cancelled, Task, Worker
from x2vkit.studio.film.board import Storyboard
from x2vkit.studio.film.tell import storyboard
from x2vkit.studio.session import StudioSession

PICTURE = "image/jpeg"
"""Kind of the picture on a shot's card."""


class FilmSession(StudioSession):
    """See the top of this module. All methods return at once, from any thread.

    Args:
        emit: called with each event, mostly by the worker.
        pipeline: name of a model -> the model.
        folder: where shots are kept; None is a folder that ends with the session.
    """

    def __init__(self, emit: Emit, pipeline: Callable[[str], Any], folder: str | Path | None = None) -> None:
        super().__init__(emit, Worker("x2vkit film"))
        self._pipeline = pipeline
        self._own = tempfile.TemporaryDirectory(prefix="x2vkit-shots-") if folder is None else None
        self.folder = Path(self._own.name if self._own else folder or "")
        self.film: Any = None

    def tell(self, idea: Any, id: Any = None) -> None:
        """Emit "board" {board} of an idea, or "problems"."""
        try:
            self._emit("board", {"id": id, "board": storyboard(idea).to_dict()}, [])
        except X2VError as error:
            self._problem(id, error)

    def check(self, board: Any, id: Any = None) -> Storyboard | None:
        """A storyboard from a page's values; None, and "problems" is emitted, where it cannot be made."""
        try:
            return Storyboard.from_dict(board)
        except X2VError as error:
            self._problem(id, error)
        return None

    def make(self, board: Any, id: Any = None, model: str = DEFAULT_MODEL) -> None:
        """Make a film of a storyboard's plain values; whatever was made before is stopped.

        Emits "problems" at once, or "busy", then "shot" {shot, shots, step, steps} after each step, "ready"
        {shot, new} with a picture for each shot, and at last "film" {seconds, chapters, made} with the mp4,
        or "stopped".
        """
        self.cancel()
        checked = self.check(board, id)
        if checked is not None:
            self._emit("busy", {"id": id, "shots": len(checked.shots)}, [])
            self._worker.submit(lambda task: self._told(task, checked, model), id=id)

    def toml(self, board: Any, id: Any = None) -> None:
        """Emit "file" {name, mime} with the storyboard as TOML."""
        if (checked := self.check(board, id)) is not None:
            self._emit("file", {"name": "film.toml", "mime": "text/plain"}, [checked.to_toml().encode()])

    def close(self) -> None:
        """Stop everything, and remove a folder of its own."""
        super().close()
        self.wait()
        if self._own is not None:
            self._own.cleanup()

    def _told(self, task: Task[Any, None], board: Storyboard, model: str) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._make(task, board, model)
        except Cancelled:
            self._emit("stopped", {"id": task.id}, [])
            raise
        except X2VError as error:
            self._problem(task.id, error)
        except Exception as error:  # a run must not end the session, nor a page show a traceback
            reason = f"{type(error).__name__}: {error}".strip(": ")
            self._problem(task.id, X2VError("the film", f"it failed ({reason})", "try it again"))

    def _make(self, task: Task[Any, None], board: Storyboard, model: str) -> None:
        from x2vkit.studio.film.make import ShotReport, film

        def tell(report: ShotReport) -> None:
            task.check()
            about = {"id": task.id, "shot": report.shot, "shots": report.shots}
            if report.trace is None:
                self._emit("shot", about | {"step": report.step, "steps": report.steps}, [])
            else:
                about |= {"new": report.step >= 0, "prompt": report.trace.prompt}
                self._emit("ready", about, [card(report.trace.frames)])

        task.check()
        made = film(board, folder=self.folder, pipeline=self._pipeline(model), model=model, on_shot=tell)
        task.check()
        data = made.mp4()
        task.check()
        self.film = made
        about = {"id": task.id, "seconds": made.seconds, "chapters": made.chapters, "made": list(made.made)}
        self._emit("film", about, [data])

    def _problem(self, id: Any, error: X2VError) -> None:
        self._emit("problems", {"id": id, **error.parts}, [])


def card(frames: Frames) -> bytes:
    """The picture on a shot's card: its middle frame, as JPEG."""
    stream = io.BytesIO()
    frame = np.ascontiguousarray(frames[len(frames) // 2])
    Image.fromarray(frame).resize((2 * frame.shape[1], 2 * frame.shape[0]), Image.Resampling.LANCZOS).save(
        stream, "JPEG", quality=85
    )
    return stream.getvalue()
