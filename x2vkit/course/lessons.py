"""The lessons of the course and their exercises: one table, read without torch.

Lesson NN is `tutorials/NN-name.ipynb`; its solutions are `tutorials/solutions/NN-name.py`, and what its
exercises must hold stands in `checks_NN.py`. An exercise `NN.function` asks for a function of that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from x2vkit.errors import X2VError


@dataclass(frozen=True)
class Lesson:
    """One numbered notebook."""

    name: str
    """File name without its ending: "03-patches"."""
    title: str
    """What stands in lists."""
    exercises: Mapping[str, str]
    """Function to write -> what it does, in a few words, in the order of the notebook."""

    @property
    def number(self) -> str:
        """Two digits: "03"."""
        return self.name[:2]


LESSONS: tuple[Lesson, ...] = (
    Lesson(
        "01-clip",
        "A clip is numbers",
        {
            "count_numbers": "how many numbers a clip holds",
            "to_signed": "bytes 0..255 to floats -1..1",
            "to_bytes": "floats -1..1 back to bytes, rounded and clipped",
            "resample": "a clip at another number of frames a second",
            "box_of": "the box around one subject, from the truth",
            "acceleration": "how fast a motion changes, from positions",
        },
    ),
    Lesson(
        "02-compression",
        "Compression: what can be left out",
        {
            "psnr": "how alike two pictures are, in decibels",
            "blocks_of": "a picture as a table of blocks",
            "principal_components": "the directions along which rows vary most",
            "rebuild": "rows from a few numbers each",
            "fold_frames": "groups of four frames, the first alone",
            "touched": "an experiment: which latent frames see a frame",
        },
    ),
)
"""All lessons, in order."""


def exercises() -> dict[str, str]:
    """Every exercise by its full name, "03.patchify" -> what it does, in the order of the course."""
    return {f"{lesson.number}.{name}": what for lesson in LESSONS for name, what in lesson.exercises.items()}


def lesson_of(number: str) -> Lesson:
    """The lesson of a number of two digits; X2VError where there is none."""
    for lesson in LESSONS:
        if lesson.number == number:
            return lesson
    have = f"lessons are {LESSONS[0].number} to {LESSONS[-1].number}"
    raise X2VError(f"lesson {number}", have, "use one of them")
