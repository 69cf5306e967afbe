"""Noise levels of training."""

from __future__ import annotations

import numpy as np
import pytest

from x2vkit.training.noise import stratified_levels


def test_noise_levels_are_spread_and_favour_noise():
    rng = np.random.default_rng(0)
    levels = np.sort(np.stack([stratified_levels(rng, 64, 0.3) for _ in range(50)]), axis=1)
    assert 0 < levels.min() and levels.max() < 1
    assert levels.mean() == pytest.approx(1 / (1 + np.exp(-0.27)), abs=0.01)
    assert levels.std(0)[8:-8].max() < 0.02  # the k-th smallest level of a batch is nearly fixed
    even = np.concatenate([stratified_levels(rng, 64, 3.0, uniform=0.5) for _ in range(200)])
    assert (even < 0.5).mean() == pytest.approx(0.25, abs=0.03)  # half of them, and half of those
