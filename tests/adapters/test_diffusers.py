"""Recording as a whole: what is left behind, what is refused, what is confessed, how one calls it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import x2vkit as x2v
from tests.adapters.families import cogvideox, ltx, wan
from tests.adapters.parts import PROMPT, STEPS
from tests.adapters.test_families import state
from x2vkit.adapters.memory import predicted_bytes, resolve
from x2vkit.adapters.watch import by_name
from x2vkit.errors import X2VError
from x2vkit.run.capture import AttentionCapture

NOTHING_KEPT = AttentionCapture((), (), ())


@pytest.fixture(autouse=True)
def calm():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def what(trace) -> dict[str, dict]:
    return {one["what"]: one for one in trace.coverage["unseen"]}


def test_record_calls_a_pipeline_and_attach_looks_on():
    case = wan()
    call = {name: value for name, value in case.call.items() if name != "prompt"}
    keep = x2v.AttentionCapture(steps=[-1], layers=[1], heads=[0])
    one = x2v.record(PROMPT, pipeline=case.pipe, attention=keep, generator=torch.manual_seed(0), **call)
    with x2v.attach(case.pipe, keep) as recording:
        case.run()
        case.run(seed=1)
    same, other = recording.traces
    assert np.array_equal(one.frames, same.frames) and not np.array_equal(one.frames, other.frames)
    assert recording.trace is other
    assert one.prompt == PROMPT and one.words[-1] == "</s>" and "".join(one.words[:-1]) == PROMPT
    assert one.captured == ((STEPS - 1, 2), (STEPS - 1, 3))  # the second block's self and cross attention
    assert one.heads == (0,) and one.queries[STEPS - 1, 2].shape[0] == 1
    assert one.picture(one.latents[-1]).shape == one.frames.shape


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_breaks_off_leaves_the_pipeline_as_it_was(error):
    case = wan()
    case.run()
    before = state(case.pipe)

    def broken(pipe, step, t, given):
        raise error

    with pytest.raises(error), x2v.attach(case.pipe) as recording:
        case.run(callback_on_step_end=broken)
    after = state(case.pipe)
    assert [after[part] for part in before if part != "values"] == [
        before[p] for p in before if p != "values"
    ]
    with pytest.raises(X2VError, match="no call of the pipeline came to its end"):
        _ = recording.trace


def test_an_error_in_the_model_leaves_no_hook():
    case = wan()
    block = case.pipe.transformer.blocks[1]
    handle = block.register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError), x2v.attach(case.pipe, AttentionCapture()):
        case.run()
    handle.remove()
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in case.pipe.transformer.modules())
    assert torch.overrides._len_torch_function_stack() == 0


def test_a_class_that_cannot_be_recorded_is_refused_with_a_reason():
    case = wan()
    case.pipe.__class__ = type("SkyReelsV2DiffusionForcingPipeline", (type(case.pipe),), {})
    with pytest.raises(X2VError, match="a noise level of its own"), x2v.attach(case.pipe):
        pass


def test_a_class_that_nobody_knows_goes_the_generic_way():
    case = cogvideox()
    case.pipe.__class__ = type("PipelineOfTomorrow", (type(case.pipe),), {})
    with x2v.attach(case.pipe, AttentionCapture()) as recording:
        case.run()
    assert recording.trace.coverage["support"] == "generic"
    assert recording.trace.geometry.token_kinds == case.kinds


def test_rows_of_tokens_of_a_class_that_nobody_knows_are_found_by_what_is_decoded():
    case = ltx()
    case.pipe.__class__ = type("PipelineOfTomorrow", (type(case.pipe),), {})
    with x2v.attach(case.pipe, NOTHING_KEPT) as recording:
        case.run()
    assert recording.trace.latents.shape == (STEPS + 1, 8, 3, 8, 8)


def test_latents_without_pictures_say_so():
    case = wan()
    with x2v.attach(case.pipe, NOTHING_KEPT) as recording:
        case.run(output_type="latent")
    assert "no pictures" in what(recording.trace)
    assert recording.trace.preview_weight is None


def test_a_trace_above_the_budget_is_refused_before_anything_runs():
    case = wan()
    call = by_name(case.pipe.__call__, (), case.call)
    keep = resolve(case.pipe, AttentionCapture(), call, 10**9)[0]
    needed, ran = predicted_bytes(case.pipe, keep, call), []
    handle = case.pipe.transformer.register_forward_pre_hook(lambda *_: ran.append(1))
    with pytest.raises(X2VError, match=r"use attention=x2vkit.AttentionCapture\(steps="):
        x2v.record(**case.call, pipeline=case.pipe, attention=AttentionCapture(), budget_bytes=needed - 1)
    handle.remove()
    assert not ran


def test_the_size_of_a_real_clip_is_predicted():
    """81 frames of 480 x 832 by a model of Wan's largest size: 32,760 tokens, of which no weight is made."""
    import diffusers

    case = wan()
    config = {"num_attention_heads": 40, "attention_head_dim": 128, "num_layers": 40, "ffn_dim": 13824}
    with torch.device("meta"):
        case.pipe.transformer = diffusers.WanTransformer3DModel(**config)
    call = by_name(case.pipe.__call__, (), {"num_frames": 81, "height": 480, "width": 832})
    keep = AttentionCapture(steps=[0, 17, 33, 49], layers=[20], heads=[0, 1])
    keep, blocks = resolve(case.pipe, keep, call, 10**12)
    assert len(blocks) == 40
    tokens, words = 32_760, 512
    rows = 2 * (tokens + words) + 2 * words + tokens
    attention = 4 * 2 * rows * 128 * 2
    latents = 151 * 16 * 22 * 60 * 104 * 2
    predicted = predicted_bytes(case.pipe, keep, call)
    assert attention + latents < predicted < 1.2 * (attention + latents)
    with pytest.raises(X2VError, match="the budget is 2000.0 MB"):
        resolve(case.pipe, AttentionCapture(), call, 2_000_000_000)


def test_a_cache_is_confessed():
    from diffusers import FirstBlockCacheConfig

    case = wan()
    case.pipe.transformer.enable_cache(FirstBlockCacheConfig(threshold=10.0))
    alone = case.run(num_inference_steps=4)
    with x2v.attach(case.pipe, AttentionCapture()) as recording:
        recorded = case.run(num_inference_steps=4)
    assert np.array_equal(alone.frames, recorded.frames)
    said = what(recording.trace)["cache"]
    assert said["where"] == ["step 1", "step 2", "step 3"] or said["where"] == ["step 1-3"]


def test_a_compiled_model_is_confessed():
    case = wan()
    case.pipe.transformer.blocks[0].compile(backend="eager")
    alone = case.run()
    with x2v.attach(case.pipe, AttentionCapture()) as recording:
        recorded = case.run()
    assert np.array_equal(alone.frames, recorded.frames)
    assert "compiled" in what(recording.trace) and not recording.trace.captured
    assert recording.trace.pred_x0.shape[0] == STEPS


def test_two_experts_name_their_steps():
    case = wan(experts=2)
    with x2v.attach(case.pipe, AttentionCapture()) as recording:
        case.run()
    assert recording.trace.stages == ("transformer", "transformer_2")


def test_another_thread_is_not_recorded():
    from threading import Thread

    case = wan()
    with x2v.attach(case.pipe, NOTHING_KEPT) as recording:
        thread = Thread(target=case.run)
        thread.start()
        thread.join()
    assert recording.traces == ()


def test_a_model_that_fails_when_it_is_tried_does_not_end_the_run(monkeypatch):
    case = wan()
    alone = case.run()
    monkeypatch.setattr("x2vkit.adapters.recording.probe", lambda *_: 1 / 0)
    with x2v.attach(case.pipe, AttentionCapture()) as recording:
        recorded = case.run()
    assert np.array_equal(alone.frames, recorded.frames)
    assert "tokens not told apart" in what(recording.trace) and not recording.trace.captured


def test_a_record_that_cannot_be_made_leaves_the_clip(monkeypatch):
    case = wan()
    monkeypatch.setattr("x2vkit.adapters.diffusers.traces_of", lambda *_: 1 / 0)
    with x2v.attach(case.pipe) as recording:
        assert case.run().frames.shape[1] == 9
    with pytest.raises(X2VError, match="could not be put together"):
        _ = recording.trace
