"""Who is who over time: the numbered actors of single frames, linked into one track each.

    n  clips        F  frames        A  actors, `MOST_ACTORS`

In a frame actors are numbered from left to right, so a number changes hands when one leaves the picture or
two change sides. From frame to frame the assignment is taken that costs least (Kuhn 1955; of three there are
six, so all are tried): a track costs by how far it moved and by how much its looks changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from x2vkit.judge.frame import ACTOR_ATTRIBUTES
from x2vkit.world.grammar import MOST_ACTORS

ORDERS = tuple(permutations(range(MOST_ACTORS)))
"""Every way to hand out the actors."""
FAR, STRANGE, NEW = 3.0, 0.25, 1.5
"""Costs: of a frame's width of way, of a probability that changed, of a track's first frame."""
PRESENT = 0.3
"""Part of the frames in which an actor is seen, from which on it counts."""
PER_ACTOR = (*ACTOR_ATTRIBUTES, "mouth", "boxes", "area", "actor_features")
"""What the frame model reads of each actor."""


def linked(read: dict[str, Tensor]) -> dict[str, Tensor]:
    """What was read from clips, each value (n, F, ...), with the actors (third axis) in the order of their
    tracks.

    Those that are seen in too few frames to count (`PRESENT`) come last; `present` (n, A) tells which count.
    """
    order = _order(read)
    ordered = {name: _taken(read[name], order) for name in PER_ACTOR}
    present = (~ordered["boxes"][..., 0].isnan()).float().mean(1) >= PRESENT
    last = (~present).int().argsort(dim=1, stable=True)
    every = last[:, None].expand(order.shape)
    ordered = {name: _taken(values, every) for name, values in ordered.items()}
    return {**read, **ordered, "present": present.gather(1, last)}


def _taken(values: Tensor, order: Tensor) -> Tensor:
    """values (n, F, A, ...) with its actors as `order` (n, F, A) says."""
    index = order.reshape(*order.shape, *(1,) * (values.dim() - 3)).expand(values.shape)
    return values.gather(2, index)


def _order(read: dict[str, Tensor]) -> Tensor:
    """(n, F, A): which of a frame's actors each track takes."""
    boxes = read["boxes"]
    looks = torch.cat([read[name].float().softmax(-1) for name in ("subject", "color")], -1)
    centre, seen = ((boxes[..., :2] + boxes[..., 2:]) / 2).nan_to_num(0), ~boxes[..., 0].isnan()
    n, frames, actors = seen.shape
    orders = torch.tensor(ORDERS, device=boxes.device)
    place, look = centre[:, 0].clone(), looks[:, 0].clone()
    known = torch.zeros_like(seen[:, 0])
    first = NEW + 0.01 * torch.arange(actors, device=boxes.device)[:, None]
    result = []
    for f in range(frames):
        way = torch.cdist(place, centre[:, f])  # (n, track, actor)
        change = (look[:, :, None] - looks[:, f, None]).abs().sum(-1)
        cost = torch.where(known[:, :, None], FAR * way + STRANGE * change, first) * seen[:, f, None]
        total = sum(cost[:, i, orders[:, i]] for i in range(actors))  # (n, orders)
        order = orders[total.argmin(1)]  # (n, A)
        here = seen[:, f].gather(1, order)
        row = torch.arange(n, device=boxes.device)[:, None]
        place = torch.where(here[..., None], centre[row, f, order], place)
        mixed = torch.where(known[..., None], 0.8 * look + 0.2 * looks[row, f, order], looks[row, f, order])
        look = torch.where(here[..., None], mixed, look)
        known = known | here
        result.append(order)
    return torch.stack(result, 1)


def held(boxes: Tensor) -> Tensor:
    """Boxes (n, F, A, 4) whose NaN rows are replaced by the last row before that is none (or the first one
    after).
    """
    frames = boxes.shape[1]
    seen = ~boxes[..., 0].isnan()
    time = torch.arange(frames, device=boxes.device)[None, :, None]
    before = torch.where(seen, time, -1).cummax(1).values
    first = torch.where(seen, time, frames - 1).amin(1, keepdim=True)
    at = torch.where(before < 0, first, before)
    return boxes.gather(1, at[..., None].expand(boxes.shape))


def best_order(score: NDArray[np.floating] | Sequence[Sequence[float]]) -> tuple[int, ...]:
    """The assignment of largest sum: score (asked, read) -> for each asked one the number of the read one.
    asked is at most read, and read at most `MOST_ACTORS`.
    """
    table = np.asarray(score)
    asked, read = table.shape
    options = permutations(range(read), asked)
    return max(options, key=lambda order: sum(table[i, j] for i, j in enumerate(order)))
