"""Traces of models whose layers read only some kinds of tokens: rows, files, and what does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from tests.views.foreign import foreign_trace
from x2vkit.axes import Geometry
from x2vkit.errors import X2VError
from x2vkit.trace import Trace
from x2vkit.trace.layers import AttentionLayer

KINDS = (("text", 3), ("padding", 2), ("video", 24))
LAYERS = (
    AttentionLayer("transformer.blocks.0.attn1", ("video",), ("video",)),
    AttentionLayer("transformer.blocks.0.attn2", ("video",), ("text", "padding")),
    AttentionLayer("transformer.blocks.1.attn1", ("video",), ("video",), "frame"),
    AttentionLayer("transformer.blocks.1.attn2", ("video",), ("video",), "place"),
)
COVERAGE = {
    "pipeline": "SomePipeline",
    "support": "generic",
    "unseen": [
        {"what": "linear attention", "said": "It never forms a row.", "where": ["transformer.blocks.0"]}
    ],
}


def split_trace(**changes) -> Trace:
    """Self and cross attention apart, and attention inside a frame or along one place."""
    rng = np.random.default_rng(1)
    sites = [(0, layer) for layer in range(4)]
    return foreign_trace(
        Geometry(8, 32, (1, 1, 1), KINDS, True),
        **{
            "layers": LAYERS,
            "queries": {site: rng.normal(size=(2, 24, 8)).astype(np.float16) for site in sites},
            "keys": {
                site: rng.normal(size=(2, 5 if site[1] == 1 else 24, 8)).astype(np.float16) for site in sites
            },
            "coverage": COVERAGE,
            "stages": ("transformer", "transformer", "transformer_2"),
            "maps": {"cross": rng.random((3, 3, 3, 2, 4)).astype(np.float16)},
        }
        | changes,
    )


def test_a_row_is_the_softmax_over_what_the_layer_reads():
    trace = split_trace()
    query = trace.geometry.span("video").start + 13
    for layer, keys in ((0, range(5, 29)), (1, range(5)), (2, range(13, 21)), (3, (5 + 5, 5 + 13, 5 + 21))):
        row = trace.attention(0, layer, query)
        assert row.shape == (2, 29)
        assert list(np.flatnonzero(row[0])) == list(keys), layer
        q = trace.queries[0, layer][:, 13].astype(np.float32)
        k = trace.keys[0, layer].astype(np.float32)[:, np.array(keys) - (0 if layer == 1 else 5)]
        scores = np.exp(np.einsum("ad,ajd->aj", q, k) / np.sqrt(8))
        assert np.allclose(row[:, list(keys)], scores / scores.sum(1, keepdims=True), atol=1e-6)


def test_a_token_that_a_layer_does_not_ask_for_is_refused():
    with pytest.raises(X2VError, match="holds queries of video"):
        split_trace().attention(0, 0, 1)


def test_layers_stages_maps_and_coverage_survive_a_file(tmp_path):
    trace = split_trace()
    back = Trace.load(trace.save(tmp_path / "foreign.x2v"))
    assert back.layers == LAYERS and back.stages == trace.stages and back.coverage == COVERAGE
    assert np.array_equal(back.maps["cross"], trace.maps["cross"])
    assert np.array_equal(back.attention(0, 1, 9), trace.attention(0, 1, 9))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"layers": LAYERS[:1]}, "as many as `layers` names"),
        ({"layers": (LAYERS[0],) * 4}, "keys are"),
        ({"stages": ("one",)}, "stages are one a step"),
        ({"sections": (0, 0, -1)}, "sections are whole numbers"),
        ({"coverage": {"unseen": ["linear"]}}, "coverage lists"),
        ({"maps": {"cross": np.zeros((3, 2, 3, 2, 4), np.float16)}}, "map cross is"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes, told):
    with pytest.raises(X2VError, match=told):
        split_trace(**changes)


def test_a_layer_of_unknown_kinds_is_refused():
    with pytest.raises(X2VError, match="its kinds are of"):
        AttentionLayer("a", ("smell",))


def test_a_header_whose_length_looks_like_a_pickle_is_read(tmp_path):
    """The first byte of a file is the low byte of its header's length: one in 32 is 0x80."""
    looks = []
    for extra in range(0, 256, 8):
        trace = foreign_trace(Geometry(8, 32, (1, 1, 1), (), True), weights="w" * extra)
        path = trace.save(tmp_path / f"{extra}.x2v")
        looks.append(path.read_bytes()[:1] == b"\x80")
        assert Trace.load(path).weights == trace.weights
    assert any(looks)
