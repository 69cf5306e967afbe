"""Conditions and truth of a training clip, each checked against what it means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.tiny_diffusion import CLIP
from x2vkit.core.raster import BOX_A, MOUTH, OPENNESS, STROKE
from x2vkit.training.diffusion.data import (
    camera_flow,
    draw_control,
    draw_known_frames,
    latent_truth,
)
from x2vkit.training.latent_cache import KINDS, fill_latent_cache
from x2vkit.world import World
from x2vkit.world.grammar import SceneSpec


def test_cell_truth_says_kind_place_and_motion_of_what_is_there():
    kinds = np.zeros((2, 1, 3), np.uint8)
    kinds[1] = [[1, 2, 0]]
    motion = np.zeros((5, 2, 2), np.float32)
    motion[1:, 0] = (0.01, 0)
    motion[1:, 1] = (0, -0.02)
    boxes = np.full((5, 2, 4), np.nan, np.float32)
    boxes[:, 0] = (0, 0, 1 / 3, 1)  # the first cell, to the hair
    boxes[:, 1] = (1 / 6, 0, 0.5, 0.5)  # its corner is the second cell's middle
    camera = np.array([[0, 0, 1]] * 5, np.float32)
    camera[4, 0] = 0.05  # to the right: what stands still goes left
    given = [each[None] for each in (kinds, boxes, motion, camera)]
    truth = latent_truth(*given)[0]  # (TRUTH, f, h, w)
    assert truth[:KINDS, 1, 0].argmax(0).tolist() == [1, 2, 0]
    np.testing.assert_allclose(truth[KINDS : KINDS + 2, 1, 0].T, [[0, 0], [1, 1], [0, 0]], atol=0.01)
    np.testing.assert_allclose(truth[KINDS + 2 :, 1, 0].T, [[0.4, 0], [0, -0.8], [-0.5 / 3, 0]], atol=1e-6)
    assert not truth[KINDS:, 0].any()
    assert latent_truth(*(each[:, :1] for each in given)).shape == (1, len(truth), 1, 1, 3)  # a still
    unknown = latent_truth(*given[:3], np.full((1, 5, 3), np.nan))[0]
    assert np.isnan(unknown[KINDS + 2 :, 1, 0, 2]).all() and np.isfinite(unknown[:, 1, 0, :2]).all()


@pytest.mark.parametrize("view", ["pan left", "pan down", "zoom in"])
def test_camera_flow_follows_what_stands_on_the_ground(view):
    spec = SceneSpec("box", "red", "stand", scene="grass", camera=view)
    truth = World().render(spec, 3, 17, 96, 160).truth
    centre = (truth.boxes[:, 0, :2] + truth.boxes[:, 0, 2:]) / 2  # (F, 2)
    flow = camera_flow(truth.camera[None, ::4], 96, 160)[0]  # (2, f, h, w)
    at = (centre[3] * (160, 96)).astype(int)
    moved = centre[4] - centre[0]
    np.testing.assert_allclose(flow[:, 1, at[1], at[0]], moved, atol=0.004)
    assert np.abs(moved).max() > 0.008


def test_a_control_raster_shows_the_truth(vae, tmp_path):
    cache = fill_latent_cache(tmp_path, World(3), vae, CLIP, quiet=True)
    dealt = [draw_control(cache, 0, (3, 4, 6), np.random.default_rng(seed)) for seed in range(60)]
    rasters = [raster for raster, _ in dealt]
    for raster, boxes in dealt:  # the numbers are those of the boxes that are drawn, and of no others
        expected = np.nan_to_num(cache.boxes[0][:, 0]) if raster[BOX_A].any() else 0 * boxes[:, 0, :4]
        np.testing.assert_array_equal(boxes[:, 0, :4], expected)
        assert not boxes[..., 4].any()  # who draws a box does not say how its subject is turned
    boxed = [raster[BOX_A] for raster in rasters if raster[BOX_A].any()]
    stroked = [raster for raster in rasters if raster[STROKE].any()]
    assert 15 < len(boxed) < 55 and 5 < len(stroked) < 50
    x0, y0, x1, y1 = np.clip(cache.boxes[0][0, 0], 0, 1)  # latent frame 0 is frame 0
    covered = boxed[0][0].mean()  # share of the frame
    assert covered == pytest.approx((x1 - x0) * (y1 - y0), abs=0.02)


def test_a_talking_mouth_is_in_the_raster(vae, tmp_path):
    class Talk(World):
        def sample(self, index, *shape, held_out=False):
            return self.render(SceneSpec("face", "yellow", "talk", wearing=None), index, *shape)

    cache = fill_latent_cache(tmp_path, Talk(3), vae, replace(CLIP, clips=1), quiet=True)
    rasters = [draw_control(cache, 0, (3, 4, 6), np.random.default_rng(seed))[0] for seed in range(20)]
    spoken = [raster for raster in rasters if raster[MOUTH].any()]
    assert 8 < len(spoken) < 20
    said = spoken[0][OPENNESS:].max((2, 3)).T.flatten()  # four values for each latent frame
    np.testing.assert_allclose(said[4:], cache.mouth[0][1:, 0], atol=1e-5)
    np.testing.assert_allclose(said[:4], cache.mouth[0][0, 0], atol=1e-5)
    assert said.max() > 0.1


def test_clean_frames_leave_something_to_do():
    rng = np.random.default_rng(0)
    dealt = [draw_known_frames(5, rng) for _ in range(300)]
    assert all(0 < len(set(frames)) < 5 for frames in dealt)
    assert {(0,), (0, 4), (4,), (0, 1)} <= {tuple(frames) for frames in dealt}
    assert draw_known_frames(1, rng) == []
    assert all(0 < len(set(draw_known_frames(2, rng))) < 2 for _ in range(50))
