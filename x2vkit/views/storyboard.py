"""`Storyboard`: a film as cards that one edits; the film plays below.

    view = x2v.views.Storyboard("a dog loses its hat and finds it again")
    view.board              # the storyboard as it stands now: Storyboard.from_dict(view.board) makes it one
    view.film               # the film that was made last, with its traces

Cards are edited, reordered and made again in the browser; a session of a `FilmBackend` makes the film in the
kernel, shot by shot. What was made is kept in the widget's state, so that a saved notebook or an exported
page still plays it. torch is imported when the first film is made, not before.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from x2vkit.backend import default_backend
from x2vkit.errors import X2VError
from x2vkit.registry import LIMITS
from x2vkit.views.base import Content
from x2vkit.views.buffer import Array
from x2vkit.views.live import LiveView
from x2vkit.views.page import STATIC

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLE = STATIC / "storyboard" / "sample"
"""The bundled film: board.json, film.mp4, and a picture for each shot."""
CHOICES = {
    "camera": ["static", "pan left", "pan right", "pan up", "pan down", "zoom in", "zoom out"],
    "cut": ["cut", "fade"],
    "shape": ["square", "wide", "tall"],
}
"""What a card lets one choose; a test compares them with the studio's."""
SECONDS = (0.4, 10.0)


class Storyboard(LiveView):
    """A film as cards: who, what, where, camera, seconds; reorder, make again, play.

    Args:
        board: a studio's Storyboard or its plain values, an idea in words, or nothing for a bundled film.
        backend: what makes films; by default the models.

    `selection` holds shot, the card that is chosen.
    """

    _module = "storyboard"
    label = "Storyboard"

    def __init__(self, board: Any = None, backend: Any = None) -> None:
        super().__init__(board, backend)
        self.on_msg(self._on_message)

    def prepare(self, board: Any, backend: Any) -> Content:
        maker = backend or default_backend()
        if not hasattr(maker, "film_session"):
            raise X2VError(f"backend {maker!r:.60}", "a FilmBackend makes films", "leave it out")
        self._told: list[tuple[str, dict[str, Any], list[bytes]]] = []
        self._ready = False
        self.session = maker.film_session(self._emit)
        self._pictures: dict[int, bytes] = {}
        self._film, self._chapters = b"", list[Any]()
        self.board = self._open(board)
        self._ready = True
        return self._content()

    @property
    def film(self) -> Any:
        """The film that was made last, or None."""
        return self.session.film

    def data(self) -> dict[str, Array]:
        """pictures of the shots by number, (H, W, 3) uint8."""
        return {f"shot.{i}": _picture(data) for i, data in sorted(self._pictures.items())}

    def figure(self) -> Figure:
        """The cards side by side."""
        from matplotlib.figure import Figure

        shots = self.board["shots"]
        columns = min(4, len(shots))
        rows = -(-len(shots) // columns)
        figure = Figure(figsize=(10, 3.1 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.flat:
            axes.axis("off")
        for number, (axes, shot) in enumerate(zip(grid.flat, shots, strict=False)):
            if number in self._pictures:
                axes.imshow(_picture(self._pictures[number]))
            said = f"{shot['who']} {shot['what']}\n{shot['where']}, {shot['camera']}, {shot['seconds']:g} s"
            axes.set_title(f"{number + 1}. {said}", fontsize=8, loc="left", wrap=True)
        figure.suptitle(self.board.get("title") or "Storyboard", fontsize=12)
        return figure

    # -- between the kernel and the browser

    def _open(self, board: Any) -> dict[str, Any]:
        """A board's plain values; X2VError for what is none."""
        if board is None:
            return self._bundled_film()
        if isinstance(board, str):
            self.session.tell(board)
            kind, metadata, _ = self._told.pop()
            if kind == "problems":
                raise X2VError(metadata["got"], metadata["rule"], metadata["cure"])
            return metadata["board"]
        values = board.to_dict() if hasattr(board, "to_dict") else board
        if self.session.check(values) is None:
            _, metadata, _ = self._told.pop()
            raise X2VError(metadata["got"], metadata["rule"], metadata["cure"])
        return self.session.check(values).to_dict()

    def _bundled_film(self) -> dict[str, Any]:
        kept = json.loads((SAMPLE / "board.json").read_text("utf-8"))
        self._film, self._chapters = (SAMPLE / "film.mp4").read_bytes(), kept["chapters"]
        files = sorted(SAMPLE.glob("shot-*.jpg"))
        self._pictures = {i: path.read_bytes() for i, path in enumerate(files)}
        return kept["board"]

    def _content(self) -> Content:
        arrays: dict[str, Any] = {
            f"shot.{i}": np.frombuffer(data, np.uint8) for i, data in self._pictures.items()
        }
        if self._film:
            arrays["film"] = np.frombuffer(self._film, np.uint8)
        metadata = {
            "board": self.board,
            "chapters": [list(each) for each in self._chapters],
            "options": CHOICES,
            "seconds": list(SECONDS),
            "most": {"seed": LIMITS["seed"].high},
        }
        return Content(metadata, arrays, {"shot": 0}, {"shot": 59})

    def _on_message(self, _: Any, message: Any, buffers: Sequence[memoryview]) -> None:
        """One message of the browser."""
        if not isinstance(message, Mapping):
            return
        kind, board, id = message.get("kind"), message.get("board"), message.get("id")
        session = self.session
        if kind == "hello":
            self._emit("hello", {}, [])
        elif kind == "tell":
            session.tell(message.get("idea"), id)
        elif kind == "make":
            session.make(board, id)
        elif kind == "edit":
            checked = session.check(board, id)
            if checked is not None:
                self.board = checked.to_dict()
                self._pictures, self._film = {}, b""
        elif kind == "toml":
            session.toml(board, id)
        elif kind == "cancel":
            session.cancel()

    def _emit(self, kind: str, metadata: dict[str, Any], buffers: list[bytes]) -> None:
        """One event to the browser; and what is worth keeping into the widget's state."""
        if not self._ready:
            self._told.append((kind, metadata, buffers))
            return
        self.send({"kind": kind, **metadata}, buffers)
        if kind == "board":
            self.board = metadata["board"]
        elif kind == "ready":
            self._pictures[metadata["shot"]] = buffers[0]
        elif kind == "film":
            self._film, self._chapters = buffers[0], metadata["chapters"]
            self.board = self.session.film.board.to_dict()
            self._renew()

    def _renew(self) -> None:
        """Put the film into the widget's state."""
        values = self._values(self._content())
        with self.hold_sync():
            self.set_trait("metadata", values["metadata"])
            self.set_trait("buffer", values["buffer"])


def _picture(data: bytes) -> Array:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
