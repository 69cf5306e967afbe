"""The Storyboard's kernel half: a bundled film, boards of every kind, and what is wrong with others."""

from __future__ import annotations

import pytest

import x2vkit as x2v
from x2vkit.studio.backend import StudioBackend
from x2vkit.studio.film import board as boards
from x2vkit.views.storyboard import CHOICES, SECONDS, Storyboard
from x2vkit.world.grammar import CAMERAS


class Tiny(StudioBackend):
    """Films by a tiny pipeline of random weights."""

    def __init__(self, pipeline):
        super().__init__()
        self.tiny = pipeline

    def pipeline(self, model):
        return self.tiny


@pytest.fixture
def talk(pipeline):
    """talk(board) -> a view, and what it said to the browser."""
    views = []

    def open_(board=None):
        view = Storyboard(board, Tiny(pipeline))
        said = []
        view.send = lambda content, buffers=None: said.append((content, buffers))
        views.append(view)
        return view, said

    yield open_
    for view in views:
        view.close()


def two():
    return x2v.Storyboard("Two", [x2v.Shot("a red ball", seconds=0.4), x2v.Shot("a dog", seconds=0.4)])


def test_it_opens_on_a_bundled_film():
    view = Storyboard()
    boards.Storyboard.from_dict(view.board)  # the studio can make it
    assert len(view.data()) == len(view.board["shots"]) == len(view.metadata["chapters"])
    assert any(one["name"] == "film" for one in view.metadata["arrays"])
    assert len(view.to_html()) < 3_000_000
    view.close()


def test_what_it_offers_is_what_the_studio_takes():
    assert (tuple(CHOICES["camera"]), tuple(CHOICES["cut"]), tuple(CHOICES["shape"])) == (
        CAMERAS, boards.CUTS, boards.SIZES,
    )  # fmt: skip
    assert SECONDS == boards.SECONDS


def test_a_film_is_made_shot_by_shot_and_kept_in_the_widget(talk):
    view, said = talk(two())
    view._on_message(view, {"kind": "make", "board": view.board, "id": "make"}, [])
    assert view.session.wait(120)
    kinds = [content["kind"] for content, _ in said]
    assert kinds == ["busy"] + (["shot"] * 5 + ["ready"]) * 2 + ["film"]
    assert view.film.count == 10 and view.data()["shot.1"].shape == (256, 256, 3)
    again = {**view.board, "shots": [view.board["shots"][0], {**view.board["shots"][1], "take": 1}]}
    said.clear()
    view._on_message(view, {"kind": "make", "board": again, "id": "make"}, [])
    assert view.session.wait(120)
    assert [content["new"] for content, _ in said if content["kind"] == "ready"] == [False, True]
    assert view.board["shots"][1]["take"] == 1
    picture = view.figure()
    assert len(picture.axes) == 2


def test_stopping_keeps_what_was_ready(talk):
    view, said = talk(two())

    def stop(content, buffers=None):
        said.append((content, buffers))
        if content["kind"] == "shot" and content["shot"] == 1:
            view._on_message(view, {"kind": "cancel"}, [])

    view.send = stop
    view._on_message(view, {"kind": "make", "board": view.board, "id": "make"}, [])
    assert view.session.wait(120)
    assert said[-1][0]["kind"] == "stopped" and view.film is None
    assert len(list(view.session.folder.iterdir())) == 1


def test_ideas_edits_and_files(talk):
    view, said = talk("a cat sleeps")
    assert view.board["cast"]["cat"]["description"] == "an orange cat"
    view._on_message(view, {"kind": "tell", "idea": "a robot flies to the moon", "id": 1}, [])
    assert view.board["shots"][1]["where"] == "in space"
    view.board["shots"][0]["who"] = "nobody"
    view._on_message(view, {"kind": "toml", "board": view.board}, [])
    assert boards.Storyboard.from_toml(said[-1][1][0].decode()).shots[0].who == "nobody"


@pytest.mark.parametrize(
    ("message", "said_of"),
    [
        ({"kind": "tell", "idea": ""}, "an idea says"),
        ({"kind": "tell", "idea": 7}, "idea"),
        ({"kind": "make", "board": {"shots": [{"who": "x"}] * 500}}, "at most 60"),
        ({"kind": "make", "board": None}, "is a table"),
        ({"kind": "edit", "board": {"shots": [{"who": "x", "seconds": -1}]}}, "0.4 to 10"),
        ({"kind": "edit", "board": {"shots": [{"lens": 35}]}}, "has the keys"),
    ],
)
def test_bad_messages_get_a_sentence(talk, message, said_of):
    view, said = talk()
    before = view.board
    view._on_message(view, message, [])
    assert said[-1][0]["kind"] == "problems" and said_of in said[-1][0]["rule"]
    assert view.board == before
    view._on_message(view, "nonsense", [])
    view._on_message(view, {"kind": "nonsense"}, [])


@pytest.mark.parametrize("board", ["", 3, {"shots": []}, {"titel": 1}])
def test_a_board_that_is_none_is_said_in_the_widgets_place(board):
    view = Storyboard(board)
    assert view.error is not None and view.metadata["error"]["cure"]
