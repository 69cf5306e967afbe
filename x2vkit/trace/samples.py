"""Bundled traces: what every view opens on when it is given none, with no weights and no wait.

    samples.names()        # ("cat", "dog", "dog-red", "dog-unguided")
    samples.sample("dog")  # a Trace, with the attention of all layers at three steps

`python -m x2vkit.trace.samples` makes them all again with the weights that ship; do so whenever those change.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from x2vkit.errors import X2VError

if TYPE_CHECKING:
    from x2vkit.trace.record import Trace

FOLDER = Path(__file__).parent / "samples"

RECIPES: dict[str, dict[str, Any]] = {
    "dog": {
        "prompt": "a dog wearing a blue hat playing in the snow",
        "attention_steps": (0, 6, 13),
        "previews": True,
    },
    "dog-red": {"prompt": "a dog wearing a red hat playing in the snow"},
    "dog-unguided": {"prompt": "a dog wearing a blue hat playing in the snow", "guidance": 1.0},
    "cat": {"prompt": "a red cat jumping on the beach", "steps": 10},
}
"""Name -> `x2vkit.record`'s options, and the steps whose attention (all layers and heads) is kept, if any.

The dogs start from one noise and differ in one thing each from the first, for `views.Compare`.
"""


def names() -> tuple[str, ...]:
    """The names of the traces that are there."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.x2v")))


@cache
def sample(name: str = "dog") -> Trace:
    """A bundled trace by name, read once. Raises X2VError for a name that is not there.

    Latents, queries and keys were stored at 8 bits, so they are coarser than those of a fresh record.
    """
    from x2vkit.trace.record import Trace

    if name not in names():
        have = ", ".join(names()) or "none"
        raise X2VError(f"sample {name!r}", f"the bundled traces are {have}", "use one of them")
    return Trace.load(FOLDER / f"{name}.x2v")


def make(folder: str | os.PathLike[str] = FOLDER) -> list[Path]:
    """Record every sample with the weights that ship, and write them to a folder, in about 15 seconds."""
    from importlib import import_module  # the one place in the trace that runs a model, and only when asked

    recorder = import_module("x2vkit.run.record")
    Path(folder).mkdir(exist_ok=True)
    written = []
    for name, recipe in RECIPES.items():
        options = dict(recipe)
        steps = options.pop("attention_steps", ())
        attention = recorder.AttentionCapture(steps=steps) if steps else None
        trace = recorder.record(**options, attention=attention)
        written.append(trace.save(Path(folder) / f"{name}.x2v", compact=True))
    return written


if __name__ == "__main__":
    for path in make(*sys.argv[1:2]):
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")
