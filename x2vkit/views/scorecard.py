"""`Scorecard`: the limits of video models that the field names, each with measured figures and clips.

Every figure stands beside its ceiling (the judge on real renders of the same scenes), its baseline (the same
scenes without what is measured), chance (the words shuffled) and the field's name for such a figure. It reads
what `x2vkit evaluate --json` and `--studio --json` print, and opens on those of the weights that ship.
"""

from __future__ import annotations

import base64
import io
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from x2vkit.errors import X2VError
from x2vkit.views.base import Content, View
from x2vkit.views.buffer import Array, SpriteSheet
from x2vkit.views.page import STATIC
from x2vkit.views.style import PALETTE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MEASURED = STATIC / "scorecard" / "measured.json"
"""The reports that ship."""
LIMITS = {
    "adherence": "Does a clip show what its words say?",
    "resolution": "Is it sharp, and does it hold at other sizes?",
    "consistency": "Does a subject stay who it is over time, also behind something?",
    "physics": "Do things fall, jump and go as the world's laws have it?",
    "length": "Does it hold for longer than it was taught?",
    "speech and emotion": "Does a mouth follow speech, and does a face show its mood?",
    "control": "Does it do what is given besides words: boxes, strokes, a camera, a picture, a cast?",
}
"""Limit -> the question; doing what the words say, then the six that the field names."""
VALUES = ("score", "ceiling", "baseline", "chance")
MOMENTS = 6
"""Pictures of a clip."""
SIDE = 128
"""Pixels of a clip's pictures, at most."""
SHOWN = 6
"""Clips of a report, each of the best and the worst."""
MOST = 500
"""Figures, and bytes of a report in 100 kB, that are read."""


class Scorecard(View):
    """What a model can do and what not yet: figures by limit, beside ceiling and baseline; the clips.

    reports: what `x2vkit evaluate --json` printed (a path, or the values), or a `Report`; several are shown
    together. None: those of the weights that ship. selection: limit ("" for all, or one of LIMITS) and frame
    (the moment of the clips).
    """

    _module = "scorecard"
    label = "Scorecard: what it can do, and what not yet"

    def prepare(self, *reports: Any) -> Content:
        self.reports = [each for given in reports or (MEASURED,) for each in read_reports(given)]
        rows = [(i, row) for i, report in enumerate(self.reports) for row in report["figures"]]
        self.figures = [_figure(row, i) for limit in LIMITS for i, row in rows if row.get("limit") == limit]
        if not self.figures:
            raise X2VError("no figures", "a scorecard shows some", "run `x2vkit evaluate --json`")
        clips, pictures = _clips(self.reports)
        return Content(
            metadata={
                "reports": [_told(report) for report in self.reports],
                "questions": [self._limit(name, asks) for name, asks in LIMITS.items()],
                "figures": self.figures,
                "clips": clips,
            },
            arrays={"clips": SpriteSheet(pictures)} if clips else {},
            selection={"limit": "", "frame": 0},
            limits={"frame": MOMENTS - 1},
            choices={"limit": ("", *LIMITS)},
        )

    def data(self) -> dict[str, Array]:
        """score, ceiling, baseline and chance (n,) of the figures of the selected limit; NaN is nothing."""
        return {name: np.array([_number(row[name]) for row in self._seen()]) for name in VALUES}

    def figure(self) -> Figure:
        """The figures of the selected limit as bars, each with its ceiling, baseline and chance."""
        from matplotlib.figure import Figure

        rows = self._seen()
        figure = Figure(figsize=(9, 0.8 + 0.3 * max(len(rows), 3)), layout="constrained")
        axes = figure.subplots()
        y = np.arange(len(rows))
        share = {name: [_number(row[name]) / row["most"] for row in rows] for name in VALUES}
        colors = [PALETTE["orange" if row["less_is_better"] else "blue"] for row in rows]
        axes.barh(y, share["score"], 0.62, color=colors, alpha=0.75)
        for name, mark, color in (
            ("ceiling", "|", "green"),
            ("baseline", "x", "red"),
            ("chance", ".", "grey"),
        ):
            axes.plot(
                share[name], y, mark, color=PALETTE[color], ms=11 if mark == "|" else 6, mew=2, label=name
            )
        less = [" (less is better)" if row["less_is_better"] else "" for row in rows]
        names = [f"{row['name']}{end}" for row, end in zip(rows, less, strict=True)]
        axes.set(yticks=y, yticklabels=names, xlim=(0, 1.05), xticks=[], ylim=(len(rows) - 0.4, -0.6))
        axes.tick_params(axis="y", labelsize=8)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=3, fontsize=8, frameon=False)
        models = dict.fromkeys(_told(report)["model"].partition(",")[0] for report in self.reports)
        axes.set_title(", ".join(models), fontsize=10)  # "small, boxes" is of small
        return figure

    def _seen(self) -> list[dict[str, Any]]:
        limit = self.selection["limit"]
        return [row for row in self.figures if limit in ("", row["limit"])]

    def _limit(self, name: str, asks: str) -> dict[str, Any]:
        """A limit with how many of its figures the judge cannot tell from the ceiling."""
        own = [row for row in self.figures if row["limit"] == name and row["at_ceiling"] is not None]
        return {
            "name": name,
            "asks": asks,
            "of": len(own),
            "at_ceiling": sum(row["at_ceiling"] for row in own),
        }


def read_reports(given: Any) -> Iterator[Mapping[str, Any]]:
    """The reports of a path, of a `Report`, or of values as its `to_dict` gives them.

    Raises X2VError for anything else.
    """
    said = f"a {type(given).__name__}"
    if isinstance(given, (str, os.PathLike)):
        path = Path(given)
        said = str(path)
        try:
            if path.stat().st_size > MOST * 100_000:
                raise ValueError("it is too large")
            given = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise _no_report(said, error) from error
    given = given.to_dict() if hasattr(given, "to_dict") else given
    many = given.get("reports") if isinstance(given, Mapping) else given
    for report in many if isinstance(many, Sequence) and not isinstance(many, str) else [given]:
        rows = report.get("figures") if isinstance(report, Mapping) else None
        if not isinstance(rows, Sequence) or not all(isinstance(row, Mapping) for row in rows):
            raise _no_report(said, "it has no figures")
        if len(rows) > MOST:
            raise _no_report(said, f"{len(rows)} figures are above {MOST}")
        yield report


def _no_report(said: str, why: object) -> X2VError:
    cure = "give what `x2vkit evaluate --json` prints"
    return X2VError(said, f"it is no report of an evaluation ({why})", cure)


def _figure(row: Mapping[str, Any], report: int) -> dict[str, Any]:
    """A figure for the browser: its values as numbers or None, and the scale that its bar has."""
    found: dict[str, Any] = {
        name: str(row.get(name, "")) for name in ("name", "limit", "meaning", "unit", "known_as")
    }
    found |= {name: _finite(row.get(name)) for name in (*VALUES, "error", "count")}
    found["less_is_better"] = bool(row.get("less_is_better"))
    largest = max([0.0, *(found[name] for name in VALUES if found[name] is not None)])
    whole = found["unit"] in ("%", "") and largest <= 1 and not found["less_is_better"]
    least = 0.25 if found["unit"] == "%" else 0.0  # small errors look small
    found["most"] = 1.0 if whole else (max(1.15 * largest, least) or 1.0)
    return {**found, "report": report, "at_ceiling": _at_ceiling(found)}


def _at_ceiling(row: Mapping[str, Any]) -> bool | None:
    """Whether a score cannot be told from its ceiling: within its interval, or better; None without both."""
    score, ceiling = row["score"], row["ceiling"]
    if score is None or ceiling is None:
        return None
    behind = score - ceiling if row["less_is_better"] else ceiling - score
    return bool(behind <= (row["error"] or 0.0))


def _finite(value: Any) -> float | None:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _told(report: Mapping[str, Any]) -> dict[str, str]:
    """What was measured how, in a line."""
    settings = report.get("settings")
    settings = settings if isinstance(settings, Mapping) else {}
    parts = [f"{settings[name]} {name}" for name in ("prompts", "steps") if settings.get(name)]
    parts += [f"guidance {settings['guidance']:g}"] if _finite(settings.get("guidance")) else []
    parts += [f"seed {settings['seed']}"] if "seed" in settings else []
    return {"model": str(report.get("model", "model")), "how": ", ".join(parts)}


def _clips(reports: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], NDArray[np.uint8]]:
    """The best and the worst clips, and their pictures (clips * MOMENTS, SIDE, SIDE, 3)."""
    clips, pictures = [], []
    for report in reports:
        for kind in ("best", "worst"):
            rows = report.get(kind)
            for row in rows[:SHOWN] if isinstance(rows, list) else ():
                moments = _moments(row) if isinstance(row, Mapping) else None
                if moments is not None:
                    wrong = [str(each) for each in row.get("wrong") or ()]
                    right = _finite(row.get("right")) or 0.0
                    told = {"kind": kind, "prompt": str(row.get("prompt", "")), "right": right}
                    clips.append({**told, "wrong": wrong})
                    pictures.append(moments)
    return clips, np.concatenate(pictures) if pictures else np.zeros((0, SIDE, SIDE, 3), np.uint8)


def _moments(row: Mapping[str, Any]) -> NDArray[np.uint8] | None:
    """A clip's pictures, (MOMENTS, SIDE, SIDE, 3); None where they cannot be read."""
    try:
        count = min(int(row["moments"]), 64)
        with Image.open(io.BytesIO(base64.b64decode(row["webp"], validate=True))) as strip:
            width = strip.width // count
            cells = [
                strip.convert("RGB").crop((i * width, 0, (i + 1) * width, strip.height)) for i in range(count)
            ]
    except (KeyError, TypeError, ValueError, ArithmeticError, OSError, Image.DecompressionBombError):
        return None
    found = [np.asarray(cell.resize((SIDE, SIDE))) for cell in cells[:MOMENTS]]
    return np.stack([*found, *[found[-1]] * (MOMENTS - len(found))])
