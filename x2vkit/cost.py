"""What a run will take, in bytes and seconds, before it is begun; and what this machine has to give.

    B clips, P guidance passes; f, h, w latent grid, n = f h w positions; L tokens; E, c, A as in ModelConfig

Rules: a run may take four fifths of the memory that is free, and an hour at the speed of SPEED. Both are
rough on purpose: what is refused lies far beyond, and what passes may still be slow. `BUDGET` can be raised.
Knows nothing about torch; tests compare the prediction with what runs really take.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import psutil

from x2vkit.axes import latent_shape, token_grid
from x2vkit.config import ModelConfig
from x2vkit.errors import X2VError
from x2vkit.flops import forward_flops

MOST_FRAMES, MOST_PIXELS, MOST_STEPS, MOST_CLIPS = 100_001, 65_520, 10_000, 4_096
"""Frames, pixels of a side, steps and clips beyond which nothing is reckoned: no machine takes that."""
SPEED = {"cpu": 5e10, "mps": 2e12, "cuda": 3e13}
"""FLOPs a second: of one core of a processor (measured: 4e10 to 1e11), of a GPU."""
CONTROL_GROUP = Path("/sys/fs/cgroup")
"""Where Linux says how much memory a container may take."""
TOKEN_COPIES, CONV_COPIES, MATCH_COPIES = 14, 14, 10
"""Arrays of the size of all tokens, of all positions of the convolutions, and of the matches between two
latent frames (core/motion.py), that a forward pass holds at once (measured).
"""
PIXEL_BYTES = 560
"""Bytes that decoding holds for each pixel of each latent frame, at 4 bytes a number (measured)."""


@dataclass
class Budget:
    """What one run may take; the one instance is `BUDGET`."""

    memory: float = 0.8
    """Share of the memory that is free when a run begins."""
    seconds: float = 3600.0
    """Time, at the speed of SPEED."""


BUDGET = Budget()
"""Raise its `seconds` where a run may take longer."""


@dataclass(frozen=True)
class RunSize:
    """All that decides what a run takes."""

    model: ModelConfig
    """The transformer."""
    num_frames: int
    height: int
    width: int
    clips: int = 1
    """Clips made together."""
    steps: int = 20
    """Denoising steps."""
    passes: int = 2
    """Guidance passes of a step: 1 without guidance."""
    words: int = 32
    """Text tokens."""
    device: str = "cpu"
    """Kind of device, as torch names it."""
    itemsize: int = 4
    """Bytes of a number."""
    moves: bool = True
    """Whether boxes or a camera come with it, planned or given."""
    shared: bool = False
    """Whether the clips look at each other."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, height, width."""
        return self.num_frames, self.height, self.width


def check_run(size: RunSize, available: int | None = None) -> None:
    """Raise X2VError for a run that needs more memory or time than there is, with what would fit.

    available: bytes that are free; None for what this machine says.
    """
    check_limits(size)
    budget = BUDGET.memory * (available_bytes() if available is None else available)

    def fits(one: RunSize) -> bool:
        return run_bytes(one) <= budget and run_seconds(one) <= BUDGET.seconds

    if fits(size):
        return
    F, H, W = size.shape
    got = f"{size.clips} clip{'s' * (size.clips > 1)} of {F} x {H} x {W} in {size.steps} steps"
    if (needed := run_bytes(size)) > budget:
        rule = f"a run of {in_gb(needed)} of memory, where {in_gb(budget)} may be taken"
    else:
        rule = (
            f"a run of about {_in_hours(run_seconds(size))}, where {_in_hours(BUDGET.seconds)} may be taken"
        )
    raise X2VError(got, f"that is {rule}", f"what fits: {what_fits(size, fits)}")


def check_limits(size: RunSize) -> None:
    """Raise X2VError for a number beyond what any machine takes."""
    for name, value, most in (
        ("num_frames", size.num_frames, MOST_FRAMES),
        ("height", size.height, MOST_PIXELS),
        ("width", size.width, MOST_PIXELS),
        ("steps", size.steps, MOST_STEPS),
        ("clips", size.clips, MOST_CLIPS),
    ):
        if value > most:
            said = str(value) if value < 10**15 else f"a number of {len(str(value))} digits"
            raise X2VError(f"{name}={said}", f"no machine takes more than {most:,}", "use far less")


def run_bytes(size: RunSize) -> int:
    """Bytes that a run holds at once beside the weights: the larger of a forward pass and of decoding."""
    config, both = size.model, size.clips * size.passes
    f, h, w = latent_shape(*size.shape)
    tokens = prod(token_grid(*size.shape, config.patch)) + size.words
    pass_ = TOKEN_COPIES * tokens * config.width + CONV_COPIES * f * h * w * config.conv_width
    if size.device == "cpu":  # core/attention.py has all scores of a block at once there
        keys = tokens * size.clips if size.shared else tokens
        pass_ += tokens * keys * config.heads
    if config.subject_rope and size.moves:
        pass_ += MATCH_COPIES * (f - 1) * (h * w) ** 2
    decoded = size.clips * f * size.height * size.width * PIXEL_BYTES * size.itemsize // 4
    kept = 4 * 2 * size.steps * size.clips * config.latent_channels * f * h * w  # what a trace keeps of each
    return max(both * pass_ * size.itemsize, decoded) + kept


def run_seconds(size: RunSize) -> float:
    """Seconds that a run's transformer takes at the speed of SPEED."""
    flops = forward_flops(size.model, *size.shape, size.words, control=size.moves, camera=size.moves)
    cores = (os.cpu_count() or 1) if size.device == "cpu" else 1
    return flops * size.clips * size.passes * size.steps / (SPEED.get(size.device, SPEED["cuda"]) * cores)


def available_bytes() -> int:
    """Bytes of memory that this process can still have: the machine's, or its container's if that is less."""
    free = int(psutil.virtual_memory().available)
    try:
        most = int((CONTROL_GROUP / "memory.max").read_text())
        told = (CONTROL_GROUP / "memory.stat").read_text().split()
        cached = int(told[told.index("inactive_file") + 1])  # given up when memory is short
        return min(free, most - int((CONTROL_GROUP / "memory.current").read_text()) + cached)
    except (OSError, ValueError):  # no control group, or "max"
        return free


def check_memory(got: str, needed: int, cure: str, available: int | None = None) -> None:
    """Raise X2VError where something needs more bytes than may be taken."""
    budget = BUDGET.memory * (available_bytes() if available is None else available)
    if needed > budget:
        raise X2VError(got, f"that takes {in_gb(needed)} of memory, where {in_gb(budget)} may be taken", cure)


def what_fits(size: RunSize, fits: Callable[[RunSize], bool]) -> str:
    """The largest runs that fit where one thing of it is less: frames, size, clips or steps."""
    f, patch = latent_shape(*size.shape)[0], size.model.patch
    side = min(size.height, size.width) // (step := 8 * max(patch[1:]))

    def framed(k: int) -> RunSize:
        return replace(size, num_frames=1 + 4 * (k * patch[0] - 1))

    def scaled(k: int) -> RunSize:
        height, width = (max(1, each // step * k // side) * step for each in (size.height, size.width))
        return replace(size, height=height, width=width)

    found = []
    if (k := _most(f // patch[0], lambda k: fits(framed(k)))) is not None and k < f // patch[0]:
        found.append(f"num_frames={framed(k).num_frames}")
    if (k := _most(side, lambda k: fits(scaled(k)))) is not None:
        found.append(f"height={scaled(k).height} and width={scaled(k).width}")
    if (k := _most(size.clips, lambda k: fits(replace(size, clips=k)))) is not None:
        found.append(f"{k} clip{'s' * (k > 1)} at a time")
    if (k := _most(size.steps, lambda k: fits(replace(size, steps=k)))) is not None:
        found.append(f"steps={k}")
    return ", or ".join(found) or "a smaller and shorter clip"


def in_gb(size: float) -> str:
    """Bytes as people say them."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"


def _in_hours(seconds: float) -> str:
    return f"{seconds / 3600:,.1f} hours" if seconds >= 5400 else f"{seconds / 60:.0f} minutes"


def _most(high: int, fits: Callable[[int], bool]) -> int | None:
    """The largest number from 1 to `high` that fits, where a smaller one fits if a larger one does."""
    low = 0
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low or None
