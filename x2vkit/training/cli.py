"""`x2vkit train`: the command that turns a recipe into weights.

`torchrun --nproc_per_node 2 -m x2vkit train ...` does it in two processes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from x2vkit.errors import X2VError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `x2vkit train` to a (sub-)parser."""
    add = parser.add_argument
    bundled = "a bundled recipe (tune, distill, vae, small, tiny) or a .toml file"
    add("name", nargs="?", metavar="RECIPE", help=bundled)
    add("--recipe", help="the same, as an option")
    add("--out", type=Path, metavar="DIR", help="folder of the run (runs/RECIPE)")
    add("--resume", action="store_true", help="continue from the newest checkpoint in --out")
    add("--minutes", type=float, help="stop after so many minutes, with a checkpoint")
    add("--steps", type=int, help="optimiser steps, in place of the recipe's")
    add("--batch", type=int, help="clips a step, in place of the recipe's")
    add("--vae", type=Path, metavar="DIR", help="trained autoencoder (the one that ships)")
    add("--cache", type=Path, metavar="DIR", help="folder of the latent cache (latents/ in --out)")
    add(
        "--videos",
        type=Path,
        metavar="DIR",
        help="train on your own videos/*.mp4 and captions.csv in this folder",
    )
    add("--init-from", metavar="MODEL", help="name or folder of trained weights to go on from")
    add("--lora", type=int, metavar="RANK", help="tune: train a LoRA of this rank in place of the weights")
    add(
        "--export-only",
        action="store_true",
        help="write the model of the newest checkpoint, train no further",
    )
    add(
        "--doctor",
        action="store_true",
        help="is my training broken? Overfit one clip and compare with a healthy run",
    )


def run(args: argparse.Namespace) -> int:
    """Run `x2vkit train` with parsed arguments; returns the exit code. Raises X2VError on bad input."""
    for name in ("minutes", "steps", "batch"):
        value = getattr(args, name)
        if value is not None and not 0 < value < float("inf"):
            raise X2VError(
                f"--{name} {value}", f"--{name} is above zero", f"leave --{name} out to use the recipe's"
            )
    from x2vkit.training.recipe import load_recipe

    name = args.recipe or args.name or "small"
    recipe = load_recipe(name).with_engine(steps=args.steps, batch=args.batch)
    recipe = recipe.with_data(init_from=args.init_from, lora=args.lora)
    from x2vkit.training.tasks import Inputs, make_task

    if args.doctor:
        from x2vkit.training.doctor import examine

        return examine(recipe, args.vae, args.minutes)
    from x2vkit.training.engine import Engine

    out = args.out or Path("runs") / Path(name).stem
    from x2vkit.training.checkpoint import newest_state

    resume = args.resume or args.export_only
    if args.resume and newest_state(out / "checkpoints") is None:
        raise X2VError(
            f"--resume in {out}", "it holds no checkpoint", "correct --out, or begin without --resume"
        )
    task = make_task(recipe, out, Inputs(args.vae, args.cache, args.videos), resume)
    engine = Engine(task, out, resume=resume)
    tell = engine.accelerator.print
    if args.export_only and not engine.progress.step:
        raise X2VError(f"--export-only of {out}", "it holds no checkpoint", "train first, or correct --out")
    if not args.export_only:
        for note in task.notes():
            tell(note)
        engine.run(args.minutes)
    engine.export()
    for line in task.report(engine.log):
        tell(line)
    return 0
