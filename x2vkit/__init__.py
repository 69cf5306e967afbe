"""x2vkit: a Sora-style video model, small enough to open.

    import x2vkit as x2v
    trace = x2v.generate("a dog wearing a blue hat playing in the snow")   # in a notebook: shows the clip
    trace.save("dog.x2v")

Importing this package is instant: each name brings its module, and torch where it needs it, when it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from x2vkit.backend import provide
from x2vkit.device import collection_paused, configure_threads

if TYPE_CHECKING:
    from x2vkit import views
    from x2vkit.adapters.x2v import attach
    from x2vkit.config import RunRequest
    from x2vkit.course import check
    from x2vkit.demo import demo
    from x2vkit.errors import X2VError
    from x2vkit.judge import Judge
    from x2vkit.pipeline.x2v import X2VPipeline
    from x2vkit.run.capture import AttentionCapture
    from x2vkit.run.edit import Edit
    from x2vkit.run.load import load
    from x2vkit.run.record import rerun
    from x2vkit.studio.cast import shoot
    from x2vkit.studio.character import Character
    from x2vkit.studio.direct import SoftBox, direct
    from x2vkit.studio.edit.dub import dub
    from x2vkit.studio.edit.paint import backdrop, inpaint, recolor, restyle
    from x2vkit.studio.expand import expand
    from x2vkit.studio.film.board import Shot, Storyboard
    from x2vkit.studio.film.make import Film, film
    from x2vkit.studio.film.tell import storyboard
    from x2vkit.studio.go_on.between import connect, inbetween, loop
    from x2vkit.studio.go_on.extend import extend
    from x2vkit.studio.go_on.piecewise import piecewise
    from x2vkit.studio.go_on.play import play
    from x2vkit.studio.recaption import recaption
    from x2vkit.studio.record import generate, record
    from x2vkit.studio.speak import speak
    from x2vkit.studio.upscale import upscale
    from x2vkit.trace import Trace
    from x2vkit.world import World

__version__ = "0.1.0"

configure_threads()  # before anything brings torch, which reads its threads' settings once

__all__ = [
    "AttentionCapture",
    "Character",
    "Edit",
    "Film",
    "Judge",
    "RunRequest",
    "Shot",
    "SoftBox",
    "Storyboard",
    "Trace",
    "World",
    "X2VError",
    "X2VPipeline",
    "__version__",
    "attach",
    "backdrop",
    "check",
    "connect",
    "demo",
    "direct",
    "dub",
    "expand",
    "extend",
    "film",
    "generate",
    "inbetween",
    "inpaint",
    "load",
    "loop",
    "piecewise",
    "play",
    "recaption",
    "recolor",
    "record",
    "rerun",
    "restyle",
    "shoot",
    "speak",
    "storyboard",
    "upscale",
    "views",
]

_HOME = {
    "restyle": "studio.edit.paint",
    "recolor": "studio.edit.paint",
    "inpaint": "studio.edit.paint",
    "dub": "studio.edit.dub",
    "backdrop": "studio.edit.paint",
    "AttentionCapture": "run.capture",
    "Character": "studio.character",
    "Edit": "run.edit",
    "Film": "studio.film.make",
    "Judge": "judge",
    "RunRequest": "config",
    "Shot": "studio.film.board",
    "SoftBox": "studio.direct",
    "Storyboard": "studio.film.board",
    "Trace": "trace",
    "World": "world",
    "X2VError": "errors",
    "X2VPipeline": "pipeline.x2v",
    "check": "course",
    "attach": "adapters.x2v",
    "direct": "studio.direct",
    "expand": "studio.expand",
    "film": "studio.film.make",
    "generate": "studio.record",
    "load": "run.load",
    "recaption": "studio.recaption",
    "connect": "studio.go_on.between",
    "extend": "studio.go_on.extend",
    "inbetween": "studio.go_on.between",
    "loop": "studio.go_on.between",
    "piecewise": "studio.go_on.piecewise",
    "play": "studio.go_on.play",
    "record": "studio.record",
    "rerun": "run.record",
    "speak": "studio.speak",
    "shoot": "studio.cast",
    "storyboard": "studio.film.tell",
    "upscale": "studio.upscale",
}
_MODULES = ("demo", "views")
"""Public names that are modules; `demo` is one that can be called."""


def _bring(module: str) -> Any:
    """A module of the package, imported on first use."""
    with collection_paused():
        return import_module(f"x2vkit.{module}")


provide(lambda folders: _bring("studio.backend").StudioBackend(folders))


def __getattr__(name: str) -> Any:
    """Import a public name's module on first use (PEP 562)."""
    if name in _MODULES:
        return _bring(name)
    if name not in _HOME:
        raise AttributeError(f"module 'x2vkit' has no attribute {name!r}")
    value = getattr(_bring(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME, *_MODULES])
