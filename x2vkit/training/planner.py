"""Training the planner (core/planner.py) on the world's truth: no clip is drawn for it.

A plan is mixed with noise, x_t = (1 - t) plan + t noise, and the planner learns the velocity, noise - plan,
from the mixture, the level t, the caption and the tracks that are given: often none, sometimes a box or the
camera, as when a user draws one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import log
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Tensor, nn

from x2vkit.axes import check_shape
from x2vkit.core.planner import GROUPS, TRACKS, Planner, each_number, tracks_of
from x2vkit.core.text import TextEncoder
from x2vkit.errors import X2VError
from x2vkit.processes import over_all
from x2vkit.training.dataset import VALIDATION_SEED
from x2vkit.training.identity import RunIdentity, identity_of
from x2vkit.training.init_weights import init_weights, read_weights
from x2vkit.training.latent_cache import Side, balanced
from x2vkit.training.noise import stratified_levels, validation_levels
from x2vkit.training.recipe import Recipe
from x2vkit.training.schema import Count, Part, Range, read_table
from x2vkit.training.task import Batch, Task, write_origin
from x2vkit.world import World, caption, vocabulary
from x2vkit.world.grammar import SceneSpec

WAYS = 3
"""Captions of every clip that are kept."""
WEIGHTS = torch.ones(TRACKS)
"""(R,) of each number in the loss: the first subject is what a clip is about."""
WEIGHTS[GROUPS["box_a"]] = 3.0


@dataclass(frozen=True)
class PlannerData:
    """The `[data]` table of a planner recipe."""

    clips: tuple[tuple[Side, Side, Side, Count], ...] = ((17, 128, 128, 1000),)
    """Shapes to learn, each as frames, height, width in pixels, and how many clips."""
    max_words: Annotated[int, Range(1, 1024)] = 24
    """Words of a caption; longer ones lose their end."""
    drop_prompt: Part = 0.1
    """Part of the clips whose prompt is empty."""
    give: Part = 0.3
    """Part of the clips for which a random choice of track groups is given."""
    validation: Annotated[int, Range(1, 1e6)] = 256
    """Clips of the evaluation."""
    init_from: str = ""
    """Folder of a trained planner that training starts from; it may know fewer of the tracks, the first ones.
    Empty: start from nothing."""

    def __post_init__(self) -> None:
        if not self.clips:
            raise X2VError("[data] clips = []", "training needs at least one shape", "add one")
        for frames, height, width, _ in self.clips:
            check_shape(frames, height, width)


@dataclass(frozen=True)
class PlannerSize:
    """The `[model]` table of a planner recipe."""

    width: Annotated[int, Range(8, 4096)] = 64
    """Channels of a token."""
    depth: Annotated[int, Range(1, 64)] = 4
    """Blocks."""
    heads: Annotated[int, Range(1, 64)] = 4
    """Attention heads; width / heads is a multiple of 8."""

    def __post_init__(self) -> None:
        if self.width % (8 * self.heads):
            got = f"[model] width = {self.width}, heads = {self.heads}"
            raise X2VError(got, "width / heads is a multiple of 8", "use 64 and 4")


@dataclass(frozen=True)
class Tracks:
    """Clips of one shape."""

    tracks: np.ndarray
    """(n, F, R) float32"""
    ids: np.ndarray
    """(n, WAYS, max_words) int64: captions as the planner reads them"""
    aspect: float
    """Log of width over height"""
    probabilities: np.ndarray
    """(n,) of being dealt: every action equally often, as the transformer sees them"""


class PlannerModule(nn.Module):
    """A planner whose forward mixes noise into plans and returns the loss."""

    def __init__(self, planner: Planner):
        super().__init__()
        self.planner = planner

    def forward(
        self, tracks: Tensor, noise: Tensor, t: Tensor, ids: Tensor, known: Tensor, aspect: Tensor
    ) -> dict[str, Tensor]:
        """tracks and noise (B, F, R), t (B, 1), ids (B, T), known (B, G), aspect (B, 1)."""
        plans = (tracks - self.planner.mean.to(tracks)) / self.planner.std.to(tracks)  # (B, F, R)
        mixed = torch.lerp(plans, noise, t[:, :, None])  # (B, F, R)
        velocity = self.planner(mixed, t, ids, plans, known, aspect)  # (B, F, R)
        open_ = 1 - each_number(known)  # (B, 1, R)
        counted = open_ * WEIGHTS.to(open_)  # (B, 1, R)
        error = (velocity.float() - (noise - plans)).square() * counted
        return {"loss": error.sum() / (over_all(counted.sum()) * tracks.shape[1])}


class PlannerTask(Task):
    """Plan clips of the world."""

    def __init__(self, recipe: Recipe):
        self.recipe, self.data = recipe, read_table(PlannerData, recipe.data, "[data]")
        self.size = read_table(PlannerSize, recipe.model, "[model]")
        words, synonyms = vocabulary()
        self.reader = TextEncoder(words, synonyms, width=8, depth=0, max_words=self.data.max_words)
        world = World(recipe.seed)
        # Shapes take far-apart clips, so that no clip is in two of them.
        self.shapes = [
            self._tracks(world, 1_000_000 * (1 + i), *shape) for i, shape in enumerate(self.data.clips)
        ]
        self.shares = np.array([len(clips.tracks) for clips in self.shapes], float)
        frames, height, width, _ = self.data.clips[0]
        self.validation = self._tracks(World(VALIDATION_SEED), 0, frames, height, width, self.data.validation)

    def build(self) -> nn.Module:
        """A planner, untrained or with the weights that the recipe starts from."""
        numbers = np.concatenate([clips.tracks.reshape(-1, TRACKS) for clips in self.shapes])
        mean, std = numbers.mean(0), numbers.std(0) + 1e-3
        model = {"max_words": self.data.max_words + 1, **asdict(self.size)}
        if self.data.init_from:  # numbers go in as its weights are used to
            config, _ = read_weights(self.data.init_from)
            known = len(config.get("mean", ()))
            mean[:known], std[:known] = config["mean"], config["std"]
        planner = Planner(self.reader.words, mean=mean.tolist(), std=std.tolist(), **model)
        if self.data.init_from:
            init_weights(planner, self.data.init_from)
        return PlannerModule(planner)

    def identity(self) -> RunIdentity:
        """With the words."""
        return identity_of(self.recipe, words=self.reader.words)

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        """Tracks of one shape with one of their captions each."""
        rng = np.random.default_rng((self.recipe.seed, step))
        clips = self.shapes[int(rng.choice(len(self.shares), p=self.shares / self.shares.sum()))]
        size = self.recipe.engine.batch
        rows = rng.choice(len(clips.tracks), size, p=clips.probabilities)
        ids = clips.ids[rows, rng.integers(WAYS, size=size)]
        ids = np.where(rng.random((size, 1)) < self.data.drop_prompt, 0, ids)
        known = rng.random((size, len(GROUPS))) < 0.4
        known &= rng.random((size, 1)) < self.data.give
        levels = stratified_levels(rng, size, 0.0, 0.5)
        return self._batch(clips, rows, ids, known, rng, levels, slice(rank, None, world_size))

    def flops(self, batch: Batch) -> float:
        """Three times the forward pass: each matrix of n weights costs 2 n a token, and attention 4 L^2 E."""
        E, L = self.size.width, batch["tracks"].shape[1] + batch["ids"].shape[1]
        inside = self.size.depth * (24 * L * E * E + 4 * L * L * E)
        ends = 2 * batch["tracks"].shape[1] * E * (5 * TRACKS + len(GROUPS))
        return 3.0 * len(batch["tracks"]) * (inside + ends)

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Velocity loss of all tracks of new clips with their captions."""
        rng = np.random.default_rng(VALIDATION_SEED)
        count = len(self.validation.tracks)
        rows = np.arange(count)
        known = np.zeros((count, len(GROUPS)), bool)
        device = next(model.parameters()).device
        losses = []
        for t in validation_levels():
            batch = self._batch(
                self.validation, rows, self.validation.ids[:, 0], known, rng, np.full(count, t)
            )
            losses.append(float(model(**{k: v.to(device) for k, v in batch.items()})["loss"]))
        return {"validation": float(np.mean(losses))}

    def export(self, model: nn.Module, folder: Path) -> None:
        """Write `folder`/planner, in bf16, with how it was made beside it."""
        target = folder / "planner"
        nn.Module.to(model.planner, torch.bfloat16)
        model.planner.save_pretrained(target)
        write_origin(self.recipe, folder, target)

    def _batch(
        self,
        clips: Tracks,
        rows: np.ndarray,
        ids: np.ndarray,
        known: np.ndarray,
        rng: np.random.Generator,
        levels: np.ndarray,
        mine: slice = slice(None),
    ) -> Batch:
        tracks = clips.tracks[rows]
        made = {
            "tracks": tracks,
            "noise": rng.standard_normal(tracks.shape, dtype=np.float32),
            "t": levels[:, None].astype(np.float32),
            "ids": ids,
            "known": known.astype(np.float32),
            "aspect": np.full((len(rows), 1), clips.aspect, np.float32),
        }
        return {key: torch.from_numpy(value[mine]) for key, value in made.items()}

    def _tracks(self, world: World, first: int, frames: int, height: int, width: int, count: int) -> Tracks:
        rng = np.random.default_rng(first)
        tracks = np.empty((count, frames, TRACKS), np.float32)
        ids = np.zeros((count, WAYS, self.data.max_words + 1), np.int64)
        actions = []
        for i in range(count):
            spec, _, truth = world.truth(first + i, frames, height, width)
            actions.append(spec.action)
            tracks[i] = tracks_of(
                truth.boxes, truth.mouth[:, 0], truth.camera, truth.turn[:, 0], height, width
            )
            for way in range(WAYS):
                read = self._read(spec, rng)
                ids[i, way, : len(read)] = read
        return Tracks(tracks, ids, log(width / height), balanced(actions))

    def _read(self, spec: SceneSpec, rng: np.random.Generator) -> list[int]:
        return [1 + i for i in self.reader.tokenize(caption(spec, rng)).ids]
