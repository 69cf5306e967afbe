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
from x2vkit.adapters.asking import refused_call
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
        said = [one["said"] for one in recording.trace.coverage["unseen"] if one["what"] == "compiled"]
        assert "before compiling" in said[0]
        assert recording.trace.pred_x0.shape[0] == STEPS and not recording.trace.captured


def test_what_is_no_pipeline_is_refused(case):
    for wrong in ("/nope", case.pipe.transformer):
        with pytest.raises(X2VError, match="a diffusers video pipeline, loaded"):
            x2v.record("a cat", pipeline=wrong)
        with pytest.raises(X2VError, match="from_pretrained"), x2v.attach(wrong):
            pass


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"attention": "all"}, "attention='all': .*AttentionCapture"),
        ({"budget_bytes": "1"}, "budget_bytes='1': .*above zero"),
        ({"budget_bytes": -1}, "budget_bytes=-1: .*above zero"),
        ({"seed": 3}, r"WanPipeline takes no seed. pass generator=torch.Generator\(\).manual_seed\(3\)"),
        ({"steps": 3}, "WanPipeline takes no steps"),
        ({"num_frame": 9}, "use num_frames"),
        ({"num_inference_steps": 0}, "num_inference_steps=0: .*at least one"),
        ({"num_inference_steps": "3"}, "num_inference_steps='3': "),
    ],
)
def test_what_a_recording_does_not_take_is_refused_in_a_sentence(case, options, said):
    before = state(case.pipe)
    with pytest.raises(X2VError, match=said):
        x2v.record(**case.call | options, pipeline=case.pipe)
    assert state(case.pipe) == before


def test_a_missing_picture_is_asked_for():
    class Starting:
        def __call__(self, image, prompt=None):
            return image

    said = str(refused_call(Starting().__call__, (), {"prompt": "a cat"}))
    assert said == "no image: Starting takes one. pass image."


def test_a_cache_is_to_be_switched_off(case):
    from diffusers import FirstBlockCacheConfig

    case.pipe.transformer.enable_cache(FirstBlockCacheConfig(threshold=10.0))
    trace = x2v.record(**case.call, pipeline=case.pipe)
    said = next(one["said"] for one in trace.coverage["unseen"] if one["what"] == "cache")
    assert said.endswith("Switch it off, pipe.transformer.disable_cache(), to keep attention.")


def test_a_wrapper_on_the_scheduler_is_named_before_anything_runs(case):
    own = case.pipe.scheduler.step
    case.pipe.scheduler.step = lambda *args, **kwargs: own(*args, **kwargs)
    with pytest.raises(X2VError, match="`del pipe.scheduler.step`"), x2v.attach(case.pipe):
        pass
    del case.pipe.scheduler.step
    assert not WATCHED and "step" not in vars(case.pipe.scheduler)


def test_a_run_that_was_stopped_says_after_how_many_steps(case):
    def stop(pipe, step, t, given):
        pipe._interrupt = True
        return given

    def interrupt(pipe, step, t, given):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), x2v.attach(case.pipe, None) as recording:
        case.run(num_inference_steps=3, callback_on_step_end=stop)
        said = {one["what"]: one["said"] for one in recording.trace.coverage["unseen"]}
        assert said["stopped early"] == "The call was stopped after 1 of 3 steps."
        case.run(callback_on_step_end=interrupt)
    with pytest.raises(X2VError, match="stopped after 1 of 2 steps"):
        _ = recording.trace
    assert len(recording.traces) == 1
