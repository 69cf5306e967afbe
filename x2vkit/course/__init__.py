"""The course's checks: `x2vkit.check("03.patchify", patchify)` says which property of a function fails, and
on which input.

The lessons themselves are the notebooks in tutorials/; `x2vkit lab --course` opens them. Nothing is hidden:
each check is a short function in `checks_NN.py` that can be read.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from x2vkit.course import progress
from x2vkit.course.lessons import LESSONS, exercises
from x2vkit.course.properties import Answer, Blank, Trouble
from x2vkit.course.report import Progress, Report
from x2vkit.errors import X2VError

__all__ = ["LESSONS", "Progress", "Report", "check", "exercises"]


def check(exercise: str | None = None, fn: Callable[..., Any] | None = None) -> Report | Progress:
    """Check an exercise of the course; a notebook shows the report, elsewhere `print` it.

    Args:
        exercise: its full name, "03.patchify"; a lesson's number alone, "03", lists its exercises, and which
            are passed; None lists all.
        fn: the function that was written.

    Raises:
        X2VError: there is no such exercise, or `fn` is no function.
    """
    if exercise is None:
        return Progress(progress.passed())
    if lesson := [each for each in LESSONS if each.number == exercise]:
        return Progress(progress.passed(), tuple(lesson))
    if exercise not in exercises():
        near = get_close_matches(exercise, exercises(), n=1, cutoff=0.5)
        cure = f"use {near[0]!r}, if you meant that" if near else "x2vkit.check() lists them all"
        raise X2VError(f"exercise {exercise!r}", "the course has no exercise of this name", cure)
    if not callable(fn):
        cure = f"check({exercise!r}, {exercise[3:]}), without calling it"
        raise X2VError(f"fn={fn!r:.80}", "a check is given the function itself", cure)
    report = _report(exercise, Answer(fn))
    if report.passed:
        progress.remember(exercise)
    return report


def _report(exercise: str, answer: Answer) -> Report:
    """Go through an exercise's properties until one fails."""
    number, name = exercise.split(".")
    properties = getattr(import_module(f"x2vkit.course.checks_{number}"), name)
    held: list[str] = []
    try:
        for each in properties(answer):
            if not each.holds:
                return Report(exercise, tuple(held), failed=each, shown=answer.shown)
            held.append(each.name)
    except Trouble as trouble:
        blank = isinstance(trouble, Blank)
        return Report(exercise, tuple(held), trouble=str(trouble), shown=answer.shown, blank=blank)
    except Exception as error:  # the check could not use what came back
        said = f"what it returned could not be used ({type(error).__name__}: {error})"
        return Report(exercise, tuple(held), trouble=said, shown=answer.shown)
    return Report(exercise, tuple(held))
