"""A rough picture of latents: one linear map from a latent position to its pixels, given or fitted on a clip.

    F, H, W frames and pixels; C, f, h, w latents; P numbers of a cell: temporal stride x side x side x 3

Models differ in what their latents mean, but in all of them a linear map shows what a clip is about. Where a
model brings none, least squares between the last latents and the decoded clip makes one in a second or two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.axes import Geometry
from x2vkit.media import Frames

MOST_CELLS = 60_000
"""Cells that a fit looks at, about: of longer clips some latent frames."""
RIDGE = 1e-4
"""Added to the channels' variance, as its share: channels that hardly move must not be divided by."""


@dataclass(frozen=True)
class LinearPicture:
    """Latent positions -> pixels, and how well that goes."""

    weight: NDArray[np.float32]
    """(P, C)."""
    bias: NDArray[np.float32]
    """(P,)."""
    geometry: Geometry
    """Strides of the cells."""
    explained: float | None = None
    """The share of the clip's variance that the fit explains, 0..1; None where it was given, not fitted."""

    def draw(self, latents: NDArray[Any]) -> Frames:
        """Latents (C, f, h, w) -> (F, H, W, 3) uint8."""
        cells = latents.astype(np.float32).transpose(1, 2, 3, 0)  # (f, h, w, C)
        pixels = cells @ self.weight.T + self.bias
        f, h, w, _ = cells.shape
        long, side = self.geometry.temporal_stride, self.geometry.spatial_stride
        pixels = pixels.reshape(f, h, w, long, side, side, 3)
        clip = pixels.transpose(0, 3, 1, 4, 2, 5, 6)  # (f, long, h, side, w, side, 3)
        clip = clip.reshape(f * long, h * side, w * side, 3)[self.geometry.lead :]
        return np.rint((clip.clip(-1, 1) + 1) * 127.5).astype(np.uint8)

    def frame(self, latents: NDArray[Any], index: int) -> NDArray[np.uint8]:
        """One frame of that, (H, W, 3), without the others."""
        long, side = self.geometry.temporal_stride, self.geometry.spatial_stride
        place = (index + self.geometry.lead) % long
        rows = slice(place * side * side * 3, (place + 1) * side * side * 3)
        cells = latents[:, self.geometry.latent_frame_of(index)].astype(np.float32).transpose(1, 2, 0)
        pixels = cells @ self.weight[rows].T + self.bias[rows]  # (h, w, side * side * 3)
        h, w, _ = cells.shape
        picture = pixels.reshape(h, w, side, side, 3).transpose(0, 2, 1, 3, 4).reshape(h * side, w * side, 3)
        return np.rint((picture.clip(-1, 1) + 1) * 127.5).astype(np.uint8)

    def shrunk(self, by: int) -> LinearPicture:
        """The same for pictures whose sides are `by` times smaller; `by` divides the spatial stride."""
        if by == 1:
            return self
        long, side = self.geometry.temporal_stride, self.geometry.spatial_stride // by
        apart = (long, side, by, side, by, 3)
        weight = self.weight.reshape(*apart, -1).mean(axis=(2, 4)).reshape(long * side * side * 3, -1)
        bias = self.bias.reshape(apart).mean(axis=(2, 4)).reshape(-1)
        return replace(self, weight=weight, bias=bias, geometry=replace(self.geometry, spatial_stride=side))


def fit_preview(latents: NDArray[Any], frames: Frames, geometry: Geometry) -> LinearPicture:
    """The linear map that takes the last latents (C, f, h, w) nearest to the clip that they were decoded to.

    Least squares over all cells, one latent frame at a time. A first latent frame that holds one frame alone
    says nothing of the others' pixels and is left out, unless it is all there is.
    """
    C = len(latents)
    moments = np.zeros((C + 1, C + 1))  # sums over cells of (z, 1) (z, 1)^T
    products: NDArray[np.float64] | None = None  # and of (z, 1) times their pixels
    squares = 0.0
    for cells, pixels in _blocks(latents, frames, geometry):
        ones = np.concatenate([cells, np.ones((len(cells), 1), np.float32)], axis=1)
        moments += ones.T @ ones
        more = (ones.T @ pixels).astype(np.float64)
        products = more if products is None else products + more
        squares += float(np.square(pixels, dtype=np.float64).sum())
    assert products is not None
    ridge = RIDGE * np.append(np.diag(moments)[:-1], 0)
    solved = np.linalg.solve(moments + np.diag(ridge + 1e-9), products)  # (C + 1, P)
    count = moments[-1, -1]
    spread = squares - float(np.square(products[-1]).sum()) / count
    left = squares - 2 * float((solved * products).sum()) + float((solved * (moments @ solved)).sum())
    explained = min(max(1 - left / max(spread, 1e-9), 0.0), 1.0)
    return LinearPicture(
        solved[:-1].T.astype(np.float32), solved[-1].astype(np.float32), geometry, float(explained)
    )


def _blocks(
    latents: NDArray[Any], frames: Frames, geometry: Geometry
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Cells (h * w, C) and their pixels (h * w, P), in -1..1, of one latent frame after the other."""
    C, f, h, w = latents.shape
    long, side = geometry.temporal_stride, geometry.spatial_stride
    first = 1 if geometry.lead and f > 1 else 0
    for time in range(first, f, max(1, (f - first) * h * w // MOST_CELLS)):
        held = frames[geometry.frames_of(time).start : geometry.frames_of(time).stop]
        held = np.broadcast_to(held, (long, *held.shape[1:]))  # a still stands still
        blocks = held.reshape(long, h, side, w, side, 3).transpose(1, 3, 0, 2, 4, 5)
        pixels = blocks.reshape(h * w, -1).astype(np.float32) / 127.5 - 1
        yield latents[:, time].reshape(C, h * w).T.astype(np.float32), pixels
