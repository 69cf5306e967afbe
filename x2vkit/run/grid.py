"""A grid over two settings: the values of its sides from text, and the settings of every clip in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from x2vkit.errors import X2VError
from x2vkit.registry import DEFAULT_MODEL
from x2vkit.run.request import short

MAX_CLIPS = 36
"""Clips of a grid."""
KINDS: dict[str, type] = {
    "prompt": str, "seed": int, "steps": int, "guidance": float, "shape": str, "model": str,
}  # fmt: skip
"""Setting that a grid can go over -> the type of its values."""
EXAMPLES = {"prompt": "a red ball; a blue ball", "shape": "square, wide", "model": DEFAULT_MODEL}


def values_of(setting: str, text: str) -> list[Any]:
    """The values of one side of a grid, from text: "0, 1, 5" or "0..5"; prompts are parted by ";".

    Raises:
        X2VError: there are none, or a number is none.
    """
    if setting not in KINDS:
        raise X2VError(
            f"setting {short(setting)}", f"a grid goes over {', '.join(KINDS)}", "choose one of them"
        )
    kind = KINDS[setting]
    parts = [part.strip() for part in re.split(r";|\n" if setting == "prompt" else r"[,;\s]+", text)]
    values: list[Any] = []
    for part in filter(None, parts):
        span = re.fullmatch(r"(\d{1,9})(?:\.\.|-)(\d{1,9})", part) if kind is int else None
        if span and int(span[2]) - int(span[1]) < MAX_CLIPS:
            values += range(int(span[1]), int(span[2]) + 1)
        else:
            values.append(part if kind is str else _number(setting, part))
    if not values:
        cure = f"write {EXAMPLES.get(setting, '1, 2, 4')}"
        raise X2VError(f"no values of {setting}", "each side of a grid needs at least one", cure)
    return list(dict.fromkeys(values))


def cells(
    values: Mapping[str, Any], across: Sequence[str], down: Sequence[str]
) -> tuple[list[Any], list[Any], list[tuple[int, int, dict[str, Any]]]]:
    """The settings of every clip of a grid -> (values across, values down, [(row, column, settings)]).

    Args:
        values: the settings that all clips share.
        across, down: each a setting's name, and its values as text.

    Raises:
        X2VError: as `values_of`; both sides are one setting; or there are too many clips.
    """
    columns, rows = values_of(*across), values_of(*down)
    if across[0] == down[0]:
        raise X2VError(f"{down[0]} twice", "a grid goes over two settings", "choose another for one")
    if (count := len(columns) * len(rows)) > MAX_CLIPS:
        rule = f"a grid has at most {MAX_CLIPS} clips"
        raise X2VError(f"{len(columns)} x {len(rows)} = {count} clips", rule, "leave values out")
    found = [
        (row, column, {**values, across[0]: x, down[0]: y})
        for row, y in enumerate(rows)
        for column, x in enumerate(columns)
    ]
    return columns, rows, found


def _number(setting: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise X2VError(f"{setting}={short(text)}", f"{setting} is a number", "use digits") from error
    return int(number) if KINDS[setting] is int and number.is_integer() else number
