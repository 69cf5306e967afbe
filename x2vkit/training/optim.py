"""How weights move: optimisers, the learning rate's way, and the running average that is exported."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from x2vkit.training.muon import Muon
from x2vkit.training.recipe import EngineConfig


def bf16_pays(device: torch.device) -> bool:
    """Whether bfloat16 is faster here: on CUDA, and on processors with AVX512-BF16 or AMX."""
    return device.type == "cuda" or (device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def learning_rate(step: int, config: EngineConfig, seconds: float = 0.0) -> float:
    """Factor on the learning rates at a step: linear warm-up, flat, then down (see `EngineConfig.hold`). Where the
    recipe gives the run `minutes`, `seconds` of which have passed, they decide instead of the step.
    """
    warm = (step + 1) / max(config.warmup, 1)
    if config.minutes:
        left = (1 - seconds / (60 * config.minutes)) / max(config.decay, 1e-3)
        return max(0.0, min(1.0, warm, left))
    if config.hold:
        left = (config.steps - step) / config.cooldown if config.cooldown else 1.0
        return min(warm, (config.hold / max(step + 1, config.hold)) ** 0.5) * min(1.0, left)
    left = (config.steps - step) / max(config.decay * config.steps, 1)
    return min(1.0, warm, left)


def make_optimizers(model: nn.Module, config: EngineConfig) -> list[torch.optim.Optimizer]:
    """Muon for the matrices, AdamW for the rest.

    Muon replaces a matrix's momentum by the nearest orthogonal matrix, so every direction learns at the same
    pace; its scale is matched to AdamW's (see training/muon.py). A table of embeddings is no linear map, so
    it goes to AdamW.
    """
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    matrices = [p for n, p in trained.items() if p.ndim == 2 and n.endswith("weight") and id(p) not in tables]
    chosen = {id(p) for p in matrices}
    rest = [p for p in trained.values() if id(p) not in chosen]
    optimizers: list[torch.optim.Optimizer] = []
    if matrices:
        optimizers.append(Muon(matrices, config.muon_lr, bf16=bf16_pays(matrices[0].device)))
    if rest:
        optimizers.append(torch.optim.AdamW(rest, lr=config.adam_lr, betas=(0.9, 0.99), weight_decay=0.0))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
    return optimizers


class Average:
    """Running average of the weights (EMA); noisy steps cancel, and the average draws better than any one
    step.

    With a `width` the average covers the same part of the run at any step: its weights fall as a power of
    the step, (k / step)^g, where g is chosen so that they spread over `width` of the run (Karras et al. 2024,
    arXiv:2312.02696, section 3).
    """

    def __init__(self, model: nn.Module, decay: float, width: float = 0.0):
        self.decay = decay
        self.power = average_power(width) if width else 0.0
        self.weights = {name: p.detach().clone().float() for name, p in model.state_dict().items()}

    def update(self, model: nn.Module, step: int) -> None:
        """Move towards the model; faster in the first steps, which are far from anything worth
        remembering.
        """
        if self.power:
            rate = 1 - (1 - 1 / (step + 1)) ** (self.power + 1)
        else:
            rate = 1 - min(self.decay, (1 + step) / (10 + step))
        now = [p.detach().float() for p in model.state_dict().values()]
        torch._foreach_lerp_(list(self.weights.values()), now, rate)


def average_power(width: float) -> float:
    """The power g whose average spreads over `width` of the run: (g + 1) / ((g + 2)^2 (g + 3)) = width^2."""
    w = width**-2
    return float(np.roots([1, 7, 16 - w, 12 - w]).real.max())
