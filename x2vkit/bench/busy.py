"""What a busy machine does to a clip."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter

from x2vkit.bench.line import Line
from x2vkit.pipeline.x2v import X2VPipeline

BESIDE = 2
"""Busy processes beside the clip."""


def beside_busy_processes(pipeline: X2VPipeline, prompt: str, repeats: int = 3) -> Line:
    """A clip of 20 steps beside two busy processes, against one alone, taking turns.

    Args:
        pipeline: makes the clips.
        prompt: what they show.
        repeats: clips of each kind.
    """

    def seconds(beside: int) -> float:
        with busy_processes(beside):
            start = perf_counter()
            pipeline(prompt, num_inference_steps=20)
            return perf_counter() - start

    seconds(0)  # warms up
    idle, busy = zip(*((seconds(0), seconds(BESIDE)) for _ in range(repeats)), strict=True)
    ratio = median(busy) / median(idle)
    return Line("a clip beside two busy processes, against idle", ratio, "x", 2.5, most=True)


@contextmanager
def busy_processes(count: int = BESIDE) -> Iterator[None]:
    """So many processes that compute without end, while the context is open."""
    command = [sys.executable, "-c", "print(flush=True)\nwhile True: pass"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(count)]
    try:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()  # it runs
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()
