"""Where a camera went, read from the pixels: what stands still around the subjects is registered from frame
to frame.

    F frames; h, w cells of the frame model's grid

Shift and zoom between neighbouring frames are those that bring the surroundings into one another: Gauss and
Newton's rounds on the brightness (Lucas and Kanade 1981; Baker and Matthews 2004), without what the judge
takes for subjects. Near layers go further than far ones, which looks like a stretch from top to bottom when
the camera rises: so a zoom is read from the stretch from left to right alone. Far layers of a place move less
than its ground, so that a path is read short by about the same share everywhere: `GAIN` makes up for it,
measured on real renders of the world's moves.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as nnf
from numpy.typing import NDArray
from torch import Tensor

from x2vkit.judge.frame import CELL
from x2vkit.judge.motion import CLEAR

ROUNDS = 4
"""Of the registration."""
GAIN = (1.87, 2.0, 1.38)
"""True over read: x, y and log zoom."""
ROBUST = 0.08
"""Brightness by which a cell may differ before it counts as something else."""
CALM = 30.0
"""Where there is no structure to go by, nothing moved."""


def camera_path(pixels: Tensor, background: Tensor) -> NDArray[np.float64]:
    """The camera's way from frames.

    Args:
        pixels: (F, 3, H, W), as the frame model reads them.
        background: (F, h, w) probability that a cell shows no subject.

    Returns:
        (F, 3): x, y in fractions of the shorter side and zoom since the first frame, as in `Trace.plan`.
    """
    gray = nnf.avg_pool2d(pixels.float().mean(1, keepdim=True), CELL)
    kernel = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    padded = nnf.pad(gray, (2, 2, 2, 2), mode="replicate")
    gray = nnf.conv2d(padded, (kernel[:, None] * kernel)[None, None])
    near = 2 * CLEAR + 1
    clear = 1 - nnf.max_pool2d(1 - background[:, None].float(), near, 1, CLEAR)
    steps = _steps(gray[:-1], gray[1:], clear[:-1] * clear[1:]).double().numpy()
    h, w = gray.shape[2:]
    shifts = steps[:, :2] * (w, h) / (2 * min(h, w))
    log_zoom = np.concatenate([[0.0], np.cumsum(steps[:, 2])]) * GAIN[2]
    moves = shifts * (-1, 1) * GAIN[:2] / np.exp(log_zoom[1:, None])
    way = np.concatenate([np.zeros((1, 2)), np.cumsum(moves, 0)])
    return np.concatenate([way, np.exp(log_zoom)[:, None]], 1)


def _steps(before: Tensor, after: Tensor, weight: Tensor) -> Tensor:
    """(n, 4): shift in x and y, in half frames, and log stretch in x and y, that take `before` into `after`,
    (n, 1, h, w) each.
    """
    n, _, h, w = before.shape
    y, x = torch.meshgrid(_axis(h), _axis(w), indexing="ij")
    found = torch.zeros(n, 4)
    for _ in range(ROUNDS):
        shift_x, shift_y, stretch_x, stretch_y = found.T[..., None, None]
        grid = torch.stack([x * stretch_x.exp() + shift_x, y * stretch_y.exp() + shift_y], -1)
        moved = nnf.grid_sample(after, grid, align_corners=False, padding_mode="border")
        seen = weight * (grid.abs().amax(-1) < 1)[:, None]
        along_x = nnf.pad(moved[..., 2:] - moved[..., :-2], (1, 1)) * w / 4
        along_y = nnf.pad(moved[..., 2:, :] - moved[..., :-2, :], (0, 0, 1, 1)) * h / 4
        slopes = torch.cat([along_x, along_y, along_x * x, along_y * y], 1).flatten(2)  # (n, 4, hw)
        error = (before - moved).flatten(2)
        share = seen.flatten(2) / (1 + (error / ROBUST) ** 2)
        normal = (slopes * share) @ slopes.transpose(1, 2) + CALM * torch.eye(4)
        change = torch.linalg.solve(normal, (slopes * share) @ error.transpose(1, 2))[..., 0]
        found = found + change.clamp(-0.1, 0.1)
    return found


def _axis(count: int) -> Tensor:
    """Middles of so many cells from -1 to 1."""
    return (torch.arange(count) + 0.5) / count * 2 - 1
