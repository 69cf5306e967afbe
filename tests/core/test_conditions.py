"""Wishes drawn into the control raster: right place, right time, right size."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from x2vkit.core import conditions as c
from x2vkit.errors import X2VError

SHAPE = (9, 64, 96)  # f, h, w = 3, 8, 12


def test_nothing_wished_is_all_zeros():
    raster = c.control_raster(*SHAPE)
    assert raster.shape == (c.CONTROL_CHANNELS, 3, 8, 12) and raster.dtype == np.float32 and not raster.any()


def test_a_box_covers_its_area_exactly():
    raster = c.control_raster(*SHAPE, box_a=np.array([0.25, 0.3, 0.8, 0.55]))
    assert raster[c.BOX_A].mean((1, 2)) == pytest.approx([0.55 * 0.25] * 3)
    assert raster[c.BOX_A, 0, 3, 4] == 1 and raster[c.BOX_A, 0, 0, 4] == 0 and not raster[c.BOX_B].any()


def test_boxes_are_averaged_over_the_frames_of_a_latent_frame_and_nan_is_absent():
    boxes = np.tile([0.0, 0.0, 1.0, 1.0], (9, 1))
    boxes[0], boxes[3:5] = np.nan, np.nan
    raster = c.control_raster(*SHAPE, box_b=boxes)
    assert [raster[c.BOX_B, i].mean() for i in range(3)] == pytest.approx([0, 0.5, 1])


def test_a_stroke_moves_by_what_it_says():
    path = np.array([[0.25, 0.5], [0.75, 0.5]])
    raster = c.control_raster(*SHAPE, strokes=[(path, 0.2)])
    columns = [np.nonzero(raster[c.STROKE, i].any(0))[0].mean() for i in range(3)]
    moved = np.diff(columns) / 12 * 96 / 64  # in fractions of min(H, W)
    said = [raster[c.STROKE_DX, i].max() / c.MOTION_SCALE for i in range(3)]
    assert said[0] == 0 and said[1:] == pytest.approx(moved, abs=0.1) and not raster[c.STROKE_DY].any()


def test_mouth_openness_keeps_its_frames():
    mouth = np.arange(9) / 10
    raster = c.control_raster(*SHAPE, mouth_box=np.array([0, 0, 0.5, 1]), mouth=mouth)
    inside, outside = raster[c.OPENNESS :, :, 0, 0].T, raster[c.OPENNESS :, :, 0, -1]
    assert (
        inside == pytest.approx(np.array([[0] * 4, [0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]]))
        and not outside.any()
    )
    with pytest.raises(X2VError, match="mouth_box"):
        c.control_raster(*SHAPE, mouth=mouth)


def test_the_camera_track_adds_up_to_the_way_it_went():
    camera = np.stack([np.linspace(0, 0.8, 9), np.zeros(9), np.geomspace(1, 2, 9)], axis=1)
    track = c.camera_track(camera)
    means = np.array([camera[[0]].mean(0), camera[1:5].mean(0), camera[5:].mean(0)])
    assert track.shape == (3, 4) and not track[0, :3].any() and (track[:, c.CAMERA_GIVEN] == 1).all()
    assert track[:, 0].sum() / c.MOTION_SCALE == pytest.approx(means[-1, 0] - means[0, 0], rel=1e-5)
    assert track[1, c.CAMERA_ZOOM] == pytest.approx(10 * np.log(2) / 8 * 2.5, rel=1e-5)


def test_a_token_is_clean_when_all_its_cells_are():
    mask = torch.zeros(1, 2, 4, 4, dtype=torch.bool)
    mask[0, 0, :2, :3] = True
    assert c.token_mask(mask, (1, 2, 2)).nonzero().tolist() == [[0, 0]]
    assert c.token_levels(torch.tensor([[0.7]]), mask, (1, 2, 2))[0].tolist() == pytest.approx(
        [0, *[0.7] * 7]
    )
    assert c.token_levels(torch.tensor([[0.7]]), None, (1, 2, 2)).shape == (1, 1)


def test_held_frames_can_be_any():
    latents = torch.arange(5.0).reshape(1, 1, 5, 1, 1)
    given = c.known_frames(latents, [0, -1])
    assert c.reimpose_known(torch.full_like(latents, 9), given).flatten().tolist() == [0, 9, 9, 9, 4]
    assert c.reimpose_known(latents, c.Conditions()) is latents


@pytest.mark.parametrize("bad", [{"box_a": np.zeros((4, 4))}, {"strokes": [(np.zeros((1, 2)), 0.1)]}])
def test_wrong_shapes_are_told(bad):
    with pytest.raises(X2VError, match="shape"):
        c.control_raster(*SHAPE, **bad)
