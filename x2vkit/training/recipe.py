"""Recipes: everything that decides a training run, as one TOML file.

A recipe names its task and holds three tables: `[engine]` (how it is trained, below), `[model]` and `[data]`
(which the task reads). The run folder keeps a copy beside the weights, so that whoever has the weights has
the recipe.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from x2vkit.errors import X2VError
from x2vkit.training.schema import POSITIVE, Count, Part, Range, read_table

BUNDLED = Path(__file__).parent / "recipes"


Steps = Annotated[int, Range(0, 1e9)]
"""Optimiser steps; 0 is none."""
Rate = Annotated[float, Range(0, 1)]
"""Learning rate."""


@dataclass(frozen=True)
class EngineConfig:
    """How any task is trained."""

    steps: Count
    """Optimiser steps of the whole run; the learning rate follows them."""
    batch: Annotated[int, Range(1, 65536)]
    """Clips a step, over all processes."""
    muon_lr: Rate = 3e-3
    """Learning rate of the matrices (Muon)."""
    adam_lr: Rate = 2e-3
    """Learning rate of everything else: biases, embeddings, scales (AdamW)."""
    warmup: Steps = 100
    """Steps of linear warm-up."""
    decay: Part = 0.4
    """Last part of the run over which the learning rate falls linearly to zero."""
    hold: Steps = 0
    """If above 0: the rate is flat for this many steps and then falls with the square root of the step, never
    to zero, so that a run can be judged, stopped or continued anywhere. `decay` is then unused.
    """
    cooldown: Steps = 0
    """With `hold`: the last steps of all, over which the rate falls linearly to zero. Fine detail is
    learned there; such a run is continued from a checkpoint before it.
    """
    ema: Annotated[float, Range(0, 0.999999)] = 0.999
    """Decay of the running average of the weights, which is what gets exported."""
    ema_width: Annotated[float, Range(0, 0.28)] = 0.0
    """If above 0: the average covers this part of the run, at any step (about 0.1). `ema` is then unused."""
    max_grad_norm: Annotated[float, POSITIVE] = 1.0
    """Largest norm of the gradient."""
    compile: bool = False
    """Compile the model with torch.compile."""
    log_every: Count = 20
    """Steps between two lines of log.jsonl."""
    eval_every: Count = 250
    """Steps between two evaluations on held-out clips."""
    sample_grid_every: Steps = 500
    """Steps between two sample grids; 0 is never."""
    save_every: Count = 250
    """Steps between two checkpoints."""
    snapshots: tuple[Count, ...] = ()
    """Steps at which the averaged model is also judged, and exported into `snapshots/`."""


@dataclass(frozen=True)
class Recipe:
    """One training run, decided."""

    task: str
    """vae, diffusion, tune, distill, planner, upscale, judge-frames or judge-motion."""
    engine: EngineConfig
    seed: Annotated[int, Range(0, 2**53)] = 0
    """Seed of initial weights, data order and noise."""
    model: dict[str, Any] = field(default_factory=dict)
    """The model's size, in the task's own words."""
    data: dict[str, Any] = field(default_factory=dict)
    """What it is trained on, in the task's own words."""

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @property
    def hash(self) -> str:
        """A short fingerprint of everything above."""
        return sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:12]

    def with_engine(self, **changes: Any) -> Recipe:
        """The same recipe with some `[engine]` values changed; None leaves a value alone.

        Raises X2VError for a value that a recipe may not hold.
        """
        given = {key: value for key, value in changes.items() if value is not None}
        return replace(self, engine=read_table(EngineConfig, asdict(self.engine) | given, "[engine]"))

    def with_data(self, **changes: Any) -> Recipe:
        """The same recipe with some `[data]` values changed; None leaves a value alone."""
        given = {key: value for key, value in changes.items() if value is not None}
        return replace(self, data=self.data | given)


def load_recipe(name: str | Path) -> Recipe:
    """Read a recipe: the name of a bundled one ("vae", "small", "tiny"), or a path to a TOML file, or to the
    recipe.json of a run.

    Raises:
        X2VError: no such recipe, not TOML, or a field that recipes do not have, or not so.
    """
    path = Path(name)
    if path.suffix not in (".toml", ".json"):
        path = BUNDLED / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in BUNDLED.glob("*.toml")))
        raise X2VError(f"recipe {name}", f"a recipe is a .toml file or one of: {known}", "name one of these")
    try:
        text = path.read_text("utf-8")
        values = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        rule = f"a recipe is TOML, or a run's recipe.json ({error})"
        raise X2VError(f"recipe {path}", rule, "correct that line") from error
    return recipe_from_dict(values, where=str(path))


def recipe_from_dict(values: dict[str, Any], where: str = "recipe") -> Recipe:
    """The inverse of `Recipe.to_dict`. Raises X2VError on a field that is unknown, missing, of another type
    or out of its range; `[model]` and `[data]` are checked by the task that reads them.
    """
    if isinstance(values, dict):
        values = {key: value for key, value in values.items() if key != "hash"}
    return read_table(Recipe, values, where)
