"""The tab Direct: what a visitor draws is made in the page's worker; odd requests get a sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.demo.demos import FakePipeline
from x2vkit.demo.direct import Direct, check_asked
from x2vkit.demo.engine import Engine, director_html
from x2vkit.demo.models import Models
from x2vkit.errors import X2VError
from x2vkit.views.director import ASKED


def finish(run):
    """What a run told, and what it returned."""
    told = []
    while True:
        try:
            told.append(next(run))
        except StopIteration as end:
            return [each for each in told if each is not None], end.value


def test_what_is_drawn_is_made_read_back_and_shown_with_what_was_drawn(planning):
    engine = Engine(Models(planning))
    asked = {"prompt": "a red dog", "seed": 3, "steps": 2, "boxes": [[0.1, 0.2, 0.5, 0.8], None]}
    try:
        told, made = finish(engine.direct(asked))
        _, plan = finish(engine.direct(asked, draft=True))
    finally:
        engine.close()
    assert told[-1].step == 2 and told[-1].steps == 2
    np.testing.assert_allclose(made.trace.plan["boxes"][:, 0], [asked["boxes"][0]] * 17, atol=1e-6)
    assert made.boxes.shape == (17, 2, 4)
    assert plan.trace is None
    np.testing.assert_array_equal(plan.plan["boxes"], made.plan["boxes"])
    drawn = json.dumps({**ASKED, "camera": "zoom in"})
    page = director_html(made, asked, drawn)
    assert "a red dog" in page and "zoom in" in page and "connect-src" not in page


def test_a_model_that_is_not_x2vkits_own_is_not_directed():
    engine = Engine(Models(FakePipeline()))
    with pytest.raises(X2VError, match="planner"):
        finish(engine.direct({"prompt": "a dog"}))
    engine.close()


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"asked": [], "drawn": "", "draft": False},
        {"asked": {}, "drawn": 3, "draft": False},
        {"asked": {}, "drawn": "", "draft": "no"},
        {"asked": {"prompt": "a" * 30_000}, "drawn": "", "draft": False},
    ],
)
def test_odd_requests_are_told_to_the_director(data, pipeline):
    with pytest.raises(X2VError):
        check_asked(data)
    told = list(Direct.run(_Tab(pipeline), _Event(data)))
    assert [each["message"]["kind"] for each in told] == ["problems"]


class _Event:
    def __init__(self, data) -> None:
        self._data = data


class _Tab:
    """A tab without its page."""

    def __init__(self, pipeline) -> None:
        self.engine = None
