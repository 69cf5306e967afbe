"""What was bent in a run (`x2vkit.Edit`), read from the numbers that a trace keeps of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray


def told(edit: NDArray[Any], words: Sequence[str]) -> str:
    """An edit, `Trace.inputs["edit"]`, as a line for people: "layer 3 head 2 × 0, “blue” × 2"."""
    names = {
        0: lambda layer, head: f"layer {layer + 1} head {head + 1}",
        1: lambda layer, _: f"layer {layer + 1}",
        2: lambda place, _: f"“{words[place] if place < len(words) else place}”",
    }
    rows = [(int(kind), int(first), int(second), factor) for kind, first, second, factor in edit]
    return ", ".join(f"{names[kind](a, b)} × {factor:g}" for kind, a, b, factor in rows if kind in names)
