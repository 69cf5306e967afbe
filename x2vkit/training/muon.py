"""Muon: momentum whose update of a matrix is replaced by the nearest orthogonal matrix (Jordan et al. 2024).

torch has the same optimiser, but it works in bfloat16 wherever it runs; a processor without bfloat16
multiplies it a hundred times slower than float32, and then most of a training step is spent here. This one
works in the weights' own dtype there, and orthogonalises all matrices of one shape together. A test holds it
against torch's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic whose iteration drives every singular value into about [0.7, 1.2] in five rounds."""
ROUNDS = 5


class Muon(torch.optim.Optimizer):
    """For matrices only. The update has the root mean square of 0.2 that AdamW's usually has, whatever the
    shape (Liu et al. 2025, arXiv:2502.16982, equation 4), so both share one scale of learning rates.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.95, bf16: bool = False):
        """bf16: orthogonalise in bfloat16, where the machine multiplies it fast."""
        super().__init__(params, {"lr": lr, "momentum": momentum})
        self.bf16 = bf16

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:
        """One step for every matrix that has a gradient."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    shapes[p.shape].append(p)
            for shape, matrices in shapes.items():
                moved = torch.stack([self._pushed(p, group["momentum"]) for p in matrices])
                updates = orthogonal(moved.bfloat16() if self.bf16 else moved).to(moved.dtype)
                rate = 0.2 * max(shape) ** 0.5 * group["lr"]
                for p, update in zip(matrices, updates, strict=True):
                    p.add_(update, alpha=-rate)

    def _pushed(self, p: Tensor, momentum: float) -> Tensor:
        """A gradient with its momentum (Nesterov's)."""
        state = self.state[p]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(p)
        average = state["momentum_buffer"].lerp_(p.grad, 1 - momentum)
        return p.grad.lerp(average, momentum)


def orthogonal(x: Tensor) -> Tensor:
    """For each matrix of x (n, a, b), nearly the nearest with orthonormal rows (of a tall one, columns)."""
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp_min(1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ROUNDS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x
