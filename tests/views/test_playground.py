"""The Playground's widget: what the browser says reaches the session; what is made stays in its state."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from x2vkit.backend import Reading, StepReport
from x2vkit.core.lexicon import Lexicon
from x2vkit.errors import X2VError
from x2vkit.registry import SHAPES, SamplingDefaults
from x2vkit.run.palette import palette
from x2vkit.run.session import Session
from x2vkit.trace.samples import sample
from x2vkit.views import Playground


class FakeBackend:
    """A model that makes a clip at once, in whatever size is asked."""

    def __init__(self, make_trace) -> None:
        self.make_trace = make_trace
        self.loaded: list = []

    def models(self):
        return ("small", "other")

    def palette(self, model):
        return palette(Lexicon(["a", "dog", "red"]))

    def reading(self, model, prompt):
        return Reading([(word, (word,), ()) for word in prompt.split()])

    def sampling(self, model):
        return SamplingDefaults()

    def preview_decoder(self, model):
        self.loaded.append(model)
        return np.zeros((768, 4)), np.zeros(768)

    def generate(self, request, inputs, on_step):
        on_step(StepReport(0, 1, 1.0, np.zeros((4, 2, 4, 6), np.float32)))
        return self.make_trace(request=request.to_dict())

    def session(self, emit):
        return Session(emit, self)

    def expand(self, prompt, n=3, seed=0):
        if not prompt:
            raise X2VError("prompt ''", "there is nothing to expand", "write something")
        lines = [{"said": prompt, "kind": "kept", "read": "", "why": ""}]
        return {"sentences": [f"{prompt} {seed}"], "lines": lines}

    def page(self, model, path, *, title=None):
        self.written = (model, path, title)
        return path


@pytest.fixture
def play(make_trace):
    view = Playground(backend=FakeBackend(make_trace))
    view.sent = []
    view.send = lambda content, buffers=None: view.sent.append((content, buffers))
    yield view
    view.close()


def hear(play, **told):
    play._on_message(play, told, told.pop("buffers", []))
    assert play.session.wait()


def ask(play, **settings):
    hear(play, kind="ask", id=1, settings={"prompt": "a red ball", **settings}, typed=False)


def kinds(play):
    return [content["kind"] for content, _ in play.sent]


def test_a_live_page_is_written_by_the_backend_of_the_model_that_is_selected(play):
    play.selection = {**play.selection, "model": "other"}
    assert play.to_html("page.html", "Mine", live=True) == "page.html"
    assert play._backend.written == ("other", "page.html", "Mine")
    with pytest.raises(X2VError, match=r'to_html\("page.html", live=True\)'):
        play.to_html(live=True)
    assert "live=True" in play.to_html()  # one without a model says how to get the other


def test_it_opens_on_a_bundled_clip_and_says_what_can_be_set(play):
    assert play.error is None and play.trace is sample()
    assert play.selection["prompt"] == sample().prompt and play.selection["entry"] == 0
    assert play.metadata["models"] == ["small", "other"] and list(play.metadata["shapes"]) == list(SHAPES)
    assert np.array_equal(play.data()["frames"], sample().frames)
    hear(play, kind="hello")
    assert kinds(play) == ["hello"]


def test_a_clip_that_is_asked_for_is_told_and_kept_in_the_widgets_state(play):
    ask(play, seed=4)
    assert kinds(play) == ["busy", "words", "begin", "preview", "done"]
    assert [entry["settings"]["seed"] for entry in play.metadata["history"]] == [0, 4]
    packed = next(one for one in play.metadata["arrays"] if one["name"] == "clip.1")
    strip = play.buffer[packed["offset"] : packed["offset"] + packed["bytes"]]
    assert Image.open(io.BytesIO(strip)).width == 48 * play.metadata["history"][1]["columns"]
    play.selection = {"entry": 1}
    assert play.trace.prompt == "a red ball"


def test_words_are_expanded_by_the_backend_and_told_to_the_page(play):
    assert play.metadata["expands"]
    hear(play, kind="expand", prompt="a poodle", seed=2)
    content, _ = play.sent[-1]
    assert content["kind"] == "expand" and content["prompt"] == "a poodle"
    assert content["sentences"] == ["a poodle 2"] and content["lines"][0]["kind"] == "kept"
    hear(play, kind="expand", prompt="", seed=0)
    content, _ = play.sent[-1]
    assert content["id"] == "expand" and content["fields"]["prompt"]["rule"] == "there is nothing to expand"


def test_what_is_selected_stays_when_a_clip_is_made(play):
    play.selection = {"prompt": "half ty", "seed": 9}
    ask(play)
    assert play.selection["prompt"] == "half ty" and play.selection["seed"] == 9


def test_chosen_clips_are_compared_in_the_browser_and_in_python(play):
    for seed in (1, 2):
        ask(play, seed=seed)
    hear(play, kind="compare", entries=[1, 2])
    told, buffers = play.sent[-1]
    assert told["kind"] == "compare" and len(told["metadata"]["runs"]) == 2 and buffers[0]
    assert [run["label"] for run in told["metadata"]["runs"]] == ["seed 1", "seed 2"]
    assert play.compare(1, 2).metadata["runs"] == told["metadata"]["runs"]
    hear(play, kind="compare", entries=[1, 99])
    assert play.sent[-1][0]["kind"] == "problems" and play.sent[-1][0]["id"] == "compare"


def test_the_browsers_other_requests_reach_the_session(play):
    stream = io.BytesIO()
    Image.new("RGB", (64, 64)).save(stream, "PNG")
    hear(play, kind="image", image=5, buffers=[memoryview(stream.getvalue())])
    hear(play, kind="star", entry=0, starred=True)
    assert play.metadata["history"][0]["starred"]
    hear(play, kind="export", entry=0, suffix=".gif")
    hear(play, kind="grid", settings={"prompt": "red"}, across=["seed", "1, 2"], down=["steps", "3"])
    hear(play, kind="stop_grid")
    hear(play, kind="cancel")
    hear(play, kind="warm", model="small")
    hear(play, kind="who knows")
    assert kinds(play) == ["image", "file", "grid", "cell", "cell", "grid_done"]
    assert play.session.backend.loaded[-1] == "small" and len(play.session.backend.loaded) == 1


def test_the_picture_for_pages_without_widgets(play):
    for seed in range(9):
        ask(play, seed=seed)
    assert len(play.figure().axes) == 9
    assert play.to_html().count("a red ball") >= 9


def test_a_trace_of_another_shape_is_not_opened(play, make_trace):
    with pytest.raises(X2VError, match="the Playground makes"):
        play.session.open(make_trace())


def test_a_clips_inside_is_an_overview_with_all_that_opens_in_it(play):
    play._hear({"kind": "inside", "entry": play.selection["entry"]}, [])
    play.session.wait()
    [(message, buffers)] = [sent for sent in play.sent if sent[0]["kind"] == "inside"]
    assert message["metadata"]["prompt"] == play.trace.prompt
    assert set(message["metadata"]["inside"]) == {"denoise", "patches", "attention"}
    last = message["metadata"]["arrays"][-1]
    assert last["offset"] + last["bytes"] <= len(buffers[0])
    play._hear({"kind": "inside", "entry": 99}, [])
    play.session.wait()
    assert play.sent[-1][0]["kind"] == "problems" and "inside" in str(play.sent[-1][0])
