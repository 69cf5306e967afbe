"""What `x2vkit.check` answers: a report on one exercise, or the list of all. HTML in notebooks, else text."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from x2vkit.course.lessons import LESSONS, Lesson
from x2vkit.course.properties import Property

GOOD, BAD, OPEN = "✓", "✗", "·"
COLORS = {GOOD: "#1a7f37", BAD: "#cf222e", OPEN: "inherit"}
BOX = (
    "border-left:3px solid {color};padding:.3em .8em;margin:.3em 0;max-width:60em;"
    "font-family:var(--jp-ui-font-family,sans-serif);font-size:14px;line-height:1.5"
)
CODE = "margin:.2em 0;padding:.3em .5em;background:rgba(127,127,127,.12);white-space:pre-wrap;font-size:13px"


@dataclass(frozen=True)
class Report:
    """How one exercise stands; the last line of a notebook's cell shows it, and so does `print`."""

    exercise: str
    """Its full name, "03.patchify"."""
    held: tuple[str, ...]
    """Properties that hold, in order, up to the first that does not."""
    failed: Property | None = None
    """The first property that does not hold; None where all do, or where the function gave no result."""
    trouble: str = ""
    """Why the function gave no result that can be looked at, in a sentence."""
    shown: str = ""
    """The call that it failed on."""
    blank: bool = False
    """Whether nothing is written yet."""

    @property
    def passed(self) -> bool:
        """Whether every property holds."""
        return self.failed is None and not self.trouble

    @property
    def headline(self) -> str:
        """The first line."""
        if self.passed:
            return f"{GOOD} {self.exercise}: all {len(self.held)} properties hold"
        if self.blank:
            cure = "put your lines where `raise NotImplementedError` stands"
            return f"{OPEN} {self.exercise}: {self.trouble}; {cure}, and run the cell again"
        return f"{BAD} {self.exercise}: not yet"

    def __str__(self) -> str:
        lines = [self.headline]
        if not self.blank:
            lines += [f"  {GOOD} {name}" for name in self.held]
        if self.failed:
            lines += [f"  {BAD} {self.failed.name}"]
            lines += [f"    got: {indent(self.failed.got)}"] if self.failed.got else []
        elif self.trouble and not self.blank:
            lines += [f"  {BAD} {self.trouble}"]
        if not self.passed and not self.blank and self.shown:
            lines += [f"    on: {indent(self.shown)}"]
        lines += [f"    hint: {self.failed.hint}"] if self.failed else []
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        mark = self.headline[0]
        lines = [f"<b style='color:{COLORS[mark]}'>{escape(self.headline)}</b>"]
        if not self.blank:
            lines += [f"<div>{colored(GOOD)} {escape(name)}</div>" for name in self.held]
        if self.failed:
            lines += [f"<div>{colored(BAD)} {escape(self.failed.name)}</div>"]
            lines += [pre(f"got: {self.failed.got}")] if self.failed.got else []
        elif self.trouble and not self.blank:
            lines += [f"<div>{colored(BAD)} {escape(self.trouble)}</div>"]
        if not self.passed and not self.blank and self.shown:
            lines += [pre(f"on: {self.shown}")]
        lines += [f"<div><b>Hint:</b> {escape(self.failed.hint)}</div>"] if self.failed else []
        return f"<div style='{BOX.format(color=COLORS[mark])}'>{''.join(lines)}</div>"


@dataclass(frozen=True)
class Progress:
    """Exercises, and which are passed."""

    passed: frozenset[str]
    """Full names."""
    lessons: tuple[Lesson, ...] = LESSONS
    """Whose exercises are listed."""

    @property
    def headline(self) -> str:
        """How many of how many."""
        names = {f"{lesson.number}.{name}" for lesson in self.lessons for name in lesson.exercises}
        where = f" of lesson {self.lessons[0].number}" if len(self.lessons) == 1 else ""
        return f"{len(self.passed & names)} of {len(names)} exercises{where} passed"

    def __str__(self) -> str:
        lines = [self.headline]
        for lesson in self.lessons:
            lines += ["", f"{lesson.number}  {lesson.title}"]
            for name, what in lesson.exercises.items():
                lines += [f"  {self.mark(lesson.number, name)} {lesson.number}.{name}: {what}"]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [f"<b>{escape(self.headline)}</b>"]
        for lesson in self.lessons:
            rows += [f"<div style='margin-top:.5em'><b>{lesson.number} {escape(lesson.title)}</b></div>"]
            for name, what in lesson.exercises.items():
                mark = colored(self.mark(lesson.number, name))
                rows += [f"<div>{mark} <code>{lesson.number}.{name}</code> {escape(what)}</div>"]
        return f"<div style='{BOX.format(color='currentColor')}'>{''.join(rows)}</div>"

    def mark(self, number: str, name: str) -> str:
        """Passed or open."""
        return GOOD if f"{number}.{name}" in self.passed else OPEN


def colored(mark: str) -> str:
    """A mark in its colour."""
    return f"<span style='color:{COLORS[mark]};font-weight:bold'>{mark}</span>"


def pre(text: str) -> str:
    """Numbers and calls, as they are."""
    return f"<pre style='{CODE}'>{escape(text)}</pre>"


def indent(text: str) -> str:
    """Later lines below the first."""
    return text.replace("\n", "\n        ")
