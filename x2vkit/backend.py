"""What views and the demo are handed to make clips: a `Backend`. They import no model.

`x2vkit/run/backend.py` is the real one. It is provided here when the package is imported, and made when the
first view asks for it, so that looking at a trace never brings torch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from x2vkit.errors import X2VError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from x2vkit.config import RunRequest
    from x2vkit.registry import SamplingDefaults

Span = tuple[str, tuple[str, ...] | None, tuple[str, ...]]
"""A part of a prompt, what it is read as (None: unknown), and known words that are near it."""


KEYS = ("left", "right", "up", "down", "jump", "stay")
"""What a world that is played in can be told."""


@dataclass(frozen=True)
class Reading:
    """How a model reads a prompt."""

    spans: Sequence[Span]
    """Its parts in order, then what it negates ("without a hat" as "not", "hat")."""
    notes: Sequence[str] = ()
    """What else a reader should know before the run, a sentence each: what the model cannot show, and words
    that are too many. (Unknown words stand in `spans`.)"""

    def to_dict(self) -> dict[str, Any]:
        """As JSON values for a page."""
        spans = [
            {"word": word, "read": None if read is None else list(read), "near": list(near)}
            for word, read, near in self.spans
        ]
        return {"spans": spans, "notes": list(self.notes)}


Emit = Callable[[str, dict[str, Any], list[bytes]], None]
"""Called with each event: its kind, its metadata as JSON values, its large data. Mostly by the worker."""


@dataclass(frozen=True)
class StepReport:
    """One denoising step of one clip that is over."""

    index: int
    """0 for the first."""
    steps: int
    """Steps that this run takes."""
    t: float
    """Noise level of the step, 1 (noise) to 0."""
    pred_x0: NDArray[np.float32]
    """(C, f, h, w): the latents as predicted from here."""


OnStep = Callable[[StepReport], None]
"""What it raises ends the run early."""


class Backend(Protocol):
    """What makes clips: models, or a stand-in for them. Model names come from `models()`, the usual one
    first.
    """

    def models(self) -> Sequence[str]:
        """The names of the models that there are."""

    def sampling(self, model: str) -> SamplingDefaults:
        """How a model is sampled unless a request says otherwise."""

    def reading(self, model: str, prompt: str) -> Reading:
        """How a model reads a prompt. Raises X2VError where there is no such model."""

    def palette(self, model: str) -> Mapping[str, Any]:
        """What can be asked of a model, as JSON values (see `run.palette`)."""

    def preview_decoder(self, model: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """A linear picture of one latent position: weight (4 * 8 * 8 * 3, C) and bias (4 * 8 * 8 * 3,)."""

    def generate(self, request: RunRequest, inputs: Mapping[str, Any], on_step: OnStep) -> Any:
        """Run to the end -> the Trace. inputs: as in `x2vkit.record`. Raises X2VError on what cannot be
        run.
        """

    def session(self, emit: Emit) -> PlaygroundSession:
        """A new session of a Playground, which emits what happens."""


class PlaygroundSession(Protocol):
    """The kernel's half of a Playground: takes requests, runs them one at a time, emits what happens.

    Requests come as plain values from a browser. All methods return at once, from any thread.
    """

    @property
    def history(self) -> list[Any]:
        """The clips made, oldest first; each has `id`, `request`, `trace`, `line`, `starred`, `sheet` (its
        frames as one image file) and `metadata()`.
        """

    def choices(self) -> dict[str, Any]:
        """What can be set, as JSON values: shapes, models, usual values, largest values, kinds of files."""

    def open(self, trace: Any) -> Any:
        """Put a trace into the history -> its entry. X2VError for a shape that the Playground does not
        make.
        """

    def entry(self, id: int) -> Any:
        """A clip of the history. X2VError when it is not there."""

    def ask(self, values: Mapping[str, Any], id: Any = None, typed: bool = False) -> None:
        """Make a clip; whatever was asked for before is cancelled."""

    def cancel(self) -> None:
        """Stop what was asked for."""

    def export(self, entry: int, suffix: str) -> None:
        """Emit a clip of the history as a file."""

    def later(self, id: Any, work: Callable[[], None]) -> None:
        """Do something slow when no clip is asked for."""

    def grid(self, values: Mapping[str, Any], across: Sequence[str], down: Sequence[str]) -> None:
        """Make clips over two settings."""

    def stop_grid(self) -> None:
        """Make no more clips of the grid."""

    def image(self, id: int, data: bytes) -> None:
        """Keep an uploaded picture under a number."""

    def warm(self, model: str) -> None:
        """Load a model before it is needed."""

    def star(self, entry: int, starred: bool) -> None:
        """Keep a clip of the history, or no longer."""

    def wait(self, seconds: float = 60) -> bool:
        """Until nothing is left to do; whether that came within so many seconds."""

    def close(self) -> None:
        """Stop everything."""


class PageBackend(Protocol):
    """What writes a model as a page that needs no kernel."""

    def page(self, model: str, path: str | os.PathLike[str], *, title: str | None = None) -> Path:
        """Write it: one .html file, or a folder for a static host. X2VError for what cannot be written."""


class ExpandBackend(Protocol):
    """What turns any words into sentences of the models' world."""

    def expand(self, prompt: str, n: int = 3, seed: int = 0) -> dict[str, Any]:
        """What became of a prompt, as JSON values: `sentences`, each a prompt to take instead, and `lines`,
        for each word {said, kind, read, why}, its kind "kept", "understood as" or "left out".

        Raises X2VError where there is nothing to expand.
        """


class PlayBackend(Protocol):
    """What makes worlds to play in."""

    def play(self, emit: Emit, start: Any, seed: int = 0) -> PlaySession:
        """A session that begins with a clip (a Trace) or a prompt, and emits what happens."""


class PlaySession(Protocol):
    """The kernel's half of a Play view. All methods return at once, from any thread."""

    world: Any
    """What is played in, with `frames` (F, H, W, 3), `boxes` (F, 4), `keys` and `trace()`; None before the
    first key.
    """

    def start(self, prompt: str, seed: int = 0) -> None:
        """Begin another world, of words."""

    def press(self, key: str) -> None:
        """Press a key. X2VError for one that there is not."""

    def cancel(self) -> None:
        """Stop what has been asked for."""

    def wait(self, seconds: float = 60) -> bool:
        """Until nothing is left to do; whether that came within so many seconds."""

    def close(self) -> None:
        """Stop everything."""


class FilmBackend(Protocol):
    """What makes films, for the Storyboard view."""

    def film_session(self, emit: Emit) -> FilmSession:
        """A new session, which emits what happens."""


class FilmSession(Protocol):
    """The kernel's half of a Storyboard view. Boards are plain values; all methods return at once."""

    film: Any
    """The last film that was made, or None."""

    def tell(self, idea: Any, id: Any = None) -> None:
        """Emit a storyboard of an idea."""

    def make(self, board: Any, id: Any = None) -> None:
        """Make a film; what was made before is stopped."""

    def toml(self, board: Any, id: Any = None) -> None:
        """Emit a storyboard as a file."""

    def check(self, board: Any, id: Any = None) -> Any:
        """A storyboard that can be made, or None, and what is wrong is emitted."""

    def cancel(self) -> None:
        """Stop what is made."""

    def wait(self, seconds: float = 60) -> bool:
        """Until nothing is left to do; whether that came within so many seconds."""

    def close(self) -> None:
        """Stop everything."""


@dataclass(frozen=True)
class Directed:
    """A directed clip, or the plan of one that is not made yet. F frames."""

    plan: Mapping[str, NDArray[Any]]
    """As `Trace.plan`: what was asked for."""
    prompt: str = ""
    """Its words."""
    trace: Any = None
    """The clip, as a Trace."""
    boxes: NDArray[np.float32] | None = None
    """(F, 2, 4): where the judge sees the subjects; NaN where it sees none."""
    camera: NDArray[np.float32] | None = None
    """(F, 3): where the judge sees the camera go, as `Trace.plan` has it."""


class DirectorBackend(Protocol):
    """What a Director needs."""

    def models(self) -> Sequence[str]:
        """The names of the models that there are."""

    def directing(self, emit: Emit) -> DirectorSession:
        """A new session of a Director, which emits what happens."""


class DirectorSession(Protocol):
    """The kernel's half of a Director; requests come as plain values from a browser. See
    `studio.direct.session`.
    """

    last: Directed | None
    """What was made last."""

    def ask(self, values: Mapping[str, Any], draft: bool = False) -> None:
        """Make a clip, or its plan alone; whatever was asked for before is stopped."""

    def cancel(self) -> None:
        """Stop what was asked for."""

    def wait(self, seconds: float = 60) -> bool:
        """Until nothing is left to do; whether that came within so many seconds."""

    def close(self) -> None:
        """Stop everything."""


_provider: Callable[[Sequence[str]], Backend] | None = None


def provide(make: Callable[[Sequence[str]], Backend]) -> None:
    """Say what makes the default backend: a function of folders of weights beside those that ship."""
    global _provider
    _provider = make


def default_backend(folders: Sequence[str] = ()) -> Backend:
    """A new backend of the models that ship, and of folders that `save_pretrained` wrote."""
    if _provider is None:
        raise X2VError("no backend", "nothing that makes clips was provided", "import x2vkit, or give one")
    return _provider(folders)
