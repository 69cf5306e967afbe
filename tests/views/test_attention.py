"""The Python half of `views.Attention`; the browser half is in tests/browser/test_attention.py."""

from __future__ import annotations

import numpy as np
import pytest

from x2vkit import views
from x2vkit.axes import Geometry
from x2vkit.errors import X2VError
from x2vkit.trace.samples import sample
from x2vkit.views.attention import packing, shares
from x2vkit.views.base import View
from x2vkit.views.style import token_name

T, GRID = 3, (2, 2, 3)  # of the made-up trace


@pytest.fixture
def view(trace):
    return views.Attention(trace)


def test_data_is_the_row_of_the_trace(view, trace):
    view.selection = {"step": 2, "layer": 1, "token": 7, "head": 1}
    seen = view.data()
    row = trace.attention(2, 1, T + 7)
    np.testing.assert_array_equal(seen["heads"], row)
    np.testing.assert_array_equal(seen["attention"], row[1])
    np.testing.assert_array_equal(seen["video"].ravel(), row[1, T:])
    assert seen["video"].shape == GRID
    assert seen["text"] + seen["frames"].sum() == pytest.approx(1, abs=1e-6)
    view.selection = {"head": None}
    np.testing.assert_allclose(view.data()["attention"], row.mean(axis=0), rtol=1e-6)


def test_a_word_is_asked_like_a_patch(view, trace):
    view.selection = {"word": 1}
    step, layer = view.selection["step"], view.selection["layer"]
    site = shares.nearest(trace.captured, step, layer)
    np.testing.assert_array_equal(view.data()["heads"], trace.attention(*site, 1))
    assert np.isnan(view.data()["reach"]).all()  # a word lies in no frame


def test_who_looks_at_a_token_is_the_column_of_all_rows(view, trace):
    view.selection = {"step": 0, "layer": 0, "word": 2, "direction": "from"}
    rows = np.stack([trace.attention(0, 0, query) for query in range(T + 12)], axis=1)
    np.testing.assert_allclose(view.data()["heads"], rows[:, :, 2], rtol=1e-5)
    for block in (1, 4):
        np.testing.assert_allclose(shares.received(trace, 0, 0, 2, block), rows[:, :, 2], rtol=1e-5)


def test_entropy_counts_the_keys_that_matter():
    even, one = np.full((1, 8), 1 / 8, np.float32), np.eye(1, 8, dtype=np.float32)
    np.testing.assert_allclose(shares.entropy(np.concatenate([even, one])), [3, 0], atol=1e-6)
    np.testing.assert_allclose(shares.entropy(even * 5), 3, atol=1e-6)  # a column need not sum to 1


def test_reach_is_the_mean_distance_in_latent_frames(make_trace):
    """A head that looks evenly at both latent frames reaches half a frame on average."""
    keys = {(0, 0): np.zeros((2, T + 12, 8), np.float16)}
    trace = make_trace(queries=keys, keys=keys)
    np.testing.assert_allclose(views.Attention(trace).data()["reach"], 0.5, atol=1e-6)


def test_packing_is_8_bits_where_that_is_near_enough_and_16_else(make_trace):
    small = packing.packed(make_trace())
    rng = np.random.default_rng(1)
    sharp = {(0, 0): rng.normal(0, 4, (2, T + 12, 8)).astype(np.float16)}
    large = packing.packed(make_trace(queries=sharp, keys=sharp))
    calm = {(0, 0): rng.normal(0, 0.1, (2, T + 12, 8)).astype(np.float16)}
    tiny = packing.packed(make_trace(queries=calm, keys=calm))
    assert large["keys"].dtype == np.int16 and tiny["keys"].dtype == np.int8
    for packed, trace in ((small, make_trace()), (large, make_trace(queries=sharp, keys=sharp))):
        for i, (step, layer) in enumerate(trace.captured):
            q = packed["queries"][i] * packed["query_scale"][i][..., None]
            k = packed["keys"][i] * packed["key_scale"][i][..., None]
            exact = np.stack([trace.attention(step, layer, query) for query in range(T + 12)], axis=1)
            assert np.abs(packing.softmax(q, k) - exact).max() < packing.TOLERANCE


def test_the_bundled_trace_is_shown_at_8_bits_and_exported_below_5_mb():
    view = views.Attention()
    packing = {entry["name"]: entry["dtype"] for entry in view.metadata["arrays"]}
    assert packing["queries"] == packing["keys"] == "int8"
    assert len(view.to_html()) < 5e6


def test_a_step_that_was_not_captured_shows_the_nearest(view, trace):
    assert trace.captured == ((0, 0), (2, 1))
    assert shares.nearest(trace.captured, 1, 1) == (2, 1)  # as far in steps: the layer decides
    assert shares.nearest(trace.captured, 1, 0) == (0, 0)
    assert shares.nearest(trace.captured, 2, 0) == (2, 1)
    view.selection = {"step": 2, "layer": 0, "token": 0}
    np.testing.assert_array_equal(view.data()["heads"], trace.attention(2, 1, T))


def test_a_patch_picked_in_a_linked_view_takes_the_words_place(view, trace):
    view.selection = {"word": 1}
    assert view.selection["word"] == 1
    view.selection = {"token": 5}
    assert view.selection["word"] is None and view.selection["token"] == 5
    view.selection = {"word": 1, "token": 3}  # both said outright
    assert view.selection["word"] == 1


@pytest.mark.parametrize(
    "wrong", [{"direction": "up"}, {"under": "sky"}, {"log": 2}, {"token": 12}, {"word": -1}]
)
def test_a_wrong_selection_is_refused(view, wrong):
    with pytest.raises(X2VError):
        view.selection = wrong


def test_a_trace_without_attention_says_how_to_get_one():
    view = views.Attention(sample("cat"))
    assert (
        "x2vkit.rerun" in view.metadata["error"]["cure"] and "x2vkit.record" in view.metadata["error"]["cure"]
    )
    with pytest.raises(X2VError, match="no attention"):
        view.to_html()


def test_too_much_attention_is_refused_before_it_is_packed(make_trace, monkeypatch):
    monkeypatch.setattr("x2vkit.views.base.LIMIT_BYTES", 100)
    monkeypatch.setattr(packing, "_agree", lambda *_: pytest.fail("packed first"))
    assert "fewer steps or layers" in views.Attention(make_trace()).metadata["error"]["cure"]


@pytest.mark.parametrize(
    "selection",
    [{}, {"word": 1}, {"direction": "from", "log": True}, {"under": "nothing", "head": 1}],
)
def test_the_figure_says_what_it_shows(view, trace, selection):
    view.selection = selection
    figure = view.figure()
    text = " ".join(text.get_text() for text in figure.texts)
    name = "word “red”" if "word" in selection else f"patch {token_name(view.selection['token'], GRID)}"
    assert trace.prompt in text and name in text and "layer" in text and "colours up to" in text
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(trace.words)


def test_the_figures_heat_is_brightest_where_the_row_is_largest(view):
    view.selection = {"under": "nothing", "head": 0}
    video = view.data()["video"]
    sheet = view.figure().axes[1].images[0].get_array()  # 16 pixels a patch, one patch between latent frames
    light = sheet.sum(axis=2)
    time, row, column = np.unravel_index(video.argmax(), GRID)
    y, x = row * 16 + 8, (time * (GRID[2] + 1) + column) * 16 + 8
    patches = [light[8::16, t * 64 + 8 : t * 64 + 48 : 16] for t in range(2)]
    assert light[y, x] == np.max(patches)


def test_heads_need_not_have_64_channels_nor_times_one_latent_frame(make_trace):
    rng = np.random.default_rng(3)
    tokens = T + 6
    heads = {(0, 0): rng.normal(size=(2, tokens, 6)).astype(np.float16)}
    trace = make_trace(queries=heads, keys=heads, geometry=Geometry(patch=(2, 2, 2)))
    view = views.Attention(trace)
    assert view.metadata["grid"] == [1, 2, 3] and view.data()["video"].shape == (1, 2, 3)
    assert trace.geometry.token_frames(0) == range(0, 5)
    assert isinstance(view, View) and view.figure()
