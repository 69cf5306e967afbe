"""Every view in Chromium on the traces of other models: its numbers are Python's, at any strides."""

from __future__ import annotations

import numpy as np
import pytest

from tests.views.foreign import GEOMETRIES, foreign_trace
from x2vkit import views

SEEN = "() => [...document.querySelector('.x2v-attention-sentence').closest('.x2v').seen().row]"
AGAIN = 'canvas[aria-label="The clip put together again from its patches"]'


@pytest.mark.parametrize("kind", GEOMETRIES)
def test_views_draw_what_python_draws(open_html, kind):
    trace, other = foreign_trace(GEOMETRIES[kind]), foreign_trace(GEOMETRIES[kind], 1)
    denoise, patches, attention = views.Denoise(trace), views.Patches(trace), views.Attention(trace)
    compare = views.Compare([trace, other])
    compare.selection = {"show": "noisy", "step": 1}
    frame = len(trace.frames) - 1
    denoise.selection = {"frame": frame, "step": 1}
    patches.selection = {"frame": frame, "order": "all", "drop": 20}
    page = open_html(views.html([denoise, patches, attention, compare]), 1200, 2600)

    for other, count in trace.geometry.token_kinds:  # sound as a line, a start picture as a picture
        if other in ("audio", "image"):
            strip = page.pixels(f".x2v-attention-{other} canvas")
            assert strip.shape[:2] == (1, count) and strip[..., 3].all()
    noisy = page.pixels('canvas[aria-label="What the model sees"]')[..., :3].astype(int)
    assert np.abs(noisy - denoise.data()["noisy"]).max() <= 3  # latents travel at 8 bits
    np.testing.assert_array_equal(page.pixels(AGAIN)[..., :3], patches.data()["rebuilt"])
    row = np.array(page.page.evaluate(SEEN))
    np.testing.assert_allclose(row, attention.data()["attention"], atol=1e-3)
    shown = page.pixels('canvas[aria-label^="Run B"]')[..., :3].astype(int)
    assert np.abs(shown - compare.data()["picture.B"]).max() <= 3
    page.fine()
