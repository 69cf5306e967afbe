"""Hooks on a transformer that other threads may run at the same time: `Hooks`, for what looks on or bends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any, Self


class Hooks:
    """Hooks while in a `with`, that heed one thread alone, and only while it is inside a step of its own run.

    `step` is set from outside. A subclass hangs its hooks in `_attach` and asks `heeded` in each.
    """

    def __init__(self) -> None:
        self.step = 0
        self._thread: int | None = None
        self._handles: list[Any] = []

    def __enter__(self) -> Self:
        self._handles = self._attach()
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While this thread runs a step: what it computes in here is heeded, and nothing else."""
        self._thread = get_ident()
        try:
            yield
        finally:
            self._thread = None

    @property
    def heeded(self) -> bool:
        """Whether what runs now is the run's own step."""
        return self._thread == get_ident()

    def _attach(self) -> list[Any]:
        """Hang the hooks; their handles."""
        raise NotImplementedError
