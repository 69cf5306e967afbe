"""The Director's widget: it opens on a bundled clip; what the browser says reaches the session; what is made
is shown with what was read back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from x2vkit.backend import Directed
from x2vkit.errors import X2VError
from x2vkit.trace.samples import sample
from x2vkit.views import Director
from x2vkit.views.director import agreement


class FakeSession:
    """Makes whatever it is told to at once."""

    def __init__(self, emit, made) -> None:
        self.emit, self.made, self.asked = emit, made, []
        self.last = None

    def ask(self, values, draft=False):
        self.asked.append((values, draft))
        self.last = self.made[draft]
        self.emit("drafted" if draft else "done", {}, [])

    def cancel(self):
        self.asked.append("cancel")

    def wait(self, seconds=60):
        return True

    def close(self):
        self.asked.append("close")


class FakeBackend:
    def __init__(self, made) -> None:
        self.made = made

    def models(self):
        return ("small",)

    def directing(self, emit):
        self.session = FakeSession(emit, self.made)
        return self.session


@pytest.fixture
def trace(make_trace):
    """A made-up clip with a plan of one subject that moves to the right."""
    boxes = np.full((5, 2, 4), np.nan, np.float32)
    boxes[:, 0] = np.linspace((0, 0.2, 0.4, 0.6), (0.5, 0.2, 0.9, 0.6), 5)
    return make_trace(plan={"boxes": boxes})


@pytest.fixture
def directing(trace):
    """A Director on it, its backend, and what it sent."""
    read = np.array(trace.plan["boxes"])
    made = Directed(dict(trace.plan), "a red ball", trace, read)
    drafted = Directed({"boxes": np.full((5, 2, 4), 0.5, np.float32)}, "a red ball")
    backend = FakeBackend({False: made, True: drafted})
    view = Director(trace, backend=backend)
    view.sent = []
    view.send = lambda content, buffers=None: view.sent.append(content)
    return view, backend


def hear(view, **message):
    view._on_message(view, message, [])


def test_it_opens_on_a_bundled_clip_with_its_plan_and_what_is_read_from_it():
    view = Director()
    assert view.error is None and view.trace is sample()
    assert {one["name"] for one in view.metadata["arrays"]} == {"frames", "plan", "camera", "read"}
    view.selection = {"frame": 8}
    seen = view.data()
    np.testing.assert_array_equal(seen["plan"], sample().plan["boxes"][8])
    assert np.abs(seen["read"][0] - seen["plan"][0]).max() < 0.2  # it is drawn where it was planned
    assert view.metadata["found"][0]["miou"] > 0.6 and view.metadata["found"][1] is None
    assert "Director" in view.to_html()
    assert len(view.figure().axes) == 5


def test_what_is_asked_reaches_the_session_with_the_clips_size_and_what_is_made_is_shown(directing, trace):
    view, backend = directing
    asked = {"prompt": "a red ball", "seed": 3, "boxes": [[0, 0, 0.5, 0.5], None]}
    hear(view, kind="ask", asked=asked, draft=False)
    assert backend.session.asked == [({**asked, "num_frames": 5, "height": 32, "width": 48}, False)]
    assert view.sent == [{"kind": "done"}]
    assert view.trace is trace and view.metadata["found"][1] is None
    assert view.metadata["found"][0] == pytest.approx({"miou": 1, "way": 0}, abs=1e-3)
    hear(view, kind="ask", asked=asked, draft=True)
    assert view.metadata["drafted"] and view.metadata["found"] == []
    assert {one["name"] for one in view.metadata["arrays"]} == {"frames", "plan"}
    hear(view, kind="cancel")
    view.close()
    assert backend.session.asked[-2:] == ["cancel", "close"]


@pytest.mark.parametrize(
    "message", [None, {"kind": 3}, {"kind": "ask"}, {"kind": "ask", "asked": [], "draft": False}]
)
def test_odd_messages_get_a_sentence(directing, message):
    view, _ = directing
    view._on_message(view, message, [])
    assert [each["kind"] for each in view.sent] == ["problems"]
    assert set(view.sent[0]) == {"kind", "got", "rule", "cure"}


def test_selection_keeps_what_is_drawn_and_nothing_else(directing):
    view, _ = directing
    drawn = json.dumps({"boxes": [None, None], "soft": [[], []], "strokes": [], "camera": "zoom in"})
    view.selection = {"asked": drawn}
    assert view.selection["asked"] == drawn
    with pytest.raises(X2VError):
        view.selection = {"asked": 3}


def test_agreement_is_overlap_and_distance():
    plan = np.full((4, 2, 4), np.nan)
    plan[:, 0] = (0.2, 0.2, 0.6, 0.6)
    read = plan.copy()
    read[:, 0, [0, 2]] += 0.2
    first, second = agreement(plan, read)
    assert second is None
    assert first == pytest.approx({"miou": 1 / 3, "way": 0.2 / np.sqrt(2)})
