"""Lesson 11, control: one way to write each function."""

import numpy as np


def box_path(start, end, frames):
    """start, end (4,) -> (frames, 4)."""
    share = np.linspace(0, 1, frames)[:, None]
    return start + share * (end - start)


def covered(box, h, w):
    """box (4,) as x0, y0, x1, y1 -> (h, w): the share of each cell that the box covers, 0 to 1."""
    x0, y0, x1, y1 = box

    def along(low, high, cells):
        start = np.arange(cells) / cells
        return np.clip(np.minimum(high, start + 1 / cells) - np.maximum(low, start), 0, None) * cells

    return along(y0, y1, h)[:, None] * along(x0, x1, w)[None, :]


def iou(a, b):
    """Two boxes (4,) -> intersection over union, 0 to 1."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    both = np.clip(high - low, 0, None).prod()
    union = (a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - both
    return both / union


def camera_track(frames, right, zoom):
    """-> (frames, 3): x, y, zoom of each frame, from 0, 0, 1 to right, 0, zoom."""
    share = np.linspace(0, 1, frames)
    return np.stack([right * share, 0 * share, zoom**share], axis=1)


def share_inside(weights, inside, words):
    """weights (A, T + N), inside (N,) bool, words T -> (A,): of the weight on patches, the share inside."""
    patches = weights[:, words:]
    return patches[:, inside].sum(1) / patches.sum(1)
