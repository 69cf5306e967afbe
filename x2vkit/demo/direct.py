"""The tab Direct: the notebook's Director, its clips made by this page's worker when it is their turn."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, cast

import gradio as gr

from x2vkit.backend import Directed
from x2vkit.demo import payloads, style
from x2vkit.demo.engine import Engine, director_html
from x2vkit.demo.guard import said
from x2vkit.demo.parts import following, quiet, watched
from x2vkit.demo.payloads import Message
from x2vkit.errors import X2VError

LONGEST = 20_000
"""Characters of what a visitor drew."""


class Direct:
    """The Director in a frame; what it asks for goes through the page's queue, and its news come back."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.begun = gr.State({})
        self.frame = gr.HTML(
            cast(Any, {"kind": "empty", "text": "Opening…"}),
            html_template=style.static("inside.html"),
            js_on_load=style.script("direct"),
        )

    def connect(self, queue: dict[str, Any], tab: gr.Tab) -> None:
        """It opens when its tab does; a clip is made when the Director asks for one."""
        tab.select(said(self.open), self.begun, self.frame, trigger_mode="once", **quiet())
        asked = self.frame.ask(said(self.run), None, self.frame, trigger_mode="once", **watched(queue))
        self.frame.cancel(None, None, None, cancels=[asked], api_visibility="private")

    def open(self, begun: Mapping[str, Any]) -> Generator[Any, None, None]:
        """The Director on a bundled clip; one that is there already stays. begun: prompt and seed that a link
        brings, if any.
        """
        page = payloads.page(director_html(asked=begun or None), "director")
        yield {"kind": "view", "page": page, "title": "Director", "once": True}

    def run(self, event: gr.EventData) -> Generator[Any, None, None]:
        """Make what was drawn, telling the Director how far it is; then show it in its place."""
        try:
            asked, drawn, draft = check_asked(event._data)
            yield news(kind="busy", draft=draft)
            run = self.engine.direct(asked, draft)
            made: Directed = yield from following(
                run, lambda step: news(kind="step", step=step.step, steps=step.steps)
            )
            page = payloads.page(director_html(made, asked, drawn), "director")
        except X2VError as error:
            yield news(kind="problems", got=error.got, rule=error.rule, cure=error.cure)
            return
        yield {"kind": "view", "page": page, "title": "Director"}


def news(**message: Any) -> Message:
    """Something that the Director hears."""
    return {"kind": "news", "message": message}


def check_asked(data: Any) -> tuple[Mapping[str, Any], str, bool]:
    """What a visitor's Director asks: the request, what was drawn, and whether only a plan is wanted.

    Raises:
        X2VError: anything else, or more than a person draws.
    """
    asked, drawn, draft = (data.get(name) if isinstance(data, Mapping) else None for name in ASKED)
    if not isinstance(asked, Mapping) or not isinstance(drawn, str) or not isinstance(draft, bool):
        raise X2VError("this request", "it is what the Director sends", "load the page again")
    if len(drawn) > LONGEST or len(str(asked)) > LONGEST:
        rule = f"a request has at most {LONGEST:,} characters"
        raise X2VError("so much that was drawn", rule, "take some of it back")
    return asked, drawn, draft


ASKED = ("asked", "drawn", "draft")
