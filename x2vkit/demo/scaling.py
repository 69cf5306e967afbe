"""The tab Scaling: what training compute buys, as the notebook's view shows it. No model runs."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import gradio as gr

from x2vkit.demo import payloads, style
from x2vkit.demo.parts import quiet
from x2vkit.demo.payloads import Message


class Scaling:
    """The view of the runs and models that ship."""

    def __init__(self) -> None:
        self.frame = gr.HTML(
            cast(Any, payloads.wait("Opening what training compute buys…")),
            html_template=style.static("inside.html"),
            js_on_load=style.script("inside"),
        )

    def connect(self, tab: gr.Tab) -> None:
        """The view opens when its tab does."""
        tab.select(self.shown, None, self.frame, **quiet())

    def shown(self) -> Message:
        """The view's page, into its frame."""
        return {"kind": "view", "page": payloads.page(_html(), "scaling"), "title": "Scaling"}


@cache
def _html() -> str:
    """The same page for every visitor."""
    from x2vkit.views import Scaling as View

    return View().to_html()
