"""Every view opens on the trace of any model: it reads strides, patch and sequence from the trace alone."""

from __future__ import annotations

import numpy as np
import pytest

from tests.views.foreign import GEOMETRIES, foreign_trace
from x2vkit import views
from x2vkit.trace import Trace


@pytest.fixture(params=GEOMETRIES.values(), ids=GEOMETRIES)
def trace(request) -> Trace:
    return foreign_trace(request.param)


def opened(name: str, trace: Trace) -> views.View:
    view = (
        views.Compare([trace, foreign_trace(trace.geometry, 1)])
        if name == "Compare"
        else getattr(views, name)(trace)
    )
    assert view.error is None, view.error
    return view


@pytest.mark.parametrize("name", ["Denoise", "Patches", "Attention", "Compare"])
def test_it_opens_draws_and_exports(name, trace):
    view = opened(name, trace)
    assert view.data()
    assert view._png().startswith(b"\x89PNG") and "<html" in view.to_html()


def test_pictures_are_as_large_as_the_clip(trace):
    F, H, W, _ = trace.frames.shape
    assert trace.picture(trace.latents[0]).shape == (F, H, W, 3)
    seen = opened("Denoise", trace).data()
    assert seen["noisy"].shape == seen["final"].shape == (H, W, 3)


def test_a_file_keeps_the_geometry(trace, tmp_path):
    again = Trace.load(trace.save(tmp_path / "run.x2v", compact=True))
    assert again.geometry == trace.geometry and again.grid == trace.grid


def test_attention_finds_words_patches_and_the_rest(trace):
    view = opened("Attention", trace)
    kinds = dict(trace.geometry.token_kinds)
    seen = view.data()
    row = trace.attention(*view._site(), trace.geometry.span("video")[view.selection["token"]]).mean(axis=0)
    np.testing.assert_allclose(seen["attention"], row, rtol=1e-6)
    assert seen["words"].size == kinds.get("text", 0) and seen["video"].size == kinds["video"]
    others = sum(seen[kind] for kind in ("audio", "image") if kind in seen)
    assert seen["text"] + seen["frames"].sum() + others == pytest.approx(1, abs=1e-5)
    if kinds.get("text"):
        view.selection = {"word": 1}
        index = trace.geometry.span("text")[1]
        np.testing.assert_array_equal(view.data()["heads"], trace.attention(*view._site(), index))
    else:
        assert view.metadata["words"] == []
        with pytest.raises(Exception, match="word"):
            view.selection = {"word": 0}


def test_patches_of_the_own_size_are_those_of_the_latents(trace):
    view = opened("Patches", trace)
    assert view.patch == trace.geometry.patch and tuple(view.data()["grid"]) == trace.grid
    np.testing.assert_array_equal(view.data()["rebuilt"], trace.frames[0])
    view.selection = {
        "order": "all",
        "drop": 20,
        "length": len(view.lengths) - 1,
        "side": len(view.sides) - 1,
    }
    assert view.data()["rebuilt"].shape == trace.frames[0].shape
    cost = view.metadata["costs"][0][0]
    assert (
        cost["forward"] is None and view.metadata["model"] == ""
    )  # nothing is known of such a model's layers
