"""A storyboard is plain data: it survives its file, and what cannot be is told by value, rule and cure."""

from __future__ import annotations

import pytest

from x2vkit import Character, Shot, Storyboard, X2VError
from x2vkit.studio.film.board import names_file


def board(**changes):
    shots = [
        Shot("the dog", "running", "on the beach", "pan left", 1.0),
        Shot("a cat", 'saying "a\\b"', title="Zwölf\n#1"),
    ]
    return Storyboard(
        **{"title": 'The "lost" hat', "shots": shots, "cast": {"dog": Character("a red dog", 7)}} | changes
    )


def test_a_file_keeps_everything(tmp_path):
    path = board(notes=["one"]).save(tmp_path / "b.toml")
    assert Storyboard.load(path) == board(notes=["one"])
    assert Storyboard.from_dict(board().to_dict()) == board()


def test_what_somebody_writes_by_hand_is_enough():
    read = Storyboard.from_toml('[[shots]]\nwho = "a red ball"\nseconds = 1')
    assert read.shots == [Shot("a red ball", seconds=1)]
    assert read.seconds == pytest.approx(13 / 12)  # 1 + 4k frames at 12 a second


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shots": []}, "without shots"),
        ({"shots": [Shot("a dog")] * 500}, "500 shots: a film has at most 60"),
        ({"shots": [Shot("a dog", seconds=-1)]}, "shot 1.seconds=-1: a shot lasts 0.4 to 10"),
        ({"shots": [Shot("a dog", seconds=float("nan"))]}, "seconds=nan"),
        ({"shots": [Shot("a dog", camera="dolly")]}, "camera='dolly': camera is static, pan left"),
        ({"shots": [Shot("a dog"), Shot()]}, "shot 2 without who"),
        ({"shots": [Shot("", "bouncing", "")]}, "shot 1 without who"),
        ({"notes": 5}, "notes are a list"),
        ({"notes": [5]}, "notes are a list"),
        ({"shots": [Shot("a" * 500)]}, "text of at most 200"),
        ({"shots": ["a dog"]}, "a shot is a Shot"),
        ({"shape": "round"}, "square, wide, tall"),
        ({"seed": -1}, "whole number"),
        ({"cast": {"the dog": Character("a dog")}}, "a word that shots use"),
    ],
)
def test_what_cannot_be_made_is_refused(change, said):
    with pytest.raises(X2VError, match=said.replace(".", r"\.")):
        board(**change).check()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shots = 3", "shots are a list"),
        ('titel = "x"', "titel: a storyboard has the keys title, shots"),
        ('[[shots]]\nwho = "a dog"\nlens = 35', "shot 1: lens"),
        ("[cast.dog]\nseed = 1", "a character of nobody|description"),
        ('[cast.dog]\ndescription = " "\n[[shots]]\nwho = "x"', "a character of nobody"),
        ("cast = 1", "a cast is a table"),
        ('[[shots]]\nwho = ""\nwhat = "bouncing"', "shot 1 without who"),
        ('notes = 5\n[[shots]]\nwho = "x"', "notes are a list"),
        ("shots = [", "it is no TOML"),
    ],
)
def test_a_bad_file_is_told_by_what_is_wrong_in_it(text, said):
    with pytest.raises(X2VError, match=said):
        Storyboard.from_toml(text)


def test_a_file_that_is_no_toml_is_named(tmp_path):
    path = tmp_path / "hat.toml"
    path.write_text("shots = [")
    with pytest.raises(X2VError, match="hat.toml.*it is no TOML"):
        Storyboard.load(path)


def test_an_idea_is_no_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "adir").mkdir()
    for path in ("hat.tml", "no/such", "/no", "adir"):
        with pytest.raises(X2VError, match=f"board '{path}'"):
            names_file(path)
    for idea in ("a dog", "a dog and/or a cat runs", "Dr. Who runs. Then he sleeps."):
        assert not names_file(idea)
    assert names_file("no.toml") and names_file(tmp_path)
