"""`x2vkit film`: the storyboard alone needs no model, and bad input ends with a sentence."""

from __future__ import annotations

import sys

import pytest

from x2vkit import Storyboard
from x2vkit.cli import main


def test_an_idea_becomes_a_storyboard_that_one_edits(tmp_path, capsys):
    path = tmp_path / "hat.toml"
    assert main(["film", "a dog loses its hat and finds it again", "-o", str(path), "--shots", "5"]) == 0
    assert len(Storyboard.load(path).shots) == 5
    assert "5 shots" in capsys.readouterr().out


def test_an_idea_is_not_written_over_an_edited_storyboard(tmp_path, capsys):
    path, idea = tmp_path / "hat.toml", ["film", "a dog loses its hat", "-o"]
    assert main([*idea, str(path)]) == 0
    assert main([*idea, str(path)]) == 0  # the same again
    edited = path.read_text().replace("dog", "cat")
    path.write_text(edited)
    for output in (path, path.with_suffix(".mp4")):
        assert main([*idea, str(output)]) == 2
        assert path.read_text() == edited and "it is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["film", " "], "an idea says"),
        (["film", "no.toml"], "no such file"),
        (["film", "hat.tml"], "no such file"),
        (["film", "a dog", "--steps", "0"], "steps"),
        (["film", "a dog", "--guidance", "nan"], "guidance"),
        (["film", "a dog", "--sound", "no.wav"], "no such file"),
        (["film", "a dog", "--seed", "-1"], "whole number"),
        (["film", "a dog", "-o", "no/such.mp4"], "does not exist"),
        (["film", "a dog", "-o", "film.gif"], ".mp4, .toml"),
        (["film", "a dog", "--seconds", "-1"], "0.4 to 10"),
        (["film", "a dog", "--shots", "500"], "1 to 60"),
        (["film", "a dog", "--model", "nobody"], "no such weights"),
    ],
)
def test_bad_input_is_a_sentence(argv, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = "torch" in sys.modules
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error
    assert ("torch" in sys.modules) == before
    assert not list(tmp_path.iterdir())
