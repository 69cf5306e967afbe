"""The Play view's kernel half: it opens on what is bundled, hears keys, and holds what was played."""

from __future__ import annotations

import numpy as np
import pytest

from x2vkit.errors import X2VError
from x2vkit.views import Play
from x2vkit.views.play import opening


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

    def __init__(self, emit, start, seed) -> None:
        self.emit, self.begun, self.seed, self.world, self.asked = emit, start, seed, None, []

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

    def play(self, emit, start, seed=0):
        self.session = Session(emit, start, seed)
        return self.session


@pytest.fixture
def view():
    backend = Backend()
    made = Play(backend=backend)
    made.sent = []
    made.send = lambda content, buffers=None: made.sent.append((content, buffers))
    yield made
    made.close()


def test_it_opens_on_a_world_that_the_first_key_begins_anew(view):
    world = opening()
    assert (view.session.begun, view.session.seed) == (world.prompt, world.seed)
    assert view.metadata["opening"] and len(view.metadata["boxes"]) == len(world.frames) >= 17
    assert view.data()["frames"].shape == (len(world.frames), 128, 128, 3)
    inside, outside = world.boxes[0], world.frames[0]
    x0, y0, x1, y1 = (128 * inside).astype(int)
    assert outside[y0:y1, x0:x1, 0].mean() > outside[y0:y1, x0:x1, 2].mean() + 20  # a red robot in its box


def test_a_clip_goes_on(make_trace):
    backend, clip = Backend(), make_trace()
    view = Play(clip, backend)
    assert backend.session.begun is clip and view.data()["frames"].shape == clip.frames.shape
    assert not view.metadata["opening"]


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
