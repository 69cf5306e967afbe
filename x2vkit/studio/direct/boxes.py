"""Where subjects are to be: hard boxes, which are kept as they are, and soft ones, which a subject stays in.

    F frames

Boximator's two kinds (Wang et al. 2024, arXiv 2402.01566). A hard box is x0, y0, x1, y1 in fractions of the
frame: one for the whole clip, a row for each frame (or several, evenly over the clip), or keyframes by their
second, {0: box, 1.2: box}, between which it moves evenly. A soft box is a region, from one second to another:
"somewhere in here, by then there". Knows nothing about models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.config import is_number
from x2vkit.core.raster import FARTHEST, checked_boxes, numbers
from x2vkit.errors import X2VError

ORDER = ("first", "second")
"""Ids of the subjects of a prompt."""
BOX = "a box is x0, y0, x1, y1 with x0 < x1 and y0 < y1, in fractions of the frame"
MOST_SOFT = 16
"""Soft boxes of one subject."""
LARGER = 1e-6
"""Less than this is no size, and no time."""
NARROWEST = 0.005
"""Width and height of the smallest hard box: less than a pixel of a clip."""


@dataclass(frozen=True)
class SoftBox:
    """A region that a subject stays in for a while: "somewhere in here, by then there".

    >>> right_by_one_second = SoftBox(0.5, 0, 1, 1, since=1.0)

    Raises X2VError for a region that has no size or lies outside the frame, and for times that cannot be.
    """

    x0: float
    """Left edge in fractions of the frame's width; a subject's whole box lies right of it."""
    y0: float
    """Upper edge in fractions of its height."""
    x1: float
    """Right edge."""
    y1: float
    """Lower edge."""
    since: float = 0.0
    """Seconds from the start of the clip after which it counts."""
    until: float | None = None
    """Seconds until which it counts; None is to the end."""

    def __post_init__(self) -> None:
        edges = self.region
        good = all(is_number(edge) and abs(edge) <= FARTHEST for edge in edges)
        if not good or edges[2] - edges[0] < LARGER or edges[3] - edges[1] < LARGER:
            raise X2VError(f"soft box {edges!r:.80}", BOX, "use SoftBox(0.5, 0, 1, 1)")
        if edges[0] >= 1 or edges[1] >= 1 or edges[2] <= 0 or edges[3] <= 0:
            rule = "a soft box lies in the frame, which goes from 0 to 1"
            raise X2VError(f"soft box {edges!r:.80}", rule, "divide pixels by the size")
        times = (self.since, *(() if self.until is None else (self.until,)))
        if not all(is_number(time) and time >= 0 for time in times) or times[-1] < times[0]:
            got = f"soft box from {self.since!r:.40} to {self.until!r:.40} s"
            raise X2VError(got, "its seconds are 0 or more, the first before the last", "use since=1.0")

    @property
    def region(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1."""
        return self.x0, self.y0, self.x1, self.y1

    def frames(self, frames: int, fps: float) -> NDArray[np.bool_]:
        """(F,) where it counts."""
        t = np.arange(frames) / fps
        last = t[-1] if self.until is None else self.until
        return (t >= self.since - LARGER) & (t <= last + LARGER)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, which are read as a soft box again."""
        return {"soft": list(self.region), "since": self.since, "until": self.until}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SoftBox:
        """The inverse of `to_dict`. Raises X2VError for other values."""
        region = values.get("soft")
        if not isinstance(region, (list, tuple)) or len(region) != 4 or set(values) - {"soft", *_TIMES}:
            cure = '{"soft": [0.5, 0, 1, 1], "since": 1.0}'
            raise X2VError(f"soft box {dict(values)!r:.80}", BOX, f"write {cure}")
        since = values.get("since")
        x0, y0, x1, y1 = region
        return cls(x0, y0, x1, y1, 0.0 if since is None else since, values.get("until"))


_TIMES = ("since", "until")


@dataclass(frozen=True)
class SubjectBoxes:
    """What is asked of one subject's place."""

    hard: NDArray[np.float64] | None = None
    """(F, 4), a row of NaN where it is out of sight; None leaves it free."""
    soft: tuple[SoftBox, ...] = ()
    """Regions that it stays in."""

    @property
    def free(self) -> bool:
        """Whether nothing is asked."""
        return self.hard is None and not self.soft


def read_boxes(boxes: Any, subjects: Sequence[str], frames: int, fps: float) -> list[SubjectBoxes]:
    """Boxes of the first and the second subject, as anybody may give them.

    Args:
        boxes: a list of what each subject is given (None: nothing); or a mapping by "first" and "second", or
            by a subject's noun in the prompt. Each: a hard box, a SoftBox, or a list of SoftBoxes.
        subjects: nouns of the prompt's subjects, in order; empty where nobody knows them.
        frames: F.
        fps: frames a second.

    Raises:
        X2VError: a subject that the prompt has not, boxes that are none or that contradict each other.
    """
    found = [SubjectBoxes(), SubjectBoxes()]
    for at, value in _by_subject(boxes, subjects):
        if value is None:
            continue
        if not found[at].free:
            raise X2VError(f"the {ORDER[at]} subject named twice", "a subject is named once", "leave one out")
        if subjects and at >= len(subjects):
            rule = f"the prompt has one subject, the {subjects[0]}"
            cure = f'write "a {subjects[0]} next to a ball", or leave the box out'
            raise X2VError(f"a box for the {ORDER[at]} subject", rule, cure)
        found[at] = _read_one(value, f"box of the {ORDER[at]} subject", frames, fps)
    return found


def _by_subject(boxes: Any, subjects: Sequence[str]) -> list[tuple[int, Any]]:
    """(0 or 1, what it is given) pairs."""
    if boxes is None:
        return []
    if isinstance(boxes, Mapping):
        named = {**{name: i for i, name in enumerate(subjects[:2])}, **{n: i for i, n in enumerate(ORDER)}}
        if strange := [name for name in boxes if name not in named]:
            have = ", ".join(map(repr, named))
            raise X2VError(f"boxes of {strange[0]!r:.40}", f"the subjects are {have}", 'use "first"')
        return [(named[name], value) for name, value in boxes.items()]
    if not isinstance(boxes, (list, tuple)) and not (isinstance(boxes, np.ndarray) and boxes.ndim == 3):
        rule = 'boxes are a list, or a mapping: {"first": box}'
        raise X2VError(f"boxes={repr(boxes):.60}", rule, "give boxes=[box]")
    if len(boxes) > len(ORDER):
        rule = "one for each of two subjects"
        raise X2VError(f"{len(boxes)} boxes", rule, "put keyframes of one subject into one mapping")
    return list(enumerate(boxes))


def _read_one(value: Any, name: str, frames: int, fps: float) -> SubjectBoxes:
    """What one subject is given."""
    if isinstance(value, SoftBox) or (isinstance(value, Mapping) and "soft" in value):
        value = [value]
    if isinstance(value, (list, tuple)) and value and all(_is_soft(each) for each in value):
        if len(value) > MOST_SOFT:
            raise X2VError(f"{len(value)} soft boxes", f"a subject has at most {MOST_SOFT}", "merge some")
        soft = tuple(each if isinstance(each, SoftBox) else SoftBox.from_dict(each) for each in value)
        return SubjectBoxes(soft=_checked_soft(soft, name, frames, fps))
    hard = _keyframes(value, name, frames, fps) if isinstance(value, Mapping) else _rows(value, name, frames)
    return SubjectBoxes(hard=_checked_hard(hard, name, frames))


def checked_box(value: Any, name: str) -> NDArray[np.float64]:
    """One hard box (4,). X2VError for what is none, or is never in the picture."""
    box = numbers(name, value)
    if box.shape != (4,):
        raise X2VError(f"{name} of shape {box.shape}", BOX, "give four numbers: (0.3, 0.3, 0.7, 0.7)")
    if not np.isfinite(box).all():
        rule = "the numbers of a box that stays are finite"
        raise X2VError(f"{name} {box.tolist()}", rule, "give four numbers: (0.3, 0.3, 0.7, 0.7)")
    return _checked_hard(box[None], name, 1)[0]


def _is_soft(value: Any) -> bool:
    return isinstance(value, SoftBox) or (isinstance(value, Mapping) and "soft" in value)


def _keyframes(keys: Mapping[Any, Any], name: str, frames: int, fps: float) -> NDArray[np.float64]:
    """Boxes by their second, (F, 4)."""
    last, given = (frames - 1) / fps, {}
    for when, box in keys.items():
        try:
            second = float(when)
        except (TypeError, ValueError) as error:
            rule = "keyframes are boxes by their second"
            raise X2VError(f"{name} at {when!r:.40}", rule, "write {0: box, 1.2: box}") from error
        if not -LARGER <= second <= last + 0.5 / fps:
            rule = f"the clip goes from 0 to {last:.3g} s"
            raise X2VError(f"{name} at {second:g} s", rule, f"use {last:.3g} for its end")
        row = numbers(name, box)
        if row.shape != (4,) or not np.isfinite(row).all():
            raise X2VError(f"{name} at {second:g} s: {repr(box):.60}", BOX, "give four numbers")
        given[second] = row
    if not given:
        raise X2VError(f"{name} without keyframes", "there is one or more", "write {0: box}")
    times = np.array(sorted(given))
    rows = np.stack([given[time] for time in times])
    t = np.arange(frames) / fps
    return np.stack([np.interp(t, times, column) for column in rows.T], 1)


def _rows(value: Any, name: str, frames: int) -> NDArray[np.float64]:
    """One box, one of each frame, or several evenly over the clip, (F, 4)."""
    rows = numbers(name, value)
    if rows.shape == (4,):
        return np.tile(checked_box(rows, name), (frames, 1))
    if rows.ndim != 2 or rows.shape[1] != 4 or not len(rows):
        raise X2VError(f"{name} of shape {np.shape(value)}", BOX, "give (4,), (F, 4), or {0: box, 1.2: box}")
    if len(rows) == frames:
        return rows
    if not np.isfinite(rows).all():
        got, rule = f"{name} of {len(rows)} rows, some NaN", f"then there is one for each of {frames} frames"
        raise X2VError(got, rule, "give as many rows as frames")
    when = np.linspace(0, len(rows) - 1, frames)
    return np.stack([np.interp(when, np.arange(len(rows)), column) for column in rows.T], 1)


def _checked_hard(rows: NDArray[np.float64], name: str, frames: int) -> NDArray[np.float64]:
    rows = checked_boxes(name, rows, frames)
    seen = rows[np.isfinite(rows[:, 0])]
    small = seen[:, 2:] - seen[:, :2] < NARROWEST
    if small.any():
        rule = f"{BOX}, {NARROWEST} or more wide and high"
        raise X2VError(f"{name} {seen[small.any(1)][0].round(4).tolist()}", rule, "make it larger")
    if not ((seen[:, :2] < 1) & (seen[:, 2:] > 0)).all(1).any():
        got = f"{name} {seen[0].round(3).tolist() if len(seen) else 'of NaN alone'}"
        raise X2VError(got, "it is never in the picture", "give fractions from 0 to 1")
    return rows


def _checked_soft(soft: tuple[SoftBox, ...], name: str, frames: int, fps: float) -> tuple[SoftBox, ...]:
    """Soft boxes that can be kept together."""
    last = (frames - 1) / fps
    where = np.tile((-np.inf, -np.inf, np.inf, np.inf), (frames, 1))
    for each in soft:
        counts = each.frames(frames, fps)
        if not counts.any():
            got = f"{name} from {each.since:g} s to {last if each.until is None else each.until:g} s"
            raise X2VError(
                got, f"no frame of the clip lies there: it ends at {last:.3g} s", "use an earlier one"
            )
        where[counts, :2] = np.maximum(where[counts, :2], each.region[:2])
        where[counts, 2:] = np.minimum(where[counts, 2:], each.region[2:])
    empty = (where[:, :2] + LARGER >= where[:, 2:]).any(1)
    if empty.any():
        when = np.flatnonzero(empty)[0] / fps
        rule = f"at {when:.3g} s they have nothing in common, and a subject is in all of them"
        raise X2VError(f"soft boxes of {name.removeprefix('box of ')}", rule, "part them by since and until")
    return soft
