"""What a run trains: the interface between a task and the engine."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from x2vkit.training.checkpoint import write_atomically
from x2vkit.training.identity import RunIdentity, identity_of
from x2vkit.training.recipe import Recipe

Batch = dict[str, Tensor]


class Task(ABC):
    """What is trained. The model's forward takes a batch by keyword and returns scalars, `loss` among
    them.
    """

    recipe: Recipe
    evaluate_first = False
    """Whether a run is also judged before its first step."""
    can_prefetch = False
    """Whether other processes may make batches: those that keep nothing from one batch to the next."""

    @abstractmethod
    def build(self) -> nn.Module:
        """The module to train, freshly initialised."""

    def identity(self) -> RunIdentity:
        """What a run of this is trained with, which it keeps and is resumed with."""
        return identity_of(self.recipe)

    @abstractmethod
    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        """This process's slice of batch `step`: a pure function of (seed, step, rank, world_size)."""

    def batches(self, step: int, rank: int = 0, world_size: int = 1) -> list[Batch]:
        """The batches that one optimiser step learns from together; their losses are averaged."""
        return [self.batch(step, rank, world_size)]

    @abstractmethod
    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Scores of the averaged model on fixed clips that training never shows."""

    @abstractmethod
    def flops(self, batch: Batch) -> float:
        """Floating-point operations of one training step on this batch (forward and backward)."""

    def sample_grid(self, model: nn.Module) -> np.ndarray | None:
        """A picture to look at, uint8 (H, W, 3), or None."""
        return None

    def notes(self) -> list[str]:
        """What to tell before training, a line each."""
        return []

    def report(self, log: Path) -> list[str]:
        """What to tell of a run at its end, a line each. log: its log.jsonl."""
        return []

    def export(self, model: nn.Module, folder: Path) -> None:  # noqa: B027 - a task may have nothing to write
        """Write the averaged model for use."""


def write_origin(recipe: Recipe, run: Path, target: Path, **more: Any) -> None:
    """Beside exported weights: what made them (training.json), and the log of the run."""
    made = {"recipe": recipe.to_dict(), "hash": recipe.hash, "seed": recipe.seed} | more
    write_atomically(target / "training.json", json.dumps(made, indent=1).encode())
    if (run / "log.jsonl").exists():
        write_atomically(target / "log.jsonl", (run / "log.jsonl").read_bytes())
