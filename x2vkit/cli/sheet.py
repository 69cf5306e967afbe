"""Several clips in one file, for `x2vkit generate` and `x2vkit world`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def write_sheet(path: Path, clips: Sequence[Any], fps: float, comment: str = "") -> None:
    """Clips of one shape in one file: as a png with a row of six moments a clip, else side by side and
    moving.
    """
    import numpy as np

    from x2vkit import media

    films = np.stack(clips)  # (count, F, H, W, 3)
    if path.suffix.lower() == ".png":
        moments = np.linspace(0, films.shape[1] - 1, min(6, films.shape[1])).round().astype(int)
        rows = films[:, moments].reshape(-1, *films.shape[2:])
        media.write_atomic(path, media.png_sheet(rows, comment=comment, columns=len(moments)))
    else:
        sheets = np.stack([media.contact_sheet(films[:, i]) for i in range(films.shape[1])])
        media.write_clip(path, sheets, fps, comment)
