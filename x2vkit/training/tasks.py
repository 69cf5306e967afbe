"""The tasks by name."""

from __future__ import annotations

from x2vkit.errors import X2VError
from x2vkit.training.engine import Task
from x2vkit.training.recipe import Recipe


def make_task(recipe: Recipe) -> Task:
    """The task that a recipe names. Raises X2VError for a name that is none."""
    if recipe.task == "vae":
        from x2vkit.training.vae import VAETask

        return VAETask(recipe)
    raise X2VError(f"task {recipe.task!r}", "a recipe's task is vae or diffusion", "correct it")
