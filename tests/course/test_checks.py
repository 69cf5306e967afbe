"""Every exercise's check fails on the blank and on three typical wrong answers, and passes on the solution.

The wrong answers are in wrong_NN.py: functions NAME_1 to NAME_3.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tutorials"))
import lessons

from x2vkit.course import check, exercises

each_exercise = pytest.mark.parametrize("exercise", exercises())


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    """Nothing is written beside the tests."""
    monkeypatch.chdir(tmp_path)


@cache
def notebook(number: str) -> Path:
    return next(path for path in lessons.LESSONS if path.stem.startswith(number))


@cache
def solutions(number: str) -> ModuleType:
    return lessons.load(lessons.ROOT / "tutorials/solutions" / f"{notebook(number).stem}.py")


@cache
def wrong(number: str) -> ModuleType:
    return lessons.load(Path(__file__).parent / f"wrong_{number}.py")


def blank(number: str, name: str):
    """The function as the notebook leaves it."""
    for kind, _, text in lessons.site.cells(notebook(number)):
        if kind == "code" and lessons.site.exercise(text) == name:
            nodes = [node for node in ast.parse(text).body if getattr(node, "name", None) == name]
            names: dict = {}
            exec(ast.get_source_segment(text, nodes[0]), vars(solutions(number)) | {}, names)
            return names[name]
    raise AssertionError(f"no cell asks for {name}")


@each_exercise
def test_the_solution_passes(exercise):
    number, name = exercise.split(".")
    report = check(exercise, getattr(solutions(number), name))
    assert report.passed and len(report.held) >= 2, str(report)


@each_exercise
def test_the_blank_is_told_to_be_blank(exercise):
    report = check(exercise, blank(*exercise.split(".")))
    assert report.blank and not report.passed and "nothing is written yet" in str(report)


@pytest.mark.parametrize("which", [1, 2, 3])
@each_exercise
def test_a_typical_wrong_answer_fails_and_the_report_says_where(exercise, which):
    number, name = exercise.split(".")
    report = check(exercise, getattr(wrong(number), f"{name}_{which}"))
    assert not report.passed and not report.blank
    assert (report.failed and report.failed.hint) or report.trouble
    assert report.shown.startswith(name)  # which input it failed on


def test_every_wrong_answer_belongs_to_an_exercise():
    for path in Path(__file__).parent.glob("wrong_*.py"):
        number = path.stem[-2:]
        names = {name for name in vars(wrong(number)) if name[-2:] in ("_1", "_2", "_3")}
        wanted = [name[3:] for name in exercises() if name.startswith(number)]
        assert names == {f"{name}_{which}" for name in wanted for which in (1, 2, 3)}
