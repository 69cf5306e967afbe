"""Training the planner (core/planner.py) on the world's truth: no clip is drawn for it.

A plan is mixed with noise, x_t = (1 - t) plan + t noise, and the planner learns the velocity, noise - plan,
from the mixture, the level t, the caption and the tracks that are given: often none, sometimes a box or the
camera, as when a user draws one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from x2vkit.core.planner import GROUPS, TRACKS, Planner, each_number, tracks_of
from x2vkit.core.text import TextEncoder
from x2vkit.errors import X2VError
from x2vkit.training.diffusion.task import levels_of, stratified_levels
from x2vkit.training.engine import Batch, Task, write_origin
from x2vkit.training.latent_cache import evenly
from x2vkit.training.recipe import Recipe
from x2vkit.training.vae import EVALUATION_SEED
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

    clips: Sequence[Sequence[int]] = ((17, 128, 128, 1000),)
    """Shapes to learn, each as frames, height, width in pixels, and how many clips."""
    max_words: int = 24
    """Words of a caption; longer ones lose their end."""
    drop_prompt: float = 0.1
    """Part of the clips whose prompt is empty."""
    give: float = 0.3
    """Part of the clips for which a random choice of track groups is given."""
    unseen: int = 256
    """Clips of the evaluation."""
    start: str = ""
    """Folder of a trained planner that training starts from; it may know fewer of the tracks, the first ones.
    Empty: start from nothing."""


@dataclass(frozen=True)
class Tracks:
    """Clips of one shape."""

    tracks: np.ndarray
    """(n, F, R) float32"""
    ids: np.ndarray
    """(n, WAYS, max_words) int64: captions as the planner reads them"""
    aspect: float
    """Log of width over height"""
    chances: np.ndarray
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
        plans = (tracks - self.planner.mean.to(tracks)) / self.planner.spread.to(tracks)  # (B, F, R)
        mixed = torch.lerp(plans, noise, t[:, :, None])                                   # (B, F, R)
        velocity = self.planner(mixed, t, ids, plans, known, aspect)                      # (B, F, R)
        open_ = 1 - each_number(known)                                                    # (B, 1, R)
        counted = open_ * WEIGHTS.to(open_)                                               # (B, 1, R)
        error = (velocity.float() - (noise - plans)).square() * counted
        return {"loss": error.sum() / (counted.sum() * tracks.shape[1])}


class PlannerTask(Task):
    """Plan clips of the world."""

    def __init__(self, recipe: Recipe):
        self.recipe, self.data = recipe, PlannerData(**recipe.data)
        words, synonyms = vocabulary()
        self.reader = TextEncoder(words, synonyms, width=8, depth=0, max_words=self.data.max_words)
        world = World(recipe.seed)
        # Shapes take far-apart clips, so that no clip is in two of them.
        self.shelves = [
            self._tracks(world, 1_000_000 * (1 + i), *shape) for i, shape in enumerate(self.data.clips)
        ]
        self.shares = np.array([len(shelf.tracks) for shelf in self.shelves], float)
        frames, height, width, _ = self.data.clips[0]
        self.unseen = self._tracks(World(EVALUATION_SEED), 0, frames, height, width, self.data.unseen)

    def build(self) -> nn.Module:
        numbers = np.concatenate([shelf.tracks.reshape(-1, TRACKS) for shelf in self.shelves])
        mean, spread = numbers.mean(0), numbers.std(0) + 1e-3
        model = {"max_words": self.data.max_words + 1} | self.recipe.model
        if self.data.start:
            config, weights = _trained(Path(self.data.start))
            known = len(config["mean"])
            mean[:known], spread[:known] = config["mean"], config["spread"]  # what its weights are used to
        planner = Planner(self.reader.words, mean=mean.tolist(), spread=spread.tolist(), **model)
        if self.data.start:
            try:
                planner.load_state_dict(_widened(weights, planner.state_dict(), known))
            except (KeyError, RuntimeError) as error:
                got = f"[data] start = {self.data.start!r}"
                rule = f"this recipe's planner cannot hold it ({str(error).strip().splitlines()[-1].strip()})"
                raise X2VError(got, rule, "use the width and depth that it was trained with") from error
        return PlannerModule(planner)

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        rng = np.random.default_rng((self.recipe.seed, step))
        shelf = self.shelves[int(rng.choice(len(self.shares), p=self.shares / self.shares.sum()))]
        size = self.recipe.engine.batch
        rows = rng.choice(len(shelf.tracks), size, p=shelf.chances)
        ids = shelf.ids[rows, rng.integers(WAYS, size=size)]
        ids = np.where(rng.random((size, 1)) < self.data.drop_prompt, 0, ids)
        known = rng.random((size, len(GROUPS))) < 0.4
        known &= rng.random((size, 1)) < self.data.give
        levels = stratified_levels(rng, size, 0.0, 0.5)
        return self._batch(shelf, rows, ids, known, rng, levels, slice(rank, None, world_size))

    def flops(self, batch: Batch) -> float:
        """Three times the forward pass: each matrix of n weights costs 2 n a token, and attention 4 L^2 E."""
        config = {"width": 64, "depth": 4} | self.recipe.model
        E, L = config["width"], batch["tracks"].shape[1] + batch["ids"].shape[1]
        inside = config["depth"] * (24 * L * E * E + 4 * L * L * E)
        ends = 2 * batch["tracks"].shape[1] * E * (5 * TRACKS + len(GROUPS))
        return 3.0 * len(batch["tracks"]) * (inside + ends)

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Velocity loss of all tracks of new clips with their captions."""
        rng = np.random.default_rng(EVALUATION_SEED)
        count = len(self.unseen.tracks)
        rows = np.arange(count)
        known = np.zeros((count, len(GROUPS)), bool)
        device = next(model.parameters()).device
        losses = []
        for t in levels_of():
            batch = self._batch(self.unseen, rows, self.unseen.ids[:, 0], known, rng, np.full(count, t))
            losses.append(float(model(**{k: v.to(device) for k, v in batch.items()})["loss"]))
        return {"unseen": float(np.mean(losses))}

    def export(self, model: nn.Module, folder: Path) -> None:
        """Write `folder`/planner, in bf16, with how it was made beside it."""
        target = folder / "planner"
        nn.Module.to(model.planner, torch.bfloat16)
        model.planner.save_pretrained(target)
        write_origin(self.recipe, folder, target)

    def _batch(
        self,
        shelf: Tracks,
        rows: np.ndarray,
        ids: np.ndarray,
        known: np.ndarray,
        rng: np.random.Generator,
        levels: np.ndarray,
        mine: slice = slice(None),
    ) -> Batch:
        tracks = shelf.tracks[rows]
        made = {
            "tracks": tracks,
            "noise": rng.standard_normal(tracks.shape, dtype=np.float32),
            "t": levels[:, None].astype(np.float32),
            "ids": ids,
            "known": known.astype(np.float32),
            "aspect": np.full((len(rows), 1), shelf.aspect, np.float32),
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
        return Tracks(tracks, ids, log(width / height), evenly(actions))

    def _read(self, spec: SceneSpec, rng: np.random.Generator) -> list[int]:
        return [1 + i for i in self.reader.tokenize(caption(spec, rng)).ids]


def _trained(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Configuration and weights of a planner. Raises X2VError where there is none."""
    try:
        return Planner.load_config(folder), load_file(folder / SAFETENSORS_WEIGHTS_NAME)
    except (OSError, ValueError, SafetensorError) as error:
        rule = "there is no trained planner in this folder"
        raise X2VError(f"[data] start = {str(folder)!r}", rule, "name one that holds config.json") from error


def _widened(weights: dict[str, Tensor], fresh: dict[str, Tensor], known: int) -> dict[str, Tensor]:
    """A planner's weights for more tracks than the `known` ones it has: what it does not know is silent."""
    groups = weights["tracks_in.weight"].shape[1] - 4 * known
    columns = [each * TRACKS + i for each in range(4) for i in range(known)]
    columns += [4 * TRACKS + i for i in range(groups)]
    wider = {name: torch.zeros_like(fresh[name]) for name in ("tracks_in.weight", "out.weight", "out.bias")}
    wider["tracks_in.weight"][:, columns] = weights["tracks_in.weight"].to(fresh["tracks_in.weight"])
    for name in ("out.weight", "out.bias"):
        wider[name][:known] = weights[name]
    return weights | wider
