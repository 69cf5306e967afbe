"""One thread in which every model runs, and a job there seen from outside as a generator that can be closed.

Two models at once on a small machine slow each other far more than twofold, and a pipeline is not made for
two threads. Closing the generator stops the job at its next report: within one denoising step, whoever closes
it (a Stop button, a closed tab, an API client that went away). Knows nothing about models or pages.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import Event
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

IDLE_SECONDS = 0.2
"""How often a waiting generator yields None: as long as it waits inside, nobody can close it."""


class Stopped(Exception):
    """Raised inside a job by its report, once nobody waits for it any more."""


class Worker:
    """Runs jobs one after another in one thread."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="x2vkit")

    def stream(self, job: Callable[[Callable[[Item], None]], Result]) -> Generator[Item | None, None, Result]:
        """Run `job(report)`: yield what it reports, and None now and then while it is silent; return its
        result.

        Reports that come faster than they are fetched replace each other: only the newest is news. What the
        job raises is raised here.
        """
        news: SimpleQueue[Item | None] = SimpleQueue()
        closed = Event()

        def report(item: Item) -> None:
            if closed.is_set():
                raise Stopped
            news.put(item)

        future = self._pool.submit(job, report)
        future.add_done_callback(lambda _: news.put(None))
        try:
            while not (future.done() and news.empty()):
                yield _newest(news)
            return future.result()
        finally:
            closed.set()
            future.cancel()  # for a job that has not begun

    def begin(self, job: Callable[[], object]) -> None:
        """Run a job when the thread is free; its result and what it raises are dropped."""
        self._pool.submit(job)

    def close(self) -> None:
        """Take no more jobs; those that wait are dropped, the one that runs ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _newest(news: SimpleQueue[Item | None]) -> Item | None:
    """The last thing in the queue; None where there is nothing for IDLE_SECONDS."""
    try:
        item = news.get(timeout=IDLE_SECONDS)
        while not news.empty():
            item = news.get_nowait() or item
        return item
    except Empty:
        return None
