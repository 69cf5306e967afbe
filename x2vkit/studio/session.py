"""What the sessions of the studio's views share: one worker that can be cancelled, waited for and closed.

A session is the kernel's half of a view: it takes plain values, works in a thread, emits what happens. It
knows nothing about widgets or browsers.
"""

from __future__ import annotations

from x2vkit.backend import Emit
from x2vkit.run.worker import Worker


class StudioSession:
    """All methods return at once, from any thread.

    Args:
        emit: called with each event, mostly by the worker.
        worker: what is asked of the session runs there.
    """

    def __init__(self, emit: Emit, worker: Worker) -> None:
        self._emit, self._worker = emit, worker

    def cancel(self) -> None:
        """Stop what was asked for, between two denoising steps."""
        self._worker.cancel()

    def wait(self, seconds: float = 60) -> bool:
        """Until nothing is left to do; whether that came within so many seconds."""
        return self._worker.wait(seconds)

    def close(self) -> None:
        """Stop everything."""
        self._worker.close()
