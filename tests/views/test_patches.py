"""The Python half of `views.Patches`: its arithmetic is that of axes.py, flops.py and core/patches.py."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np
import pytest

from x2vkit import views
from x2vkit.axes import Geometry, token_grid
from x2vkit.config import PRESETS
from x2vkit.flops import attention_flops, forward_flops
from x2vkit.trace import samples
from x2vkit.views.patches import colors, order, tokens

LATENT = (5, 16, 16)
PATCHES = [(1, 1, 1), (1, 2, 2), (1, 4, 4), (5, 2, 2)]


@pytest.mark.parametrize("patch", PATCHES, ids=str)
def test_tokens_and_costs_are_those_of_axes_and_flops(patch):
    config = replace(PRESETS["small"], patch=patch)
    cost = tokens.cost(PRESETS["small"], (24, *LATENT), Geometry(patch=patch), others=11)
    assert tuple(cost["grid"]) == token_grid(17, 128, 128, patch)
    assert cost["tokens"] == prod(cost["grid"])
    assert cost["tokens"] * cost["numbers"] == 24 * prod(LATENT) and not cost["padded"]
    assert cost["attention"] == attention_flops(config, 11 + cost["tokens"])
    assert cost["forward"] == forward_flops(config, 17, 128, 128, 11)


def test_a_size_that_does_not_divide_leaves_patches_part_empty():
    cost = tokens.cost(PRESETS["small"], (24, *LATENT), Geometry(patch=(2, 2, 2)), others=11)
    assert tuple(cost["grid"]) == (3, 8, 8) and cost["padded"]
    assert cost["tokens"] * cost["numbers"] == 24 * 6 * 16 * 16  # a sixth latent frame of zeros
    assert cost["forward"] == forward_flops(replace(PRESETS["small"], patch=(2, 2, 2)), 21, 128, 128, 11)
    vectors = tokens.patch_vectors(np.ones((24, *LATENT), np.float32), (2, 2, 2))
    assert vectors.sum() == 24 * prod(LATENT)


def test_the_bundled_clip_is_as_large_as_the_readme_says():
    seen = views.Patches().data()
    assert seen["bytes"].tolist() == [835_584, 2 * 30_720, 2 * 30_720]
    assert seen["tokens"].shape == (320, 96) and seen["grid"].tolist() == [5, 8, 8]


@pytest.mark.parametrize("patch", PATCHES, ids=str)
def test_patch_vectors_are_those_that_the_model_reads(patch):
    import torch

    from x2vkit.core.patches import patchify

    latents = np.random.default_rng(0).normal(size=(4, *LATENT)).astype(np.float32)
    np.testing.assert_array_equal(
        tokens.patch_vectors(latents, patch), patchify(torch.from_numpy(latents)[None], patch)[0].numpy()
    )


@pytest.mark.parametrize("kind", order.ORDERS)
def test_shuffling_is_a_permutation_that_can_be_undone(kind):
    grid = (5, 8, 8)
    moved = order.shuffled(kind, grid, seed=3)
    assert sorted(moved) == list(range(320))
    assert (moved == np.arange(320)).all() == (kind == "none")
    time, place = np.divmod(moved.reshape(5, 64), 64)
    if kind == "times":  # each moment stays whole
        assert (place == np.arange(64)).all() and (time == time[:, :1]).all()
    if kind == "places":  # each moment stays in its time, and all are cut alike
        assert (time == np.arange(5)[:, None]).all() and (place == place[:1]).all()


@pytest.mark.parametrize("patch", [(1, 2, 2), (2, 4, 4), (4, 8, 8)], ids=str)
def test_patches_in_their_order_make_the_clip_again(patch):
    frames = np.random.default_rng(1).integers(0, 256, (17, 64, 96, 3), dtype=np.uint8)
    geometry = Geometry(patch=patch)
    grid = geometry.patch_grid(5, 8, 12)
    count = prod(grid)
    same = order.rebuilt(frames, geometry, grid, np.arange(count), np.ones(count, bool))
    np.testing.assert_array_equal(same, frames)


def test_a_moved_patch_brings_its_pixels_along():
    frames = np.random.default_rng(1).integers(0, 256, (9, 32, 32, 3), dtype=np.uint8)
    geometry, grid = Geometry(), (3, 2, 2)
    places = np.arange(12)
    places[[5, 10]] = places[[10, 5]]
    moved = order.rebuilt(frames, geometry, grid, places, np.ones(12, bool))
    a, b = geometry.token_box(5, grid), geometry.token_box(10, grid)
    np.testing.assert_array_equal(
        moved[a.frames.start : a.frames.stop, a.y0 : a.y1, a.x0 : a.x1],
        frames[b.frames.start : b.frames.stop, b.y0 : b.y1, b.x0 : b.x1],
    )
    kept = np.ones(12, bool)
    kept[10] = False  # it stands in place 5
    gone = order.rebuilt(frames, geometry, grid, places, kept)
    assert (gone[a.frames.start : a.frames.stop, a.y0 : a.y1, a.x0 : a.x1] == order.DROPPED).all()


def test_the_same_patches_go_first_however_many_are_dropped():
    few, many = (order.kept_tokens(320, drop) for drop in (25, 50))
    assert few.sum() == 240 and many.sum() == 160 and not (many & ~few).any()


def test_the_picked_patch_is_its_pixels_at_any_patch_size():
    view = views.Patches()
    frames, grid = view.trace.frames, view.trace.grid
    token = view.trace.geometry.token_at(6, 50, 70, grid)
    view.selection = {"token": token, "pixel": [6, 50, 70]}
    np.testing.assert_array_equal(view.data()["patch"], frames[5:9, 48:64, 64:80])
    view.selection = {"side": 0}  # one latent position
    np.testing.assert_array_equal(view.data()["patch"], frames[5:9, 48:56, 64:72])
    view.selection = {"side": 1, "token": 0}  # a linked view goes elsewhere: the old pixel counts no more
    np.testing.assert_array_equal(view.data()["patch"], frames[:1, :16, :16])
    view.selection = {"token": None}
    assert "patch" not in view.data()


def test_colours_tell_what_is_alike():
    rng = np.random.default_rng(0)
    groups = np.repeat(rng.normal(size=(3, 40)) * 5, 20, axis=0) + rng.normal(size=(60, 40)) * 0.1
    painted = colors.pca_colors(groups).astype(int).reshape(3, 20, 3)
    within = np.abs(painted - painted.mean(axis=1, keepdims=True)).mean()
    between = np.abs(painted.mean(axis=1)[:, None] - painted.mean(axis=1)[None])[..., :2].sum(-1)
    assert between[np.triu_indices(3, 1)].min() > 60 > within
    wide = colors.pca_colors(np.pad(groups, ((0, 0), (0, 100))))  # longer than many: by the other way, alike
    np.testing.assert_allclose(painted.reshape(60, 3)[:, :2], wide[:, :2], atol=1)


@pytest.mark.parametrize("shape", [(1, 32, 48), (9, 48, 32)], ids=str)
def test_it_opens_on_any_size_of_clip(make_trace, shape):
    F, H, W = shape
    f, h, w = 1 + (F - 1) // 4, H // 8, W // 8
    rng = np.random.default_rng(0)
    trace = make_trace(
        frames=rng.integers(0, 256, (F, H, W, 3), dtype=np.uint8),
        latents=rng.normal(size=(4, 4, f, h, w)).astype(np.float16),
        pred_x0=rng.normal(size=(3, 4, f, h, w)).astype(np.float16),
        queries={}, keys={}, inputs={}, plan={},
    )  # fmt: skip
    view = views.Patches(trace)
    assert view.error is None
    view.selection = {"length": len(view.lengths) - 1, "side": len(view.sides) - 1, "order": "all"}
    seen = view.data()
    assert seen["rebuilt"].shape == (H, W, 3) and seen["slice"].shape == (F, W, 3)
    assert view._png().startswith(b"\x89PNG")


def test_an_exported_page_is_small():
    for name in samples.names():
        assert len(views.Patches(samples.sample(name)).to_html()) < 5_000_000
