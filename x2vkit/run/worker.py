"""The one thread in which models run, for whoever has several things to make and may change their mind.

    worker = Worker()
    task = worker.submit(work)              # work(task) runs when it is its turn; task.cancel() ends it
    yield from worker.stream(work)          # the same seen as a generator: what is reported, then the result

Two models at once on a small machine slow each other far more than twofold, so tasks wait for each other: the
lowest priority number first, then the order in which they came. A task ends early at its next report or
check, that is within one denoising step. Knows nothing about models, widgets or pages.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Generator
from threading import Condition, Event, Lock, Thread, current_thread
from typing import Any, Generic, TypeVar
from weakref import WeakSet

Item = TypeVar("Item")
Result = TypeVar("Result")

IDLE_SECONDS = 0.2
"""How often a waiting generator yields None: as long as it waits inside, nobody can close it."""


class Cancelled(Exception):
    """Raised inside a task by `check` and `report`, once nobody waits for it any more."""


class Task(Generic[Item, Result]):
    """One thing to do, and what became of it."""

    def __init__(
        self, work: Callable[[Task[Item, Result]], Result], priority: int, id: Any, restart: bool
    ) -> None:
        self.work = work
        self.priority = priority
        self.id = id
        self.restart = restart
        self.result: Result | None = None
        self.error: BaseException | None = None
        self.cancelled = False
        self.pushed_aside = False
        self.ended = Event()
        self._newest: list[Item] = []
        self._news = Event()
        self._lock = Lock()

    def check(self) -> None:
        """Go on, or raise Cancelled. For the work itself, between two of its steps."""
        if self.cancelled or self.pushed_aside:
            raise Cancelled

    def report(self, item: Item) -> None:
        """Tell whoever streams the task; an older report that nobody took is replaced. Raises as `check`."""
        self.check()
        with self._lock:
            self._newest = [item]
            self._news.set()

    def cancel(self) -> None:
        """End the task at its next report, or before it begins."""
        self.cancelled = True

    def take(self, seconds: float) -> Item | None:
        """The newest report, once; None where there is nothing new for so long."""
        self._news.wait(seconds)
        with self._lock:
            newest, self._newest = self._newest, []
            if not self.ended.is_set():
                self._news.clear()
        return newest[0] if newest else None

    def run(self) -> None:
        """Do it. Of the worker."""
        try:
            self.check()
            self.result = self.work(self)
        except Cancelled as error:
            if self.pushed_aside and not self.cancelled:
                return  # to be begun again
            self.error = error
        except BaseException as error:
            self.error = error
        self.end()

    def end(self) -> None:
        """Nothing more will happen."""
        with self._lock:
            self.ended.set()
            self._news.set()


class Worker:
    """Runs tasks one after another, in a thread that ends when nothing is left to do, and with the program.

    Args:
        name: of the thread.
        linger: seconds that the thread waits for more first; a thread of its own for each of many tasks costs
            memory.
    """

    def __init__(self, name: str = "x2vkit worker", linger: float = 0.0) -> None:
        self.name = name
        self.linger = linger
        self.closed = False
        self._tasks: list[Task[Any, Any]] = []
        self._running: Task[Any, Any] | None = None
        self._thread: Thread | None = None
        self._lock = Condition()
        _workers.add(self)

    def submit(
        self,
        work: Callable[[Task[Item, Result]], Result],
        *,
        priority: int = 0,
        id: Any = None,
        restart: bool = False,
    ) -> Task[Item, Result]:
        """Run `work(task)` when it is its turn; returns at once.

        Args:
            work: what to do; its result and what it raises are kept in the task.
            priority: lower goes first.
            id: whatever tells the task from others.
            restart: whether it may be pushed aside by a task that goes first, and begun again afterwards.
        """
        task = Task(work, priority, id, restart)
        with self._lock:
            if self.closed:
                task.cancel()
                task.end()
                return task
            running = self._running
            if running is not None and running.restart and priority < running.priority:
                running.pushed_aside = True
            self._tasks.append(task)
            self._lock.notify_all()
            if self._thread is None:
                self._thread = Thread(target=self._work, name=self.name, daemon=True)
                self._thread.start()
        return task

    def stream(
        self, work: Callable[[Task[Item, Result]], Result], priority: int = 0
    ) -> Generator[Item | None, None, Result]:
        """Run a task: yield what it reports, and None now and then while it is silent; return its result.

        Reports that come faster than they are fetched replace each other: only the newest is news. What the
        task raises is raised here. Closing the generator cancels the task.
        """
        task = self.submit(work, priority=priority)
        try:
            while not task.ended.is_set():
                yield task.take(IDLE_SECONDS)
            if (last := task.take(0)) is not None:
                yield last
            if task.error is not None:
                raise task.error
            if task.cancelled:
                raise Cancelled
            return task.result  # type: ignore[return-value]
        finally:
            self.cancel(lambda one: one is task)

    def cancel(self, which: Callable[[Task[Any, Any]], bool] = lambda task: True) -> None:
        """End the tasks that `which` names: those that wait at once, the one that runs at its next report."""
        with self._lock:
            for task in [task for task in self._tasks if which(task)]:
                self._tasks.remove(task)
                task.cancel()
                task.end()
            if self._running is not None and which(self._running):
                self._running.cancel()

    @property
    def busy(self) -> bool:
        """Whether anything runs or waits."""
        with self._lock:
            return self._running is not None or bool(self._tasks)

    def wait(self, seconds: float = 60) -> bool:
        """Until nothing is left to do; whether that came within so many seconds."""
        with self._lock:
            thread, done = self._thread, self._lock.wait_for(lambda: not self.busy, seconds)
        if done and not self.linger and thread is not None and thread is not current_thread():
            thread.join(seconds)
        return done

    def close(self) -> None:
        """Take no more tasks, and end all that there are."""
        with self._lock:
            self.closed = True
            self._lock.notify_all()
        self.cancel()

    def _work(self) -> None:
        while (task := self._next()) is not None:
            task.run()
            with self._lock:
                self._running = None
                if not task.ended.is_set():
                    task.pushed_aside = False
                    self._tasks.insert(0, task)
                self._lock.notify_all()

    def _next(self) -> Task[Any, Any] | None:
        """The task to run now; None, and the thread ends, when there is none."""
        with self._lock:
            self._lock.wait_for(lambda: self._tasks or self.closed, self.linger)
            if not self._tasks:
                self._thread = None
                return None
            task = min(self._tasks, key=lambda one: one.priority)  # the first of the lowest
            self._tasks.remove(task)
            self._running = task
            return task


_workers: WeakSet[Worker] = WeakSet()


@atexit.register
def close_all(seconds: float = 20.0) -> None:
    """End every worker and wait for its step: a thread that is still in torch when the interpreter goes
    aborts the whole program.
    """
    for worker in (workers := list(_workers)):
        worker.close()
    for worker in workers:
        if (thread := worker._thread) is not None and thread is not current_thread():
            thread.join(seconds)
