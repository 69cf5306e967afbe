"""Training the judge's motion model on what its trained frame model reads."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from math import ceil
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
from x2vkit.judge.judge import read_clips
from x2vkit.judge.metrics import iou
from x2vkit.judge.motion import ACTOR_MOVES, CLIP_MOVES, INPUTS, PART, MotionModel, describe
from x2vkit.judge.tracks import best_order
from x2vkit.training.checkpoint import write_atomically
from x2vkit.training.dataset import VALIDATION_SEED
from x2vkit.training.init_weights import load_component
from x2vkit.training.judge.frame import Pixels
from x2vkit.training.judge.labels import IGNORED, moves_of, recode, to_device
from x2vkit.training.prefetch import prefetch
from x2vkit.training.recipe import Recipe
from x2vkit.training.schema import Count, Part, Range, read_arguments, read_table
from x2vkit.training.task import Batch, Task, write_origin
from x2vkit.world import World
from x2vkit.world.grammar import MOST_ACTORS

TOGETHER = 8
"""Clips that are rendered and read together; a GPU reads `READ` such groups at a time."""
READ = 6
ON_TARGET = 0.3
"""Least mean overlap of a track with a true box, of the actor that it is."""
LABELS = (*ACTOR_MOVES, *CLIP_MOVES, "begins", "ends")
USUAL = (33, 128, 128)
MODEL_RANGES = {"features": Range(1, 8192), "actor_features": Range(1, 8192)}
MODEL_RANGES |= {"width": Range(3, 4096), "depth": Range(0, 16)}
"""What a recipe's `[model]` table may say."""
Frames = Annotated[int, Range(17, 1025)]
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
    shapes: tuple[tuple[Frames, Pixels, Pixels], ...] = (USUAL,) * 6 + (
        (33, 96, 160),
        (33, 160, 96),
        (17, 128, 128),
        (65, 128, 128),
        (65, 128, 128),
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

    def forward(self, **batch: Tensor) -> dict[str, Tensor]:
        """The `INPUTS` of MotionModel; labels int64 (n,) for each of `CLIP_MOVES` and (n, A) of
        `ACTOR_MOVES`."""
        predicted = self.motion(*(batch[name] for name in INPUTS))
        losses = {name: _cross_entropy(predicted[name], batch[name]) for name in (*CLIP_MOVES, *ACTOR_MOVES)}
        return {"loss": sum(losses.values(), batch["flow"].new_zeros(())), **losses}


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Mean over what is known; 0 where nothing is."""
    target = target.flatten()
    total = nnf.cross_entropy(logits.flatten(0, -2), target, ignore_index=IGNORED, reduction="sum")
    return total / (target >= 0).sum().clamp(min=1)


class MotionTask(Task):
    """Read motion from what a trained frame model reads. Clips are read before the first step, and kept
    on the device."""

    def __init__(self, recipe: Recipe, vae: VideoVAE):
        """Raises X2VError where `[data] init_from` holds no frame model."""
        self.recipe, self.vae = recipe, vae
        self.data = read_table(MotionData, recipe.data, "[data]")
        if not self.data.shapes:
            raise X2VError("[data] shapes = []", "training needs at least one shape", "add one")
        self.frame_model = (
            load_component(FrameModel, Path(self.data.init_from) / "frame").to(vae.device).eval()
        )
        config = self.frame_model.config
        sizes = {"features": config.widths[-1], "actor_features": config.hidden, **recipe.model}
        self.model = read_arguments(MotionModel, sizes, "[model]", MODEL_RANGES)
        self._pools: dict[tuple[Any, ...], Batch] = {}

    def build(self) -> nn.Module:
        """An untrained motion model."""
        return MotionModule(MotionModel(**self.model))

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        """Whole clips, which may start and end a little later or sooner; every fourth batch their begins
        or ends."""
        rng = np.random.default_rng((self.recipe.seed, step))
        shape = self.data.shapes[step % len(self.data.shapes)]
        pool = self.pool(shape, validation=False)
        rows = rng.integers(0, len(pool["flow"]), self.recipe.engine.batch)[rank::world_size]
        at = to_device(rows, self.vae.device)
        kind = {1: "begins", 3: "ends"}.get(int(rng.integers(8)), "action")
        first, last = _window(rng, shape[0], kind)
        batch = {}
        for name in INPUTS:
            values = pool[name][at, first:last].float()
            scale = {"track": 0.1, "attributes": 0.5, "scenery": 0.5}.get(name, 1.0) * self.data.noise
            batch[name] = values + scale * rng.random() * torch.randn_like(values)
        labels = {name: pool[name][at] for name in (*CLIP_MOVES, *ACTOR_MOVES)}
        return {**batch, **labels, "action": pool[kind][at]}

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Share of validation clips read right, for each of `LABELS`."""
        pool = self.pool(USUAL, validation=True)
        inputs = [pool[name].float() for name in INPUTS]
        predicted = model.motion(*inputs)
        part = ceil(PART * USUAL[0])
        predicted["begins"] = model.motion(*(values[:, :part] for values in inputs))["action"]
        predicted["ends"] = model.motion(*(values[:, -part:] for values in inputs))["action"]
        right = {name: (predicted[name].argmax(-1) == pool[name])[pool[name] >= 0] for name in LABELS}
        return {name: float(values.float().mean()) for name, values in right.items()}

    def flops(self, batch: Batch) -> float:
        """Three times the forward pass, two for each weight and frame."""
        n, frames = batch["flow"].shape[:2]
        with torch.device("meta"):
            model = MotionModel(**self.model)
        actor = sum(p.numel() for p in model.actor.parameters())
        return 6.0 * n * frames * (sum(p.numel() for p in model.parameters()) + (MOST_ACTORS - 1) * actor)

    def export(self, model: nn.Module, folder: Path) -> None:
        """Save the whole judge in fp16 as `folder`/judge: the frame model and the motion model, each
        with its log."""
        target, source = folder / "judge", Path(self.data.init_from) / "frame"
        for part, name in ((self.frame_model, "frame"), (model.motion, "motion")):
            nn.Module.to(deepcopy(part), torch.float16).save_pretrained(target / name)
        for file in ("log.jsonl", "training.json"):
            if (source / file).exists():
                write_atomically(target / "frame" / file, (source / file).read_bytes())
        write_origin(self.recipe, folder, target / "motion")

    def pool(self, shape: tuple[int, int, int], validation: bool) -> Batch:
        """Descriptions (float16) of clips of one shape and their labels, read once."""
        shape = (shape[0], shape[1], shape[2])  # a recipe's are lists
        if (shape, validation) not in self._pools:
            share = sum(tuple(each) == shape for each in self.data.shapes) / len(self.data.shapes)
            count = self.data.validation if validation else max(1, round(share * self.data.clips))
            world = World(VALIDATION_SEED if validation else self.recipe.seed)
            coded_share = 0.0 if validation else self.data.coded_share
            self._pools[shape, validation] = self._read(world, count, shape, coded_share)
        return self._pools[shape, validation]

    def _read(self, world: World, count: int, shape: tuple[int, int, int], coded_share: float) -> Batch:
        def make(group: int) -> dict[str, Any]:
            numbers = range(group * TOGETHER, min((group + 1) * TOGETHER, count))
            clips = [world.sample(i, *shape, held_out=i % 2 == 1) for i in numbers]
            labels = [moves_of(clip.spec) for clip in clips]
            made = {name: torch.from_numpy(np.stack([each[name] for each in labels])) for name in LABELS}
            made["clips"] = torch.from_numpy(np.stack([clip.frames for clip in clips]))
            made["boxes"] = torch.from_numpy(np.stack([_three(clip.truth.boxes) for clip in clips]))
            return made

        rng, parts, waiting = np.random.default_rng(self.recipe.seed), [], []
        groups, title = ceil(count / TOGETHER), f"reading {'x'.join(map(str, shape))}"
        together = READ if self.vae.device.type == "cuda" else 1
        made = tqdm(prefetch(make, range(groups)), title, groups, unit="group", disable=groups < 20)
        for number, found in enumerate(made):
            if rng.random() < coded_share:
                found["clips"] = recode(self.vae, found["clips"], self.data.latent_noise, seed=number)
            waiting.append({name: values.to(self.vae.device) for name, values in found.items()})
            if len(waiting) == together or number == groups - 1:
                group = {name: torch.cat([each[name] for each in waiting]) for name in found}
                parts.append(self._described(group))
                waiting = []
        return {name: torch.cat([part[name] for part in parts]).clone() for name in parts[0]}

    def _described(self, found: Batch) -> Batch:
        """What the frame model reads of clips, with the labels of the actors in its order."""
        pixels, read = read_clips(self.frame_model, found["clips"])
        described = {name: values.half() for name, values in describe(pixels, read).items()}
        who = torch.from_numpy(owners(found["boxes"].cpu().numpy(), read["boxes"].float().cpu().numpy()))
        who = who.to(found["boxes"].device)
        labels = {name: found[name] for name in LABELS}
        for name in (*ACTOR_MOVES, "begins", "ends"):
            labels[name] = torch.where(who >= 0, found[name].gather(1, who.clamp(min=0)), IGNORED)
        return {**described, **labels}


def _window(rng: np.random.Generator, frames: int, kind: str) -> tuple[int, int]:
    part = ceil(PART * frames)
    if kind == "action":
        spare = max(1, frames // 4)
        first = int(rng.integers(0, spare))
        return first, frames - int(rng.integers(0, spare - first))
    shift = int(rng.integers(0, 3))
    return (shift, part + shift) if kind == "begins" else (frames - part - shift, frames - shift)


def _three(boxes: np.ndarray) -> np.ndarray:
    """Boxes (F, O, 4) of up to three actors, NaN for those that are not there."""
    full = np.full((len(boxes), MOST_ACTORS, 4), np.nan, np.float32)
    full[:, : boxes.shape[1]] = boxes
    return full


def owners(true: np.ndarray, read: np.ndarray) -> np.ndarray:
    """Boxes (n, F, A, 4) of the cast and of the judge's tracks -> (n, A): who of the cast each track is,
    -1 for nobody."""
    n, _, actors = true.shape[:3]
    found = np.full((n, actors), -1, np.int64)
    for row in range(n):
        score = [[_overlap(true[row, :, i], read[row, :, k]) for i in range(actors)] for k in range(actors)]
        for k, i in enumerate(best_order(score)):
            found[row, k] = i if score[k][i] >= ON_TARGET else -1
    return found


def _overlap(true: np.ndarray, read: np.ndarray) -> float:
    """Mean IoU over the frames in which the track is seen."""
    seen = np.isfinite(read[:, 0])
    return float(np.nan_to_num(iou(true[seen], read[seen])).mean()) if seen.any() else 0.0
