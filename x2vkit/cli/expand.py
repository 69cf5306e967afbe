"""`x2vkit expand`: any words -> prompts of the world, and what became of each word."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `x2vkit expand` to a (sub-)parser."""
    add = parser.add_argument
    add("prompt", help="what to see, in any words")
    add("-n", type=int, default=3, help="how many prompts (%(default)s)")
    add("--seed", type=int, default=0, help="another seed fills in other things (%(default)s)")
    add("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> None:
    """Run `x2vkit expand`. Raises X2VError on an empty prompt, or a number out of range."""
    from x2vkit.studio.expand import expand

    found = expand(args.prompt, args.n, args.seed)
    if args.json:
        values = {**asdict(found), "specs": [spec.to_dict() for spec in found.specs]}
        print(json.dumps(values, ensure_ascii=False))
        return
    print(found)
