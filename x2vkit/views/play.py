"""`Play`: a world to play in. Arrow keys or touch, and four new frames for each of them.

    play = x2v.views.Play("a robot in the city")
    play.world.trace()              # all that was played, as a Trace

Like the Playground it runs a model: the session of a backend does so in the kernel, and what it emits goes to
the browser as messages. It opens at once on a world that somebody has played in; the first key begins it
anew, and torch is imported then, not before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from x2vkit.backend import KEYS, PlayBackend, default_backend
from x2vkit.errors import X2VError
from x2vkit.media import Frames, contact_sheet, cut_sheet
from x2vkit.views import page
from x2vkit.views.base import Content, as_trace
from x2vkit.views.buffer import Array, SpriteSheet
from x2vkit.views.live import LiveView
from x2vkit.views.messages import PLAY, check_message

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOMENTS = 8
"""Frames of the static picture."""
KEPT = 240
"""Frames that an exported page holds: the last ones."""
GREY = 60
"""Brightness of the picture before a world of words has been made."""


class Play(LiveView):
    """Steer a subject with keys and see the model draw what comes of it, four frames at a time.

    Args:
        start: a prompt ("a robot in the city"), or a trace or its path to go on from; by default the world
            that is shown at first.
        backend: what makes the frames; by default the models.

    `selection` holds frame (of all that was played) and prompt (what is typed for a new world).
    """

    _module = "play"
    label = "A world to play in"

    def __init__(self, start: Any = None, backend: PlayBackend | None = None) -> None:
        super().__init__(start, backend)
        self.on_msg(self._on_message)

    def prepare(self, start: Any, backend: PlayBackend | None) -> Content:
        self._opening = opening() if start is None else None
        words = start is None or (isinstance(start, str) and not start.endswith(".x2v"))
        self.trace = None if words else as_trace(start)
        if self._opening is not None:
            self._prompt = self._opening.prompt
        else:
            self._prompt = start if self.trace is None else self.trace.prompt
        begin, seed = self.trace or self._prompt, 0 if self._opening is None else self._opening.seed
        made: Any = backend or default_backend()
        self.session = made.play(self._emit, begin, seed)
        return self._content()

    @property
    def world(self) -> Any:
        """What is played in, with `step(key)` and `trace()`; None before the first key."""
        return self.session.world

    def data(self) -> dict[str, Array]:
        """frames (F, H, W, 3) uint8 of all that was played, and boxes (F, 4) where the plan has the
        subject.
        """
        frames, boxes = self._played()
        return {"frames": frames, "boxes": boxes}

    def figure(self) -> Figure:
        """Moments of what was played."""
        from matplotlib.figure import Figure

        frames, _ = self._played()
        moments = np.unique(np.linspace(0, len(frames) - 1, MOMENTS).round().astype(int))
        figure = Figure(figsize=(10, 1.8))
        axes = figure.add_axes((0.01, 0.02, 0.98, 0.8))
        axes.imshow(contact_sheet(frames[moments], len(moments)))
        axes.set_title(self._prompt or "(no words)", fontsize=11)
        axes.axis("off")
        return figure

    # -- between the kernel and the browser

    def _on_message(self, _: Any, message: Any, buffers: Sequence[memoryview]) -> None:
        """One message of the browser. Its kinds are `messages.PLAY`."""
        try:
            self._hear(check_message(message, buffers, PLAY), message)
        except X2VError as error:
            self._emit("problem", error.parts, [])

    def _hear(self, message: Mapping[str, Any], said: Any) -> None:
        kind = message.get("kind")
        if kind == "hello":
            self._emit("hello", {}, [])
        elif kind == "press":
            self.session.press(message["key"])
        elif kind == "start":
            self.session.start(message["prompt"], message["seed"])
        elif kind == "cancel":
            self.session.cancel()
        else:
            raise X2VError(
                f"message {said!r:.60}", f"a message is one of {', '.join(PLAY)}", "load the page again"
            )

    def _emit(self, kind: str, metadata: dict[str, Any], buffers: list[bytes]) -> None:
        if kind == "world":
            self._prompt = metadata["prompt"]
        self.send({"kind": kind, **metadata}, buffers)

    def _complete(self) -> None:
        """A page without a kernel holds what was played."""
        values = self._values(self._content())
        with self.hold_sync():
            self.set_trait("metadata", values["metadata"])
            self.set_trait("buffer", values["buffer"])

    def _content(self) -> Content:
        frames, boxes = (each[-KEPT:] for each in self._played())
        told = [box.round(4).tolist() if np.isfinite(box).all() else None for box in boxes]
        world = self.session.world
        return Content(
            metadata={
                "prompt": self._prompt,
                "fps": 12,
                "keys": list(KEYS),
                "boxes": told,
                "pressed": 0 if world is None else len(world.keys),
                "made": world is not None or self.trace is not None,
                "opening": world is None and self._opening is not None,
            },
            arrays={"frames": SpriteSheet(frames)},
            selection={"frame": len(frames) - 1, "prompt": self._prompt},
            limits={"frame": 100_000},
        )

    def _played(self) -> tuple[Frames, Array]:
        """Frames (F, H, W, 3) and boxes (F, 4) of all that there is."""
        world = self.session.world
        if world is not None:
            return world.frames, world.boxes
        if self._opening is not None:
            return self._opening.frames, self._opening.boxes
        if self.trace is None:
            return np.full((1, 128, 128, 3), GREY, np.uint8), np.full((1, 4), np.nan, np.float32)
        boxes = self.trace.plan.get("boxes", np.full((len(self.trace.frames), 2, 4), np.nan))
        return self.trace.frames, boxes[:, 0]


@dataclass(frozen=True)
class Opening:
    """A world that was played in, as `studio/go_on/opening.py` writes it."""

    prompt: str
    seed: int
    frames: Frames
    """(F, H, W, 3) uint8"""
    boxes: Array
    """(F, 4)"""


def opening() -> Opening:
    """The world that the view shows at first."""
    folder = page.STATIC / "play"
    told = json.loads((folder / "opening.json").read_text())
    with Image.open(folder / "opening.webp") as image:
        frames = cut_sheet(np.asarray(image.convert("RGB")), told["count"], told["columns"])
    return Opening(told["prompt"], told["seed"], frames, np.array(told["boxes"], np.float32))
