"""`Playground`: the prompt workbench. Type, and previews stream in; typing on cancels at once.

    play = x2v.views.Playground()
    play.history[-1].trace          # the last clip, as a Trace
    play.compare(0, 3)              # two clips of the history side by side

The one view that runs a model: a `Session` does so in the kernel, on a thread of its own, and what it tells
goes to the browser as messages. The history alone is kept in the widget's state, so that a saved notebook or
an exported page still shows it. torch is imported when the first run starts, not before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from x2vkit.errors import X2VError
from x2vkit.media import contact_sheet
from x2vkit.trace import Trace
from x2vkit.trace.samples import sample
from x2vkit.views import page
from x2vkit.views.base import Array, Content, View, pack
from x2vkit.views.compare import Compare, content_of, latent_paths, traces_of
from x2vkit.views.session import FILES, Entry, Maker, Session, Shipped
from x2vkit.views.settings import LONGEST, MOST_GUIDANCE, MOST_SEED, MOST_STEPS, SHAPES, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOMENTS, SHOWN = 6, 8
"""Frames of the selected clip, and clips of the history, in the static picture."""


class Playground(View):
    """Type a prompt and see what the model makes of it; try seeds, steps, guidance, shapes, a start picture.

    folders: weights of your own beside those that ship, as `save_pretrained` wrote them. maker: what makes
    the clips, the models by default. selection: the settings (prompt, seed, steps, guidance, shape, model),
    entry (the clip of the history that is shown) and frame.
    """

    _module = "playground"
    label = "Prompt workbench"

    def __init__(self, folders: Sequence[str] = (), maker: Maker | None = None) -> None:
        super().__init__(folders, maker)
        self.on_msg(self._hear)

    def prepare(self, folders: Sequence[str], maker: Maker | None) -> Content:
        self.session = Session(self._say, maker or Shipped(tuple(folders)))
        first = sample()
        self.session.remember(settings_of(first), first)
        entry = self.history[-1]
        chosen = {name: value for name, value in asdict(entry.settings).items() if name != "image"}
        return self._content({**chosen, "entry": entry.id, "frame": 0})

    @property
    def history(self) -> list[Entry]:
        """The clips made, oldest first; each with its `settings`, its `trace` and whether it is `starred`."""
        return list(self.session.history)

    @property
    def trace(self) -> Trace:
        """The clip that is shown."""
        return self.session.entry(self.selection["entry"]).trace

    def compare(self, *entries: int) -> Compare:
        """Clips of the history side by side, by their `id`."""
        return Compare([self.session.entry(id).trace for id in entries])

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
            words = entry.settings.prompt
            axes.set_title(words if len(words) < 24 else f"{words[:22]}…", fontsize=6.5)
            axes.axis("off")
        return figure

    def close(self) -> None:
        """Stop what runs, and close the widget."""
        if self.error is None:
            self.session.close()
        super().close()

    # -- between the kernel and the browser
    # ------------------------------------------------------------------------------------------------------

    def _hear(self, _: Any, told: dict[str, Any], buffers: Sequence[memoryview]) -> None:
        """One message of the browser. Its kinds are those that playground.js sends."""
        session, kind = self.session, told.get("kind")
        if kind == "hello":
            self._say("hello", {}, [])
        elif kind == "ask":
            session.ask(told["settings"], told["id"], told["typed"])
        elif kind == "cancel":
            session.cancel()
        elif kind == "warm":
            session.warm(told["model"])
        elif kind == "image":
            session.image(told["image"], bytes(buffers[0]))
        elif kind == "star":
            session.star(told["entry"], told["starred"])
            self._renew()
        elif kind == "export":
            session.export(told["entry"], told["suffix"])
        elif kind == "grid":
            session.grid(told["settings"], told["across"], told["down"])
        elif kind == "stop_grid":
            session.stop_grid()
        elif kind == "compare":
            session.later("compare", lambda: self._compare(told["entries"]))

    def _say(self, kind: str, facts: dict[str, Any], buffers: list[bytes]) -> None:
        """One event to the browser; and what is worth keeping into the widget's state."""
        self.send({"kind": kind, **facts}, buffers)
        if kind == "done":
            self._renew()

    def _compare(self, entries: Sequence[int]) -> None:
        """The content of a Compare of these clips, for the browser to show below."""
        traces = traces_of([self.session.entry(id).trace for id in entries])
        content = content_of(traces, latent_paths(traces))
        manifest, buffer = pack(content.arrays)
        facts = {**content.facts, "label": Compare.label, "limits": content.limits, "arrays": manifest}
        self._say("compare", {"facts": facts, "selection": content.selection}, [buffer])

    def _content(self, selection: dict[str, Any]) -> Content:
        """The history and what can be chosen."""
        return Content(
            facts={
                "history": [entry.facts() for entry in self.session.history],
                "shapes": {name: list(shape) for name, shape in SHAPES.items()},
                "models": list(self.session.maker.models()),
                "usual": asdict(Settings()),
                "most": {"steps": MOST_STEPS, "guidance": MOST_GUIDANCE, "seed": MOST_SEED},
                "files": list(FILES),
            },
            arrays={f"clip.{e.id}": np.frombuffer(e.strip, np.uint8) for e in self.session.history},
            selection=selection,
            limits={"frame": LONGEST - 1},
        )

    def _renew(self) -> None:
        """Put the history into the widget's state; what is typed and selected stays."""
        values = self._values(self._content(self.selection))
        with self.hold_sync():
            self.set_trait("facts", values["facts"])
            self.set_trait("buffer", values["buffer"])


Playground._css = page.css("playground", "compare")  # a Compare of chosen clips opens inside


def settings_of(trace: Trace) -> Settings:
    """What was asked of a trace, as far as the Playground can ask it."""
    request, usual = trace.request, Settings()
    names = ("prompt", "seed", "steps", "guidance", "model")
    shapes = {shape: name for name, shape in SHAPES.items()}
    if (shape := shapes.get(trace.frames.shape[:3])) is None:
        got = "x".join(map(str, trace.frames.shape[:3]))
        raise X2VError(f"a clip of {got}", f"the Playground makes {', '.join(SHAPES)}", "use another trace")
    return Settings(**{name: request.get(name, getattr(usual, name)) for name in names}, shape=shape)
