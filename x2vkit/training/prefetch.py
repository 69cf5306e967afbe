"""Clips and batches made ahead by other processes.

On a GPU's machine the processor has little else to do, and one core alone would let the GPU wait. On a
processor training needs every core itself, so there things are made when they are asked for.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

KEPT = 3
"""Things that each process makes ahead."""


def workers() -> int:
    """Processes that make things ahead: on a GPU's machine one for every core but two, else none. Runs that
    `accelerate launch` spreads over the GPUs of one machine share its cores. (Windows cannot fork.)
    """
    if not torch.cuda.is_available() or "fork" not in multiprocessing.get_all_start_methods():
        return 0
    return max(0, (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", 1)) - 2)


def prefetch(
    make: Callable[[int], Any], numbers: Iterable[int], processes: int | None = None
) -> Iterator[Any]:
    """Make things one after the other, ahead of being asked where other processes can.

    Args:
        make: number -> tensors, and what is built of them.
        numbers: what is made, in turn.
        processes: how many make it; `workers()` by default.
    """
    count = workers() if processes is None else processes
    if not count:
        yield from map(make, numbers)
        return
    # Forked, so that what `make` reads (memory maps, compiled code) is there without being copied.
    yield from DataLoader(
        _Made(make),
        batch_size=None,
        sampler=numbers,
        num_workers=count,
        prefetch_factor=KEPT,
        pin_memory=torch.cuda.is_available(),
        multiprocessing_context="fork",
    )


class _Made(Dataset):
    """What a function makes, by number."""

    def __init__(self, make: Callable[[int], Any]):
        self.make = make

    def __getitem__(self, number: int) -> Any:
        return self.make(number)
