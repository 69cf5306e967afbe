"""`python -m x2vkit.run.samples` records the bundled traces again; do so whenever the weights that ship
change.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from x2vkit.trace.samples import FOLDER

RECIPES: dict[str, dict[str, Any]] = {
    "dog": {
        "prompt": "a dog wearing a blue hat playing in the snow",
        "attention_layers": (1, 3, 5),
        "previews": True,
    },
    "dog-red": {"prompt": "a dog wearing a red hat playing in the snow"},
    "dog-unguided": {"prompt": "a dog wearing a blue hat playing in the snow", "guidance": 1.0},
    "cat": {"prompt": "a red cat jumping on the beach", "steps": 10},
}
"""Name -> `x2vkit.record`'s options, and the layers whose attention (all steps and heads) is kept, if any.

The dogs start from one noise and differ in one thing each from the first, for `views.Compare`.
"""


def make(folder: str | os.PathLike[str] = FOLDER) -> list[Path]:
    """Record every sample with the weights that ship, and write them to a folder, in about 15 seconds."""
    from x2vkit.run.record import AttentionCapture, record

    Path(folder).mkdir(exist_ok=True)
    written = []
    for name, recipe in RECIPES.items():
        options = dict(recipe)
        layers = options.pop("attention_layers", ())
        trace = record(**options, attention=AttentionCapture(layers=layers) if layers else None)
        written.append(trace.save(Path(folder) / f"{name}.x2v", compact=True))
    return written


if __name__ == "__main__":
    for path in make(*sys.argv[1:2]):
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")
