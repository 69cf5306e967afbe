"""Denoise shows what the trace holds: its numbers, its pictures, its messages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from x2vkit.trace import samples
from x2vkit.views.denoise import Denoise, step_changes


@pytest.fixture
def drawable(make_trace):
    """A made-up trace with a linear decoder."""
    rng = np.random.default_rng(3)
    weight = (rng.normal(size=(768, 4)) * 0.1).astype(np.float16)
    return make_trace(preview_weight=weight, preview_bias=np.zeros(768, np.float16))


def test_data_is_what_is_seen(drawable):
    view = Denoise(drawable)
    view.selection = {"step": 1, "frame": 3}
    seen = view.data()
    np.testing.assert_array_equal(seen["noisy"], drawable.picture(drawable.latents[1])[3])
    np.testing.assert_array_equal(seen["pred_x0"], drawable.preview(1)[3])
    np.testing.assert_array_equal(seen["final"], drawable.frames[3])
    change = np.abs(drawable.preview(1)[3].astype(float) - drawable.preview(0)[3]).mean(axis=2)
    np.testing.assert_allclose(seen["change"], change, atol=1e-4)
    assert seen["t"] == drawable.t[1] and "pred_x0_cond" not in seen
    view.selection = {"step": 0}
    assert not view.data()["change"].any()


def test_the_change_of_a_step_is_that_of_its_pictures(drawable):
    weight, bias = (np.asarray(x, np.float32) for x in (drawable.preview_weight, drawable.preview_bias))
    cells = drawable.pred_x0.astype(np.float32).transpose(0, 2, 3, 4, 1) @ weight.T + bias
    truth = 127.5 * np.sqrt(np.mean((cells[1:] - cells[:-1]) ** 2, axis=(1, 2, 3, 4)))
    np.testing.assert_allclose(step_changes(drawable), [0, *truth], rtol=1e-3)


def test_only_what_was_recorded_can_stand_beside(drawable, make_trace):
    names = [entry["name"] for entry in Denoise(drawable).metadata["arrays"]]
    assert "pred_x0_cond" not in names and "previews" not in names
    view = Denoise()
    names = [entry["name"] for entry in view.metadata["arrays"]]
    assert {"pred_x0_cond", "previews", "frames"} <= set(names)
    assert view.data()["pred_x0_cond"].shape == (128, 128, 3)


def test_a_plan_is_shown_where_there_was_one(drawable):
    bare = Denoise(replace(drawable, plan={}))
    assert "plan" not in [entry["name"] for entry in bare.metadata["arrays"]] and "plan" not in bare.data()
    boxes = np.full((len(drawable.frames), 2, 4), np.nan, np.float32)
    boxes[:, 0] = [0.1, 0.2, 0.5, 0.9]
    view = Denoise(replace(drawable, plan={"boxes": boxes}))
    assert "plan" in [entry["name"] for entry in view.metadata["arrays"]]
    view.selection = {"frame": 2}
    np.testing.assert_array_equal(view.data()["plan"], boxes[2])


def test_a_trace_without_a_decoder_gets_one_fitted_to_its_clip(make_trace):
    trace = make_trace()
    view = Denoise(trace)
    assert view.error is None and view.metadata["decoder"].startswith("linear fit to this clip, ")
    view.selection = {"step": 1, "frame": 3}
    np.testing.assert_array_equal(view.data()["noisy"], trace.picture(trace.latents[1])[3])


def test_a_huge_trace_is_refused_and_huge_previews_stay_out(monkeypatch):
    trace = samples.sample()
    monkeypatch.setattr("x2vkit.views.denoise.PREVIEW_BYTES", 1000)
    assert "previews" not in [entry["name"] for entry in Denoise(trace).metadata["arrays"]]
    monkeypatch.setattr("x2vkit.views.buffer.LIMIT_BYTES", 1000)
    assert "record fewer steps" in Denoise(trace).error.cure


def test_the_figure_shows_steps_and_schedule():
    figure = Denoise(samples.sample("cat")).figure()
    pictures, schedule = figure.axes
    assert len(pictures.images) == 1 and len(pictures.texts) == 8
    assert len(schedule.patches) == 10 and schedule.get_xlabel() == "denoising step"
    assert "cat" in figure.get_suptitle()
