"""Noise levels: those that training draws, and the fixed ones that it is measured at."""

from __future__ import annotations

import numpy as np
import torch

LEVELS = 8
"""Noise levels at which the held-out loss is measured: the middles of as many equal parts of [0, 1]."""


def stratified_levels(rng: np.random.Generator, count: int, mean: float, uniform: float = 0.0) -> np.ndarray:
    """`count` noise levels distributed as sigmoid(normal + mean), one from each of `count` equally likely
    parts; a part `uniform` of them, taken at random, is spread over [0, 1] in the same way instead.
    """
    places = (rng.permutation(count) + rng.random(count)) / count
    normal = torch.special.ndtri(torch.from_numpy(places.clip(1e-6, 1 - 1e-6)))
    levels = torch.sigmoid(normal + mean).numpy()
    return np.where(rng.random(count) < uniform, places.clip(1e-3, 1), levels) if uniform else levels


def validation_levels() -> list[float]:
    """The noise levels of the evaluation."""
    return [(i + 0.5) / LEVELS for i in range(LEVELS)]
