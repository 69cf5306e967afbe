"""The tab Film: an idea in a table, a film of it, and limits for strangers."""

from __future__ import annotations

import gradio as gr
import pytest

from x2vkit import X2VError
from x2vkit.demo.engine import Engine
from x2vkit.demo.film import KEPT_SHOTS, Film, forget, read
from x2vkit.demo.models import Models
from x2vkit.studio.film.board import Shot

ROW = ["the ball", "bouncing", "", "static", 0.4]


@pytest.fixture
def tab(pipeline):
    engine = Engine(Models(pipeline))
    with gr.Blocks():
        yield Film(engine)
    engine.close()


def test_an_idea_becomes_a_table_and_the_table_a_film(tab):
    lead, rows, _ = tab.told("a red ball rolls to the beach")
    assert (lead, rows[1][:3]) == ("a red ball", ["the ball", "rolling to the right", "on the beach"])
    assert "an idea says" in tab.told("")[2]
    said = list(tab.run("Ball", "a red ball", [ROW, ["", None, "", "", None]]))
    assert said[0][0] == "Starting…" and said[-1][0] == "1 shots, 0.4 s"
    assert said[-1][1].endswith("film.mp4")
    assert any("Shot 1 of 1, step" in str(each) for each in said[1:-1])


@pytest.mark.parametrize(
    ("lead", "rows", "said"),
    [
        ("a dog", [], "0 shots: a film on this page has 1 to 6"),
        ("a dog", [ROW] * 7, "7 shots"),
        ("a dog", [[*ROW[:4], 9]], "at most 2.75 seconds"),
        ("a dog", [[*ROW[:4], -1]], "0.4 to 10"),
        ("a dog", [[*ROW[:4], "long"]], "seconds='long'"),
        ("a dog", [[*ROW[:3], "dolly", 1]], "camera"),
        ("a dog", [["x" * 999, *ROW[1:]]], "at most 200"),
        ("a dog", [["a dog"]], "1 shots"),
        (" ", [ROW], "nobody"),
        ("a\x00dog" * 100, [ROW], "one line of at most"),
    ],
)
def test_strangers_have_limits(lead, rows, said):
    with pytest.raises(X2VError, match=said):
        read("x", lead, rows)


def test_a_form_is_a_storyboard():
    board = read("A story", "a brown dog", [ROW, [*ROW[:3], None, "1.5"]])
    assert board.title == "A story" and board.cast["dog"].description == "a brown dog"
    assert board.shots[1] == Shot("the ball", "bouncing", "", "static", 1.5)


def test_old_shots_are_forgotten(tmp_path):
    for number in range(KEPT_SHOTS + 3):
        (tmp_path / str(number)).write_bytes(b"x")
    forget(tmp_path)
    assert len(list(tmp_path.iterdir())) == KEPT_SHOTS
