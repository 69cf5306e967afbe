"""What diffusers' callbacks read of a run and set in it, without one run seeing another's.

A pipeline is one object, and diffusers keeps the state of a call on it: `pipe.guidance_scale`,
`pipe.num_timesteps`, `pipe._interrupt`. Threads that share a pipeline would stop each other's clips. So every
thread has a state of its own here, under the same names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import get_ident
from typing import Any


@dataclass
class RunState:
    """One run of a pipeline, as its callbacks see it."""

    guidance_scale: float = 1.0
    """Pull towards the words; a callback that changes it changes the steps that follow."""
    num_timesteps: int = 0
    """Denoising steps that the run takes."""
    attention_kwargs: dict[str, Any] | None = None
    """As they were given to the call."""
    current_timestep: int | None = None
    """Noise level of the step that was taken last, times 1000; None before the first and after the last."""
    interrupt: bool = False
    """True: stop after this step."""
    active: bool = False
    """False before and after the run."""


class RunStates:
    """Properties of diffusers' pipelines that callbacks use, one `RunState` for each thread.

    A thread that runs nothing reads the run that began last, and its `_interrupt = True` stops every run:
    that
    is a stop button's.
    """

    _states: dict[int, RunState]
    """By thread, the latest last."""

    @property
    def num_timesteps(self) -> int:
        """Denoising steps of the run."""
        return self._state.num_timesteps

    @property
    def guidance_scale(self) -> float:
        """The run's classifier-free guidance scale."""
        return self._state.guidance_scale

    @property
    def current_timestep(self) -> int | None:
        """Noise level of the step taken last, times 1000; None outside of a run."""
        return self._state.current_timestep

    @property
    def interrupt(self) -> bool:
        """Whether the run stops after this step."""
        return self._state.interrupt

    @property
    def attention_kwargs(self) -> dict[str, Any] | None:
        """The run's `attention_kwargs`."""
        return self._state.attention_kwargs

    @property
    def do_classifier_free_guidance(self) -> bool:
        """Whether the model also looks at the clip without the words: at any `guidance_scale` but 1."""
        return self._state.guidance_scale != 1

    @property
    def _guidance_scale(self) -> float:
        return self._state.guidance_scale

    @_guidance_scale.setter
    def _guidance_scale(self, value: float) -> None:
        self._state.guidance_scale = value

    @property
    def _interrupt(self) -> bool:
        return self._state.interrupt

    @_interrupt.setter
    def _interrupt(self, value: bool) -> None:
        own = self._states.get(get_ident())
        states = [own] if own is not None and own.active else list(self._states.values())
        for state in states:
            state.interrupt = value

    @property
    def _state(self) -> RunState:
        own = self._states.get(get_ident())
        return own or next(reversed(list(self._states.values())), RunState())

    @contextmanager
    def _begin(self, **of_run: Any) -> Iterator[RunState]:
        """A fresh state for this thread's run. It can be read afterwards, as diffusers' can."""
        self._states.pop(get_ident(), None)
        state = self._states[get_ident()] = RunState(**of_run, active=True)
        try:
            yield state
        finally:
            state.active, state.current_timestep = False, None
