"""Bundled traces: what every view opens on when it is given none, with no weights and no wait.

    samples.names()        # ("cat", "dog", "dog-red", "dog-unguided")
    samples.sample("dog")  # a Trace, with the attention of three layers at all steps

`run/samples.py` makes them all again with the weights that ship.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from x2vkit.errors import X2VError

if TYPE_CHECKING:
    from x2vkit.trace.record import Trace

FOLDER = Path(__file__).parent / "samples"


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
