"""Training the judge's motion model on what its trained frame model reads."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as nnf
from torch import Tensor, nn
from tqdm import tqdm

from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.judge.frame import FrameModel
from x2vkit.judge.judge import read_frames
from x2vkit.judge.motion import MOVES, MotionModel, describe
from x2vkit.processes import over_all
from x2vkit.training.dataset import VALIDATION_SEED
from x2vkit.training.init_weights import load_component
from x2vkit.training.judge.frame import Pixels
from x2vkit.training.judge.labels import IGNORED, moves_of, recode
from x2vkit.training.recipe import Recipe
from x2vkit.training.schema import Count, Part, Range, read_arguments, read_table
from x2vkit.training.task import Batch, Task
from x2vkit.world import World

INPUTS = ("features", "attributes", "flow", "track")
"""MotionModel's inputs, in order."""


MODEL_RANGES = {"features": Range(1, 8192), "attributes": Range(1, 8192)}
MODEL_RANGES |= {"width": Range(2, 4096), "depth": Range(0, 16)}
"""What a recipe's `[model]` table may say."""
Frames = Annotated[int, Range(9, 1025)]
"""Length of a clip."""


@dataclass(frozen=True)
class MotionData:
    """The `[data]` table of a judge-motion recipe."""

    init_from: str = "runs/judge-frames"
    """Folder of the run that trained the frame model."""
    clips: Count = 7200
    """Clips read for training."""
    coded_share: Part = 0.3
    """Part of them that goes through the autoencoder, with noise on its latents as in `FrameData`."""
    latent_noise: Annotated[float, Range(0, 10)] = 0.4
    """Largest noise on these latents, in standard deviations."""
    shapes: tuple[tuple[Frames, Pixels, Pixels], ...] = ((17, 128, 128),) * 6 + (
        (17, 96, 160),
        (17, 160, 96),
        (33, 128, 128),
    )
    """Frames, heights and widths, in turn."""
    noise: Annotated[float, Range(0, 10)] = 0.1
    """Noise on what the frame model read, in its own units."""
    validation: Annotated[int, Range(1, 1e6)] = 150
    """Clips for evaluation, of a seed that training never uses."""


class MotionModule(nn.Module):
    """A MotionModel whose forward returns the loss."""

    def __init__(self, motion: MotionModel):
        super().__init__()
        self.motion = motion

    def forward(
        self, features: Tensor, attributes: Tensor, flow: Tensor, track: Tensor, **labels: Tensor
    ) -> dict[str, Tensor]:
        """The inputs of MotionModel; labels int64 (n,) for each of `MOVES`."""
        predicted = self.motion(features, attributes, flow, track)
        losses = {
            name: nnf.cross_entropy(predicted[name], target, ignore_index=IGNORED, reduction="sum")
            / over_all((target != IGNORED).sum())
            for name, target in labels.items()
        }
        return {"loss": sum(losses.values(), torch.zeros(())), **losses}


class MotionTask(Task):
    """Read motion from what a trained frame model reads."""

    def __init__(self, recipe: Recipe, vae: VideoVAE):
        """Raises X2VError where `[data] init_from` holds no frame model."""
        self.recipe, self.vae = recipe, vae
        self.data = read_table(MotionData, recipe.data, "[data]")
        self.model = read_arguments(MotionModel, recipe.model, "[model]", MODEL_RANGES)
        if not self.data.shapes:
            raise X2VError("[data] shapes = []", "training needs at least one shape", "add one")
        self.frame_model = load_component(FrameModel, Path(self.data.init_from) / "frame")
        self._pools: dict[tuple[Any, ...], Batch] = {}

    def build(self) -> nn.Module:
        """An untrained motion model."""
        return MotionModule(MotionModel(**self.model))

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        """Descriptions of clips of one shape, a little shorter and noisier each time."""
        rng = np.random.default_rng((self.recipe.seed, step))
        frames, height, width = self.data.shapes[step % len(self.data.shapes)]
        pool = self.pool((frames, height, width), validation=False)
        rows = torch.from_numpy(rng.integers(0, len(pool["flow"]), self.recipe.engine.batch))
        batch = {name: values[rows] for name, values in pool.items()}
        first = int(rng.integers(0, 5))  # a clip may start and end a little later or sooner
        last = frames - int(rng.integers(0, 5 - first))
        for name in INPUTS:
            batch[name] = batch[name][:, first:last]
            scale = {"track": 0.1, "attributes": 0.5}.get(name, 1.0) * self.data.noise
            batch[name] = batch[name] + scale * rng.random() * torch.randn_like(batch[name])
        return {name: values[rank::world_size] for name, values in batch.items()}

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Share of validation clips read right, for each of `MOVES`."""
        pool = self.pool((17, 128, 128), validation=True)
        predicted = model.motion(*(pool[name] for name in INPUTS))
        known = {name: pool[name] >= 0 for name in MOVES}
        right = {name: (predicted[name].argmax(1) == pool[name])[known[name]] for name in MOVES}
        return {name: float(values.float().mean()) for name, values in right.items()}

    def flops(self, batch: Batch) -> float:
        """Three times the forward pass, two for each weight and frame."""
        weights = sum(p.numel() for p in MotionModel(**self.model).parameters())
        return 6.0 * weights * batch["flow"].shape[0] * batch["flow"].shape[1]

    def export(self, model: nn.Module, folder: Path) -> None:
        """Save the whole judge in fp16 as `folder`/judge: the frame model and the motion model."""
        for part, name in ((self.frame_model, "frame"), (model.motion, "motion")):
            nn.Module.to(deepcopy(part), torch.float16).save_pretrained(folder / "judge" / name)

    def pool(self, shape: tuple[int, int, int], validation: bool) -> Batch:
        """Descriptions of clips of one shape and their labels, read once."""
        if (shape, validation) not in self._pools:
            share = sum(tuple(each) == shape for each in self.data.shapes) / len(self.data.shapes)
            count = self.data.validation if validation else max(1, round(share * self.data.clips))
            world, rng = (
                World(VALIDATION_SEED if validation else self.recipe.seed),
                np.random.default_rng(self.recipe.seed),
            )
            rows = []
            for i in tqdm(range(count), desc=f"reading {'x'.join(map(str, shape))}", unit="clip"):
                clip = world.sample(i, *shape, held_out=i % 2 == 1)
                frames = clip.frames
                if not validation and rng.random() < self.data.coded_share:
                    frames = recode(self.vae, frames, self.data.latent_noise * rng.random() ** 2, seed=i)
                target = {name: torch.tensor(label) for name, label in moves_of(clip.spec).items()}
                rows.append({**describe(*read_frames(self.frame_model, frames)), **target})
            self._pools[shape, validation] = {
                name: torch.stack([row[name] for row in rows]).clone() for name in rows[0]
            }
        return self._pools[shape, validation]
