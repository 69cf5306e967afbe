"""The kernel's half of a Play view: keys come from a browser, frames go to it, one step at a time.

Knows nothing about widgets: what happens is emitted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from x2vkit.backend import KEYS, Emit
from x2vkit.errors import X2VError
from x2vkit.run.request import check_choice, check_text
from x2vkit.run.worker import Task, Worker
from x2vkit.studio.session import StudioSession


class PlaySession(StudioSession):
    """A world that is made when the first key is pressed, and what is pressed after it.

    Args:
        emit: told of "frames" {key, seconds, boxes, steps} with the frames' bytes, "world" {prompt} when
            another one begins, and "problem" {got, rule, cure}.
        make: a prompt or a clip -> a PlayedWorld; it loads the model.
        start: the first of them.
        seed: of the first.
    """

    def __init__(self, emit: Emit, make: Callable[[Any, int], Any], start: Any, seed: int = 0) -> None:
        super().__init__(emit, Worker("x2vkit play", linger=2.0))
        self._make, self._start, self._seed = make, start, seed
        self.world: Any = None
        """What is played in, or None before the first key."""

    def start(self, prompt: str, seed: int = 0) -> None:
        """Begin another world, of words. Returns at once."""
        prompt = check_text("prompt", prompt)
        self._worker.cancel()
        self._submit(lambda task: self._begin(task, prompt, seed))

    def press(self, key: str) -> None:
        """Press a key. Returns at once; keys wait for each other."""
        check_choice("key", key, KEYS)
        self._submit(lambda task: self._step(task, key))

    def _submit(self, work: Callable[[Task], None]) -> None:
        def guarded(task: Task) -> None:
            try:
                work(task)
            except X2VError as error:
                self._emit("problem", error.parts, [])

        self._worker.submit(guarded)

    def _begin(self, task: Task, prompt: str, seed: int) -> None:
        self.world = self._make(prompt, seed)
        self._tell("world", self.world.frames, prompt=prompt)

    def _step(self, task: Task, key: str) -> None:
        if self.world is None:
            self.world = self._make(self._start, self._seed)
            self._tell("world", self.world.frames, prompt=self.world.request.prompt)
        task.check()
        frames = self.world.step(key, on_step=lambda _: task.check())
        self._tell("frames", frames, key=key, seconds=self.world.seconds[-1])

    def _tell(self, kind: str, frames: Any, **more: Any) -> None:
        boxes = [box.tolist() if np.isfinite(box).all() else None for box in self.world.boxes[-len(frames) :]]
        told = {"boxes": boxes, "size": list(frames.shape), "pressed": len(self.world.keys), **more}
        self._emit(kind, told, [frames.tobytes()])
