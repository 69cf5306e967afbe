"""Recording as people get it wrong: twice at once, compiled, with the wrong things."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Thread

import numpy as np
import pytest
import torch

import x2vkit as x2v
from tests.adapters.families import wan
from tests.adapters.parts import STEPS, Case
from tests.adapters.test_families import state
from x2vkit.adapters.watch import WATCHED
from x2vkit.errors import X2VError
from x2vkit.run.capture import AttentionCapture


@pytest.fixture(autouse=True)
def calm():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def case() -> Case:
    return wan()


def test_a_second_recording_at_once_is_refused_and_leaves_nothing(case):
    case.run(output_type="latent")
    before = state(case.pipe)
    first = x2v.attach(case.pipe, None)
    recording = first.__enter__()
    with pytest.raises(X2VError, match="one recording at a time"), x2v.attach(case.pipe):
        pass
    refused = []

    def other() -> None:
        try:
            x2v.record(**case.call, pipeline=case.pipe, attention=None)
        except X2VError as error:
            refused.append(str(error))

    thread = Thread(target=other)
    thread.start()
    thread.join()
    case.run(output_type="latent")
    first.__exit__(None, None, None)
    assert "load a second pipeline" in refused[0]
    assert len(recording.traces) == 1 and state(case.pipe) == before and not WATCHED
    with x2v.attach(case.pipe, None):
        pass


def test_a_shared_part_is_recorded_once_at_a_time(case):
    other = wan()
    other.pipe.scheduler = case.pipe.scheduler
    before = state(other.pipe)
    with ExitStack() as stack:
        stack.enter_context(x2v.attach(case.pipe, None))
        with pytest.raises(X2VError, match="with this scheduler"), x2v.attach(other.pipe):
            pass
    assert state(other.pipe) == before and not WATCHED


def test_a_model_that_torch_compile_wrapped_is_confessed(case):
    alone = case.run()
    case.pipe.transformer = torch.compile(case.pipe.transformer, backend="eager")
    for attention in (None, AttentionCapture(layers=[1])):
        with x2v.attach(case.pipe, attention) as recording:
            recorded = case.run()
        assert np.array_equal(alone.frames, recorded.frames)
        assert "compiled" in [one["what"] for one in recording.trace.coverage["unseen"]]
        assert recording.trace.pred_x0.shape[0] == STEPS and not recording.trace.captured
