"""Longer, round, joined, filled in: given frames stay, the shape is right, nonsense is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import x2vkit as x2v
from x2vkit.errors import X2VError
from x2vkit.studio.go_on.between import met
from x2vkit.studio.go_on.windows import encode
from x2vkit.trace import Trace

SHAPE = {"height": 32, "width": 48, "steps": 2}


@pytest.fixture(scope="module")
def walk(pipeline) -> Trace:
    """A clip with a plan: a box that goes to the right."""
    boxes = np.full((9, 2, 4), np.nan, np.float32)
    boxes[:, 0] = (0.1, 0.4, 0.5, 0.9) + np.arange(9)[:, None] * np.array((0.03, 0, 0.03, 0))
    made = x2v.generate("a red dog", pipeline=pipeline, plan={"boxes": boxes}, num_frames=9, seed=1, **SHAPE)
    return replace(made, sound=np.ones(18_000, np.int16))


def test_after_a_clip_come_new_frames(walk, pipeline):
    made = x2v.extend(walk, 3, pipeline=pipeline)
    assert len(made.frames) == 9 + 36 and made.latents.shape[2] == 3 + 9
    assert np.array_equal(made.frames[:9], walk.frames)
    assert np.allclose(
        made.latents[:, :, :3].astype(float), walk.latents[-1].astype(float)
    )  # given: clean throughout
    assert not np.allclose(made.latents[0, :, 3:], made.latents[-1, :, 3:])
    assert made.made_by["call"] == "extend" and made.made_by["own"] == [0, 9]
    assert np.array_equal(made.sound, walk.sound)
    assert made.flops > walk.flops and made.request["num_frames"] == 45
    again = x2v.extend(walk, 3, pipeline=pipeline)
    assert np.array_equal(again.frames, made.frames)


def test_before_a_clip_and_on_both_sides(walk, pipeline):
    made = x2v.extend(walk, 2, "backward", pipeline=pipeline)
    assert len(made.frames) == 24 + 9 and np.array_equal(made.frames[24:], walk.frames)
    assert len(made.sound) == len(walk.sound) + 48_000 and not made.sound[:48_000].any()
    both = x2v.extend(walk, 2, "both", pipeline=pipeline)
    assert len(both.frames) == 33 and np.array_equal(both.frames[12:21], walk.frames)
    assert both.plan["boxes"].shape == (33, 2, 4)


def test_a_loop_begins_and_ends_with_the_clip(walk, pipeline):
    made = x2v.loop(walk, 1.3, pipeline=pipeline)
    assert np.array_equal(made.frames[:9], walk.frames) and (len(made.frames) - 9) % 4 == 0
    assert made.frames.shape[0] == 1 + 4 * (made.latents.shape[2] - 1)


def test_the_shortest_clip_comes_round_too(walk, pipeline):
    short = x2v.generate("a dog", pipeline=pipeline, num_frames=5, **SHAPE)
    made = x2v.loop(short, 0.3, pipeline=pipeline)
    assert len(made.frames) == 9 and np.array_equal(made.frames[:5], short.frames)


def test_two_clips_are_joined(walk, pipeline):
    made = x2v.connect(walk, walk, 2, pipeline=pipeline)
    start = made.made_by["own"][2]
    assert np.array_equal(made.frames[:9], walk.frames) and np.array_equal(made.frames[start:], walk.frames)
    assert len(made.frames) == 1 + 4 * (made.latents.shape[2] - 1) and start - 9 == 23
    assert made.sound[:18_000].all() and not made.sound[18_000:64_000].any() and made.sound[64_000:].all()
    assert np.allclose(made.latents[-1][:, -2:].astype(float), walk.latents[-1][:, 1:].astype(float))


@pytest.mark.parametrize(("seconds", "groups"), [(2, 2), (0.3, 1)])
def test_what_was_dissolved_is_told_and_the_last_latents_are_of_it(walk, pipeline, seconds, groups):
    """As the autoencoder reads the joined frames, beside the two latent frames of four before them."""
    made = x2v.connect(walk, walk, seconds, pipeline=pipeline)
    first, start = made.made_by["dissolved"]
    assert start == made.made_by["own"][2] and start - first == 4 * groups - 1
    stop, seen = start // 4 + 1, groups + 2
    read = encode(pipeline, made.frames[start - 4 * seen : start + 1])[:, -groups:].numpy()
    assert np.allclose(made.latents[-1][:, stop - groups : stop], read, atol=2e-3)
    assert not np.allclose(made.pred_x0[-1][:, stop - groups : stop], read, atol=2e-3)


def test_what_a_bridge_lacks_at_its_end_is_dissolved_into_its_last_frames():
    drawn = np.full((11, 2, 2, 3), 100, np.uint8)
    found = met(drawn, np.full((2, 2, 3), 180, np.uint8))
    assert found[:, 0, 0, 0].tolist() == [100, 100, 100, 110, 120, 130, 140, 150, 160, 170]
    assert met(drawn[:2], drawn[0]).tolist() == drawn[:1].tolist()


def test_between_two_pictures(walk, pipeline):
    made = x2v.inbetween(
        walk.frames[0], walk.frames[-1], "a red dog", pipeline=pipeline, seconds=1.4, **SHAPE
    )
    assert len(made.frames) == 17
    assert np.array_equal(made.frames[0], walk.frames[0]) and np.array_equal(made.frames[-1], walk.frames[-1])
    assert np.array_equal(made.inputs["last"], walk.frames[-1])


def test_a_long_clip_keeps_few_steps(monkeypatch, walk, pipeline):
    monkeypatch.setattr("x2vkit.studio.go_on.clip.KEPT_BYTES", 1)
    made = x2v.extend(walk, 1, pipeline=pipeline)
    assert made.steps == 1 and len(made.t) == 2 and made.t[-1] == 0


@pytest.mark.parametrize("seconds", [-1, 0, 3600, float("nan"), "ten", None])
def test_seconds_of_no_sense_are_refused(walk, pipeline, seconds):
    with pytest.raises(X2VError, match="seconds="):
        x2v.extend(walk, seconds, pipeline=pipeline)


REFUSED = {
    "a name as the pipeline": (lambda c, p: x2v.extend(c, 0.3, pipeline="small"), "pipeline='small'"),
    "an enlarged clip": (
        lambda c, p: x2v.extend(x2v.upscale(c, pipeline=p), 0.3, pipeline=p),
        "extend it first, then upscale",
    ),
    "follow no": (lambda c, p: x2v.extend(c, 0.3, follow="no", pipeline=p), "follow='no'"),
    "no words": (lambda c, p: x2v.piecewise("", pipeline=p), "prompt='': a clip is made of words"),
    "None for words": (lambda c, p: x2v.piecewise(None, pipeline=p), "prompt=None: a clip is made of words"),
    "endless": (
        lambda c, p: x2v.piecewise("a dog", "groups", num_frames=10**9 + 1, pipeline=p),
        "120 seconds",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused(walk, pipeline, name):
    call, told = REFUSED[name]
    with pytest.raises(X2VError, match=told):
        call(walk, pipeline)


def test_the_least_that_a_clip_becomes_longer_is_four_frames(walk, pipeline):
    assert len(x2v.extend(walk, 1e-9, pipeline=pipeline).frames) == len(walk.frames) + 4


def test_clips_that_cannot_go_on_are_refused(walk, pipeline, make_trace):
    with pytest.raises(X2VError, match="direction='up'"):
        x2v.extend(walk, 1, "up", pipeline=pipeline)
    with pytest.raises(X2VError, match="clip of type ndarray"):
        x2v.loop(walk.frames, pipeline=pipeline)
    still = x2v.generate("a dog", pipeline=pipeline, num_frames=1, **SHAPE)
    with pytest.raises(X2VError, match="clip of 1 frame"):
        x2v.extend(still, 1, pipeline=pipeline)
    with pytest.raises(X2VError, match="another model|WanPipeline"):
        x2v.extend(replace(walk, coverage={"pipeline": "WanPipeline"}), 1, pipeline=pipeline)
    with pytest.raises(X2VError, match="weights"):
        x2v.extend(replace(walk, weights="0" * 64), 1, pipeline=pipeline)
    other = x2v.generate("a dog", pipeline=pipeline, num_frames=5, height=48, width=48, steps=1)
    with pytest.raises(X2VError, match="one shape"):
        x2v.connect(walk, other, pipeline=pipeline)
    with pytest.raises(X2VError, match="at 7 fps: clips that are joined have .* one frame rate"):
        x2v.connect(walk, replace(walk, fps=7), pipeline=pipeline)
    with pytest.raises(X2VError, match="17 or more"):
        x2v.piecewise("a dog", num_frames=1, pipeline=pipeline)
    with pytest.raises(X2VError, match="first=None"):
        x2v.inbetween(None, walk.frames[0], pipeline=pipeline, **SHAPE)


def test_a_trace_that_was_put_together_says_how(walk, pipeline):
    with pytest.raises(X2VError, match=r"x2v\.loop\(\.\.\.\) again, with seconds=1.0, seed=1, steps=\d+\.$"):
        x2v.rerun(x2v.loop(walk, 1, pipeline=pipeline), pipeline=pipeline)


@pytest.mark.parametrize("how", ["whole", "keyframes", "groups"])
def test_a_clip_whole_and_in_pieces(pipeline, how):
    made = x2v.piecewise("a red dog", how, pipeline=pipeline, seed=3, **SHAPE | {"steps": 6})
    whole = x2v.piecewise("a red dog", "whole", pipeline=pipeline, seed=3, **SHAPE | {"steps": 6})
    assert made.frames.shape == (33, 32, 48, 3) and made.made_by["how"] == how
    assert made.flops == pytest.approx(whole.flops, rel=0.15)
    assert np.array_equal(made.frames, whole.frames) == (how == "whole")
    assert x2v.views.Compare([whole, made]).error is None


def test_pieces_of_no_sense_are_refused(pipeline):
    with pytest.raises(X2VError, match="how='halves'"):
        x2v.piecewise("a dog", "halves", pipeline=pipeline)
    with pytest.raises(X2VError, match="num_frames=21"):
        x2v.piecewise("a dog", "groups", num_frames=21, pipeline=pipeline)
