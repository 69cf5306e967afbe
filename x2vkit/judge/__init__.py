"""Clips judged by the truth: what is really in them, and how far that is from what was asked.

>>> from x2vkit.judge import Judge, evaluate
>>> Judge.load().read(frames).values["subject"]
>>> print(evaluate(pipeline, prompts=300).table())
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from x2vkit.judge.evaluation import evaluate
    from x2vkit.judge.judge import Judge, Reading
    from x2vkit.judge.report import Figure, Report

__all__ = ["Figure", "Judge", "Reading", "Report", "evaluate"]

_HOME = {
    "Figure": "report",
    "Judge": "judge",
    "Reading": "judge",
    "Report": "report",
    "evaluate": "evaluation",
}


def __getattr__(name: str) -> Any:
    """Import a public name's module on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'x2vkit.judge' has no attribute {name!r}")
    value = getattr(import_module(f"x2vkit.judge.{_HOME[name]}"), name)
    globals()[name] = value
    return value
