"""Points of real runs: what each checkpoint cost, and how well it did.

    N parameters, D clips seen, C training FLOPs, L loss on held-out clips

The loss is the velocity loss on one fixed set of held-out clips with fixed noise and levels
(`DiffusionTask.evaluate`), so points compare as long as they were made with the same autoencoder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from x2vkit.config import ModelConfig
from x2vkit.errors import X2VError
from x2vkit.flops import text_parameters, transformer_parameters

SAMPLING, NOTES = "sampling.json", "notes.json"
"""In the folder of all runs: what sampling costs and gives, and what the clips are of."""
BUNDLED = Path(__file__).parent / "runs"
"""The runs that ship: a folder each, with recipe.json, log.jsonl and what was measured of their snapshots."""
SHIPPED = Path(__file__).parent / "shipped"
"""The models that ship, laid out like runs of their own: small is of those runs' family and was trained on
far beyond them, base and 4x are of an earlier one. They are shown beside them, and no law is fitted to them.
"""
JUDGED, CLIPS = "judged.json", "clips"
"""In a run's folder: {step: {figure: value}}, and step-XXXXXXXX-NAME.webp."""
APART = 1.8
"""Points of one run that are fitted lie at least so far apart in compute, unless they are snapshots."""
PLATEAU = 0.25
"""Every run begins on a plateau, at the loss of the best linear guess (`core.transformer.precondition`), and
only some way below it does the loss fall as a power. Points that are not yet so much below the highest loss
of all are shown, and no law is fitted to them. Of 0.05 to 0.25 this is the cut with which the three smallest
of the sizes that ship foretell the fourth best; the fifth, which it is then tried on, had no say.
"""
COOLED = 0.1
"""A point whose learning rate had fallen by more than this part in a cool-down is shown and not fitted: the
others did without.
"""


@dataclass(frozen=True)
class Point:
    """One checkpoint of one run, judged on the held-out set."""

    run: str
    """Name of its run."""
    size: str
    """Width x depth of the transformer."""
    step: int
    """Optimiser steps."""
    params: int
    """N: weights of transformer and text encoder without the table of words, as Kaplan et al. count them."""
    samples: int
    """D: clips seen (a still is a clip of one frame)."""
    flops: float
    """C: training FLOPs, forward and backward."""
    seconds: float
    """Time spent training."""
    loss: float
    """L: velocity loss on held-out combinations."""
    cooled: bool = False
    """Whether its learning rate was falling to zero; see `COOLED`."""
    figures: dict[str, float] = field(default_factory=dict)
    """What else the evaluation logged: validation, validation_t06 ..."""
    judged: dict[str, float] = field(default_factory=dict)
    """What the judge read from clips of this checkpoint: adherence, consistency, physics ..., 0 to 1."""
    ceiling: dict[str, float] = field(default_factory=dict)
    """What the judge reads from real renders of the same scenes."""
    clips: dict[str, Path] = field(default_factory=dict)
    """Name of a prompt -> a WebP of all frames side by side."""

    def value(self, figure: str) -> float:
        """One figure by name ("loss" or any of `figures` and `judged`); NaN where it was not measured."""
        if figure == "loss":
            return self.loss
        return self.judged.get(figure, self.figures.get(figure, float("nan")))


def load_runs(*folders: str | Path, every: bool = False) -> list[Point]:
    """Points of all runs in some folders, by run and step.

    Args:
        folders: each a run or a folder of runs; none: those that ship.
        every: all evaluations, and not only those about a doubling of compute apart.

    Raises:
        X2VError: a folder with no run in it, or none whose log holds an evaluation.
    """
    places = [Path(folder) for folder in folders] or [BUNDLED]
    found: list[Point] = []
    for place in places:
        runs = (
            [place]
            if _is_run(place)
            else sorted(p.parent for p in place.glob("*/recipe.json") if _is_run(p.parent))
        )
        if not runs:
            rule = "a run's folder holds recipe.json and log.jsonl"
            raise X2VError(
                f"no training run in {place}", rule, "name the --out folder of x2vkit train or scale"
            )
        for run in runs:
            found += _points(run, every)
    if not found:
        cure = "train on until the first evaluation (eval_every steps)"
        raise X2VError(f"runs in {', '.join(map(str, places))}", "their logs hold no evaluation yet", cure)
    return found


def _is_run(folder: Path) -> bool:
    try:
        return (
            json.loads((folder / "recipe.json").read_text())["task"] == "diffusion"
            and (folder / "log.jsonl").is_file()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _points(folder: Path, every: bool) -> list[Point]:
    recipe = json.loads((folder / "recipe.json").read_text())
    model = recipe["model"]
    params = parameters(model)
    judged = json.loads((folder / JUDGED).read_text()) if (folder / JUDGED).is_file() else {}
    stills = recipe.get("data", {}).get("stills_steps", 0)  # a model that has seen no clip is judged on none
    log = {
        line["step"]: line
        for line in _lines(folder / "log.jsonl")
        if "held_out" in line and line["step"] > stills
    }
    engine = recipe["engine"]
    last = engine["steps"] - (1 - COOLED) * engine["cooldown"] if engine.get("cooldown") else float("inf")
    kept = {*engine.get("snapshots", ()), max((step for step in log if step <= last < max(log)), default=0)}
    chosen = sorted(log) if every else _thin(log, kept)
    known = {"step", "samples", "seconds", "flops", "held_out"}
    return [
        Point(
            run=folder.name,
            size=f"{model.get('width', 256)}x{model.get('depth', 6)}",
            step=step,
            params=params,
            samples=log[step]["samples"],
            flops=log[step]["flops"],
            seconds=log[step]["seconds"],
            loss=log[step]["held_out"],
            cooled=step > last,
            figures={k: v for k, v in log[step].items() if k not in known and isinstance(v, float)},
            judged=judged.get(str(step), {}),
            ceiling=judged.get("ceiling", {}) if str(step) in judged else {},
            clips={p.stem.split("-", 2)[2]: p for p in (folder / CLIPS).glob(f"step-{step:08d}-*.webp")},
        )
        for step in chosen
    ]


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    """Lines of a log; one that a kill cut short is left out."""
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def _thin(log: dict[int, dict[str, Any]], snapshots: set[int]) -> list[int]:
    """Steps to keep: snapshots and the last, and others only where they lie far from those."""
    steps = sorted(log)
    kept = [step for step in steps if step in snapshots]
    for step in reversed(steps):
        if all(
            max(log[step]["flops"] / log[k]["flops"], log[k]["flops"] / log[step]["flops"]) >= APART
            for k in kept
        ):
            kept.append(step)
    if steps and steps[-1] not in kept and log[steps[-1]]["flops"] > 1.2 * max(log[k]["flops"] for k in kept):
        kept.append(steps[-1])
    return sorted(kept)


def parameters(model: dict[str, Any]) -> int:
    """N of a recipe's `[model]` table."""
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in model.items()}
    config = ModelConfig(**values)
    return transformer_parameters(config) + text_parameters(config, 0)


def ceilings(points: Sequence[Point]) -> dict[str, float]:
    """What the judge gives real renders: figure -> value, as far as any of the points was judged."""
    found: dict[str, float] = {}
    for point in points:
        found |= point.ceiling
    return found


def frontier(points: Sequence[Point]) -> list[Point]:
    """The lower envelope: points that no cheaper or equally dear one beats, the cheapest first."""
    best, kept = np.inf, []
    for point in sorted(points, key=lambda p: (p.flops, p.loss)):
        if point.loss < best:
            best = point.loss
            kept.append(point)
    return kept


def fitted(points: Sequence[Point]) -> list[Point]:
    """The points that laws are to be fitted to; see `PLATEAU` and `COOLED`."""
    highest = max((p.loss for p in points), default=0.0)
    return [p for p in points if p.loss <= (1 - PLATEAU) * highest and not p.cooled]


def by_run(points: Sequence[Point]) -> dict[str, list[Point]]:
    """Name of a run -> its points, in order of compute."""
    found: dict[str, list[Point]] = {}
    for point in sorted(points, key=lambda p: p.flops):
        found.setdefault(point.run, []).append(point)
    return found


def largest_compute_run(points: Sequence[Point]) -> list[Point]:
    """The points of the run that saw the most compute."""
    return max(by_run(points).values(), key=lambda run: run[-1].flops)
