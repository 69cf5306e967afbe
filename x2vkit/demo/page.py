"""The page: its tabs, and what joins them. What they do stands in engine.py, and how it is told to the page's
scripts in payloads.py.

Events of the page are private; programs use the named endpoints of api.py, which go through the same engine.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from x2vkit.demo import api, link, style
from x2vkit.demo.compare import Compare
from x2vkit.demo.create import Create
from x2vkit.demo.direct import Direct
from x2vkit.demo.engine import Engine
from x2vkit.demo.film import Film
from x2vkit.demo.guard import Page
from x2vkit.demo.inside import Inside
from x2vkit.demo.models import Models
from x2vkit.demo.parts import quiet
from x2vkit.demo.scaling import Scaling


def build(pipe: Any = None, *, fps: float | None = None, max_queue: int = 32) -> Page:
    """The page of some model, not yet launched; see `x2vkit.demo.demo`."""
    engine = Engine(Models(pipe, fps))
    queue = {"concurrency_limit": 1, "concurrency_id": "model"}  # one model at a time, whoever asks
    with Page(engine, max_queue) as page:
        gr.HTML(style.HEADER, elem_classes="x2v-top")
        current = gr.Textbox(visible=False)
        with gr.Tabs(selected="create", elem_classes="x2v-tabs") as tabs:
            with gr.Tab("Create", id="create"):
                create = Create(engine, current)
            with gr.Tab("Look inside", id="inside") as inside_tab:
                inside = Inside(engine, current)
            with gr.Tab("Compare", id="compare"):
                compare = Compare(engine)
            with gr.Tab("Direct", id="direct", visible=not engine.models.foreign) as direct_tab:
                direct = Direct(engine)
            with gr.Tab("Film", id="film", visible=not engine.models.foreign):
                film = Film(engine)
            with gr.Tab("Scaling", id="scaling") as scaling_tab:
                scaling = Scaling()
        create.connect(queue)
        inside.connect(queue, inside_tab)
        compare.connect(queue)
        direct.connect(queue, direct_tab)
        film.connect(queue)
        scaling.connect(scaling_tab)
        go_inside = create.stage.inside(lambda: gr.Tabs(selected="inside"), None, tabs, **quiet())
        inside.follow(go_inside, queue)
        api.add_endpoints(engine, queue)
        link.connect(page, create, inside, direct, film)
        page.load(engine.warm, **quiet())
    return page
