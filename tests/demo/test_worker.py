"""One thread for all models: news arrive, errors arrive, and closing stops the job at its next report."""

from __future__ import annotations

import threading
import time

import pytest

from tests.demo.demos import wait_until
from x2vkit.demo.worker import Stopped, Worker


@pytest.fixture
def worker():
    made = Worker()
    yield made
    made.close()


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


def test_reports_arrive_in_order_and_the_result_last(worker):
    def job(report):
        for i in range(5):
            report(i)
            time.sleep(0.02)
        return "done"

    seen, result = last(worker.stream(job))
    assert result == "done"
    assert seen == sorted(seen) and seen[-1] == 4


def test_only_the_newest_report_counts(worker):
    def job(report):
        for i in range(100):
            report(i)

    run = worker.stream(job)
    time.sleep(0.1)
    seen, _ = last(run)
    assert seen[-1] == 99 and len(seen) <= 100


def test_what_a_job_raises_is_raised_outside(worker):
    def job(report):
        raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        last(worker.stream(job))


def test_closing_stops_the_job_at_its_next_report(worker):
    begun, steps, ended = threading.Event(), [], []

    def job(report):
        try:
            for i in range(1000):
                time.sleep(0.01)
                steps.append(i)
                report(i)
                begun.set()
        except Stopped:
            ended.append("stopped")
            raise

    run = worker.stream(job)
    next(run)
    begun.wait(5)
    run.close()
    at = len(steps)
    wait_until(lambda: ended)
    assert len(steps) <= at + 1
    assert last(worker.stream(lambda report: "next"))[1] == "next"  # the thread lives on


def test_a_job_that_waits_is_never_begun_once_closed(worker):
    gate, ran = threading.Event(), []
    worker.begin(gate.wait)
    run = worker.stream(lambda report: ran.append(1))
    assert next(run) is None  # waiting can be left at any time
    run.close()
    gate.set()
    last(worker.stream(lambda report: None))
    assert not ran


def test_all_jobs_share_one_thread(worker):
    names = {last(worker.stream(lambda report: threading.current_thread().name))[1] for _ in range(3)}
    assert len(names) == 1 and threading.current_thread().name not in names
