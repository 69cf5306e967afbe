"""A clip that was made, and how far one is that is being made: what all models of a page give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from x2vkit.config import RunRequest
from x2vkit.media import Frames
from x2vkit.trace import Trace


@dataclass(frozen=True)
class Progress:
    """One denoising step that is over."""

    step: int
    """From 1."""
    steps: int
    t: float | None = None
    """Noise level of the step, 1 to 0, where the model tells."""
    picture: Frames | None = None
    """(F, H, W, 3) uint8: roughly what the clip will be, where the model tells."""
    clip: int = 0
    """Which of several clips this is, from 0."""


Report: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True)
class Made:
    """One clip that was made."""

    request: RunRequest
    frames: Frames
    """(F, H, W, 3) uint8."""
    fps: float
    seconds: float
    """Wall time of the run."""
    words: tuple[str, ...] = ()
    """The prompt as the model read it."""
    unknown: tuple[str, ...] = ()
    """Words of the prompt that the model does not know."""
    notes: tuple[str, ...] = ()
    """What else the reader should know."""
    trace: Trace | None = None
    """How it was made, for a model that x2vkit can look into."""
