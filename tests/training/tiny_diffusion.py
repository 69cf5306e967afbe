"""A recipe of a transformer that trains in seconds, and its task: for tests of training."""

from __future__ import annotations

import torch

from x2vkit.training.diffusion.task import DiffusionTask
from x2vkit.training.latent_cache import Bucket
from x2vkit.training.recipe import EngineConfig, Recipe
from x2vkit.training.task import Batch

CLIP, STILL = Bucket(9, 32, 48, clips=20, share=3), Bucket(1, 32, 48, clips=20)


def recipe(**data) -> Recipe:
    buckets = [vars(CLIP), vars(STILL)]
    model = {"latent_channels": 4, "width": 48, "depth": 2, "heads": 2, "text_width": 32, "text_depth": 1}
    engine = EngineConfig(
        steps=6, batch=4, warmup=2, log_every=1, eval_every=3, sample_grid_every=0, save_every=2, ema=0.9
    )
    return Recipe("diffusion", engine, seed=2, model=model, data={"buckets": buckets, "validation": 4} | data)


def task(vae, folder, **data) -> DiffusionTask:
    return DiffusionTask(recipe(**data), folder, vae, quiet=True)


def with_noise(batch: Batch) -> Batch:
    """A batch whose noise is given and not drawn."""
    latents = batch["latents"].float()
    return {**batch, "latents": latents, "noise": torch.randn_like(latents)}
