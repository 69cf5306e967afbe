"""An edit bends what it names and nothing else, is kept by the trace, and is made again with it."""

from __future__ import annotations

from threading import Thread

import numpy as np
import pytest
import torch

from x2vkit.core.attention import ScaledDotProduct
from x2vkit.errors import X2VError
from x2vkit.run.edit import Edit, Editing
from x2vkit.run.record import generate, rerun
from x2vkit.trace import Trace
from x2vkit.trace.edits import told
from x2vkit.views.denoise import run_line

SIZE = {"num_frames": 5, "height": 32, "width": 48, "steps": 3}


@pytest.fixture
def small(pipeline):
    """Options of a quick run on the tiny pipeline."""
    return {"pipeline": pipeline, "seed": 1, **SIZE}


def first_mixed(pipeline, **options):
    """What the first block's attention gives in the first step, (B, A, L, D)."""
    seen = []
    module = next(module for module in pipeline.transformer.modules() if isinstance(module, ScaledDotProduct))
    handle = module.register_forward_hook(lambda _, inputs, out: seen.append(out.clone()))
    try:
        generate("a red ball", pipeline=pipeline, seed=1, **SIZE, **options)
    finally:
        handle.remove()
    return seen[0]


def test_factors_of_one_change_nothing_bit_for_bit(small):
    plain = generate("a red ball", **small)
    same = generate("a red ball", edit=Edit(heads={(0, 0): 1}, layers={1: 1}, words={"red": 1}), **small)
    np.testing.assert_array_equal(plain.frames, same.frames)


def test_a_silent_head_writes_nothing_and_the_others_as_before(pipeline):
    plain = first_mixed(pipeline)
    # The test's own hook runs before the edit's: look one module on, at what reaches the output projection.
    seen = []
    block = pipeline.transformer.blocks[0].attention
    handle = block.out.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
    generate("a red ball", pipeline=pipeline, seed=1, **SIZE, edit=Edit(heads={(0, 1): 0}))
    handle.remove()
    heads = seen[0].unflatten(-1, (plain.shape[1], -1)).transpose(1, 2)  # (B, A, L, D)
    assert not heads[:, 1].any()
    torch.testing.assert_close(heads[:, 0], plain[:, 0])


def test_a_layer_at_half_adds_half(pipeline):
    block, seen = pipeline.transformer.blocks[1], []
    handle = block.register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    generate("a red ball", pipeline=pipeline, seed=1, **SIZE)
    handle.remove()
    inputs = [each.detach() if isinstance(each, torch.Tensor) else each for each in seen[0]]
    with torch.no_grad(), Editing(pipeline.transformer, Edit(layers={1: 0.5}, steps=(0,))) as hooks:
        whole = block(*inputs)  # nothing listens
        with hooks.listening():
            half = block(*inputs)
    torch.testing.assert_close(half - inputs[0], (whole - inputs[0]) / 2, atol=1e-5, rtol=1e-4)
    assert (whole - inputs[0]).abs().max() > 1e-3


def test_a_silenced_word_is_not_read(small, pipeline):
    """Without its word the pass with the words mixes as if the word's key and value were not there."""
    plain = first_mixed(pipeline)
    without = first_mixed(pipeline, edit=Edit(words={"red": 0}))
    assert (plain[0] - without[0]).abs().max() > 1e-4
    torch.testing.assert_close(plain[1], without[1])  # the pass without the words is as before


def test_attention_to_a_word_is_scaled_before_rows_add_up_to_one(pipeline):
    """Twice the share, and then made to add up to 1 again; in row 0, the pass with the words, alone."""
    module = next(module for module in pipeline.transformer.modules() if isinstance(module, ScaledDotProduct))
    q, values = torch.linspace(-1, 1, 196).view(2, 2, 7, 7), torch.eye(7).expand(2, 2, 7, 7)
    plain = module(q, q.flip(2), values)  # values of one token each: what is mixed are the shares
    with Editing(pipeline.transformer, Edit(words={2: 2}, steps=(0,))) as hooks, hooks.listening():
        edited = module(q, q.flip(2), values)
    twice = plain[0].clone()
    twice[..., 2] *= 2
    torch.testing.assert_close(edited[0], twice / twice.sum(-1, keepdim=True))
    torch.testing.assert_close(edited[1], plain[1])


def test_a_trace_keeps_its_edit_and_is_made_again_with_it(small, pipeline, tmp_path):
    edit = Edit(heads={(1, 0): 0}, words={"ball": 2.5}, steps=(0, 2))
    trace = generate("a red ball", edit=edit, **small)
    assert (trace.frames != generate("a red ball", **small).frames).any()
    opened = Trace.load(trace.save(tmp_path / "bent.x2v"))
    np.testing.assert_array_equal(rerun(opened, pipeline=pipeline).frames, trace.frames)
    assert told(opened.inputs["edit"], opened.words) == "layer 2 head 1 × 0, “ball” × 2.5"
    assert "edited: layer 2 head 1 × 0" in run_line(opened)


def test_another_thread_on_the_same_model_goes_on_unchanged(small):
    plain, clips = generate("a red ball", **small), {}

    def run(name, edit):
        clips[name] = generate("a red ball", edit=edit, **small).frames

    threads = [
        Thread(target=run, args=("bent", Edit(layers={0: 0}))),
        Thread(target=run, args=("plain", None)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(clips["plain"], plain.frames)
    assert (clips["bent"] != plain.frames).any()


@pytest.mark.parametrize(
    ("edit", "told_of"),
    [
        (Edit(words={"purple": 0}), "purple"),
        (Edit(heads={(0, 99): 0}), "head 99"),
        (Edit(layers={-1: 0}), "layer -1"),
        (Edit(layers={0: float("nan")}), "nan"),
        (Edit(words={"red": "loud"}), "loud"),
        (Edit(steps=(7,)), "step 7"),
    ],
)
def test_what_is_not_there_is_refused(small, edit, told_of):
    with pytest.raises(X2VError, match=told_of):
        generate("a red ball", edit=edit, **small)
