"""The static picture of `Patches`: three cubes, and the bytes of each to scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray

from x2vkit.axes import Shape3
from x2vkit.media import Frames
from x2vkit.trace import Trace
from x2vkit.views.buffer import Array
from x2vkit.views.patches.colors import false_colors
from x2vkit.views.shown import shrink_of, smaller
from x2vkit.views.style import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GONE = 228
"""Grey of a dropped patch in the cube."""


def draw(trace: Trace, patch: Shape3, frame: int, seen: Mapping[str, Array]) -> Figure:
    """The three cubes from `frame` on, and under them their bytes as areas. seen: what `Patches.data`
    returns.
    """
    shape = trace.frames.shape[:3]
    F, H, W = shape
    C, f, h, w = trace.latents.shape[1:]
    grid, order, (pt, ph, pw) = seen["grid"], seen["order"], patch
    colors = np.where(seen["kept"][:, None], seen["colors"], GONE)[order].reshape(*grid, 3).astype(np.uint8)
    bounds = [*(trace.geometry.frames_of(i).start for i in range(f)), F]
    bounds_of_tokens = [bounds[min(i, f)] for i in range(0, grid[0] * pt + 1, pt)]
    blocks = (
        (f"clip: {F} frames of {H} × {W} pixels", smaller(trace.frames, shrink_of(trace)), range(F + 1), 0.0),
        (f"latents: {f} × {h} × {w} cells of {C} numbers", false_colors(trace.latents[-1]), bounds, 0.0),
        (f"{prod(grid):,} patches of {pt} × {ph} × {pw} cells", colors, bounds_of_tokens, 0.5),
    )
    figure = Figure(figsize=(10, 5.4))
    # Places by hand: a layout engine would draw everything twice, and this picture delays the widget.
    for i, (title, pictures, edges, line) in enumerate(blocks):
        axes = figure.add_axes((0.01 + 0.335 * i, 0.33, 0.31, 0.55))
        axes.set_title(title, fontsize=10)
        draw_cube(axes, pictures, edges, shape, frame, line)
    draw_scale(figure.add_axes((0.01, 0.01, 0.98, 0.28)), trace, colors, seen)
    since = f"  ·  from frame {frame + 1} on" if frame else ""
    figure.suptitle(f"{trace.prompt}{since}", fontsize=11)
    return figure


def draw_scale(axes: Axes, trace: Trace, colors: NDArray[np.uint8], seen: Mapping[str, Array]) -> None:
    """Bytes of clip, latents and tokens as areas: pictures in a row, a clip's frame as wide as 1."""
    sizes, (count, numbers) = [int(size) for size in seen["bytes"]], seen["tokens"].shape
    whole = sizes[0]
    F, H, W, _ = trace.frames.shape
    tall = H / W
    latents, cells = false_colors(trace.latents[-1]), trace.latents[-1].size
    bits = 8 * sizes[1] // cells
    left, top = 0.0, 0.0
    for pictures, size, text in (
        (
            smaller(trace.frames, shrink_of(trace)),
            whole,
            f"To scale, in bytes: {F * H * W:,} pixels × 3 colours = {whole:,} bytes",
        ),
        (latents, sizes[1], f"{cells:,} latents × {bits} bits\n= {sizes[1]:,} bytes"),
        (colors, sizes[2], f"{count:,} tokens × {numbers:,} numbers\n= {sizes[2]:,} bytes"),
    ):
        side = (size / whole * F / len(pictures)) ** 0.5  # of one picture; a frame's is 1
        wide = side * len(pictures)
        axes.imshow(
            in_a_row(pictures), extent=(left, left + wide, top - side * tall, top), interpolation="nearest"
        )
        if top == 0:
            axes.text(0, 0.15, text, fontsize=9, va="bottom")
            left, top = 0.0, -tall - 0.35
        else:
            axes.text(left + wide + 0.12, top, text, fontsize=9, va="top")
            left += max(wide + 0.34 * F, 0.5 * F)
    axes.set(xlim=(-0.1, max(F, 1) + 0.1), ylim=(-tall - 0.45 - max(tall, 0.9), 0.9), aspect="equal")
    axes.axis("off")


def in_a_row(pictures: Frames) -> Frames:
    """Pictures (n, H, W, 3) side by side, each enlarged to 96 pixels or more, with white between them."""
    by = max(1, 96 // pictures.shape[2])
    large = pictures.repeat(by, axis=1).repeat(by, axis=2)
    edged = np.pad(large, ((0, 0), (0, 0), (0, max(1, large.shape[2] // 24)), (0, 0)), constant_values=255)
    return edged.transpose(1, 0, 2, 3).reshape(edged.shape[1], -1, 3)


def draw_cube(
    axes: Axes, pictures: Frames, edges: Sequence[int], shape: tuple[int, int, int], frame: int, line: float
) -> None:
    """A block of spacetime, seen from the front, the top and the right; time goes back.

    pictures: (n, rows, columns, 3) uint8, of which picture i holds frames edges[i]..edges[i + 1] of a clip of
    `shape` (F, H, W); what lies before `frame` is taken off. line: width of the lines between cells.
    """
    F, H, W = shape
    first = max(i for i in range(len(pictures)) if edges[i] <= frame)
    start = edges[first]
    back, up = 0.55 * W / F, 0.36 * W / F  # of one frame
    x, y, depth = start * back, start * up, F - start
    widths = np.diff(np.minimum(edges, F))[first:]
    top = np.repeat(pictures[first:, 0], widths, axis=0)[::-1]  # (depth, columns, 3), the last on top
    side = np.repeat(pictures[first:, :, -1], widths, axis=0).transpose(1, 0, 2)  # (rows, depth, 3)
    faces = (
        (pictures[first], (0, W, 0, H), Affine2D().translate(x, y)),
        (top * 0.94 + 15, (0, W, 0, depth), Affine2D.from_values(1, 0, back, up, x, y + H)),
        (side * 0.72, (0, depth, 0, H), Affine2D.from_values(back, up, 0, 1, x + W, y)),
    )
    for face, extent, place in faces:
        picture = axes.imshow(face.astype(np.uint8), extent=extent, interpolation="nearest")
        picture.set_transform(place + axes.transData)
    if line:
        depths = np.array([edge - start for edge in edges[first:] if edge <= F])
        across, down = np.linspace(0, W, pictures.shape[2] + 1), np.linspace(0, H, pictures.shape[1] + 1)
        rulings: tuple[tuple[Array, Array], ...] = ((across, down), (across, depths), (depths, down))
        for (_, (_, right, _, high), place), (xs, ys) in zip(faces, rulings, strict=True):
            where = place + axes.transData
            axes.vlines(xs, 0, high, color="white", linewidth=line, transform=where)
            axes.hlines(ys, 0, right, color="white", linewidth=line, transform=where)
    whole_x, whole_y = F * back, F * up
    ghost = [
        (0, 0),
        (0, H),
        (whole_x, H + whole_y),
        (whole_x + W, H + whole_y),
        (whole_x + W, whole_y),
        (W, 0),
        (0, 0),
    ]
    axes.plot(*zip(*ghost, strict=True), color=PALETTE["grey"], linewidth=0.8)
    axes.text(W + whole_x / 2 + 0.03 * W, whole_y / 2, "time", fontsize=8, color=PALETTE["grey"], va="top")
    axes.set(xlim=(-2, W + whole_x + 2), ylim=(-2, H + whole_y + 2), aspect="equal")
    axes.axis("off")
