"""The Python half of `views.Patches`: its arithmetic is that of axes.py, flops.py and core/patches.py."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np
import pytest

from x2vkit import views
from x2vkit.axes import frames_of, token_at, token_box, token_grid
from x2vkit.config import PRESETS
from x2vkit.errors import X2VError
from x2vkit.flops import attention_flops, forward_flops
from x2vkit.trace import samples
from x2vkit.views import patches

LATENT = (5, 16, 16)
PATCHES = [(1, 1, 1), (1, 2, 2), (1, 4, 4), (5, 2, 2)]


@pytest.mark.parametrize("patch", PATCHES, ids=str)
def test_tokens_and_costs_are_those_of_axes_and_flops(patch):
    config = replace(PRESETS["small"], patch=patch)
    cost = patches.cost(PRESETS["small"], LATENT, patch, words=11)
    assert tuple(cost["grid"]) == token_grid(17, 128, 128, patch)
    assert cost["tokens"] == prod(cost["grid"])
    assert cost["tokens"] * cost["numbers"] == 24 * prod(LATENT) and not cost["padded"]
    assert cost["attention"] == attention_flops(config, 11 + cost["tokens"])
    assert cost["forward"] == forward_flops(config, 17, 128, 128, 11)


def test_a_size_that_does_not_divide_leaves_patches_part_empty():
    cost = patches.cost(PRESETS["small"], LATENT, (2, 2, 2), words=11)
    assert tuple(cost["grid"]) == (3, 8, 8) and cost["padded"]
    assert cost["tokens"] * cost["numbers"] == 24 * 6 * 16 * 16  # a sixth latent frame of zeros
    assert cost["forward"] == forward_flops(replace(PRESETS["small"], patch=(2, 2, 2)), 21, 128, 128, 11)
    vectors = patches.patch_vectors(np.ones((24, *LATENT), np.float32), (2, 2, 2))
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
        patches.patch_vectors(latents, patch), patchify(torch.from_numpy(latents)[None], patch)[0].numpy()
    )


@pytest.mark.parametrize("order", patches.ORDERS)
def test_shuffling_is_a_permutation_that_can_be_undone(order):
    grid = (5, 8, 8)
    tokens = patches.shuffled(order, grid, seed=3)
    assert sorted(tokens) == list(range(320))
    assert (tokens == np.arange(320)).all() == (order == "none")
    time, place = np.divmod(tokens.reshape(5, 64), 64)
    if order == "times":  # each moment stays whole
        assert (place == np.arange(64)).all() and (time == time[:, :1]).all()
    if order == "places":  # each moment stays in its time, and all are cut alike
        assert (time == np.arange(5)[:, None]).all() and (place == place[:1]).all()


@pytest.mark.parametrize("patch", [(1, 2, 2), (2, 4, 4), (4, 8, 8)], ids=str)
def test_patches_in_their_order_make_the_clip_again(patch):
    frames = np.random.default_rng(1).integers(0, 256, (17, 64, 96, 3), dtype=np.uint8)
    grid = patches.grid_of((5, 8, 12), patch)
    count = prod(grid)
    same = patches.rebuilt(frames, patch, grid, np.arange(count), np.ones(count, bool))
    np.testing.assert_array_equal(same, frames)


def test_a_moved_patch_brings_its_pixels_along():
    frames = np.random.default_rng(1).integers(0, 256, (9, 32, 32, 3), dtype=np.uint8)
    grid, patch = (3, 2, 2), (1, 2, 2)
    order = np.arange(12)
    order[[5, 10]] = order[[10, 5]]
    moved = patches.rebuilt(frames, patch, grid, order, np.ones(12, bool))
    a, b = token_box(5, grid), token_box(10, grid)
    np.testing.assert_array_equal(
        moved[a.frames.start : a.frames.stop, a.y0 : a.y1, a.x0 : a.x1],
        frames[b.frames.start : b.frames.stop, b.y0 : b.y1, b.x0 : b.x1],
    )
    kept = np.ones(12, bool)
    kept[10] = False  # it stands in place 5
    gone = patches.rebuilt(frames, patch, grid, order, kept)
    assert (gone[a.frames.start : a.frames.stop, a.y0 : a.y1, a.x0 : a.x1] == patches.DROPPED).all()


def test_the_same_patches_go_first_however_many_are_dropped():
    few, many = (patches.kept_tokens(320, drop) for drop in (25, 50))
    assert few.sum() == 240 and many.sum() == 160 and not (many & ~few).any()


def test_the_picked_patch_is_its_pixels_at_any_patch_size():
    view = views.Patches()
    frames, grid = view.trace.frames, view.trace.grid
    token = token_at(6, 50, 70, grid)
    view.selection = {"token": token, "pixel": [6, 50, 70]}
    np.testing.assert_array_equal(view.data()["patch"], frames[5:9, 48:64, 64:80])
    view.selection = {"side": 0}  # one latent cell
    np.testing.assert_array_equal(view.data()["patch"], frames[5:9, 48:56, 64:72])
    view.selection = {"side": 1, "token": 0}  # a linked view goes elsewhere: the old pixel counts no more
    np.testing.assert_array_equal(view.data()["patch"], frames[:1, :16, :16])
    view.selection = {"token": None}
    assert "patch" not in view.data()
    assert list(frames_of(2)) == [5, 6, 7, 8]


def test_colours_tell_what_is_alike():
    rng = np.random.default_rng(0)
    groups = np.repeat(rng.normal(size=(3, 40)) * 5, 20, axis=0) + rng.normal(size=(60, 40)) * 0.1
    colors = patches.pca_colors(groups).astype(int).reshape(3, 20, 3)
    within = np.abs(colors - colors.mean(axis=1, keepdims=True)).mean()
    between = np.abs(colors.mean(axis=1)[:, None] - colors.mean(axis=1)[None])[..., :2].sum(-1)
    assert between[np.triu_indices(3, 1)].min() > 60 > within
    wide = patches.pca_colors(np.pad(groups, ((0, 0), (0, 100))))  # longer than many: by the other way, alike
    np.testing.assert_allclose(colors.reshape(60, 3)[:, :2], wide[:, :2], atol=1)


@pytest.mark.parametrize("shape", [(1, 32, 48), (9, 48, 32)], ids=str)
def test_it_opens_on_any_size_of_clip(make_trace, shape):
    F, H, W = shape
    f, h, w = 1 + (F - 1) // 4, H // 8, W // 8
    rng = np.random.default_rng(0)
    trace = make_trace(
        frames=rng.integers(0, 256, (F, H, W, 3), dtype=np.uint8),
        latents=rng.normal(size=(4, 4, f, h, w)).astype(np.float16),
        pred_x0=rng.normal(size=(3, 4, f, h, w)).astype(np.float16),
        queries={}, keys={}, inputs={},
    )  # fmt: skip
    view = views.Patches(trace)
    assert view.error is None
    view.selection = {"length": len(view.lengths) - 1, "side": len(view.sides) - 1, "order": "all"}
    seen = view.data()
    assert seen["rebuilt"].shape == (H, W, 3) and seen["slice"].shape == (F, W, 3)
    assert view._png().startswith(b"\x89PNG")


def test_latents_that_do_not_fit_the_clip_are_refused_in_words(make_trace):
    view = views.Patches(make_trace(frames=np.zeros((5, 64, 48, 3), np.uint8)))
    assert isinstance(view.error, X2VError) and "32 x 48" in str(view.error)
    with pytest.raises(X2VError):
        view.to_html()


def test_an_exported_page_is_small():
    for name in samples.names():
        assert len(views.Patches(samples.sample(name)).to_html()) < 5_000_000
