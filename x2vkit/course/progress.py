"""Which exercises are passed: for this session, and in a course's own folder for the next one, too.

Only a folder that `x2vkit lab --course` made is written to; elsewhere nothing is left behind.
"""

from __future__ import annotations

import json
from pathlib import Path

from x2vkit.course.lessons import exercises
from x2vkit.lab import NOTES
from x2vkit.media import write_atomic

FILE = ".x2vkit-progress.json"
_PASSED: set[str] = set()


def passed() -> frozenset[str]:
    """Full names of the exercises that were passed and that there still are."""
    return frozenset((_PASSED | _read()) & exercises().keys())


def remember(exercise: str) -> None:
    """Note that an exercise was passed."""
    _PASSED.add(exercise)
    if Path(NOTES).is_file() and exercise not in _read():
        try:
            write_atomic(Path(FILE), json.dumps(sorted(_PASSED | _read()), indent=1).encode())
        except OSError:  # a folder that cannot be written: the session still knows
            return


def _read() -> set[str]:
    try:
        held = json.loads(Path(FILE).read_text()) if Path(NOTES).is_file() else []
    except (OSError, ValueError):
        return set()
    return {name for name in held if isinstance(name, str)} if isinstance(held, list) else set()
