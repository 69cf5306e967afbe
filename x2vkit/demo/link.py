"""A link to the page says what it shows: `/?prompt=a+red+ball&seed=7`, or
`/?tab=look+inside&view=patches`.

The page's scripts keep the address so (static/common.js); here it is read when somebody comes with one.
Nothing is made by following a link: the form is filled, and Generate is left to the visitor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from x2vkit.demo.create import Create
from x2vkit.demo.direct import Direct
from x2vkit.demo.engine import views
from x2vkit.demo.film import Film
from x2vkit.demo.guard import Page
from x2vkit.demo.inside import Inside
from x2vkit.demo.parts import quiet
from x2vkit.registry import LIMITS

LONGEST = 500
"""Characters of a prompt that a link may carry."""


def connect(page: Page, create: Create, inside: Inside, direct: Direct, film: Film) -> None:
    """Fill the forms from the page's address, and open the tab that it names. Its prompt is the film's idea,
    too, and prompt and seed are the Director's.
    """
    fields = [create.prompt, create.seed, create.random, inside.view, film.idea, direct.begun]
    opened = page.load(asked, None, fields, **quiet())
    opened.then(film.told_by_link, film.idea, film.shown, **quiet())
    opened.then(None, None, None, js="() => window.x2v?.follow()", **quiet())


def asked(request: gr.Request) -> list[Any]:
    """Prompt, seed, whether each clip has a new seed, view, the film's idea, and what the Director begins
    with, as the address has them.
    """
    return read(dict(request.query_params))


def read(address: Mapping[str, str]) -> list[Any]:
    """As `asked`; what is missing or no value of its field leaves the form as it is."""
    prompt, seed, view = (address.get(name, "") for name in ("prompt", "seed", "view"))
    limit = LIMITS["seed"]
    sown = seed.isascii() and seed.isdigit() and limit.low <= int(seed) <= limit.high
    return [
        prompt[:LONGEST] or gr.skip(),
        gr.Number(int(seed), interactive=True) if sown else gr.skip(),
        False if sown else gr.skip(),
        view if view in views() else gr.skip(),
        prompt[:LONGEST] or gr.skip(),
        {"prompt": prompt[:LONGEST], "seed": int(seed) if sown else 0} if prompt else gr.skip(),
    ]
