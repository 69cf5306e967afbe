"""A linear picture of a latent position, fitted on the spot to the clip that the pipeline decoded.

C channels    P numbers of the pixels of one cell: temporal stride x spatial stride x spatial stride x 3
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.axes import Geometry

CELLS = 4096
"""Cells that are looked at, evenly spread: enough for some dozen channels."""
RIDGE = 1e-3
"""How much of the latents' own size holds the weights small."""


def fit_picture(
    latents: NDArray[Any], frames: NDArray[np.uint8], geometry: Geometry
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """Least squares from latents (C, f, h, w) to frames (F, H, W, 3) -> weight (P, C), bias (P,) of
    `Trace.picture`, for pixels in [-1, 1].
    """
    C, f, h, w = latents.shape
    long, side = geometry.temporal_stride, geometry.spatial_stride
    first = np.repeat(frames[:1], geometry.lead, 0)  # a first latent frame that holds one frame repeats it
    clip = np.concatenate([first, frames]).reshape(f, long, h, side, w, side, 3)
    cells = np.linspace(0, f * h * w - 1, min(CELLS, f * h * w)).astype(int)
    t, y, x = np.unravel_index(cells, (f, h, w))
    pixels = clip[t, :, y, :, x].reshape(len(cells), -1) / 127.5 - 1  # (cells, P)
    given = latents.astype(np.float64)[:, t, y, x].T  # (cells, C)
    given = np.concatenate([given, np.ones((len(given), 1))], 1)
    normal = given.T @ given
    normal[np.arange(C), np.arange(C)] += RIDGE * np.trace(normal[:C, :C]) / C + 1e-9
    found = np.linalg.solve(normal, given.T @ pixels)  # (C + 1, P)
    return found[:C].T.astype(np.float16), found[C].astype(np.float16)
