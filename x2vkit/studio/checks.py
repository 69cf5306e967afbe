"""What the studio's words and numbers may be, before anything is made."""

from __future__ import annotations

from typing import Any

from x2vkit.errors import X2VError
from x2vkit.registry import LIMITS


def check_whole(name: str, value: Any, low: int = 0, high: int = int(LIMITS["seed"].high)) -> None:
    """Raise X2VError for what is no whole number from low to high; by default what a seed may be."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        rule = f"it is a whole number from {low} to {high}"
        raise X2VError(f"{name}={value!r:.60}", rule, f"use {low}")
