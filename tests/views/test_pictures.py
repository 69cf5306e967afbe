"""Pictures that are kept of the views are those that they would draw."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from x2vkit import views
from x2vkit.trace.samples import sample
from x2vkit.views import pictures

AGAIN = "python -m x2vkit.views.pictures makes them again"


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


@pytest.mark.parametrize("name", pictures.KEPT)
def test_a_kept_picture_is_what_the_view_draws(name):
    view, path = next(each for each in pictures.opened() if type(each[0]).__name__ == name)
    kept, drawn = pixels(path.read_bytes()), pixels(view.draw_png())
    assert kept.shape == drawn.shape, AGAIN
    assert np.abs(kept - drawn).mean() < 3, AGAIN  # of 255; other fonts move some letters
    assert view._png() == path.read_bytes() and path.stat().st_size < 200_000


def test_anything_else_is_drawn():
    kept = views.Denoise()._png()
    moved, given = views.Denoise(), views.Denoise(sample("cat"))
    moved.selection = {"step": 2}
    assert kept not in (moved._png(), given._png())
    moved.selection = moved._first
    assert moved._png() == kept
    moved.show(moved.prepare())
    assert moved._png() is not kept
