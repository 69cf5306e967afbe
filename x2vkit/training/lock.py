"""One run at a time in a folder: a lock that the operating system opens when its process ends, however."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from x2vkit.errors import X2VError

NAME = "run.lock"


class RunLock:
    """Held by the process that trains into a folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._file: IO[str] | None = None

    def __enter__(self) -> None:
        """Take the lock.

        Raises:
            X2VError: another process trains into this folder.
            OSError: nothing can be written there.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        file = (self.folder / NAME).open("a+")
        try:
            _lock(file)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            rule = f"{holder} is training into this folder"
            raise X2VError(f"--out {self.folder}", rule, "wait for it, or name another folder") from None
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        self._file = file

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            _unlock(self._file)
            self._file.close()
            self._file = None


if os.name == "posix":
    import fcntl

    def _lock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)  # for forked workers, too, that have the file open

else:
    import msvcrt

    def _lock(file: IO[str]) -> None:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError as error:
            raise BlockingIOError from error

    def _unlock(file: IO[str]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]
