"""Overview tells the run's own numbers, and holds the other views' data beside its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from x2vkit.errors import X2VError
from x2vkit.trace import samples
from x2vkit.trace.differences import Stack
from x2vkit.views import Denoise, Overview, Patches
from x2vkit.views.overview import channel_tiles, stages


@pytest.fixture
def drawable(make_trace):
    """A made-up trace with a linear decoder: 5 frames of 32 x 48, 4 channels, 2 x 4 x 6 latents."""
    rng = np.random.default_rng(3)
    weight = (rng.normal(size=(768, 4)) * 0.1).astype(np.float16)
    return make_trace(preview_weight=weight, preview_bias=np.zeros(768, np.float16))


def array(values: dict, metadata: dict, name: str) -> np.ndarray:
    """One of a view's plain arrays, as the browser would read it."""
    entry = next(entry for entry in metadata["arrays"] if entry["name"] == name)
    data = values["buffer"][entry["offset"] :][: entry["bytes"]]
    start, count = entry.get("scale", (0, 0))
    scale = np.frombuffer(values["buffer"][start:][: 4 * count], np.float32)
    if "deflated" in entry:
        return Stack(data, tuple(entry["shape"]), np.dtype(entry["dtype"]), scale).values()
    plain = np.frombuffer(data, entry["dtype"]).reshape(entry["shape"])
    return (plain.reshape(count, -1) * scale[:, None]).reshape(entry["shape"]) if count else plain


def test_stages_say_this_runs_numbers(drawable):
    told = {stage["key"]: " | ".join(stage["numbers"]) for stage in stages(drawable)}
    assert list(told) == ["words", "plan", "noise", "patches", "transformer", "latents", "decoder", "clip"]
    assert "3 text tokens" in told["words"] and "1 not known" in told["words"]
    assert "4 × 2 × 4 × 6 = 192" in told["noise"] and "seed 7" in told["noise"]
    assert "2 × 2 × 3 of 1 × 2 × 2" in told["patches"] and "15 tokens, 225 pairs" in told["patches"]
    assert "5 × 32 × 48 × 3 = 23,040" in told["clip"]
    assert "1 for every 120" in told["latents"]
    without = replace(drawable, plan={}, flops=0)
    assert "plan" not in [stage["key"] for stage in stages(without)]


def test_data_is_what_is_seen(drawable):
    view = Overview(drawable)
    view.selection = {"step": 1, "frame": 3}
    seen = view.data()
    np.testing.assert_array_equal(seen["noisy"], drawable.picture(drawable.latents[1])[3])
    np.testing.assert_array_equal(seen["rough"], drawable.picture(drawable.latents[-1])[3])
    np.testing.assert_array_equal(seen["latents"], drawable.latents[-1][:, 1])  # frames 1 to 4
    np.testing.assert_array_equal(seen["final"], drawable.frames[3])


def test_a_view_that_opens_inside_has_its_own_data(drawable):
    view = Overview(drawable)
    assert view.metadata["inside"] == {}
    small = len(view.buffer)
    view.selection = {"step": 2, "inside": "patches"}
    inside, alone = view.metadata["inside"]["patches"], Patches(drawable)
    assert list(view.metadata["inside"]) == ["patches"] and view.selection["step"] == 2
    values = {"buffer": bytes(view.buffer)}
    for entry in alone.metadata["arrays"]:
        if entry["dtype"] != "image":
            there = array(values, inside["metadata"], entry["name"])
            np.testing.assert_array_equal(
                there, array({"buffer": alone.buffer}, alone.metadata, entry["name"])
            )
    assert len(view.buffer) > small
    view.close()


def test_what_two_views_hold_alike_is_sent_once():
    view = Overview(samples.sample("cat"))
    alone = len(view.buffer)
    view.selection = {"inside": "denoise"}
    denoise = Denoise(samples.sample("cat"))
    shared = sum(
        entry["bytes"] for entry in denoise.metadata["arrays"] if entry["name"] in ("latents", "pred_x0")
    )
    assert len(view.buffer) < alone + len(denoise.buffer) - 0.99 * shared
    scales = array({"buffer": bytes(view.buffer)}, view.metadata["inside"]["denoise"]["metadata"], "latents")
    np.testing.assert_array_equal(scales, array({"buffer": denoise.buffer}, denoise.metadata, "latents"))


def test_a_trace_without_attention_says_so_inside(drawable):
    view = Overview(replace(drawable, queries={}, keys={}, heads=()))
    view.selection = {"inside": "attention"}
    assert "attention" in str(view.metadata["inside"]["attention"]["metadata"]["error"])


def test_what_cannot_be_opened_is_refused(drawable):
    view = Overview(drawable)
    with pytest.raises(X2VError, match="inside='brain'"):
        view.selection = {"inside": "brain"}
    view = Overview(samples.FOLDER / "nobody.x2v")
    assert isinstance(view.error, X2VError)


def test_channels_become_tiles():
    latents = np.zeros((5, 2, 3), np.float32)
    latents[4] = 1
    tiles = channel_tiles(latents)
    assert tiles.shape == (2 * 2, 3 * 3, 3)  # 3 columns, 2 rows of tiles
    assert (tiles[2:, 3:6] == 170).all() and (tiles[:2] == 128).all()
