"""How a clip was made, in a line of JSON: the comment that its file carries, and `x2vkit show` of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from x2vkit.errors import X2VError
from x2vkit.media import read_comment
from x2vkit.trace.file import SUFFIX
from x2vkit.trace.record import Trace


def about(trace: Trace) -> str:
    """The request of a trace, what it was given beside words, which call of the studio made it, the weights'
    hash and the version.
    """
    made = {**trace.request, "weights": trace.weights, "x2vkit": trace.versions.get("x2vkit", "")}
    if trace.inputs:
        made["inputs"] = sorted(trace.inputs)
    if trace.made_by:
        made["made_by"] = dict(trace.made_by)
    return json.dumps(made, ensure_ascii=False)


def read_about(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """How each clip of a file was made; none where the file does not say.

    Raises:
        X2VError: it cannot be read.
    """
    file = Path(path)
    if os.path.exists(file) and not os.path.isfile(file):  # a FIFO would be waited for for ever
        raise X2VError(str(path), "it is no ordinary file", "give the path of a clip's file")
    if file.suffix.lower() == SUFFIX:
        comment = about(Trace.load(path))
    else:
        comment = read_comment(path)
    try:
        made = json.loads(comment)
    except ValueError:
        return []
    several = made if isinstance(made, list) else [made]
    return [each for each in several if isinstance(each, dict) and {"prompt", "seed"} <= each.keys()]
