"""The tab Look inside: the notebook's views on the clip that is on the stage."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, cast

import gradio as gr

from x2vkit.demo import payloads, style
from x2vkit.demo.engine import Engine, examples, view_html, views
from x2vkit.demo.guard import said
from x2vkit.demo.made import Progress
from x2vkit.demo.parts import following, watched
from x2vkit.demo.payloads import Message
from x2vkit.errors import X2VError

EMPTY = "Make a clip first, or choose an example: its inside opens here."


class Inside:
    """The notebook's views on the clip that is on the stage."""

    def __init__(self, engine: Engine, current: gr.Textbox) -> None:
        self.engine, self.current = engine, current
        self.shown = gr.Textbox(visible=False)
        choices = [(label, name) for name, label in views().items()]
        self.view = gr.Radio(
            choices, value=choices[0][1] if choices else None, show_label=False, container=False,
            elem_classes="x2v-segments",
        )  # fmt: skip
        self.frame = gr.HTML(
            cast(Any, {"kind": "empty", "text": EMPTY}),
            html_template=style.static("inside.html"),
            js_on_load=style.script("inside"),
        )

    def connect(self, queue: dict[str, Any], tab: gr.Tab) -> None:
        """The view opens when its tab does, and when another view is chosen."""
        for event in (tab.select, self.view.change):
            self._open(event, queue)

    def follow(self, dependency: Any, queue: dict[str, Any]) -> None:
        """Open the view after another event."""
        self._open(dependency.then, queue)

    def _open(self, event: Callable[..., Any], queue: dict[str, Any]) -> None:
        inputs, outputs = [self.current, self.view, self.shown], [self.frame, self.shown]
        event(said(self.run), inputs, outputs, trigger_mode="always_last", **watched(queue))

    def run(self, key: str, view: str, shown: str) -> Generator[tuple[Any, Any], None, None]:
        """Record the clip, if that was not done, and put the view's page into the frame."""
        if not key and examples() and not self.engine.models.foreign:
            key = payloads.EXAMPLE + examples()[0]
        if shown == f"{key} {view}":
            return
        if not key:
            yield {"kind": "empty", "text": EMPTY}, gr.skip()
            return
        yield payloads.wait("Recording every step of this clip…"), gr.skip()
        try:
            trace = yield from following(
                self.engine.record(key, view == "attention"), lambda step: (recording(step), gr.skip())
            )
            page = payloads.page(view_html(view, trace), view)
        except X2VError as error:
            yield payloads.trouble(error), gr.skip()
            raise
        yield {"kind": "view", "page": page, "title": views()[view], "name": view}, f"{key} {view}"


def recording(step: Progress) -> Message:
    """How far a recording is."""
    return payloads.wait(f"Recording step {step.step} of {step.steps}…")
