"""What a selection may hold is checked the same way from Python, from the browser and from linked views."""

from __future__ import annotations

import numpy as np
import pytest
from ipywidgets.widgets import widget as widgets

from tests.conftest import build_trace
from x2vkit.errors import X2VError
from x2vkit.views import Attention, Compare, Denoise, Patches, Playground, Scaling
from x2vkit.views.selection import Rules

RULES = Rules(
    first={
        "step": 2,
        "show": "final",
        "far": False,
        "budget": 3.5,
        "pixel": None,
        "word": None,
        "prompt": "",
    },
    limits={"step": 4, "word": -1},
    choices={"show": ("final", "noisy")},
    blank={"word": None, "pixel": None},
)


LINEAR = {"preview_weight": np.ones((768, 4), np.float16), "preview_bias": np.zeros(768, np.float16)}


@pytest.mark.parametrize(
    "good",
    [{"step": 4}, {"show": "noisy"}, {"far": True}, {"budget": -2}, {"pixel": [0, 1, 2]}, {"pixel": None}],
)
def test_values_of_their_keys_kind_pass(good):
    RULES.check(good)


@pytest.mark.parametrize(
    ("odd", "rule"),
    [
        ({"step": 5}, "0 to 4"),
        ({"step": True}, "0 to 4"),
        ({"step": 1.0}, "0 to 4"),
        ({"step": None}, "0 to 4"),
        ({"word": 0}, "nothing here"),
        ({"show": "shown"}, "'final', 'noisy'"),
        ({"show": ["final"]}, "'final', 'noisy'"),
        ({"far": 1}, "True or False"),
        ({"budget": float("nan")}, "a number"),
        ({"budget": 10**400}, "a number"),
        ({"prompt": 3}, "text"),
        ({"pixel": [1, 2]}, "three whole numbers"),
        ({"pixel": [1, 2, -3]}, "three whole numbers"),
        ({"strange": 1}, "selects budget, far"),
    ],
)
def test_anything_else_is_told_with_the_rule(odd, rule):
    with pytest.raises(X2VError, match=rule):
        RULES.check(odd)


@pytest.fixture(scope="module")
def trace():
    return build_trace(**LINEAR)


@pytest.fixture(scope="module")
def views(trace):
    return [Denoise(trace), Patches(trace), Attention(trace), Compare([trace, trace]), Scaling()]


ODD = (None, 5, [], {"strange": 1}, {"frame": 10**6}, {"frame": -1}, {"frame": "0"}, {"frame": None}, {3: 4})


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_an_odd_selection_changes_nothing_wherever_it_comes_from(views, odd, monkeypatch):
    for view in views:
        before, seen = dict(view.selection), sorted(view.data())
        sent = []
        monkeypatch.setattr(view, "send_state", lambda key=None, sent=sent: sent.append(key))
        for put in (lambda view=view: view.set_state({"selection": odd}), lambda view=view: _set(view, odd)):
            with pytest.raises(X2VError):
                put()
            assert view.selection == before and sorted(view.data()) == seen
        assert sent == ["selection"], "the browser hears what still holds"


def _set(view, value):
    view.selection = value


def test_a_part_of_a_selection_from_the_browser_keeps_the_rest(views):
    for view in views:
        before = dict(view.selection)
        view.set_state({"selection": {"frame": 1}})
        assert view.selection == before | {"frame": 1}


def test_a_picked_pixel_lies_in_the_clip(trace):
    view = Patches(trace)
    view.selection = {"pixel": [4, 31, 47]}
    with pytest.raises(X2VError, match="5 x 32 x 48"):
        view.selection = {"pixel": [4, 32, 47]}


def test_linked_views_follow_as_far_as_they_can(trace):
    patches, attention = Patches(trace).link(second := Attention(trace)), second
    patches.selection = {"token": 3}
    assert attention.selection["token"] == 3
    patches.selection = {"token": None}  # nothing picked: attention has to ask some token
    assert attention.selection["token"] == 3 and attention.data()["attention"].size


def test_a_half_typed_setting_is_no_fault(trace):
    play = Playground()
    play.selection = {"seed": "", "prompt": "half a", "guidance": 3}
    with pytest.raises(X2VError, match="steps is a number"):
        play.selection = {"steps": "many"}
    play.close()


def test_a_closed_view_leaves_nothing_behind(trace):
    before = set(widgets._instances)
    opened = [Denoise(trace), Patches(trace), Playground()]
    assert len(set(widgets._instances) - before) >= len(opened)
    for view in opened:
        view.close()
        view.close()  # twice is once
    assert set(widgets._instances) == before
