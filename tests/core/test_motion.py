"""Correspondences between latent frames: a latent position reads where its content lies at another time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from x2vkit.core.conditions import Conditions
from x2vkit.core.conv_stage import Steer
from x2vkit.core.motion import (
    BOX_FEATURES,
    Correspondences,
    _relative_size,
    encode_angle,
    find_correspondences,
)
from x2vkit.world import SceneSpec, World

GRID = (5, 16, 16)


def clip_of(turned: bool = True, **spec) -> tuple[torch.Tensor, torch.Tensor, Correspondences]:
    """Each frame's colour in each cell (17, 16, 16, 3), where the subject fills a cell (17, 16, 16), and the
    correspondences that boxes and camera make; turned: whether they are told the subject's angle.
    """
    clip = World().render(SceneSpec(**spec), 3, 17, 128, 128)
    cells = torch.from_numpy(clip.frames).float().reshape(17, 16, 8, 16, 8, 3).mean((2, 4)) / 255
    mine = torch.from_numpy(np.asarray(clip.ids) == 1).float().reshape(17, 16, 8, 16, 8).mean((2, 4)) > 0.8
    turn = clip.truth.turn[:, 0] if turned else None
    given = Conditions.draw(
        (17, 128, 128), boxes=[clip.truth.boxes[:, 0]], camera=clip.truth.camera, angle=turn
    )
    return cells, mine, find_correspondences(GRID, given.boxes, given.camera, torch.float32)


def through(weights: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """What weights (k, n, n) see of cells (k, 16, 16, 3)."""
    return (weights @ cells.flatten(1, 2)).reshape(cells.shape)


def in_first(found: Correspondences, cells: torch.Tensor) -> torch.Tensor:
    """What the cells of the frames from the second on (16, 16, 16, 3) see of the first one."""
    first = found.first.weights[0].unflatten(1, (256, 4)).transpose(1, 2).flatten(0, 1)  # (16, n, n)
    return through(first, cells[:1].expand(16, -1, -1, -1))


def latent(cells: torch.Tensor) -> torch.Tensor:
    """(17, 16, 16, 3) -> (5, 16, 16, 3), the mean of each latent frame."""
    return torch.cat([cells[:1], cells[1:].reshape(4, 4, 16, 16, 3).mean(1)])


def test_nothing_given_looks_at_its_own_place():
    found = find_correspondences((3, 4, 6), torch.zeros(2, 9, 2, 5), torch.zeros(2, 3, 4), torch.float32)
    own = torch.eye(24)
    looks = (found.previous, found.next, found.first)
    assert not found.angle_features.any() and not any(look.rotation.any() for look in looks)
    assert found.box_features.shape == (2, 3, 4, 6, BOX_FEATURES) and not found.box_features.any()
    torch.testing.assert_close(found.previous.weights, own.expand(2, 2, 24, 24))
    torch.testing.assert_close(found.next.weights, own.expand(2, 2, 24, 24))
    torch.testing.assert_close(found.first.weights, own.repeat_interleave(4, 0).expand(2, 2, 96, 24))


@pytest.mark.parametrize("action", ["roll", "bounce", "grow"])
def test_a_moving_subject_is_found_in_the_first_frame_at_all_four_moments(action):
    cells, mine, found = clip_of(subject="ball", action=action)
    seen = in_first(found, cells)
    miss, stay = ((x - cells[1:]).abs().mean(-1)[mine[1:]].mean() for x in (seen, cells[:1]))
    assert miss < 0.5 * stay


@pytest.mark.parametrize("action", ["roll", "spin"])
def test_what_turns_is_found_as_it_is_turned(action):
    misses = []
    for turned in (True, False):
        cells, mine, found = clip_of(turned, subject="dog", action=action)
        misses.append((in_first(found, cells) - cells[1:]).abs().mean(-1)[mine[1:]].mean())
    assert misses[0] < 0.75 * misses[1]


@pytest.mark.parametrize("spec", [{"subject": "car", "action": "walk"}, {"subject": "dog", "action": "jump"}])
def test_a_moving_subject_is_found_in_the_latent_frames_beside(spec):
    cells, mine, found = clip_of(**spec)
    each = latent(cells)
    for weights, there, here, rows in (
        (found.previous.weights[0], each[:-1], each[1:], slice(1, None)),
        (found.next.weights[0], each[1:], each[:-1], slice(-1)),
    ):
        shown = torch.cat([mine[:1], mine[4::4]])[rows]
        moved = (through(weights, there) - here).abs().mean(-1)[shown].mean()
        assert moved < 0.7 * (there - here).abs().mean(-1)[shown].mean()


def test_the_ground_is_found_where_a_camera_saw_it():
    cells, _, found = clip_of(subject="box", action="stand", camera="pan left")
    each, weights = latent(cells), found.previous.weights[0]
    known = weights.sum(-1).reshape(4, 16, 16) > 0.99  # what has just come into the frame was nowhere
    assert 0.6 < known.float().mean() < 1
    known[:, :8] = False  # the sky is far away
    seen = through(weights, each[:-1])
    moved, stay = ((x - each[1:]).abs().mean(-1)[known].mean() for x in (seen, each[:-1]))
    assert moved < 0.5 * stay


def test_what_was_out_of_sight_is_found_nowhere():
    boxes = torch.zeros(1, 9, 2, 5)
    boxes[:, 5:, 0, :4] = torch.tensor([0.25, 0.25, 0.75, 0.75])  # seen in the last latent frame
    found = find_correspondences((3, 8, 8), boxes, torch.zeros(1, 3, 4), torch.float32)
    inside = found.box_features[0, 2, ..., 0].flatten() > 0
    assert inside.sum() == 16
    before, first = found.previous.weights, found.first.weights
    assert not before[0, 1, inside].any() and not first[0, 1].unflatten(0, (64, 4))[inside].any()
    torch.testing.assert_close(before[0, 1, ~inside], torch.eye(64)[~inside])


def test_box_features_say_where_in_its_box_a_position_lies():
    boxes = torch.zeros(1, 5, 2, 5)
    boxes[:, :, 1, :4] = torch.tensor([0.25, 0.5, 0.75, 1.0])  # the second subject: cells 2 to 5, rows 4 to 7
    spots = find_correspondences((2, 8, 8), boxes, torch.zeros(1, 2, 4), torch.float32).box_features
    told = spots.unflatten(-1, (2, 4, -1))[0]  # (f, h, w, subjects, frames, numbers)
    assert not told[..., 0, :, :].any()
    for frame in range(4):
        covered, x, y = told[1, ..., 1, frame, :3].unbind(-1)
        assert covered.sum() == 16 and bool((covered[4:, 2:6] == 1).all())
        torch.testing.assert_close(x[5, 2:6], torch.tensor([-0.75, -0.25, 0.25, 0.75]))
        torch.testing.assert_close(y[4:, 3], torch.tensor([-0.75, -0.25, 0.25, 0.75]))


def test_box_features_of_what_is_rotated_are_those_of_what_stands():
    boxes = torch.zeros(1, 5, 2, 5)
    boxes[:, :, 0, :4] = torch.tensor([0.25, 0.25, 0.75, 0.75])  # cells 2 to 5 of both
    boxes[:, 1:, 0, 4] = np.pi / 2  # what was on the right is on top now
    spots = find_correspondences((2, 8, 8), boxes, torch.zeros(1, 2, 4), torch.float32).box_features
    places = spots.unflatten(-1, (2, 4, -1))[0, ..., 0, 0, 1:3]  # (f, h, w, x and y)
    for inside in range(2, 6):
        torch.testing.assert_close(places[1, 2, inside], places[0, inside, 5])
        torch.testing.assert_close(places[1, inside, 2], places[0, 2, 7 - inside])


def test_correspondences_say_how_far_what_they_find_has_rotated():
    boxes = torch.zeros(1, 9, 2, 5)
    boxes[:, :, 0, :4] = torch.tensor([0.25, 0.25, 0.75, 0.75])
    boxes[:, :, 0, 4] = torch.linspace(0, np.pi, 9)  # half a turn in 9 frames
    found = find_correspondences((3, 8, 8), boxes, torch.zeros(1, 3, 4), torch.float32)
    inside = found.box_features[0, 2, ..., 0].flatten() > 0
    for look, wanted in ((found.previous, [0.3125, 0.5]), (found.next, [-0.3125, -0.5])):  # in half turns
        turned = look.rotation[0]
        assert not turned[:, ~inside].any()
        for each, half_turns in zip(turned, wanted, strict=True):
            torch.testing.assert_close(each[inside], encode_angle(torch.full((16,), np.pi * half_turns)))
    first = found.first.rotation[0].unflatten(1, (64, 4))[:, inside]  # (latent frames, cells, frames, waves)
    angles = torch.linspace(0, np.pi, 9)[1:].reshape(2, 1, 4).expand(-1, 16, -1)
    torch.testing.assert_close(first, encode_angle(angles))


def test_what_spins_is_as_large_as_it_was():
    side = torch.tensor([[0.4, 0.4]])
    turn = torch.tensor([0.0, np.pi / 4, np.pi / 2])
    round_box, wide = side, torch.tensor([[0.6, 0.2]])  # of a disc; of something flat, then on its end
    torch.testing.assert_close(_relative_size(round_box, turn[:1], round_box, turn[1:2]), torch.ones(1, 2))
    torch.testing.assert_close(_relative_size(wide, turn[:1], wide.flip(-1), turn[2:]), torch.ones(1, 2))
    ellipse = torch.full((1, 2), float(np.hypot(0.6, 0.2) / np.sqrt(2)))  # the box of an ellipse askew
    torch.testing.assert_close(_relative_size(wide, turn[:1], ellipse, turn[1:2]), torch.ones(1, 2))


def test_a_turn_can_be_learned_exactly():
    turn = Steer(2)
    with torch.no_grad():  # cos - 1, cos 2a - 1, sin, sin 2a: a slope turns with the first and the third
        turn.waves.weight[:, 0:2] = torch.eye(2)
        turn.waves.weight[:, 4:6] = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    slope, angle = torch.randn(5, 2), torch.randn(5)
    sin, cos = angle.sin(), angle.cos()
    wanted = torch.stack([cos * slope[:, 0] - sin * slope[:, 1], sin * slope[:, 0] + cos * slope[:, 1]], 1)
    torch.testing.assert_close(turn(slope, encode_angle(angle)), wanted)
