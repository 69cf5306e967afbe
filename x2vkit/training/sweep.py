"""`x2vkit scale`: the same recipe at several sizes, each trained to a budget, for the scaling law.

The sweep points differ in width and depth alone: same clips in the same order, same seed, same batch, and a
learning rate that follows one rule. The recipe's rate must be one that holds (`EngineConfig.hold`), so that
every checkpoint on the way is as good as a run that was meant to end there, and one run gives a point at
every doubling of its compute.

Of many processes each takes its part of every batch of every sweep point.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from x2vkit.errors import X2VError
from x2vkit.media import check_output
from x2vkit.processes import on_main
from x2vkit.training.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from x2vkit.training.task import Task

SIZES = ("48x2", "64x3", "96x4", "128x5", "192x6")
"""Sizes up to that of the default model: width x depth."""
FLOPS = (2.8e13, 4.2e13, 8e13, 1.4e14, 3e14)
"""Training compute of each sweep point of `SIZES`: of each about two thousand steps."""
POINTS = 6
"""Snapshots of a sweep point: at its budget, at half of it, at a quarter ..."""
ROUNDS = 3
"""The sweep is run in so many rounds, to a doubled budget each: stopped early, it is still a whole sweep."""
RATE_POWER = 0.5
"""Learning rates fall with this power of the width; see `sweep_point`."""
AVERAGED, LATE = 24, 10**6
"""Steps over which the cost of one is averaged; a step long after any change of what is learned from."""
STILLS = 1 / 32
"""Part of a sweep point's budget that goes into stills alone, where the recipe begins with those: over before
the first of its POINTS, since a model that has seen no clip is judged on none.
"""


@dataclass(frozen=True)
class Size:
    """Width and depth of a transformer; everything else of the model follows."""

    width: int
    depth: int

    @classmethod
    def parse(cls, text: str) -> Size:
        """From "96x4". Raises X2VError for anything else."""
        try:
            width, depth = (int(part) for part in text.lower().split("x"))
        except ValueError:
            width = depth = 0
        if width < 16 or width % 16 or depth < 1:
            rule = "a size is WIDTHxDEPTH, the width a multiple of 16"
            raise X2VError(f"size {text!r}", rule, f"use for example {' '.join(SIZES)}")
        return cls(width, depth)

    def __str__(self) -> str:
        return f"{self.width}x{self.depth}"

    def model(self) -> dict[str, int]:
        """The recipe's `[model]` values: heads of 16 to 64 channels, text tokens of about two thirds of the
        width.
        """
        heads = next(
            n for n in range(2, self.width, 2) if self.width % (8 * n) == 0 and self.width // n <= 64
        )
        text = max(32, 32 * round(self.width / 48))
        return {
            "width": self.width,
            "depth": self.depth,
            "heads": heads,
            "text_width": text,
            "text_depth": 1 if self.width <= 64 else 2,
        }


def sweep_point(base: Recipe, size: Size) -> Recipe:
    """The same recipe at another size.

    Muon's update of an (n, n) matrix is orthogonal, scaled to a root mean square that does not depend on n
    (`match_rms_adamw`), so its largest singular value grows as the root of n. That a layer's output moves as
    far at every width, the rate has to fall as the root of the width (Yang et al. 2023, arXiv:2310.17813,
    "A spectral condition for feature learning"): rate = base rate x (base width / width)^0.5.
    """
    factor = (base.model["width"] / size.width) ** RATE_POWER
    engine = base.engine
    changed = {
        "muon_lr": float(f"{engine.muon_lr * factor:.3g}"),
        "adam_lr": float(f"{engine.adam_lr * factor:.3g}"),
        "cooldown": 0,  # a sweep point's checkpoints on the way count as much as its last
    }
    model = {**base.model, **size.model()}
    if base.model.get("conv_width"):  # the convolutions beside the blocks shrink with them
        model["conv_width"] = round(base.model["conv_width"] * size.width / base.model["width"])
    return replace(base, model=model).with_engine(**changed)


def costs(task: Task) -> tuple[float, float]:
    """Mean FLOPs of a step at the start of a run, where it may see stills alone, and later."""

    def mean(first: int) -> float:
        steps = range(first, first + AVERAGED)
        spent = [task.flops(batch) for step in steps for batch in task.batches(step)]
        return sum(spent) / AVERAGED

    return mean(0), mean(LATE)


def planned(budget: float, early: float, later: float, stills: int, points: int = POINTS) -> tuple[int, ...]:
    """Steps at which a run has spent budget, budget / 2, budget / 4 ..., the fewest first.

    Args:
        budget: FLOPs of the whole run.
        early: FLOPs of one of the first steps.
        later: FLOPs of one after those.
        stills: how many first steps there are.
        points: how many steps to name.
    """
    spent = [budget / 2**k for k in range(points)]
    steps = {round(min(c / early, stills) + max(0.0, c - stills * early) / later) for c in spent}
    return tuple(sorted(max(1, step) for step in steps))


def begun_with(folder: Path) -> int | None:
    """How many steps of the run in a folder saw stills alone; None where no run is there."""
    if not (folder / "recipe.json").is_file():
        return None
    return int(json.loads((folder / "recipe.json").read_text())["data"].get("stills_steps", 0))


def run_sweep(
    base: Recipe,
    sizes: Sequence[Size],
    budgets: Sequence[float],
    out: Path,
    make: Callable[[Recipe, Path], Task],
    *,
    points: int = POINTS,
    rounds: int = ROUNDS,
    quiet: bool = False,
) -> None:
    """Train every size to its budget in `out`/SIZE, in rounds of doubled budgets.

    What is already trained is kept, and a larger budget continues it.

    Args:
        base: the recipe at its own size.
        sizes: the sizes.
        budgets: FLOPs of each.
        out: folder of the sweep.
        make: (recipe, run folder) -> task.
        points: snapshots of each size, a factor of 2 apart.
        rounds: how many times the budgets are doubled on the way.
        quiet: whether no progress is shown.

    Raises:
        X2VError: a recipe whose learning rate falls to zero at a planned end.
    """
    from x2vkit.training.engine import Engine

    if base.engine.hold <= 0:
        rule = "its learning rate falls to zero at a planned end, so points on the way do not compare"
        raise X2VError("this recipe", rule, "set hold in its [engine] table (see EngineConfig.hold)")
    known: dict[Size, tuple[float, float]] = {}
    for left in reversed(range(rounds)):
        for size, budget in zip(sizes, budgets, strict=True):
            folder = out / str(size)
            recipe = sweep_point(base, size)
            # A run that is there keeps its own; a new one sees them for a STILLS part of its budget.
            stills = begun_with(folder) if base.data.get("stills_steps") else 0
            if stills:
                recipe = replace(recipe, data={**recipe.data, "stills_steps": stills})
            if size not in known:
                known[size] = costs(make(recipe, folder))
            if stills is None:
                stills = round(STILLS * budget / known[size][0])
                recipe = replace(recipe, data={**recipe.data, "stills_steps": stills})
            steps = planned(budget, *known[size], stills, points)
            goal = steps[max(0, len(steps) - 1 - left)]
            save_every = max(1, min(100, steps[0]))
            rhythm = {"eval_every": 10 * steps[-1], "sample_grid_every": 0, "save_every": save_every}
            recipe = recipe.with_engine(steps=goal, snapshots=steps, **rhythm)
            engine = Engine(make(recipe, folder), folder, resume=True, quiet=quiet)
            if engine.progress.step < goal:
                if not quiet:
                    print(f"{size}: to step {goal} of {steps[-1]}, {budget:.2g} FLOPs in the end", flush=True)
                engine.run()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `x2vkit scale` to a (sub-)parser."""
    add = parser.add_argument
    add("--recipe", default="ladder", metavar="RECIPE", help="what all are smaller copies of (ladder)")
    add("--sizes", nargs="+", default=list(SIZES), metavar="WIDTHxDEPTH", help=f"({' '.join(SIZES)})")
    add("--flops", nargs="+", type=float, metavar="C", help="training compute: one for all, or one a size")
    add(
        "--points", type=int, default=POINTS, help="snapshots of each size, a factor of 2 apart (%(default)s)"
    )
    add(
        "--out",
        type=Path,
        default=Path("runs/scale"),
        metavar="DIR",
        help="folder of the sweep (runs/scale)",
    )
    add("--vae", type=Path, metavar="DIR", help="trained autoencoder (the one that ships)")
    add("--cache", type=Path, metavar="DIR", help="folder of the latent cache (latents/ in --out)")
    add("--videos", type=Path, metavar="DIR", help="train on your own videos/*.mp4 and captions.csv")
    add(
        "--report",
        type=Path,
        nargs="*",
        metavar="RUN",
        help="print points and laws of these runs, or of those that ship",
    )
    add(
        "--ship",
        type=Path,
        nargs="+",
        metavar="RUN",
        help="film and judge the snapshots of these runs, and put all into --into",
    )
    add(
        "--prompts",
        type=int,
        default=48,
        help="clips that the judge reads of each snapshot; 0 leaves it out (%(default)s)",
    )
    add("--into", type=Path, metavar="DIR", help="where --ship writes (the package's own scaling/runs)")
    add("--dogs", type=Path, metavar="PNG", help="draw the same prompt at base, 4x and 32x compute")


def run(args: argparse.Namespace) -> int:
    """Run `x2vkit scale` with parsed arguments; returns the exit code. Raises X2VError on bad input."""
    if args.report is not None or args.ship or args.dogs:
        on_main(lambda: show(args))
        return 0
    sizes = [Size.parse(text) for text in args.sizes]
    budgets = args.flops or (FLOPS if tuple(args.sizes) == SIZES else ())
    if len(budgets) == 1:
        budgets = len(sizes) * list(budgets)
    if args.points < 1:
        raise X2VError(f"--points {args.points}", "a size has at least one snapshot", "leave it out for 5")
    if len(budgets) != len(sizes) or not all(0 < budget < 1e30 for budget in budgets):
        rule = "a sweep needs one budget above zero for all sizes, or one for each"
        raise X2VError(f"--flops {' '.join(map(str, args.flops or []))}", rule, "for example --flops 1e13")
    train(args, sizes, budgets)
    return 0


def show(args: argparse.Namespace) -> None:
    """What is done with runs that are there: `--ship`, `--report`, `--dogs`."""
    from x2vkit.scaling.points import BUNDLED, load_runs
    from x2vkit.scaling.report import report
    from x2vkit.training import gallery

    if args.ship:
        if args.prompts and args.prompts < 8:
            raise X2VError(
                f"--prompts {args.prompts}", "shares of fewer than 8 clips say nothing", "use 48, or 0"
            )
        print(gallery.ship(args.ship, args.prompts, args.into or BUNDLED))
    if args.report is not None:
        print(report(load_runs(*args.report)))
    if args.dogs:
        points = load_runs(args.into or BUNDLED)
        print(f"wrote {gallery.three_dogs(check_output(args.dogs, ('.png',)), points)}")


def train(args: argparse.Namespace, sizes: Sequence[Size], budgets: Sequence[float]) -> None:
    """Run the sweep that the arguments describe."""
    from x2vkit.training.tasks import Inputs, make_task

    inputs = Inputs(args.vae, args.cache or args.out / "latents", args.videos)
    base = load_recipe(args.recipe)
    run_sweep(
        base,
        sizes,
        budgets,
        args.out,
        lambda recipe, out: make_task(recipe, out, inputs, resume=True),
        points=args.points,
    )
