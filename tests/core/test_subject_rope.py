"""Positions that go with what is shown: one point of the world or of a subject has one in every frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from x2vkit.core.conditions import Conditions
from x2vkit.core.subject_rope import CAMERA, SCREEN, SUBJECT, head_coordinates, relative_positions
from x2vkit.world import SceneSpec, World

GRID, PATCH = (5, 8, 8), (1, 2, 2)


def truth_of(**spec):
    """Truth of a clip, and its conditions as tensors of a batch of one."""
    truth = World().render(SceneSpec(**spec), 3, 17, 128, 128).truth
    given = Conditions.draw((17, 128, 128), boxes=[truth.boxes[:, 0]], camera=truth.camera)
    return truth, given.control, given.camera


def on_screen(track: np.ndarray) -> np.ndarray:
    """Positions (F, 2) as x, y in fractions -> rows, columns (5, 2) in tokens, the mean of a latent frame."""
    groups = [track[:1], *track[1:].reshape(4, 4, 2)]
    return np.stack([8 * group.mean(0)[::-1] - 0.5 for group in groups])


def place_at(found: torch.Tensor, spots: np.ndarray) -> np.ndarray:
    """The place (5, 2) that each frame gives a spot on the screen; between tokens it is linear."""
    rows = []
    for frame, (row, column) in zip(found.reshape(5, 8, 8, 3).numpy(), spots, strict=True):
        r, c = int(round(row)), int(round(column))
        near = frame[r, c, 1:]
        step_r, step_c = frame[4, 0, 1] - frame[3, 0, 1], frame[0, 4, 2] - frame[0, 3, 2]
        rows.append(near + [(row - r) * step_r, (column - c) * step_c])
    return np.array(rows)


def test_nothing_given_is_the_screen():
    found = relative_positions(GRID, PATCH, torch.zeros(1, 10, 5, 16, 16), torch.zeros(1, 5, 4))
    torch.testing.assert_close(found[:, CAMERA], found[:, SCREEN])
    torch.testing.assert_close(found[:, SUBJECT], found[:, SCREEN])


@pytest.mark.parametrize("camera", ["pan left", "pan up", "zoom in", "zoom out"])
def test_what_stands_still_keeps_its_position_while_the_camera_moves(camera):
    truth, _, track = truth_of(subject="box", action="stand", camera=camera)
    spots = on_screen(truth.boxes[:, 0, :2])  # the upper left corner: of a zoom, the middle would not move
    found = relative_positions(GRID, PATCH, None, track)[0]
    moved = np.ptp(spots, 0).max()
    assert moved > 0.25  # on the screen
    assert np.ptp(place_at(found[CAMERA], spots), 0).max() < 0.4 * moved


def test_a_subject_keeps_its_position_while_it_walks():
    truth, control, track = truth_of(subject="ball", action="roll")
    box = truth.boxes[:, 0]
    spots = on_screen((box[:, :2] + box[:, 2:]) / 2)
    found = relative_positions(GRID, PATCH, control, track)[0]
    assert np.ptp(spots, 0).max() > 1.5
    assert np.ptp(place_at(found[SUBJECT], spots), 0).max() < 0.3
    far = found.reshape(3, 5, 8, 8, 3)[:, :, 0]  # the sky above it
    torch.testing.assert_close(far[SUBJECT], far[SCREEN])


def test_a_subject_that_grows_is_measured_in_its_own_size():
    truth, control, _ = truth_of(subject="ball", action="grow", size="")
    found = relative_positions(GRID, PATCH, control, None)[0].reshape(3, 5, 8, 8, 3)
    last, first = found[SUBJECT, 4], found[SUBJECT, 0]
    inside = (last - found[SCREEN, 4]).abs().sum(-1) > 1e-4
    assert inside.sum() > ((first - found[SCREEN, 0]).abs().sum(-1) > 1e-4).sum()
    rows, on = last[..., 1][inside], found[SCREEN, 4, ..., 1][inside]
    assert rows.max() - rows.min() < on.max() - on.min()


def test_heads_are_shared_out():
    assert head_coordinates(4) == [SCREEN, CAMERA, SUBJECT, SUBJECT]
    assert head_coordinates(2) == [SUBJECT, SUBJECT] and len(head_coordinates(6)) == 6


def test_what_rotates_keeps_the_positions_of_its_points():
    control = Conditions.draw((17, 128, 128), boxes=[[0.25, 0.25, 0.75, 0.75]]).control
    turn = torch.zeros(1, 17, 2)
    turn[:, 13:, 0] = np.pi / 2  # in the last latent frame what was on the right is on top
    found = relative_positions(GRID, PATCH, control, torch.zeros(1, 5, 4), turn)[0, SUBJECT]
    found = found.reshape(5, 8, 8, 3)[..., 1:]
    for inside in range(2, 6):
        torch.testing.assert_close(found[4, 2, inside], found[0, inside, 5])
    torch.testing.assert_close(found[3], found[0])
    torch.testing.assert_close(found[4, 0], found[0, 0])  # outside nothing is turned
