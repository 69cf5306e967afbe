"""Large frames piece by piece: tiles that are each worked out with what lies around them.

A convolutional network without statistics over the frame treats a crop as the same pixels inside a large
frame, but for a margin as wide as its receptive field. So tiles are cut with that margin, worked out, and the
margin is cut off: there are no seams, nothing is blended, and the result is the same. Knows nothing about
what is worked out.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def tiled(
    code: Callable[[Tensor], Tensor],
    x: Tensor,
    strides: tuple[int, int],
    tile: tuple[int, int],
    margin: int,
) -> Tensor:
    """code(x), tile by tile.

    Args:
        code: maps x (..., H, W) to another grid (..., H', W').
        x: what is cut into tiles.
        strides: values of x, and of the result, along one side of a latent position.
        tile: latent positions of a tile, down and across.
        margin: latent positions around a tile that the result inside depends on.
    """
    h, w = (side // strides[0] for side in x.shape[-2:])
    lines = []
    for rows in _parts(h, tile[0]):
        line = []
        for columns in _parts(w, tile[1]):
            tall, wide = _with_margin(rows, margin, h), _with_margin(columns, margin, w)
            found = code(_cut(x, tall, wide, strides[0]))
            line.append(_cut(found, _inside(rows, tall), _inside(columns, wide), strides[1]))
        lines.append(torch.cat(line, dim=-1))
    return torch.cat(lines, dim=-2)


def _cut(x: Tensor, rows: range, columns: range, stride: int) -> Tensor:
    """Latent positions of x, so many values each along one side."""
    down, across = (slice(stride * each.start, stride * each.stop) for each in (rows, columns))
    return x[..., down, across]


def _parts(size: int, tile: int) -> list[range]:
    """So many positions in parts of at most a tile."""
    return [range(start, min(start + tile, size)) for start in range(0, size, tile)]


def _with_margin(part: range, margin: int, size: int) -> range:
    """A part of so many positions with those around it."""
    return range(max(0, part.start - margin), min(size, part.stop + margin))


def _inside(part: range, larger: range) -> range:
    """Where a part lies in a larger one."""
    return range(part.start - larger.start, part.stop - larger.start)
