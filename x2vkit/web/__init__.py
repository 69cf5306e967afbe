"""The model as a web page: export of weights, and what a browser computes with them."""

from importlib.util import find_spec
from pathlib import Path

from x2vkit.errors import X2VError
from x2vkit.media import check_output

MADE = "Made by x2vkit page."
"""In the service worker of every page that is a folder."""


def check_installed(what: str) -> None:
    """Raise X2VError where the package onnx is missing, before anything heavy loads."""
    if find_spec("onnx") is None:
        raise X2VError(what, "making a page needs the package onnx", 'pip install "x2vkit[page]"')


def check_folder(place: Path) -> None:
    """Raise X2VError where a page cannot be written as a folder: in no folder, or in one that cannot be
    written, or another's index.html, which would be lost.
    """
    there = next((each for each in (place, *place.absolute().parents) if each.exists()), place)
    if not there.is_dir():
        raise X2VError(str(place), f"a folder cannot be made there ({there.name} is a file)", "name another")
    check_output(there / "index.html", (".html",))
    worker = place / "sw.js"
    ours = worker.is_file() and MADE in worker.read_text(errors="replace")
    if (place / "index.html").exists() and not ours:
        rule = "it is another page, and would be lost"
        raise X2VError(str(place / "index.html"), rule, "name another folder")
