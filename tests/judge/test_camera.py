"""Where the camera went is read from pixels: on real renders, whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from x2vkit.judge.camera import camera_path
from x2vkit.world import SceneSpec, World

WORLD = World()


def read(spec: SceneSpec, camera: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The way that is read from a render of a scene, and the true one, since the first frame."""
    clip = WORLD.render(spec, 5, camera=camera)
    pixels = torch.from_numpy(clip.frames).permute(0, 3, 1, 2).float() / 255
    background = torch.from_numpy((clip.ids[:, ::2, ::2] == 0).astype(np.float32))
    true = clip.truth.camera
    way = np.concatenate([true[:, :2] - true[:1, :2], true[:, 2:] / true[:1, 2:]], 1)
    return camera_path(pixels, background), way


@pytest.mark.parametrize("move", ["pan left", "pan up", "zoom in", "zoom out"])
def test_a_move_is_read_as_it_is(move):
    found, true = read(SceneSpec("cat", "red", "stand", scene="city", camera=move))
    assert np.abs(found[-1, :2] - true[-1, :2]).max() < 0.1
    assert abs(np.log(found[-1, 2] / true[-1, 2])) < 0.12
    moved = int(np.abs(true[-1] - (0, 0, 1)).argmax())
    assert abs(found[-1, moved] - true[-1, moved]) < 0.5 * abs(true[-1, moved] - (0, 0, 1)[moved])


def test_a_camera_that_stands_still_goes_nowhere():
    found, _ = read(SceneSpec("dog", "red", "walk", scene="grass"))
    assert np.abs(found - (0, 0, 1)).max() < 0.05
    assert found[0].tolist() == [0, 0, 1]


def test_any_way_of_a_camera_can_be_drawn_and_read():
    there_and_back = np.concatenate([np.linspace(0, 0.2, 9), np.linspace(0.2, 0, 9)[1:]])
    camera = np.stack([there_and_back, np.zeros(17), np.ones(17)], 1)
    found, true = read(SceneSpec("cat", "red", "stand", scene="city"), camera)
    np.testing.assert_allclose(true, camera, atol=1e-6)
    assert found[8, 0] > 0.1 and abs(found[-1, 0]) < 0.06
