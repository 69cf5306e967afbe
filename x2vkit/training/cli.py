"""`x2vkit train`: the command that turns a recipe into weights."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from x2vkit.errors import X2VError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `x2vkit train` to a (sub-)parser."""
    parser.add_argument("recipe", nargs="?", default="small", help="a bundled recipe (vae, small, tiny) or a .toml file")
    parser.add_argument("--recipe", dest="recipe_option", metavar="RECIPE", help="the same, as an option")
    parser.add_argument("--out", type=Path, help="folder of the run (default: runs/<recipe>)")
    parser.add_argument("--resume", action="store_true", help="continue from the newest checkpoint in --out")
    parser.add_argument("--minutes", type=float, help="stop after this many minutes, with a checkpoint")
    parser.add_argument("--steps", type=int, help="optimiser steps, in place of the recipe's")
    parser.add_argument("--batch", type=int, help="clips a step, in place of the recipe's")


def run(args: argparse.Namespace) -> int:
    """Run `x2vkit train` with parsed arguments; returns the exit code. Raises X2VError on bad input."""
    from x2vkit.training.engine import Engine
    from x2vkit.training.recipe import load_recipe
    from x2vkit.training.tasks import make_task

    for name in ("minutes", "steps", "batch"):
        value = getattr(args, name)
        if value is not None and value <= 0:
            raise X2VError(f"--{name} {value}", f"--{name} is above zero", f"leave --{name} out to use the recipe's")
    name = args.recipe_option or args.recipe
    recipe = load_recipe(name).with_engine(steps=args.steps, batch=args.batch)
    out = args.out or Path("runs") / Path(name).stem
    engine = Engine(make_task(recipe), out, resume=args.resume)
    engine.run(args.minutes)
    engine.export()
    return 0


def main(argv: list[str] | None = None) -> int:
    """`python -m x2vkit.training.cli`, for use without the x2vkit command."""
    parser = argparse.ArgumentParser(prog="x2vkit train", description="Train a model from a recipe.")
    add_arguments(parser)
    try:
        return run(parser.parse_args(argv))
    except X2VError as error:
        print(f"x2vkit train: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
