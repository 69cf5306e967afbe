"""The Gradio demo: `x2vkit demo` on the command line, `x2v.demo(pipe).launch()` in a notebook.

    import x2vkit as x2v
    x2v.demo().launch()                       # the models that ship
    x2v.demo(pipe).launch(share=True)         # your own, or any diffusers video pipeline

This module can be called, so that `x2v.demo` is the same thing whether or not it was imported before.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from x2vkit.errors import X2VError

if TYPE_CHECKING:
    from x2vkit.demo.guard import Page


def demo(pipe: Any = None, *, fps: float | None = None, max_queue: int = 32) -> Page:
    """The page, to be launched: a gr.Blocks with calm defaults (nothing shared, counted or fetched).

    pipe: None for all models that ship; the name or folder of one; an X2VPipeline; or any diffusers video
    pipeline: its sizes and rules are read from it, its steps have pictures, and Look inside opens its record.
    fps: frames a second of a diffusers pipeline's clips. max_queue: requests that may wait; more are told to
    come back. Raises X2VError for a pipe of another kind, or without Gradio.
    """
    if find_spec("gradio") is None:
        raise X2VError("x2v.demo", "the page needs Gradio", "pip install 'x2vkit[demo]'")
    if max_queue < 1:
        raise X2VError(f"max_queue={max_queue}", "at least one request may wait", "use 32")
    from x2vkit.demo.page import build

    return build(pipe, fps=fps, max_queue=max_queue)


class _Callable(ModuleType):
    def __call__(self, *args: Any, **options: Any) -> Page:
        return demo(*args, **options)


sys.modules[__name__].__class__ = _Callable
