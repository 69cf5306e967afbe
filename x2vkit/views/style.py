"""One look for all views, in matplotlib here and in the browser in static/lib/colors.js: colours, names,
scales.

A test holds the two to each other. Knows nothing about traces or widgets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

PALETTE = {
    "blue": "#3f7fd9",
    "orange": "#e07b22",
    "green": "#2a9d78",
    "purple": "#9067c6",
    "red": "#d1495b",
    "grey": "#7c8894",
}
"""Colours of marks, legible on white and on near black. blue: what is shown; orange: where you are."""

HEAT = (
    *("#0b0724", "#2a0f54", "#571073", "#822580", "#b0357b"),
    *("#dc4e69", "#f57b5d", "#fdad74", "#fddda2", "#fcfdbf"),
)
"""Even steps from nothing to the most, dark to bright, for amounts such as attention and change."""

SIGNED = ("#2166ac", "#67a9cf", "#d1e5f0", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b")
"""Even steps from less over none to more, for what can be negative."""


def colormap(stops: tuple[str, ...] = HEAT) -> Colormap:
    """The same scale for matplotlib: straight lines in sRGB between even stops, as the browser draws it."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("x2v", stops, 1024)


def patch_name(time: int, row: int, column: int) -> str:
    """The one way to name a patch: latent frame, row and column of tokens, from 0."""
    return f"t{time} r{row} c{column}"


def token_name(index: int, grid: tuple[int, int, int]) -> str:
    """The patch's name of video token `index` (row-major) in a grid of tokens (time, rows, columns)."""
    _, rows, columns = grid
    return patch_name(index // (rows * columns), index // columns % rows, index % columns)
