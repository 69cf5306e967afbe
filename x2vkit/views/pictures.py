"""The static pictures of the views on what is bundled, kept so that a view opens without drawing one.

`python -m x2vkit.views.pictures` makes them again; do so whenever bundled traces or runs, or a view's
`figure`, change. A test says when.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from x2vkit import views
from x2vkit.views.base import KEPT_PICTURE, View
from x2vkit.views.page import STATIC

KEPT = (
    *("Overview", "Denoise", "Patches", "Attention", "Heads", "Compare", "Scaling"),
    *("Scorecard", "Supply", "Storyboard"),
)
"""Views that have one."""


def opened() -> Iterator[tuple[View, Path]]:
    """Each view on what is bundled, and where its picture is kept."""
    for name in KEPT:
        view = getattr(views, name)()
        yield view, STATIC / view._module / KEPT_PICTURE


def make() -> list[Path]:
    """Draw all pictures and keep them, in some seconds."""
    written = []
    for view, path in opened():
        path.write_bytes(view.draw_png())
        written.append(path)
    return written


if __name__ == "__main__":
    for path in make():
        print(f"{path}  {path.stat().st_size / 1e3:.0f} kB")
