"""`x2vkit page`: the model as a web page, one file or a folder for a static host."""

from __future__ import annotations

import argparse
from pathlib import Path

from x2vkit.errors import X2VError
from x2vkit.registry import DEFAULT_MODEL, SHAPES, weights_folder
from x2vkit.web import check_installed

SHAPES_OF_A_PAGE = ("square", "wide", "tall", "still")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `x2vkit page` to a (sub-)parser."""
    add = parser.add_argument
    add(
        "output",
        metavar="DIR|FILE.html",
        help="a folder for a static host, or one .html file that opens from disk",
    )
    add("--model", default=DEFAULT_MODEL, help="name or folder of the weights (%(default)s)")
    add(
        "--shapes", nargs="+", choices=sorted(SHAPES), default=list(SHAPES_OF_A_PAGE), metavar="NAME",
        help=f"shapes that can be chosen, the first at first ({' '.join(SHAPES_OF_A_PAGE)}; also: long)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> None:
    """Run `x2vkit page`. What can be refused is refused before the weights load."""
    from x2vkit import media

    path = Path(args.output)
    one = path.suffix == ".html"
    if path.suffix and not one:
        rule = "a page is one file that ends in .html, or a folder"
        raise X2VError(str(path), rule, f"use {path.stem}.html, or {path.stem}")
    if one:
        media.check_output(path, (".html",))
    elif path.is_file():
        raise X2VError(str(path), "there is a file of this name", "name another folder")
    weights_folder(args.model)
    check_installed("x2vkit page")

    from x2vkit.run.load import load, quiet
    from x2vkit.run.versions import weights_hash
    from x2vkit.web.export import export
    from x2vkit.web.site import folder, one_file

    quiet()
    pipeline = load(args.model)
    data = export(pipeline, args.shapes, args.model, weights_hash(pipeline))
    written = one_file(data, path) if one else folder(data, path)
    files = [written] if one else [each for each in written.rglob("*") if each.is_file()]
    size = sum(each.stat().st_size for each in files) / 1e6
    print(f"wrote {written}: {size:.1f} MB, shapes {', '.join(args.shapes)}")
    print(f"open {written} in a browser" if one else f"look: python -m http.server -d {written}")
