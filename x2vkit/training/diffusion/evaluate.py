"""What a transformer in training is measured by: its loss on fixed clips with fixed noise, level by level."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from x2vkit.core.raster import CAMERA_CHANNELS, CONTROL_CHANNELS
from x2vkit.training.dataset import VALIDATION_SEED
from x2vkit.training.diffusion.data import draw_camera, planned_control
from x2vkit.training.latent_cache import LatentCache
from x2vkit.training.noise import validation_levels
from x2vkit.training.task import Batch


def validation_batch(cache: LatentCache, read: Callable[[str], np.ndarray], planned: bool) -> Batch:
    """All clips of a cache with their full captions; no conditions, or with `planned` all that a plan says.

    read: caption -> (T,) words. The noise is the same each time.
    """
    rng = np.random.default_rng(VALIDATION_SEED)
    picks = range(len(cache))
    latents = np.stack([cache.latents[i] for i in picks]).astype(np.float32)
    ids = np.stack([read(cache.caption(i, rng)) for i in picks])
    noise = rng.standard_normal(latents.shape, dtype=np.float32)
    f, h, w = latents.shape[2:]
    control = np.zeros((len(ids), CONTROL_CHANNELS, f, h, w), np.float32)
    camera = np.zeros((len(ids), f, CAMERA_CHANNELS), np.float32)
    boxes = np.zeros((len(ids), *cache.boxes.shape[1:3], 5), np.float32)
    if planned:
        plans = [planned_control(cache, i, (f, h, w)) for i in picks]
        control, boxes = (np.stack(each) for each in zip(*plans, strict=True))
        camera = np.stack([draw_camera(cache.camera[i]) for i in picks])
    made = {"latents": latents, "noise": noise, "ids": ids}
    made |= {"control": control, "camera": camera, "boxes": boxes}
    return {key: torch.from_numpy(value) for key, value in made.items()}


def level_losses(model: nn.Module, batch: Batch) -> list[float]:
    """Velocity loss of a batch at each level of `validation_levels`."""
    device = next(model.parameters()).device
    moved = {key: value.to(device) for key, value in batch.items()}
    count = len(batch["latents"])
    return [
        float(model(**moved, t=torch.full((count, 1), t, device=device))["velocity_loss"])
        for t in validation_levels()
    ]
