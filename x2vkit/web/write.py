"""Where a page goes: a name that ends in .html is one file that opens from disk, another one a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from x2vkit.errors import X2VError
from x2vkit.media import check_output
from x2vkit.registry import PAGE_SHAPES
from x2vkit.web import check_folder, check_installed


def check_page(path: str | os.PathLike[str], what: str) -> Path:
    """The path, if a page could be made and written there: ask before weights load.

    what: who asks, for the message.

    Raises:
        X2VError: another suffix, a folder that is a file, what `check_folder` refuses, a place that cannot be
            written, or no package onnx.
    """
    path = Path(path)
    if path.suffix == ".html":
        check_output(path, (".html",))
    elif path.suffix:
        rule = "a page is one file that ends in .html, or a folder"
        raise X2VError(str(path), rule, f"use {path.stem}.html, or {path.stem}")
    elif path.is_file():
        raise X2VError(str(path), "there is a file of this name", "name another folder")
    else:
        check_folder(path)
    check_installed(what)
    return path


def write_page(
    pipeline: Any,
    path: Path,
    shapes: Sequence[str] = PAGE_SHAPES,
    model: str = "",
    weights: str = "",
    as_folder: bool = False,
    **title: Any,
) -> Path:
    """Write a pipeline as a page: one file or a folder, by its name unless it is to be a folder in any case.
    `export`'s arguments, and a title.

    Raises:
        X2VError: what `export`, `one_file` and `folder` refuse.
    """
    from x2vkit.web.export import export
    from x2vkit.web.site import folder, one_file

    data = export(pipeline, shapes, model, weights)
    single = path.suffix == ".html" and not as_folder
    return (one_file if single else folder)(data, path, **title)
