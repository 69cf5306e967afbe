"""The tasks by name, with what a run needs besides its recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.registry import WEIGHTS
from x2vkit.training.init_weights import load_component
from x2vkit.training.optim import bf16_pays
from x2vkit.training.recipe import Recipe
from x2vkit.training.task import Task


@dataclass(frozen=True)
class Inputs:
    """What a run reads; None is the default of each."""

    vae: Path | None = None
    """Folder of a trained autoencoder (default: the one that ships)."""
    cache: Path | None = None
    """Folder of the latent cache (default: latents/ in the run's folder)."""
    videos: Path | None = None
    """Folder of the user's own captioned videos (default: the world)."""


def make_task(recipe: Recipe, out: Path, inputs: Inputs | None = None) -> Task:
    """The task that a recipe names. Raises X2VError for a name that is none, or an input that is not
    there.
    """
    inputs = inputs or Inputs()
    dataset = None
    if inputs.videos is not None:
        from x2vkit.world.dataset import VideoFolder

        dataset = VideoFolder(inputs.videos)
    if recipe.task == "vae":
        from x2vkit.training.vae import VAETask

        return VAETask(recipe, dataset)
    if recipe.task in ("diffusion", "distill"):
        from x2vkit.training.diffusion.task import DiffusionTask
        from x2vkit.training.distill import DistillTask

        kind = DistillTask if recipe.task == "distill" else DiffusionTask
        return kind(recipe, inputs.cache or out / "latents", load_vae(inputs.vae), dataset)
    if recipe.task == "planner":
        from x2vkit.training.planner import PlannerTask

        return PlannerTask(recipe)
    if recipe.task in ("judge-frames", "judge-motion"):
        from x2vkit.training.judge.frame import FrameTask
        from x2vkit.training.judge.motion import MotionTask

        reads = FrameTask if recipe.task == "judge-frames" else MotionTask
        return reads(recipe, load_vae(inputs.vae))
    rule = "a recipe's task is vae, diffusion, distill, planner, judge-frames or judge-motion"
    raise X2VError(f"task {recipe.task!r}", rule, "correct it")


def load_vae(folder: Path | None) -> VideoVAE:
    """A trained autoencoder (None: the one that ships) where and in the dtype that is fastest here."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if bf16_pays(device) else torch.float32
    return load_component(VideoVAE, folder or WEIGHTS / "small" / "vae", dtype).to(device)
