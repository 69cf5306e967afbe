"""`x2vkit lab`: the notebooks, or with --course the lessons, copied to a folder of yours, open in JupyterLab.

A notebook that you changed is never written over; one that you left as it came is brought up to date.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from x2vkit.errors import X2VError
from x2vkit.media import write_atomic

FOLDER, TOUR = "x2vkit-notebooks", "start-here.ipynb"
COURSE_FOLDER, FIRST_LESSON = "x2vkit-course", "01-clip.ipynb"
NOTES = ".x2vkit-notebooks.json"
"""What was copied: name -> SHA-256 of the file as it was written. A file that differs is the reader's own."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `x2vkit lab`."""
    add = parser.add_argument
    add("--course", action="store_true", help="the course: lessons with exercises and solutions")
    add("--folder", help=f"where they go (./{FOLDER}, and ./{COURSE_FOLDER} for the course)")
    add("--copy-only", action="store_true", help="copy the notebooks, and open nothing")
    add("jupyter", nargs="*", metavar="-- OPTION", help="options for jupyter lab, such as -- --no-browser")


def run(args: argparse.Namespace) -> int:
    """Copy the notebooks and open JupyterLab; returns its exit code."""
    home, first = (COURSE_FOLDER, FIRST_LESSON) if args.course else (FOLDER, TOUR)
    folder = Path(args.folder or home)
    if not args.copy_only and find_spec("jupyterlab") is None:
        rule = "the notebooks open in JupyterLab, and it is not installed"
        raise X2VError("x2vkit lab", rule, 'pip install "x2vkit[lab]", or use --copy-only')
    copied, kept = copy_notebooks(folder, args.course)
    left = f"; kept as you left them: {', '.join(kept)}" if kept else ""
    print(f"{folder}: {copied} {'files' if args.course else 'notebooks'} copied{left}")
    if args.copy_only:
        return 0
    return serve([sys.executable, "-m", "jupyterlab", str(folder / first), *args.jupyter])


def serve(command: list[str]) -> int:
    """Run a server until it ends; returns its exit code. A SIGTERM to this process ends the server, too."""
    with subprocess.Popen(command) as server:
        before = signal.signal(signal.SIGTERM, lambda *_: server.terminate())
        try:
            return server.wait()
        finally:
            signal.signal(signal.SIGTERM, before)


def notebooks(course: bool = False) -> dict[str, Path]:
    """Name in the reader's folder -> file: the tour and its neighbours, or the course with its solutions.

    They lie inside the package when it is installed, and beside it in a checkout.
    """
    name, patterns = ("tutorials", ("*.ipynb", "solutions/*.py")) if course else ("notebooks", ("*.ipynb",))
    for home in (Path(__file__).parent / name, Path(__file__).parents[1] / name):
        if found := sorted(path for pattern in patterns for path in home.glob(pattern)):
            return {path.relative_to(home).as_posix(): path for path in found}
    raise X2VError("the notebooks", "this installation of x2vkit holds none", "install it again")


def copy_notebooks(folder: str | os.PathLike[str], course: bool = False) -> tuple[int, list[str]]:
    """Copy all notebooks -> (how many files were written, the names of those left as the reader has them).

    Raises X2VError where the folder cannot be written.
    """
    folder = Path(folder)
    got = f"folder {str(folder)!r}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise X2VError(got, f"it cannot be made ({error.strerror})", "use --folder with another") from error
    if not os.access(folder, os.W_OK):
        raise X2VError(got, "it cannot be written", "use --folder with another")
    written, kept, count = _read_notes(folder / NOTES), [], 0
    for name, source in notebooks(course).items():
        target, data = folder / name, source.read_bytes()
        have = _digest(target.read_bytes()) if target.exists() else None
        if have == _digest(data):
            written[name] = have
        elif have is None or have == written.get(name):
            target.parent.mkdir(exist_ok=True)
            write_atomic(target, data)
            written[name] = _digest(data)
            count += 1
        else:
            kept.append(name)
    write_atomic(folder / NOTES, json.dumps(written, indent=1).encode())
    return count, kept


def _read_notes(path: Path) -> dict[str, str]:
    try:
        notes = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
