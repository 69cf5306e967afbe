"""`x2vkit page`: the model as a web page, one file or a folder for a static host."""

from __future__ import annotations

import argparse

from x2vkit.registry import DEFAULT_MODEL, PAGE_SHAPES, SHAPES, weights_folder
from x2vkit.web.write import check_page


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
        "--shapes", nargs="+", choices=sorted(SHAPES), default=list(PAGE_SHAPES), metavar="NAME",
        help=f"shapes that can be chosen, the first at first ({' '.join(PAGE_SHAPES)}; also: long)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> None:
    """Run `x2vkit page`. What can be refused is refused before the weights load."""
    weights_folder(args.model)
    check_page(args.output, "x2vkit page")

    from x2vkit.studio.backend import StudioBackend

    written = StudioBackend((args.model,)).page(args.model, args.output, shapes=args.shapes)
    one = written.is_file()
    files = [written] if one else [each for each in written.rglob("*") if each.is_file()]
    size = sum(each.stat().st_size for each in files) / 1e6
    print(f"wrote {written}: {size:.1f} MB, shapes {', '.join(args.shapes)}")
    print(f"open {written} in a browser" if one else f"look: python -m http.server -d {written}")
