"""Numbered actors of single frames become tracks."""

from __future__ import annotations

import torch

from x2vkit.judge.frame import ACTOR_ATTRIBUTES
from x2vkit.judge.tracks import best_order, held, linked


def read(places: list[list[tuple[float, int] | None]]) -> dict[str, torch.Tensor]:
    """A clip in which the actors of each frame stand at (x, subject), in the order of the frame model."""
    frames = len(places)
    values = {name: torch.zeros(1, frames, 3, len(words)) for name, words in ACTOR_ATTRIBUTES.items()}
    values |= {name: torch.zeros(1, frames, 3) for name in ("mouth", "area")}
    values |= {
        "actor_features": torch.zeros(1, frames, 3, 2),
        "boxes": torch.full((1, frames, 3, 4), torch.nan),
    }
    for f, row in enumerate(places):
        for k, actor in enumerate(row):
            if actor:
                x, subject = actor
                values["boxes"][0, f, k] = torch.tensor([x, 0.4, x + 0.2, 0.8])
                values["subject"][0, f, k, subject] = 9.0
    return values


def test_numbers_that_change_hands_are_one_track():
    places = [[(0.1, 0), (0.6, 1)]] * 3 + [[(0.6, 1), None], [(0.6, 1), None]] + [[(0.1, 0), (0.6, 1)]] * 3
    found = linked(read(places))
    assert found["subject"][0, :, 1].argmax(-1).tolist() == [1] * 8
    assert found["boxes"][0, :, 0, 0].isnan().tolist() == [False] * 3 + [True] * 2 + [False] * 3
    assert found["present"][0].tolist() == [True, True, False]


def test_two_that_change_sides_keep_their_tracks():
    places = [[(0.30 + 0.02 * f, 0), (0.40, 8)] for f in range(5)]
    places += [[(0.40, 8), (0.40 + 0.02 * f, 0)] for f in range(1, 6)]
    found = linked(read(places))
    assert found["subject"][0, :, 0].argmax(-1).tolist() == [0] * 10


def test_a_speck_counts_for_nobody():
    places = [[(0.0, 3), (0.5, 0)]] + [[(0.5, 0), None]] * 9
    found = linked(read(places))
    assert found["present"][0].tolist() == [True, False, False]
    assert found["subject"][0, :, 0].argmax(-1).tolist() == [0] * 10


def test_held_boxes_fill_gaps_from_before_else_from_after():
    boxes = torch.full((1, 4, 1, 4), torch.nan)
    boxes[0, 1], boxes[0, 3] = 1.0, 3.0
    assert held(boxes)[0, :, 0, 0].tolist() == [1, 1, 1, 3]
    assert held(torch.full((1, 2, 1, 4), torch.nan)).isnan().all()


def test_the_best_assignment_is_that_of_the_largest_sum():
    assert best_order([[3, 2, 0], [2, 0, 0]]) == (1, 0)
    assert best_order([[1, 0, 0]]) == (0,)
