"""The Python half of `views.Attention`; the browser half is in tests/browser/test_attention.py."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trace.test_layers import split_trace
from x2vkit import views
from x2vkit.axes import Geometry
from x2vkit.bench.large import large_trace
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
        np.testing.assert_allclose(shares.received(trace, 0, 0, 2, block=block), rows[:, :, 2], rtol=1e-5)


def test_entropy_counts_the_keys_that_matter():
    even, one = np.full((1, 8), 1 / 8, np.float32), np.eye(1, 8, dtype=np.float32)
    np.testing.assert_allclose(shares.entropy(np.concatenate([even, one])), [3, 0], atol=1e-6)
    np.testing.assert_allclose(shares.entropy(even * 5), 3, atol=1e-6)  # a column need not sum to 1


def test_reach_is_the_mean_distance_in_latent_frames(make_trace):
    """A head that looks evenly at both latent frames reaches half a frame on average."""
    keys = {(0, 0): np.zeros((2, T + 12, 8), np.float16)}
    trace = make_trace(queries=keys, keys=keys)
    np.testing.assert_allclose(views.Attention(trace).data()["reach"], 0.5, atol=1e-6)


ROOM = 1_000_000


def test_packing_is_8_bits_where_that_is_near_enough_and_16_else(make_trace):
    small = packing.packed(make_trace(), ROOM).arrays
    rng = np.random.default_rng(1)
    sharp = {(0, 0): rng.normal(0, 4, (2, T + 12, 8)).astype(np.float16)}
    large = packing.packed(make_trace(queries=sharp, keys=sharp), ROOM).arrays
    calm = {(0, 0): rng.normal(0, 0.1, (2, T + 12, 8)).astype(np.float16)}
    tiny = packing.packed(make_trace(queries=calm, keys=calm), ROOM).arrays
    assert large["keys.0"].dtype == np.int16 and tiny["keys.0"].dtype == np.int8
    both = {(step, 0): sharp[0, 0] * (1 - step / 8) for step in range(3)}  # one layer at three steps
    many = packing.packed(make_trace(queries=both, keys=both), ROOM).arrays
    for packed, trace in (
        (small, make_trace()),
        (large, make_trace(queries=sharp, keys=sharp)),
        (many, make_trace(queries=both, keys=both)),
    ):
        for i, stack in enumerate(trace.stacks()):
            q = packed[f"queries.{i}"].numbers() * packed[f"query_scale.{i}"][..., None]
            k = packed[f"keys.{i}"].numbers() * packed[f"key_scale.{i}"][..., None]
            for at, (step, layer) in enumerate(stack):
                exact = np.stack([trace.attention(step, layer, query) for query in range(T + 12)], axis=1)
                assert np.abs(packing.softmax(q[at], k[at]) - exact).max() < packing.TOLERANCE


def test_what_a_compact_file_holds_is_sent_as_it_is(make_trace, tmp_path):
    trace = type(make_trace()).load(make_trace().save(tmp_path / "run.x2v", compact=True))
    packed = packing.packed(trace, ROOM)
    for i, stack in enumerate(packed.stacks):
        step, layer = stack[0]
        assert packed.arrays[f"keys.{i}"].data is trace.stored(f"keys.{step}.{layer}").data
        numbers = packed.arrays[f"keys.{i}"].numbers()[0] * packed.arrays[f"key_scale.{i}"][..., None]
        np.testing.assert_array_equal(numbers, trace.keys[step, layer])


def test_a_page_holds_all_steps_where_differences_between_them_are_small(make_trace):
    rng = np.random.default_rng(1)
    first = rng.normal(0, 0.1, (2, T + 12, 8))
    alike = {(s, 0): (first * (1 + s / 50)).astype(np.float16) for s in range(3)}
    apart = {(s, 0): rng.normal(0, 0.1, first.shape).astype(np.float16) for s in range(3)}
    vectors = 2 * 2 * (T + 12)  # queries and keys of two heads
    room = 3 * vectors * 8 + 4 * vectors + 4 * (T + 12) - 100  # less than a byte a number, and scales
    assert packing.packed(make_trace(queries=alike, keys=alike), room).left_out == []
    assert packing.packed(make_trace(queries=apart, keys=apart), room).left_out


def test_what_does_not_fit_is_left_out_queries_first_and_said():
    trace = large_trace(heads=3, channels=16, sites=2, latent=(3, 16, 24))  # 3 x 8 x 12 patches
    whole = packing.packed(trace, ROOM)
    assert (whole.stride, whole.heads, len(whole.sites), whole.left_out) == (1, (0, 1, 2), 2, [])
    size = sum(array.nbytes for array in whole.arrays.values())  # before it is packed, to some three fourths
    some = packing.packed(trace, round(0.6 * size))
    assert (some.stride, len(some.heads), len(some.sites)) == (2, 3, 2) and "2 × 2" in some.left_out[0]
    few = packing.packed(trace, round(0.2 * size))
    assert (few.stride, len(few.heads), len(few.sites)) == (4, 1, 2) and "1 of 3 heads" in few.left_out
    least = packing.packed(trace, round(0.08 * size))
    assert (len(least.heads), len(least.sites)) == (1, 1) and "1 of 2 places" in least.left_out[-1]
    for packed in (some, few, least):  # all keys, whatever it is
        assert packed.arrays["keys.0"].shape[2] == trace.geometry.tokens


def test_a_patch_between_those_sent_is_answered_for_by_its_neighbour(monkeypatch):
    trace = large_trace(heads=2, channels=16, latent=(3, 16, 24))
    monkeypatch.setattr(packing, "STRIDES", (4,))
    view = views.Attention(trace)
    view.selection = {"token": 12 * 1 + 3}  # r1 c3: of the block r0-3 c0-3, whose middle is r2 c2
    stands = 20 + 12 * 2 + 2
    np.testing.assert_array_equal(view.data()["heads"], trace.attention(*view._site(), stands))
    view.selection = {"direction": "from"}
    exact = np.stack([trace.attention(*view._site(), 20 + i) for i in (26, 27)], axis=1)  # r2 c2, c3
    seen = view.data()["heads"][:, 20:]
    np.testing.assert_allclose(seen[:, [13, 14, 15, 26]], exact[:, [0, 0, 0, 0], 20 + 15], rtol=1e-4)


def test_columns_of_a_large_grid_rest_on_the_sums_that_were_sent(monkeypatch):
    trace = large_trace(heads=2, channels=16, latent=(3, 16, 24))
    monkeypatch.setattr(packing, "BROWSER_COST", 0)
    monkeypatch.setattr(packing, "COLUMN_COST", 2 * 16 * trace.geometry.tokens * 100)  # 100 rows of 308
    view = views.Attention(trace)
    assert view.packed.far[view._site()] == 2 and "2 × 2" in view.metadata["left_out"][-1]
    norms = view.packed.arrays["norms.0"]
    assert np.isfinite(norms).sum(axis=2).tolist() == [[20 + 3 * 4 * 6] * 2]
    q, k = (x[view._site()].astype(np.float32) for x in (trace.queries, trace.keys))
    sums = np.log(np.exp(q @ k.swapaxes(1, 2) / 4).sum(axis=2))
    norms, there = norms[0], np.isfinite(norms[0])
    np.testing.assert_allclose(norms[there], sums[there], rtol=1e-4)


def test_words_that_a_layer_reads_apart_are_looked_at(make_trace):
    trace = split_trace()  # layer 0 is self attention, 1 reads the words, 2 and 3 look in a frame, at a place
    view = views.Attention(trace)
    view.selection = {"step": 0, "layer": 1, "word": 2}  # words ask nothing: who looks at it
    rows = np.stack([trace.attention(0, 1, 5 + i) for i in range(24)], axis=1)
    np.testing.assert_allclose(view.data()["heads"][:, 5:], rows[:, :, 2], rtol=1e-4)
    assert view.data()["padding"].shape == () and not view.data()["heads"][:, :5].any()
    view.selection = {"layer": 2, "token": 13, "direction": "from"}
    rows = np.stack([trace.attention(0, 2, 5 + i) for i in range(24)], axis=1)
    np.testing.assert_allclose(view.data()["heads"][:, 5:], rows[:, :, 5 + 13], rtol=1e-4)
    view.selection = {"layer": 0, "word": 1}
    assert not view.data()["attention"].any()  # self attention neither asks nor reads a word
    view.selection = {"direction": "map.cross", "step": 2}
    np.testing.assert_array_equal(view.data()["video"], trace.maps["cross"][2, 1])
    assert view.metadata["unseen"] == ["It never forms a row. (transformer.blocks.0)"]
    assert view.figure()


def test_the_bundled_trace_is_shown_at_8_bits_and_exported_below_5_mb():
    view = views.Attention()
    packing = {entry["name"]: entry["dtype"] for entry in view.metadata["arrays"]}
    assert packing["queries.0"] == packing["keys.0"] == "int8"
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


def test_a_trace_of_another_model_without_attention_says_why(make_trace):
    unseen = [{"what": "linear", "said": "Linear attention forms no rows.", "where": ["blocks.0"]}]
    view = views.Attention(make_trace(queries={}, keys={}, heads=(), coverage={"unseen": unseen}))
    assert "Linear attention forms no rows. (blocks.0)" in view.metadata["error"]["rule"]
    assert "rerun" not in view.metadata["error"]["cure"]


def test_a_trace_without_attention_says_how_to_get_one():
    view = views.Attention(sample("cat"))
    assert (
        "x2vkit.rerun" in view.metadata["error"]["cure"] and "x2vkit.record" in view.metadata["error"]["cure"]
    )
    with pytest.raises(X2VError, match="no attention"):
        view.to_html()


def test_too_much_attention_is_refused_before_it_is_packed(make_trace, monkeypatch):
    monkeypatch.setattr("x2vkit.views.buffer.LIMIT_BYTES", 100)
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
