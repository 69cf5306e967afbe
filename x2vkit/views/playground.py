"""`Playground`: the prompt workbench. Type, and previews stream in; typing on cancels at once.

    play = x2v.views.Playground()
    play.history[-1].trace          # the last clip, as a Trace
    play.compare(0, 3)              # two clips of the history side by side

The one view that runs a model: the session of a `Backend` does so in the kernel, on a thread of its own, and
what it emits goes to the browser as messages. The history alone is kept in the widget's state, so that a
saved notebook or an exported page still shows it. torch is imported when the first run starts, not before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from x2vkit.axes import OWN
from x2vkit.backend import Backend, default_backend
from x2vkit.errors import X2VError
from x2vkit.media import contact_sheet
from x2vkit.registry import SHAPES
from x2vkit.trace import Trace
from x2vkit.trace.samples import sample
from x2vkit.views.base import Content
from x2vkit.views.buffer import Array, pack
from x2vkit.views.compare import Compare
from x2vkit.views.compare.content import content_of
from x2vkit.views.compare.paths import latent_paths
from x2vkit.views.compare.told import traces_of
from x2vkit.views.live import LiveView
from x2vkit.views.messages import check_message
from x2vkit.views.overview import Overview

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOMENTS, SHOWN = 6, 8
"""Frames of the selected clip, and clips of the history, in the static picture."""


class Playground(LiveView):
    """Type a prompt and see what the model makes of it; try seeds, steps, guidance, shapes, a start picture.

    Args:
        folders: weights of your own beside those that ship, as `save_pretrained` wrote them.
        backend: what makes the clips; by default the models.

    `selection` holds the settings (prompt, seed, steps, guidance, shape, model), entry (the clip of the
    history that is shown) and frame.
    """

    _module = "playground"
    _parts = ("compare", "overview", *Overview._parts)
    label = "Prompt workbench"

    def __init__(self, folders: Sequence[str] = (), backend: Backend | None = None) -> None:
        super().__init__(folders, backend)
        self.on_msg(self._on_message)

    def prepare(self, folders: Sequence[str], backend: Backend | None) -> Content:
        self._backend: Any = backend or default_backend(folders)
        self.session = self._backend.session(self._emit)
        entry = self.session.open(sample())
        chosen = {name: value for name, value in entry.settings.items() if name != "image"}
        return self._content({**chosen, "entry": entry.id, "frame": 0})

    @property
    def history(self) -> list[Any]:
        """The clips made, oldest first; each with its `request`, `trace`, `line` of Python, and `starred`."""
        return list(self.session.history)

    @property
    def trace(self) -> Trace:
        """The clip that is shown."""
        return self.session.entry(self.selection["entry"]).trace

    def compare(self, *entries: int) -> Compare:
        """Clips of the history side by side, by their `id`."""
        return Compare([self.session.entry(id).trace for id in entries])

    @overload
    def to_html(self, path: None = None, title: str | None = None) -> str: ...

    @overload
    def to_html(
        self, path: str | os.PathLike[str], title: str | None = None, *, live: bool = False
    ) -> Path: ...

    def to_html(
        self,
        path: str | os.PathLike[str] | None = None,
        title: str | None = None,
        *,
        live: bool = False,
    ) -> str | Path:
        """The history as one HTML page that opens offline; or with `live` the model itself, which makes clips
        there without Python: what `x2vkit page path` writes.

        Args:
            path: where to write (.html); without one the page is returned. A live page needs one, and may be
                a folder for a static host instead.
            title: the page's name, by default the view's label.
            live: of the model that is selected; takes some ten seconds and needs the package onnx.

        Raises:
            X2VError: what the view shows; or a live page that has no path or cannot be written.
        """
        if not live:
            return super().to_html(path, title) if path is not None else super().to_html(title=title)
        if path is None:
            rule = "a live page is tens of megabytes, and is written"
            raise X2VError("to_html(live=True)", rule, 'say where: to_html("page.html", live=True)')
        return self._backend.page(self.selection["model"], path, title=title)

    def data(self) -> dict[str, Array]:
        """frames (F, H, W, 3) uint8 of the clip that is shown, and frame (H, W, 3), the selected one."""
        frames = self.trace.frames
        return {"frames": frames, "frame": frames[min(self.selection["frame"], len(frames) - 1)]}

    def figure(self) -> Figure:
        """Moments of the clip that is shown, over the clips of the history."""
        from matplotlib.figure import Figure

        trace, history = self.trace, self.history[::-1][:SHOWN]
        moments = np.unique(np.linspace(0, len(trace.frames) - 1, MOMENTS).round().astype(int))
        figure = Figure(figsize=(10, 3.6))
        top = figure.add_axes((0.01, 0.36, 0.98, 0.54))
        top.imshow(contact_sheet(trace.frames[moments], len(moments)))
        top.set_title(trace.prompt or "(no words)", fontsize=11)
        top.axis("off")
        for i, entry in enumerate(history):
            axes = figure.add_axes((0.01 + i * 0.98 / SHOWN, 0.02, 0.94 / SHOWN, 0.27))
            axes.imshow(entry.trace.frames[len(entry.trace.frames) // 2])
            words = entry.request.prompt
            axes.set_title(words if len(words) < 24 else f"{words[:22]}…", fontsize=6.5)
            axes.axis("off")
        return figure

    # -- between the kernel and the browser

    def _on_message(self, _: Any, message: Any, buffers: Sequence[memoryview]) -> None:
        """One message of the browser. Its kinds are those that the Playground's page sends."""
        try:
            self._hear(check_message(message, buffers), buffers)
        except X2VError as error:
            self._emit("problems", {"id": None, "fields": {"run": error.parts}}, [])

    def _hear(self, message: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        session, kind = self.session, message.get("kind")
        if kind == "hello":
            self._emit("hello", {}, [])
        elif kind == "ask":
            session.ask(message["settings"], message["id"], message["typed"])
        elif kind == "cancel":
            session.cancel()
        elif kind == "warm":
            session.warm(message["model"])
        elif kind == "image":
            session.image(message["image"], bytes(buffers[0]))
        elif kind == "star":
            session.star(message["entry"], message["starred"])
            self._renew()
        elif kind == "export":
            session.export(message["entry"], message["suffix"])
        elif kind == "grid":
            session.grid(message["settings"], message["across"], message["down"])
        elif kind == "stop_grid":
            session.stop_grid()
        elif kind == "compare":
            session.later("compare", lambda: self._compare(message["entries"]))
        elif kind == "inside":
            session.later("inside", lambda: self._inside(message["entry"]))
        elif kind == "expand":
            session.later("expand", lambda: self._expand(message["prompt"], message["seed"]))

    def _emit(self, kind: str, metadata: dict[str, Any], buffers: list[bytes]) -> None:
        """One event to the browser; and what is worth keeping into the widget's state."""
        self.send({"kind": kind, **metadata}, buffers)
        if kind == "done":
            self._renew()

    def _compare(self, entries: Sequence[int]) -> None:
        """The content of a Compare of these clips, for the browser to show below."""
        traces = traces_of([self.session.entry(id).trace for id in entries])
        content = content_of(traces, latent_paths(traces), self.budget)
        manifest, buffer = pack(content.arrays)
        own = {"label": Compare.label, "limits": content.limits, "arrays": manifest}
        metadata = {**content.metadata, **own}
        self._emit("compare", {"metadata": metadata, "selection": content.selection}, [buffer])

    def _inside(self, entry: int) -> None:
        """An Overview of a clip with all that opens inside it, for the browser to show below."""
        view = Overview(self.session.entry(entry).trace)
        view._complete()
        metadata = {"metadata": view.metadata, "selection": view.selection}
        self._emit("inside", metadata, [view.buffer])
        view.close()

    def _expand(self, prompt: str, seed: int) -> None:
        """What becomes of a prompt's words, and sentences to take instead."""
        self._emit("expand", {**self._backend.expand(prompt, seed=seed), "prompt": prompt}, [])

    def _content(self, selection: dict[str, Any]) -> Content:
        """The history and what can be chosen."""
        return Content(
            metadata={
                "geometry": asdict(OWN),
                "expands": hasattr(self._backend, "expand"),
                "history": [entry.metadata() for entry in self.session.history],
                **self.session.choices(),
            },
            arrays={f"clip.{e.id}": np.frombuffer(e.sheet, np.uint8) for e in self.session.history},
            selection=selection,
            limits={"frame": max(frames for frames, _, _ in SHAPES.values()) - 1},
            choices={"shape": tuple(SHAPES)},
            blank=dict.fromkeys(("seed", "steps", "guidance"), ""),  # half typed
        )

    def _renew(self) -> None:
        """Put the history into the widget's state; what is typed and selected stays."""
        values = self._values(self._content(self.selection))
        with self.hold_sync():
            self.set_trait("metadata", values["metadata"])
            self.set_trait("buffer", values["buffer"])
