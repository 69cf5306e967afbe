"""Shuffling and dropping patches: the same lines stand in static/patches/order.js and rebuild.js.

N patches in a grid (time, rows, columns)
"""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from x2vkit.axes import Geometry, Shape3
from x2vkit.media import Frames
from x2vkit.views.buffer import Array

ORDERS = ("none", "times", "places", "all")
"""What can be shuffled: nothing; whole moments; places, alike at every moment; every patch."""
DROP_SEED = 12345
"""Seed of the order in which patches are dropped."""
DROPPED = 128
"""Grey of a dropped patch in the clip put together again."""


def permutation(count: int, seed: int) -> NDArray[np.int64]:
    """0..count-1 in an order that Python and the browser agree on: Fisher and Yates' shuffle with Marsaglia's
    xorshift ("Xorshift RNGs", 2003) of 32 bits.
    """
    state = (seed * 2654435761 + 1013904223) % 2**32 or 1
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        j = state % (i + 1)
        order[i], order[j] = order[j], order[i]
    return np.array(order)


def shuffled(order: str, grid: Shape3, seed: int) -> NDArray[np.int64]:
    """Which token stands in each place -> (N,), a permutation. order: one of ORDERS."""
    time, place, count = grid[0], grid[1] * grid[2], prod(grid)
    tokens = np.arange(count).reshape(time, place)
    if order == "times":
        return tokens[permutation(time, seed)].reshape(-1)
    if order == "places":
        return tokens[:, permutation(place, seed)].reshape(-1)
    return permutation(count, seed) if order == "all" else tokens.reshape(-1)


def kept_tokens(count: int, drop: int) -> NDArray[np.bool_]:
    """Which tokens are left when `drop` per cent are dropped -> (N,); the same go first at any share."""
    kept = np.ones(count, bool)
    kept[permutation(count, DROP_SEED)[: count * drop // 100]] = False
    return kept


def rebuilt(frames: Frames, geometry: Geometry, grid: Shape3, order: Array, kept: Array) -> Frames:
    """The clip with token order[i] in place i, and grey where it was dropped -> (F, H, W, 3).

    Every latent frame holds as many moments; where the first holds one frame alone, it stands still in there.
    A patch moved to the first shows its last moment there, and the first patch stands still wherever it goes.
    """
    F, H, W, _ = frames.shape
    _, rows, columns = grid
    long, tall, wide = patch_pixels(geometry)
    # The clip with every latent frame as long as the others, and every patch whole.
    times = (np.arange(grid[0] * long) - geometry.lead).clip(0, F - 1)
    room = ((0, 0), (0, rows * tall - H), (0, columns * wide - W), (0, 0))
    whole = np.pad(frames, room, mode="edge")[times]
    parts = whole.reshape(grid[0], long, rows, tall, columns, wide, 3).transpose(0, 2, 4, 1, 3, 5, 6)
    parts = parts.reshape(prod(grid), long, tall, wide, 3)[order]
    parts[~kept[order]] = DROPPED
    back = parts.reshape(*grid, long, tall, wide, 3).transpose(0, 3, 1, 4, 2, 5, 6).reshape(whole.shape)
    return back[geometry.lead : geometry.lead + F, :H, :W]


def patch_pixels(geometry: Geometry) -> Shape3:
    """Frames, rows and columns of pixels of one patch, the first latent frame taken to be as long as the
    others.
    """
    long, tall, wide = geometry.patch
    return long * geometry.temporal_stride, tall * geometry.spatial_stride, wide * geometry.spatial_stride
