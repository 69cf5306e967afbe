"""A linear picture of latents: found again where there is one, at any strides, and made smaller."""

from __future__ import annotations

import numpy as np
import pytest

from tests.views.foreign import GEOMETRIES
from x2vkit.axes import Geometry
from x2vkit.trace.linear import LinearPicture, fit_preview


def linear_clip(geometry: Geometry, latent=(4, 6, 8), channels=5) -> tuple[LinearPicture, np.ndarray]:
    """A linear decoder of random numbers, small enough that nothing is clipped, and latents."""
    rng = np.random.default_rng(3)
    pixels = geometry.temporal_stride * geometry.spatial_stride**2 * 3
    weight, bias = rng.normal(0, 0.04, (pixels, channels)), rng.normal(0, 0.1, pixels)
    latents = rng.normal(size=(channels, *latent)).astype(np.float32)
    return LinearPicture(weight.astype(np.float32), bias.astype(np.float32), geometry), latents


@pytest.mark.parametrize("kind", GEOMETRIES)
def test_a_fit_finds_the_linear_decoder_that_made_a_clip(kind):
    true, latents = linear_clip(GEOMETRIES[kind])
    clip = true.draw(latents)
    found = fit_preview(latents, clip, GEOMETRIES[kind])
    assert found.explained > 0.99
    assert np.abs(found.draw(latents).astype(int) - clip).max() <= 3
    other = np.random.default_rng(9).normal(size=latents.shape)  # cells that it never saw
    assert np.abs(found.draw(other).astype(int) - true.draw(other)).mean() < 2


def test_a_fit_says_how_little_it_explains():
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(4, 3, 12, 16)).astype(np.float32)
    noise = rng.integers(0, 256, (9, 96, 128, 3), dtype=np.uint8)  # nothing to do with them
    assert fit_preview(latents, noise, Geometry()).explained < 0.1


@pytest.mark.parametrize("causal", [True, False])
def test_a_still_is_fitted_too(causal):
    geometry = Geometry(4, 8, (1, 2, 2), (), causal)
    true, latents = linear_clip(geometry, (1, 12, 16))
    clip = true.draw(latents)
    found = fit_preview(latents, clip, geometry)
    assert np.abs(found.draw(latents).astype(int) - clip).max() <= 3


def test_one_frame_alone_is_that_of_the_whole_and_a_smaller_picture_its_mean():
    true, latents = linear_clip(Geometry())
    whole = true.draw(latents)
    for frame in (0, 1, 7, len(whole) - 1):
        np.testing.assert_array_equal(true.frame(latents, frame), whole[frame])
    F, H, W, _ = whole.shape
    small = true.shrunk(4).draw(latents)
    mean = whole.reshape(F, H // 4, 4, W // 4, 4, 3).mean(axis=(2, 4))
    assert small.shape == (F, H // 4, W // 4, 3) and np.abs(small - mean).max() < 1
