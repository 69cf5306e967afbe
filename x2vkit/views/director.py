"""`Director`: say on the picture where things go, and see what became of it.

    director = x2v.views.Director()              # opens on a bundled clip and its plan
    director.trace, director.read                # the clip that is shown, and where the judge sees things

    F, H, W frames and pixels

What is asked for is drawn in the browser: boxes, regions, strokes, a camera's words. The session of a backend
(`x2vkit.backend.DirectorBackend`) makes the clip in the kernel, reads it back, and the view shows both on top
of each other. torch is imported when the first clip is asked for, not before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.backend import Directed, DirectorBackend, default_backend
from x2vkit.errors import X2VError
from x2vkit.registry import DEFAULT_MODEL, LIMITS, sampling_defaults
from x2vkit.trace import Trace
from x2vkit.views.base import Content, TraceLike, as_trace
from x2vkit.views.buffer import Array
from x2vkit.views.live import LiveView
from x2vkit.views.messages import DIRECTOR, check_message
from x2vkit.views.page import STATIC
from x2vkit.views.shown import Shown
from x2vkit.views.style import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CAMERAS = (
    "pan left", "pan right", "pan up", "pan down", "zoom in", "zoom out", "pan left, then zoom in", "shake",
    "follow the first subject",
)  # fmt: skip
"""Moves to choose from; others can be typed."""
READ = STATIC / "director" / "read.json"
"""Where the judge sees the subjects of the bundled clip; `studio.direct.session.read_back` finds it."""
MOMENTS = 5
"""Frames in the static picture."""
ASKED: dict[str, Any] = {"boxes": [None, None], "soft": [[], []], "strokes": [], "camera": ""}
"""Nothing asked for, as the browser keeps it."""


class Director(LiveView):
    """Draw boxes, regions and strokes on a frame, drag the plan, move the camera; compare with what came.

    Args:
        trace: a Trace, the path of one, what a backend made (`x2vkit.backend.Directed`), or None for a
            bundled one.
        backend: what makes clips; by default the models.
        folders: weights of your own beside those that ship, as `save_pretrained` wrote them.

    `selection` holds frame (0..F-1), prompt, seed, and asked: what is drawn, as JSON.
    """

    _module = "director"
    label = "Director"

    trace: Trace
    """The clip that is shown."""
    read: NDArray[np.float32] | None
    """(F, 2, 4): where the judge sees its subjects, in fractions of the frame; NaN where it sees none."""

    def __init__(
        self,
        trace: TraceLike | Directed = None,
        backend: DirectorBackend | None = None,
        folders: Sequence[str] = (),
        **options: Any,
    ) -> None:
        self._backend, self._folders = backend, folders
        super().__init__(trace, **options)
        self.on_msg(self._on_message)

    def prepare(self, trace: TraceLike | Directed = None) -> Content:
        made, shown = (trace, trace.trace) if isinstance(trace, Directed) else (None, trace)
        self.trace = as_trace(shown)
        self.read, self._camera = (_bundled_reading() if shown is None else None), None
        if made is not None and shown is not None:
            self.read, self._camera = made.boxes, made.camera
        seed = self.trace.request.get("seed", 0)
        prompt = self.trace.prompt if made is None else made.prompt
        first = {"frame": 0, "prompt": prompt, "seed": seed if isinstance(seed, int) else 0}
        selection = {**first, "asked": json.dumps(ASKED)}
        plan = self.trace.plan if made is None else made.plan
        return self._content(plan, selection, drafted=made is not None and shown is None)

    def data(self) -> dict[str, Array]:
        """At the selected frame: frame (H, W, 3) uint8; and plan and read, (2, 4) boxes of both subjects in
        fractions of the frame, NaN where there is none.
        """
        frame, none = self.selection["frame"], np.full((2, 4), np.nan, np.float32)
        plan = self.trace.plan.get("boxes")
        return {
            "frame": self.trace.frames[frame],
            "plan": none if plan is None else plan[frame],
            "read": none if self.read is None else self.read[frame],
        }

    def figure(self) -> Figure:
        """Moments of the clip with the plan (dashed) and what the judge sees (solid) on them."""
        from matplotlib.figure import Figure

        trace = self.trace
        moments = np.unique(np.linspace(0, len(trace.frames) - 1, MOMENTS).round().astype(int))
        figure = Figure(figsize=(10, 2.9))
        for i, moment in enumerate(moments):
            axes = figure.add_axes((0.005 + i / len(moments), 0.02, 0.98 / len(moments), 0.8))
            axes.imshow(trace.frames[moment])
            _draw_boxes(axes, trace.plan.get("boxes"), moment, trace.frames.shape[1:3], "--")
            _draw_boxes(axes, self.read, moment, trace.frames.shape[1:3], "-")
            axes.axis("off")
        said = "dashed: asked for, solid: read back" if self.read is not None else "dashed: the plan"
        figure.suptitle(f"{trace.prompt or '(no words)'}  ·  {said}", fontsize=11)
        return figure

    def wait(self, seconds: float = 60) -> bool:
        """Until nothing is left to do; whether that came within so many seconds."""
        return self.session is None or self.session.wait(seconds)

    # -- between the kernel and the browser

    def _on_message(self, _: Any, message: Any, buffers: Sequence[memoryview]) -> None:
        """One message of the browser. Its kinds are `messages.DIRECTOR`."""
        try:
            self._hear(check_message(message, buffers, DIRECTOR))
        except X2VError as error:
            self._emit("problems", error.parts, [])

    def _hear(self, message: Mapping[str, Any]) -> None:
        kind = message.get("kind")
        if kind == "hello":
            self._emit("hello", {}, [])
        elif kind == "cancel" and self.session is not None:
            self.session.cancel()
        elif kind == "ask":
            if self.session is None:
                backend: Any = self._backend or default_backend(self._folders)
                self.session = backend.directing(self._emit)
            frames, height, width, _ = self.trace.frames.shape
            sizes = {"num_frames": frames, "height": height, "width": width}
            self.session.ask({**message["asked"], **sizes}, message["draft"])

    def _emit(self, kind: str, metadata: dict[str, Any], buffers: list[bytes]) -> None:
        """One event to the browser; what was made goes into the widget's state first."""
        if kind in ("done", "drafted"):
            self._take(self.session.last)
        self.send({"kind": kind, **metadata}, buffers)

    def _take(self, made: Directed) -> None:
        """Show a clip that was made, or the plan of one over the clip that is there."""
        if made.trace is not None:
            self.trace, self.read, self._camera = made.trace, made.boxes, made.camera
        drafted = made.trace is None
        self.show(self._content(made.plan, {**self.selection}, drafted=drafted))

    def _content(self, plan: Mapping[str, Any], selection: dict[str, Any], drafted: bool = False) -> Content:
        """The clip, its plan and what was read from it. drafted: the plan is of a clip not made yet."""
        trace, count = self.trace, len(self.trace.frames)
        arrays: dict[str, Any] = {"frames": Shown(trace, self.budget).frames()}
        boxes = plan.get("boxes")
        if boxes is not None:
            arrays["plan"] = np.asarray(boxes, np.float32)
        if (camera := plan.get("camera")) is not None:
            arrays["camera"] = np.asarray(camera, np.float32)
        read = None if drafted else self.read
        if read is not None:
            arrays["read"] = read
        if self._camera is not None and not drafted:
            arrays["read_camera"] = self._camera
        return Content(
            metadata={
                "prompt": trace.prompt,
                "fps": trace.fps,
                "steps": sampling_defaults(DEFAULT_MODEL).quick().steps,
                "most": {"seed": LIMITS["seed"].high},
                "cameras": list(CAMERAS),
                "drafted": drafted,
                "found": [] if read is None or boxes is None else agreement(np.asarray(boxes), read),
            },
            arrays=arrays,
            selection={**selection, "frame": min(selection["frame"], count - 1)},
            limits={"frame": count - 1},
        )


def agreement(plan: NDArray, read: NDArray) -> list[dict[str, float] | None]:
    """How well boxes (F, 2, 4) that were read keep those that were asked for: for each subject the mean
    intersection over union ("miou") and the mean distance of middles, of the diagonal ("way"), over the
    frames that have both; None for a subject without any.
    """
    found: list[dict[str, float] | None] = []
    for asked, seen in zip(np.moveaxis(np.clip(plan, 0, 1), 1, 0), np.moveaxis(read, 1, 0), strict=True):
        both = np.isfinite(asked[:, 0]) & np.isfinite(seen[:, 0])
        if not both.any():
            found.append(None)
            continue
        a, b = asked[both], np.clip(seen[both], 0, 1)
        common = (np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])).clip(0).prod(1)
        total = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - common
        apart = np.linalg.norm((a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) / 2, axis=1) / np.sqrt(2)
        found.append({"miou": float((common / total.clip(1e-9)).mean()), "way": float(apart.mean())})
    return found


def _bundled_reading() -> NDArray[np.float32]:
    """(F, 2, 4) where the judge sees the subjects of the bundled clip."""
    rows = json.loads(Path(READ).read_text())
    return np.array([[box or [np.nan] * 4 for box in frame] for frame in rows], np.float32)


def _draw_boxes(axes: Axes, boxes: NDArray | None, frame: int, size: tuple[int, ...], style: str) -> None:
    """Boxes (F, 2, 4) of one frame on its picture."""
    from matplotlib.patches import Rectangle

    if boxes is None:
        return
    for box, name in zip(np.asarray(boxes)[frame], ("orange", "blue"), strict=True):
        if np.isfinite(box).all():
            x0, y0, x1, y1 = box * (size[1], size[0], size[1], size[0]) - 0.5
            edge = Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, linewidth=1.8, linestyle=style)
            edge.set_edgecolor(PALETTE[name])
            axes.add_patch(edge)
