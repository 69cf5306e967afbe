"""What an evaluation found: figures beside their ceilings, as JSON, as a table for people, as Markdown.

It knows nothing about how a figure is measured.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

LIMITS = ("adherence", "resolution", "consistency", "physics", "length", "speech and emotion", "control")
"""Doing what the words say, and the six limits of video models that the field names; each has figures."""


@dataclass(frozen=True)
class Figure:
    """One measured number."""

    name: str
    """What is measured, as `color` or `gravity of bouncing, error`."""
    limit: str
    """The one of `LIMITS` that it belongs to."""
    meaning: str
    """How it is defined, in one sentence."""
    ceiling: float
    """The same measured on real renders of the same scenes: what the judge gives the truth."""
    score: float | None = None
    """The model's; None where only the ceiling was measured."""
    chance: float | None = None
    """The same with the words shuffled among the clips; None where that says nothing."""
    count: int = 0
    """Clips it rests on."""
    unit: str = "%"
    """% (stored as 0 .. 1), dB, or empty."""
    less_is_better: bool = False
    """True for errors, changes and distances."""
    baseline: float | None = None
    """The same on clips of the same scenes made without what is measured (no boxes, no cast, no sound);
    None where there is no such thing.
    """
    known_as: str = ""
    """The field's name of such a figure, with its benchmark ("VBench-2.0: Human Identity"), or empty."""

    @property
    def error(self) -> float | None:
        """Half of the 95 % interval of a share (normal approximation); None for what is no share."""
        if self.unit != "%" or self.score is None or not self.count:
            return None
        return 1.96 * float(np.sqrt(max(self.score * (1 - self.score), 0.25 / self.count) / self.count))


@dataclass(frozen=True)
class Shown:
    """A clip of the contact sheet."""

    prompt: str
    right: float
    """Share of what was stated that it shows."""
    wrong: tuple[str, ...]
    """What was read instead, as `action: walk`."""
    moments: NDArray[np.uint8]
    """(n, H, W, 3), a few of its frames"""

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; `webp` is its n moments side by side as one picture, in base64."""
        from PIL import Image

        stream = io.BytesIO()
        Image.fromarray(np.concatenate(self.moments, 1)).save(stream, "WEBP", quality=80)
        film = {"moments": len(self.moments), "webp": base64.b64encode(stream.getvalue()).decode()}
        return {"prompt": self.prompt, "right": self.right, "wrong": list(self.wrong), **film}


@dataclass(frozen=True)
class Report:
    """An evaluation."""

    model: str
    """Name of the weights; `real renders` where only the ceiling was measured."""
    figures: tuple[Figure, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    """prompts, seed, steps, guidance ..."""
    seconds: float = 0.0
    """Wall time of the whole evaluation."""
    best: tuple[Shown, ...] = ()
    worst: tuple[Shown, ...] = ()

    def __getitem__(self, name: str) -> Figure:
        """The figure of a name; KeyError when it was not measured."""
        for figure in self.figures:
            if figure.name == name:
                return figure
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values; the clips of the sheet as pictures (see `Shown.to_dict`)."""
        rows = [{**asdict(f), "error": f.error} for f in self.figures]
        clean = [{k: _plain(v) for k, v in row.items()} for row in rows]
        return {
            "model": self.model,
            "settings": self.settings,
            "seconds": round(self.seconds, 1),
            "figures": clean,
            "best": [shown.to_dict() for shown in self.best],
            "worst": [shown.to_dict() for shown in self.worst],
        }

    def table(self) -> str:
        """For a terminal."""
        without = any(f.baseline is not None for f in self.figures)
        lines = [f"{'':46}{'score':>9}{'':7}{'ceiling':>9}{'shuffled':>10}{'clips':>7}"]
        lines[0] += f"{'without':>10}" * without
        for limit in LIMITS:
            rows = [f for f in self.figures if f.limit == limit]
            lines += [limit] * bool(rows)
            for f in rows:
                interval = "" if f.error is None else f"±{100 * f.error:.0f}"
                less = " (less is better)" if f.less_is_better else ""
                score, ceiling, chance = (_shown(v, f.unit) for v in (f.score, f.ceiling, f.chance))
                name = f"  {f.name + less:44}"
                lines.append(f"{name}{score:>9}{interval:<7}{ceiling:>9}{chance:>10}{f.count:>7}")
                lines[-1] += f"{_shown(f.baseline, f.unit):>10}" * without
        return "\n".join(lines)

    def markdown(self) -> str:
        """For a README."""
        without = any(f.baseline is not None for f in self.figures)
        names = ["figure", "score", "ceiling", "shuffled", "clips", *["without it"] * without]
        lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
        for limit in LIMITS:
            for f in (f for f in self.figures if f.limit == limit):
                interval = "" if f.error is None else f" ± {100 * f.error:.0f}"
                less = ", less is better" if f.less_is_better else ""
                columns = [
                    f"{limit}: {f.name}{less}",
                    _shown(f.score, f.unit) + interval,
                    _shown(f.ceiling, f.unit),
                ]
                columns += [_shown(f.chance, f.unit), str(f.count)]
                columns += [_shown(f.baseline, f.unit)] * without
                lines.append(f"| {' | '.join(columns)} |")
        return "\n".join(lines)

    def meanings(self) -> str:
        """Every figure's definition, a line each."""
        known = {f.name: f" ({f.known_as})" if f.known_as else "" for f in self.figures}
        return "\n".join(f"{f.name}{known[f.name]}: {f.meaning}" for f in self.figures)

    def sheet(self) -> NDArray[np.uint8]:
        """The best clips, then the worst, each a row of moments under its prompt: uint8 (H, W, 3)."""
        rows = [("shows all it was asked" if s.right == 1 else "best", s) for s in self.best]
        rows += [("worst", s) for s in self.worst]
        if not rows:
            return np.full((64, 512, 3), 255, np.uint8)
        return _stack([_row(word, shown) for word, shown in rows])


def _plain(value: Any) -> Any:
    if isinstance(value, (float, np.floating)):
        return None if not np.isfinite(value) else round(float(value), 5)
    return value


def _shown(value: float | None, unit: str) -> str:
    if value is None or not np.isfinite(value):
        return "-"
    return f"{100 * value:.1f} %" if unit == "%" else f"{value:.2f} {unit}".strip()


def _row(word: str, shown: Shown, side: int = 192) -> NDArray[np.uint8]:
    """One clip: two lines of words, then its moments side by side."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=17)
    small = ImageFont.load_default(size=14)
    _, height, width, _ = shown.moments.shape
    size = (round(width * side / height), side)
    pictures = [np.asarray(Image.fromarray(m).resize(size, Image.Resampling.LANCZOS)) for m in shown.moments]
    gap = np.full((side, 4, 3), 255, np.uint8)
    strip = np.concatenate([part for picture in pictures for part in (picture, gap)], 1)
    head = Image.new("RGB", (strip.shape[1], 50), "white")
    draw = ImageDraw.Draw(head)
    draw.text((6, 4), shown.prompt, (20, 20, 30), font)
    note = f"{word}: {100 * shown.right:.0f} % of what was asked"
    note += f"; read instead {', '.join(shown.wrong)}" if shown.wrong else ""
    draw.text((6, 28), note, (30, 120, 60) if shown.right == 1 else (180, 50, 40), small)
    return np.concatenate([np.asarray(head), strip, np.full((8, strip.shape[1], 3), 255, np.uint8)])


def _stack(rows: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    width = max(row.shape[1] for row in rows)
    return np.concatenate(
        [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    )
