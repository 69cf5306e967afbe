"""The Play view's kernel half: it opens on what is bundled, hears keys, and holds what was played."""

from __future__ import annotations

import numpy as np
import pytest

from x2vkit.errors import X2VError
from x2vkit.views import Play


class World:
    """A stand-in for what is played in."""

    def __init__(self) -> None:
        self.frames = np.zeros((5, 16, 16, 3), np.uint8)
        self.keys: list[str] = []

    @property
    def boxes(self) -> np.ndarray:
        return np.tile(np.array([0.1, 0.2, 0.5, 0.8], np.float32), (len(self.frames), 1))


class Session:
    """A session that draws white frames at once."""

    def __init__(self, emit, start) -> None:
        self.emit, self.begun, self.world, self.asked = emit, start, None, []

    def start(self, prompt, seed=0):
        self.asked.append(("start", prompt, seed))

    def press(self, key):
        self.asked.append(("press", key))
        self.world = self.world or World()
        self.world.frames = np.concatenate([self.world.frames, np.full((4, 16, 16, 3), 255, np.uint8)])
        self.world.keys.append(key)
        told = {"boxes": [None] * 4, "size": [4, 16, 16, 3], "pressed": 1, "key": key, "seconds": 0.1}
        self.emit("frames", told, [b"\xff" * 3072])

    def cancel(self):
        self.asked.append(("cancel",))

    def close(self):
        self.asked.append(("close",))


class Backend:
    """Hands out such a session."""

    def play(self, emit, start):
        self.session = Session(emit, start)
        return self.session


@pytest.fixture
def view():
    backend = Backend()
    made = Play(backend=backend)
    made.sent = []
    made.send = lambda content, buffers=None: made.sent.append((content, buffers))
    yield made
    made.close()


def test_it_opens_on_the_bundled_clip_and_goes_on_from_it(view):
    assert view.session.begun is view.trace and view.metadata["made"]
    assert view.data()["frames"].shape == view.trace.frames.shape
    assert len(view.metadata["boxes"]) == len(view.trace.frames)


def test_keys_go_to_the_session_and_frames_to_the_page(view):
    for message in ({"kind": "hello"}, {"kind": "press", "key": "left"}, {"kind": "cancel"}):
        view._on_message(view, message, [])
    assert [content["kind"] for content, _ in view.sent] == ["hello", "frames"]
    assert view.session.asked == [("press", "left"), ("cancel",)]
    assert view.data()["frames"].shape == (9, 16, 16, 3) and view.world.keys == ["left"]
    html = view.to_html()
    assert view.metadata["pressed"] == 1 and "play" in html
    assert view.figure().axes


def test_odd_messages_get_a_sentence(view):
    for message in ({"kind": "press"}, {"kind": "start", "prompt": 3, "seed": 1}, "left", {"kind": "jump"}):
        view._on_message(view, message, [])
        content, _ = view.sent[-1]
        assert content["kind"] == "problem" and content["cure"]
    assert not view.session.asked


def test_a_prompt_is_a_world_that_is_not_made_yet():
    backend = Backend()
    view = Play("a robot in the city", backend)
    assert backend.session.begun == "a robot in the city" and not view.metadata["made"]
    assert view.selection["prompt"] == "a robot in the city"
    with pytest.raises(X2VError):
        Play(3, backend).figure()
