"""Names of files and folders, as people give them: what no file can be called is told, not tried."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

from x2vkit.errors import X2VError


def check_path(kind: str, path: Any) -> Path:
    """A path that there may be. X2VError for another type, and for a name that no file can have."""
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        raise X2VError(f"{kind}={path!r:.60}", f"{kind} is a path", "give one as text")
    try:
        os.stat(path)
    except ValueError as error:  # a NUL, or half of a character
        raise X2VError(f"{kind} {str(path)!r:.60}", "no file can have this name", "use another") from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            got = f"{kind} {str(path)!r:.60}, a name of {len(str(path)):,} characters"
            raise X2VError(got, "no file can have a name so long", "use a shorter one") from error
    return Path(path)
