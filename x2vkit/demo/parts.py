"""What the page's tabs share: sliders by the table of limits, uploads, and runs that tell how far they
are.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import gradio as gr

from x2vkit.demo.guard import visitors_file
from x2vkit.demo.made import Progress
from x2vkit.registry import LIMITS, SHAPES

SHAPE_CHOICES = [(name.capitalize(), name) for name in SHAPES]
IDEAS = (
    "a dog wearing a blue hat playing in the snow",
    "a red ball bouncing on the beach",
    "a white rabbit running left in the grass",
    "a green fish swimming right underwater",
    "an orange cat wearing a red scarf walking in the city",
    "a purple robot dancing in space",
    "a blue car driving right in the desert",
    "a brown horse running left in the grass",
    "a yellow bird flying right at night",
    "a red boat sailing left on the beach",
    "a happy face talking in the city",
    "a blue box spinning in space",
    "a white cat jumping in the snow",
    "a dog chasing a red ball on the beach",
)
"""For whom nothing comes to mind: all in the words of the world that the models learned from."""


def quiet() -> dict[str, Any]:
    """How an event runs that computes nothing."""
    return {"api_visibility": "private", "queue": False, "show_progress": "hidden"}


def watched(queue: dict[str, Any]) -> dict[str, Any]:
    """How an event runs that computes."""
    return {"api_visibility": "private", "show_progress": "hidden", **queue}


def as_file(component: Any) -> Any:
    """An upload as its path, untouched: whether it can be read is checked in
    run/files.py, with a message to read.

    Not as a subclass: Gradio writes a .pyi file beside every module that has one.
    """

    def preprocess(payload: Any) -> str | None:
        return None if payload is None else visitors_file(getattr(payload, "path", None))

    component.preprocess = preprocess
    return component


def seed_field(**options: Any) -> gr.Number:
    """Where a seed is typed."""
    limit = LIMITS["seed"]
    return gr.Number(0, label="Seed", precision=0, minimum=limit.low, maximum=limit.high, **options)


def slider(name: str, value: float | None = None, **options: Any) -> gr.Slider:
    """A slider over the range that a setting has."""
    limit = LIMITS[name]
    value = round(limit.default, 2) if value is None else value
    return gr.Slider(limit.low, limit.high, value=value, **options)


def following(
    run: Generator[Progress | None, None, Any], show: Callable[[Progress], Any]
) -> Generator[Any, None, Any]:
    """Yield what `show` makes of every step, or that nothing is new; return what the run returns."""
    try:
        while True:
            progress = next(run)
            yield gr.skip() if progress is None else show(progress)
    except StopIteration as end:
        return end.value
    finally:
        run.close()
