"""What a reader sees of a check: sentences instead of tracebacks, inputs, hints, and progress that stays."""

from __future__ import annotations

import numpy as np
import pytest

import x2vkit as x2v
from x2vkit import lab
from x2vkit.course import LESSONS, progress
from x2vkit.errors import X2VError

NAME = "01.to_signed"


@pytest.fixture(autouse=True)
def afresh(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "_PASSED", set())


def right(frames):
    return frames / 127.5 - 1


def test_a_failing_property_is_named_with_input_result_and_hint():
    def to_signed(frames):
        return frames / 255

    report = x2v.check(NAME, to_signed)
    text, page = str(report), report._repr_html_()
    assert not report.passed
    for part in (
        "0 becomes -1, and 255 becomes 1",
        "frames = array (2,) [  0, 255]",
        "off by up to 1",
        "scale to a range",
    ):
        assert part in text and part in page


def test_an_error_is_a_sentence_with_the_readers_line():
    def helper(frames):
        return frames + "1"

    def to_signed(frames):
        scaled = frames / 255
        return helper(scaled)

    text = str(x2v.check(NAME, to_signed))
    assert 'line 2 of helper, `return frames + "1"`' in text and "Traceback" not in text


def test_a_line_inside_a_comprehension_is_counted_in_its_function():
    def to_signed(frames):
        """Two lines down."""
        return [frames[i + 2] for i in range(2)]

    assert "line 3 of to_signed" in str(x2v.check(NAME, to_signed))


@pytest.mark.parametrize(
    ("fn", "said"),
    [
        (lambda frames: None, "is there a `return`"),
        (lambda frames: "numbers", "'numbers' came back, where numbers are needed"),
        (lambda frames: [[1], [1, 2]], "its rows differ in length"),
        (lambda: 0, "TypeError"),
        (lambda frames: np.full(frames.shape, np.nan), "off by up to nan"),
        (np.float64, "off by up to 254"),
    ],
)
def test_odd_answers_are_told_in_words(fn, said):
    report = x2v.check(NAME, fn)
    assert not report.passed and said in str(report)


def test_an_input_that_is_changed_is_noticed():
    def to_signed(frames):
        frames[:] = 0
        return frames

    assert "changed its input" in str(x2v.check(NAME, to_signed))


def test_what_a_function_returns_is_shown_as_text_on_a_page():
    assert "<script>" not in x2v.check(NAME, lambda frames: "<script>")._repr_html_()


@pytest.mark.parametrize(
    ("exercise", "fn", "said"),
    [
        ("01.to_singed", right, "use '01.to_signed'"),
        ("99.x", right, "lists them all"),
        (NAME, 3, "itself"),
    ],
)
def test_a_wrong_call_is_told_the_cure(exercise, fn, said):
    with pytest.raises(X2VError, match=said):
        x2v.check(exercise, fn)


def test_progress_lasts_in_the_course_folder_alone(tmp_path, monkeypatch):
    assert f"· {NAME}" in str(x2v.check())
    x2v.check(NAME, right)
    assert f"✓ {NAME}" in str(x2v.check()) and list(tmp_path.iterdir()) == []
    lab.copy_notebooks(tmp_path / "course", course=True)
    monkeypatch.chdir(tmp_path / "course")
    x2v.check(NAME, right)
    monkeypatch.setattr(progress, "_PASSED", set())  # a new session
    assert f"✓ {NAME}" in str(x2v.check()) and "1 of" in x2v.check()._repr_html_()


def test_a_lessons_number_lists_its_exercises_alone():
    x2v.check(NAME, right)
    number = NAME[:2]
    told = x2v.check(number)
    names = [f"{number}.{name}" for name in next(each for each in LESSONS if each.number == number).exercises]
    assert all(name in str(told) and name in told._repr_html_() for name in names)
    assert str(told).count("\n  ") == len(names)
    assert told.headline == f"1 of {len(names)} exercises of lesson {number} passed"


def test_progress_that_cannot_be_read_is_none(tmp_path, monkeypatch):
    lab.copy_notebooks(tmp_path, course=True)
    (tmp_path / progress.FILE).write_text("{")
    assert progress.passed() == frozenset()
