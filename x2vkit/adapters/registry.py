"""Which pipelines are supported, and how far: a row a class, from the families' files.

A class that is in none of them goes the generic way.
"""

from __future__ import annotations

from typing import Any

from x2vkit.adapters import cogvideox, cosmos, factorised, hunyuan, kandinsky, ltx, mochi, sana, wan
from x2vkit.adapters.base import GENERIC, REFUSED, Support
from x2vkit.errors import X2VError

FAMILIES = (wan, ltx, cogvideox, hunyuan, mochi, kandinsky, cosmos, sana, factorised)
SUPPORTED: dict[str, Support] = {one.pipeline: one for family in FAMILIES for one in family.SUPPORT}
"""Name of the class -> what is known of it."""


def support_of(pipe: Any) -> Support:
    """What is known of a pipeline's class, or that nothing is.

    Raises:
        X2VError: it is refused, with the reason.
    """
    name = type(pipe).__name__
    support = SUPPORTED.get(name, Support(name, GENERIC))
    if support.level == REFUSED:
        raise X2VError(name, f"it cannot be recorded: {support.why}", "use another pipeline of its family")
    return support
