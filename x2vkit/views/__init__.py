"""Looking at a trace in a notebook: every slider works in the browser, with no message to the kernel.

    import x2vkit as x2v
    x2v.views.Denoise()                    # a bundled trace; no weights, no wait
    view = x2v.views.Denoise(x2v.record("a red ball bouncing on the beach"))
    view.selection, view.data()            # where you are, and what you see as numpy
    view.to_html("ball.html")              # one file that opens offline

Nothing here imports torch: a view reads a `Trace` alone. Only `Play`, `Playground` and
`Storyboard` run a model, when they are asked to.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from x2vkit.views.base import View
    from x2vkit.views.page import html

__all__ = [
    "Attention",
    "Compare",
    "Denoise",
    "Director",
    "Heads",
    "Overview",
    "Patches",
    "Play",
    "Playground",
    "Scaling",
    "Scorecard",
    "Supply",
    "Storyboard",
    "View",
    "html",
]

_HOME = {
    "Attention": "attention",
    "Compare": "compare",
    "Denoise": "denoise",
    "Director": "director",
    "Heads": "heads",
    "Overview": "overview",
    "Patches": "patches",
    "Play": "play",
    "Playground": "playground",
    "Scaling": "scaling",
    "Scorecard": "scorecard",
    "Supply": "supply",
    "Storyboard": "storyboard",
    "View": "base",
    "html": "page",
}


def __getattr__(name: str) -> Any:
    """Import a view's module on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'x2vkit.views' has no attribute {name!r}")
    value = getattr(import_module(f"x2vkit.views.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
