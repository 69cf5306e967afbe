"""Several threads on one pipeline, with several schedulers: each gets what it would get alone."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from x2vkit.run.capture import AttentionCapture
from x2vkit.run.record import generate, record
from x2vkit.trace import Trace

SIZE = {"num_frames": 5, "height": 32, "width": 48}
RUNS: list[dict] = [
    {"seed": 3 * thread + i, "scheduler": scheduler, "steps": 4 + i, "guidance": 2.0 + i}
    for thread, scheduler in enumerate(("euler", "heun", "euler"))
    for i in range(3)
]


def equal(one: Trace, two: Trace) -> bool:
    """Whether all arrays are the same; a plan is NaN where a subject is out of sight."""
    arrays, others = one.arrays(), two.arrays()
    if arrays.keys() != others.keys():
        return False
    return all(np.array_equal(arrays[name], others[name], equal_nan=True) for name in arrays)


def at_once(works: list[Callable[[], None]]) -> None:
    """All of them, each in a thread, beginning together."""
    gate, errors = threading.Barrier(len(works)), []

    def run(work):
        gate.wait(20)
        try:
            work()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []


@pytest.mark.parametrize("name", ["pipeline", "planning"])
def test_three_threads_get_what_each_would_get_alone(request, name):
    """Nine runs, recorded with attention or made without: frames, pred_x0_cond and all else are equal."""
    pipe = request.getfixturevalue(name)

    def make(number: int) -> Trace:
        run = record if number % 2 else generate
        return run("a red ball", pipeline=pipe, **SIZE, **RUNS[number])

    alone = [make(number) for number in range(len(RUNS))]
    together: dict[int, Trace] = {}

    def work(thread: int) -> None:
        for number in range(3 * thread, 3 * thread + 3):
            together[number] = make(number)

    at_once([lambda thread=thread: work(thread) for thread in range(3)])
    assert len(together) == 9
    for number, trace in together.items():
        np.testing.assert_array_equal(trace.frames, alone[number].frames)
        np.testing.assert_array_equal(trace.pred_x0_cond, alone[number].pred_x0_cond)
        assert equal(trace, alone[number])
    assert type(pipe.scheduler).__name__ == "FlowMatchEulerDiscreteScheduler"


def test_runs_that_differ_are_not_called_equal(pipeline):
    runs = [generate("a red ball", pipeline=pipeline, **SIZE, **RUNS[number]) for number in (0, 3)]
    assert not equal(*runs) and equal(runs[0], runs[0])


def test_a_demo_beside_ones_own_cells(pipeline):
    """The page makes a clip while a cell records on the same pipeline."""
    from x2vkit.demo.engine import Engine
    from x2vkit.demo.models import Models

    options = {"seed": 5, "steps": 6, **SIZE}
    wanted = Models(pipeline).read({"prompt": "a red ball", "steps": 5, "seed": 1, "seconds": 0.1})
    alone = record("a red ball", pipeline=pipeline, scheduler="heun", **options)
    page_alone = generate(wanted.request, pipeline=pipeline)
    engine, made, mine = Engine(Models(pipeline)), [], []

    def page() -> None:
        for _ in range(3):
            run = engine.make(wanted)
            try:
                while True:
                    next(run)
            except StopIteration as end:
                made.append(end.value[1].frames)

    def cell() -> None:
        mine.extend(record("a red ball", pipeline=pipeline, scheduler="heun", **options) for _ in range(3))

    at_once([page, cell])
    engine.close()
    assert len(made) == len(mine) == 3
    for frames in made:
        np.testing.assert_array_equal(frames, page_alone.frames)
    assert all(equal(trace, alone) for trace in mine)


def test_a_run_inside_another_runs_step_is_not_captured_with_it(pipeline):
    """`on_step` that makes a clip of its own leaves the outer recording as it was."""
    options = {"pipeline": pipeline, "seed": 1, "steps": 3, **SIZE}
    keep = AttentionCapture(steps=[1])
    alone = record("a red ball", attention=keep, **options)

    def another(step):
        record("a blue dog", pipeline=pipeline, seed=9, steps=2, **SIZE)

    assert equal(record("a red ball", attention=keep, on_step=another, **options), alone)
