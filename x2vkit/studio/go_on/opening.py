"""`python -m x2vkit.studio.go_on.opening` plays the world again that `views.Play` opens on; do so whenever
the weights that ship change.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
from PIL import Image

from x2vkit.media import contact_sheet

FOLDER = Path(__file__).parents[2] / "views" / "static" / "play"
PROMPT, SEED = "a red robot in the city", 1
KEYS = "right right jump stay left left jump stay".split()
COLUMNS = 8
QUALITY = 88
"""Of WebP."""


def make(folder: str | os.PathLike[str] = FOLDER) -> Path:
    """Play the world with the weights that ship, and write its frames and boxes to a folder."""
    from x2vkit.studio.go_on.play import play

    world = play(PROMPT, seed=SEED)
    for key in KEYS:
        world.step(key)
    sheet = contact_sheet(world.frames, COLUMNS, gap=0)
    Image.fromarray(sheet).save(Path(folder) / "opening.webp", quality=QUALITY, method=6)
    told = {"prompt": PROMPT, "seed": SEED, "keys": KEYS, "count": len(world.frames), "columns": COLUMNS}
    told["boxes"] = np.round(world.boxes, 4).tolist()
    path = Path(folder) / "opening.json"
    path.write_text(json.dumps(told) + "\n")
    return path


if __name__ == "__main__":
    print(make())
