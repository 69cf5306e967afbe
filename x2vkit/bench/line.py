"""One measured figure, and timing that a busy machine does not bend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True)
class Line:
    """One figure."""

    name: str
    """What was measured."""
    value: float | None
    """Its value; None where it could not be measured."""
    unit: str
    """Its unit; x is a ratio."""
    target: float | None = None
    """What it should reach."""
    most: bool = False
    """Whether the target is an upper bound."""
    note: str = ""
    """What to know when reading it."""

    @property
    def reached(self) -> bool | None:
        """Whether the target is met; None where there is no value or no target."""
        if self.value is None or self.target is None:
            return None
        return self.value <= self.target if self.most else self.value >= self.target


def take_turns(jobs: list[Callable[[], object]], repeats: int) -> list[tuple[float, ...]]:
    """Seconds of each job, round after round, so that a busy moment hits all; the first round warms up."""
    rounds = []
    for _ in range(repeats + 1):
        times = []
        for job in jobs:
            start = perf_counter()
            job()
            times.append(perf_counter() - start)
        rounds.append(tuple(times))
    return rounds[1:]
