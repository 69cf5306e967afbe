"""One worker for all models: news arrive, errors arrive, and whatever nobody waits for ends at its next
step.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from x2vkit.run.worker import Cancelled, Worker


@pytest.fixture
def worker():
    made = Worker()
    yield made
    made.close()
    assert made.wait(20)


def last(run):
    """What a generator yields (None left out) and returns."""
    seen = []
    while True:
        try:
            item = next(run)
        except StopIteration as end:
            return seen, end.value
        if item is not None:
            seen.append(item)


def wait_until(holds, seconds=20.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_reports_arrive_in_order_and_the_result_last(worker):
    def work(task):
        for i in range(5):
            task.report(i)
            time.sleep(0.02)
        return "done"

    seen, result = last(worker.stream(work))
    assert result == "done"
    assert seen == sorted(seen) and seen[-1] == 4


def test_only_the_newest_report_counts(worker):
    begun, gate = threading.Event(), threading.Event()

    def work(task):
        for i in range(100):
            task.report(i)
        begun.set()
        gate.wait(20)

    run = worker.stream(work)
    first = next(run)
    assert begun.wait(20)
    gate.set()
    seen, _ = last(run)
    assert (seen or [first])[-1] == 99 and len(seen) <= 1


def test_what_a_task_raises_is_raised_outside(worker):
    def work(task):
        raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        last(worker.stream(work))


def test_closing_stops_the_task_at_its_next_report(worker):
    steps, ended = [], []

    def work(task):
        try:
            for i in range(1000):
                time.sleep(0.01)
                steps.append(i)
                task.report(i)
        except Cancelled:
            ended.append("cancelled")
            raise

    run = worker.stream(work)
    while next(run) is None:
        pass
    run.close()
    at = len(steps)
    wait_until(lambda: ended)
    assert len(steps) <= at + 1
    assert last(worker.stream(lambda task: "next"))[1] == "next"


def test_a_task_that_waits_is_never_begun_once_closed(worker):
    gate, ran = threading.Event(), []
    worker.submit(lambda task: gate.wait(20))
    run = worker.stream(lambda task: ran.append(1))
    assert next(run) is None  # waiting can be left at any time
    run.close()
    gate.set()
    last(worker.stream(lambda task: None))
    assert not ran


def test_two_never_run_at_once_and_the_lowest_number_goes_first(worker):
    gate, begun, order, at_once = threading.Event(), threading.Event(), [], []

    def work(task):
        at_once.append(task.id)
        begun.set()
        assert gate.wait(20)
        order.append(task.id)
        assert at_once.pop() == task.id and not at_once

    worker.submit(work, id="first")
    assert begun.wait(20)
    for id, priority in (("late", 2), ("soon", 0), ("middle", 1), ("soon too", 0)):
        worker.submit(work, id=id, priority=priority)
    gate.set()
    assert worker.wait()
    assert order == ["first", "soon", "soon too", "middle", "late"]


def test_what_may_be_pushed_aside_is_begun_again_afterwards(worker):
    order, begun = [], threading.Event()

    def slow(task):
        order.append("slow begins")
        begun.set()
        for _ in range(200 if order.count("slow begins") == 1 else 1):
            time.sleep(0.01)
            task.check()
        order.append("slow ends")

    worker.submit(slow, priority=2, restart=True)
    assert begun.wait(20)
    worker.submit(lambda task: order.append("urgent"), priority=0)
    assert worker.wait()
    assert order == ["slow begins", "urgent", "slow begins", "slow ends"]


def test_what_was_cancelled_while_pushed_aside_is_not_begun_again(worker):
    begun, gate, runs = threading.Event(), threading.Event(), []

    def slow(task):
        runs.append(1)
        begun.set()
        assert gate.wait(20)
        task.check()

    task = worker.submit(slow, priority=2, restart=True)
    assert begun.wait(20)
    worker.submit(lambda task: None)
    worker.cancel(lambda one: one.priority == 2)
    gate.set()
    assert worker.wait()
    assert len(runs) == 1 and task.ended.is_set() and isinstance(task.error, Cancelled)


def test_no_thread_is_left_when_nothing_is_to_do(worker):
    task = worker.submit(lambda task: threading.current_thread())
    assert worker.wait() and not task.result.is_alive() and not worker.busy


def test_a_thread_that_lingers_does_the_next_task_too_and_ends_when_closed():
    worker = Worker(linger=60)
    names = {last(worker.stream(lambda task: threading.current_thread()))[1] for _ in range(3)}
    assert len(names) == 1 and worker.wait(1)
    worker.close()
    names.pop().join(10)
    assert not any(thread.name == worker.name for thread in threading.enumerate())


def test_a_closed_worker_takes_nothing_more():
    worker = Worker()
    worker.close()
    task = worker.submit(lambda task: 1 // 0)
    assert task.ended.wait(1) and task.cancelled
    with pytest.raises(Cancelled):
        last(worker.stream(lambda task: 1))


def test_nothing_is_lost_among_many_threads(worker):
    """Results of 40 tasks from 8 threads: each its own, none twice."""
    done = []

    def visit(number):
        for i in range(5):
            done.append(last(worker.stream(lambda task, i=i: (number, i)))[1] == (number, i))

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert done == [True] * 40


def test_a_program_ends_after_the_step_that_runs():
    """At the end the task is stopped and waited for: a thread cut off in torch would abort the program."""
    code = """
import threading, time
from x2vkit.run.worker import Worker
begun, worker = threading.Event(), Worker(linger=60)
def work(task):
    begun.set()
    try:
        while True:
            time.sleep(0.2)
            task.check()
    finally:
        print("ended", flush=True)
worker.submit(work)
begun.wait()
print("last line", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.splitlines() == ["last line", "ended"], done.stderr
