"""`x2vkit show`: how a file's clip was made."""

from __future__ import annotations

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `x2vkit show`."""
    parser.add_argument("file", help=".mp4, .gif, .webp, .png or .x2v that x2vkit wrote")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")


def run(args: argparse.Namespace) -> None:
    """Print how a file's clip was made."""
    from x2vkit.trace.about import read_about

    made = read_about(args.file)
    if not made:
        print(f"{args.file} does not say how it was made: x2vkit did not write it, or something removed it")
    elif args.json:
        print(json.dumps(made))
    else:
        for each in made:
            for name, value in each.items():
                print(f"{name:18} {value}")
