"""`x2vkit train distill`: a flow map of the model that is there, guidance built in.

A diffusion model says where its noisy clip is going *now*; a sampler follows in twenty small steps, two passes
each. A flow map says where it will have *arrived* at any lower noise level r: its answer u(x, t, r) is the mean
velocity between the two levels, x_r = x_t - (t - r) u, so one step may be as long as one likes, and the
teacher's guidance is part of what it learned.

    d/dt of (t - r) u(x_t, t, r) = v(x_t, t)   along the teacher's path, hence   u = v - (t - r) du/dt

which is the target here (MeanFlow, Geng et al. 2025, arXiv:2505.13447; first blocks told t and last ones r:
Decoupled MeanFlow, Lee et al. 2025, arXiv:2510.24474). du/dt is a central difference of the student along v.

    B clips; C, f, h, w latent grid; N tokens
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from x2vkit.core.text import TextEncoder
from x2vkit.core.transformer import VideoTransformer
from x2vkit.training.diffusion.config import DiffusionData
from x2vkit.training.diffusion.task import DiffusionTask
from x2vkit.training.schema import Weight
from x2vkit.training.task import Batch

EPSILON = 0.01
"""Half the difference of noise levels by which du/dt is taken."""
SAME, TO_END = 0.5, 0.25
"""Part of the clips that learn the velocity itself (r = t), and part that learn to arrive at the clip (r = 0); of
the others r is drawn evenly from 0 to t.
"""
ROBUST = 1e-2
"""Squared errors well above this count by their size alone: a few clips would drown the others."""


@dataclass(frozen=True)
class DistillData(DiffusionData):
    """The `[data]` table of a flow map's recipe."""

    guidance: Weight = 4.0
    """CFG weight of the teacher that the student learns to do without."""
    guidance_ramp: Weight = 0.6
    """Noise level below which that weight fades, see core/guidance.py."""


class Teacher:
    """The model that is followed: its guided velocity at a clip's own level. Held outside of the student, so that
    neither optimiser nor average nor checkpoint knows it.
    """

    def __init__(self, text_encoder: TextEncoder, transformer: VideoTransformer, data: DistillData):
        self.parts = [part.eval().requires_grad_(False) for part in (text_encoder, transformer)]
        self.guidance, self.ramp = data.guidance, data.guidance_ramp

    @torch.no_grad()
    def velocity(self, x: Tensor, levels: Tensor, t: Tensor, ids: Tensor, conditions: dict[str, Tensor]) -> Tensor:
        """Guided velocity (B, C, f, h, w) of x at levels (B, 1 or N); t (B, 1) is the clip's own."""
        text_encoder, transformer = (part.to(x.device) for part in self.parts)
        empty = torch.ones_like(ids)  # padding
        empty[:, 0] = ids[:, 0]
        both = torch.cat([ids, empty])
        told = {name: torch.cat([each, torch.zeros_like(each)]) for name, each in conditions.items()}
        text = text_encoder(both)
        answer = transformer(x.repeat(2, 1, 1, 1, 1), levels.repeat(2, 1), text, both != 1, **told)
        mine, other = answer.float().chunk(2)
        pull = (self.guidance - 1) * (t / self.ramp).clamp(max=1)
        return mine + pull[:, :, None, None, None] * (mine - other)


class FlowMapModule(nn.Module):
    """A text encoder and a transformer that is told where to arrive; forward returns the loss."""

    def __init__(self, text_encoder: TextEncoder, transformer: VideoTransformer, teacher: Teacher | None):
        super().__init__()
        self.text_encoder, self.transformer = text_encoder, transformer
        self.follows = [teacher] if teacher else []  # a list, so that its weights are not this module's

    def forward(
        self,
        latents: Tensor,
        t: Tensor,
        r: Tensor,
        ids: Tensor,
        control: Tensor,
        camera: Tensor,
        boxes: Tensor,
        loss_weight: Tensor,
        noise: Tensor | None = None,
        **_: Tensor,
    ) -> dict[str, Tensor]:
        """Flow-map loss of one batch: as `DiffusionModule.forward`, with the level r (B, 1) of arrival."""
        latents = latents.float()
        noise = torch.randn_like(latents) if noise is None else noise
        conditions = {"control": control, "camera": camera, "boxes": boxes}
        x = torch.lerp(latents, noise, _wide(t))  #                              (B, C, f, h, w)
        velocity = self.follows[0].velocity(x, t, t, ids, conditions)  #         (B, C, f, h, w)
        slope = self._slope(x, velocity, t, r, ids, conditions)  #               (B, C, f, h, w)
        target = velocity - _wide(t - r) * slope
        u = self.transformer(x, t, self.text_encoder(ids), ids != 1, r=r, **conditions).float()
        weight = loss_weight[:, None]  #                                         (B, 1, f, h, w)
        error = ((u - target).square() * weight).mean((1, 2, 3, 4)) / weight.mean((1, 2, 3, 4))
        loss = (error / (error.detach() + ROBUST).sqrt()).mean()
        same = (t == r)[:, 0]
        parts = {"velocity_loss": error[same].mean(), "flow_loss": error[~same].mean()}
        return {"loss": loss, **{name: each.detach().nan_to_num() for name, each in parts.items()}}

    @torch.no_grad()
    def _slope(
        self, x: Tensor, velocity: Tensor, t: Tensor, r: Tensor, ids: Tensor, conditions: dict[str, Tensor]
    ) -> Tensor:
        """du/dt along the teacher's path. In float32: a difference of bfloat16 numbers is noise."""
        with torch.autocast(x.device.type, enabled=False):
            text = self.text_encoder(ids)
            sides = []
            for step in (EPSILON, -EPSILON):
                later = (t + step).clamp(0, 1)
                moved = x + _wide(later - t) * velocity
                sides.append((later, self.transformer(moved, later, text, ids != 1, r=r, **conditions)))
        (above, high), (below, low) = sides
        return (high - low) / _wide(above - below)


def _wide(level: Tensor) -> Tensor:
    """(B, 1) -> (B, 1, 1, 1, 1)"""
    return level[:, :, None, None, None]


class DistillTask(DiffusionTask):
    """Teach a flow map."""

    data_type = DistillData

    def build(self) -> nn.Module:
        teacher = super().build()
        text_encoder, transformer = teacher.text_encoder, teacher.transformer
        student = type(transformer)(**{**dict(transformer.config), "flow_map": True})
        student.load_state_dict(transformer.state_dict())
        follows = Teacher(deepcopy(text_encoder), transformer, self.data)
        return FlowMapModule(text_encoder, student, follows)

    def batch(self, step: int, rank: int = 0, world_size: int = 1, moving: bool = True) -> Batch:
        """As for diffusion, with the levels to arrive at; no tokens are dropped and no frames are given."""
        batch = super().batch(step, rank, world_size, moving)
        for name in ("kept_tokens", "known"):
            batch.pop(name, None)
        rng = np.random.default_rng((self.recipe.seed, step, moving, 1, rank))
        batch["r"] = arrivals(rng, batch["t"])
        return batch

    def flops(self, batch: Batch) -> float:
        """Two passes of the teacher and two for the difference beside one that is learned from (three)."""
        return super().flops(batch) * (3 + 4) / 3

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """How far one, two and four steps end from the teacher's twenty, from the same noise: the mean squared
        difference of latents, as a part of their variance.
        """
        batch = self._fixed("planned" if self.data.planned else "validation")
        device = next(model.parameters()).device
        moved = {key: value.to(device) for key, value in batch.items()}
        conditions = {name: moved[name] for name in ("control", "camera", "boxes")}
        text, mask = model.text_encoder(moved["ids"]), moved["ids"] != 1
        teacher = model.follows[0]

        def teach(x: Tensor, t: Tensor, r: Tensor) -> Tensor:
            return teacher.velocity(x, t, t, moved["ids"], conditions)

        def student(x: Tensor, t: Tensor, r: Tensor) -> Tensor:
            return model.transformer(x, t, text, mask, r=r, **conditions).float()

        want = follow(teach, moved["noise"], 20)
        scale = want.var()
        return {
            f"gap_{n}": float((follow(student, moved["noise"], n) - want).square().mean() / scale)
            for n in (1, 2, 4)
        }

    def export(self, model: nn.Module, folder: Path) -> None:
        """The student as a pipeline; the teacher is not part of it."""
        model = deepcopy(model)
        model.follows = []
        super().export(model, folder)


def arrivals(rng: np.random.Generator, t: Tensor) -> Tensor:
    """Levels r (B, 1) to arrive at from t (B, 1): see `SAME`."""
    kind = torch.from_numpy(rng.random(len(t)).astype(np.float32))[:, None]
    between = torch.from_numpy(rng.random(len(t)).astype(np.float32))[:, None] * t
    return torch.where(kind < SAME, t, torch.where(kind < SAME + TO_END, torch.zeros_like(t), between))


def follow(model: Any, noise: Tensor, steps: int, shift: float = 2.0) -> Tensor:
    """Latents from noise in so many steps of `model(x, t, r)`, levels shifted as in core/sampler.py."""
    even = torch.linspace(1, 0, steps + 1)
    levels = (shift * even / (1 + (shift - 1) * even)).tolist()
    x = noise.float()
    for t, r in zip(levels, levels[1:], strict=False):
        now, then = (torch.full((len(x), 1), each, device=x.device) for each in (t, r))
        x = x - (t - r) * model(x, now, then).float()
    return x
