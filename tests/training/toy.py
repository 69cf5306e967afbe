"""A task that trains in milliseconds: a small network learns y = sin(x). For tests of the engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from x2vkit.training.engine import Engine
from x2vkit.training.recipe import EngineConfig, Recipe
from x2vkit.training.task import Batch, Task


class Sine(nn.Module):
    """Two layers, and a dropout that would betray any randomness that is not tied to the step."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Dropout(0.1), nn.Linear(16, 1))

    def forward(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        return {"loss": (self.net(x) - y).square().mean()}


class SineTask(Task):
    def __init__(self, **engine):
        defaults = {
            "steps": 12,
            "batch": 8,
            "log_every": 1,
            "eval_every": 4,
            "sample_grid_every": 0,
            "save_every": 3,
            "warmup": 2,
        }
        self.recipe = Recipe("toy", EngineConfig(**(defaults | engine)), seed=5)

    def build(self) -> nn.Module:
        return Sine()

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        rng = np.random.default_rng((self.recipe.seed, step))
        x = torch.from_numpy(rng.uniform(-3, 3, (self.recipe.engine.batch, 1)).astype(np.float32))
        return {"x": x[rank::world_size], "y": x[rank::world_size].sin()}

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        x = torch.linspace(-3, 3, 64)[:, None]
        return {"error": float((model.net(x).float() - x.sin()).square().mean())}

    def flops(self, batch: Batch) -> float:
        return 3.0 * 2 * 32 * len(batch["x"])


def train(out: Path, resume: bool = False, die_at: int | None = None, **engine) -> Engine:
    """Train the toy into a folder; `die_at` kills the process right after that step, as a power cut would."""
    task = SineTask(**engine)
    if die_at is not None:
        draw = task.batch

        def batch(step: int, rank: int = 0, world_size: int = 1) -> Batch:
            if step == die_at:
                import os
                import signal

                os.kill(os.getpid(), signal.SIGKILL)
            return draw(step, rank, world_size)

        task.batch = batch
    trained = Engine(task, out, resume=resume, quiet=True)
    trained.run()
    return trained


if __name__ == "__main__":
    import sys

    train(Path(sys.argv[1]), resume=True, die_at=int(sys.argv[2]) if len(sys.argv) > 2 else None)
