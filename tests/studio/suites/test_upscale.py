"""What the figures of enlarging count: pixels of what moves, against the same scene drawn at that size."""

from __future__ import annotations

import numpy as np

from x2vkit.studio.suites.upscale import _psnr, _stretched, moving_subjects
from x2vkit.world import World


def test_pixels_of_subjects_count_in_the_frames_into_which_they_move():
    clip = next(c for i in range(50) if (c := World(4).sample(i, 9, 64, 64)).spec.action == "bounce")
    found = moving_subjects(clip.truth, clip.ids)
    moved = np.linalg.norm(np.nan_to_num(clip.truth.motion), axis=-1) * 128 >= 1
    assert found.any() and not found[clip.ids == 0].any() and not found[clip.ids == 3].any()
    assert [bool(frame.any()) for frame in found] == [
        any(moved[f, i] and (clip.ids[f] == i + 1).any() for i in range(moved.shape[1])) for f in range(9)
    ]


def test_psnr_is_that_of_the_masked_pixels_alone():
    truth = np.full((2, 4, 4, 3), 100, np.uint8)
    made, mask = truth.copy(), np.zeros((2, 4, 4), bool)
    made[0, 0, 0] = 110
    mask[0, 0, :2] = True
    assert np.isclose(_psnr(made, truth, mask), 10 * np.log10(255**2 / 50))
    assert np.isnan(_psnr(made, truth, np.zeros_like(mask)))


def test_stretching_keeps_what_is_smooth():
    ramp = np.broadcast_to(np.arange(0, 160, 10, dtype=np.uint8)[None, None, :, None], (1, 8, 16, 3))
    large = _stretched(ramp)
    assert large.shape == (1, 16, 32, 3)
    assert np.abs(large[0, 8, 4:-4, 0] - np.arange(-2.5, 157, 5)[4:-4]).max() <= 1
