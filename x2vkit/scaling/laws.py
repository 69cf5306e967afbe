"""Scaling laws as functions: loss by compute, by size and by data. NumPy alone.

N parameters, D clips seen, C training FLOPs, L loss on held-out clips
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

INTERVAL = (5.0, 95.0)
"""Percentiles of the draws that an interval spans."""


@dataclass(frozen=True)
class PowerLaw:
    """L(x) = floor + scale (x / unit)^-power."""

    floor: float
    """Loss that no amount of x removes."""
    scale: float
    """What x removes, at x = unit."""
    power: float
    """How fast; above 0."""
    unit: float
    """Geometric mean of the x that it was fitted to."""
    r2: float
    """Part of the variance of log loss that it explains, where it was fitted."""
    draws: tuple[tuple[float, float, float], ...] = ()
    """(floor, scale, power) of the bootstrap."""

    def __call__(self, x: float | Array) -> Array:
        """Loss at x."""
        return power_loss((self.floor, self.scale, self.power), np.asarray(x, float) / self.unit)

    def interval(self, x: float | Array) -> tuple[Array, Array]:
        """Lower and upper end of the bootstrap interval at x; the law itself where there are no draws."""
        if not self.draws:
            return self(x), self(x)
        low, high = np.percentile(
            [power_loss(d, np.asarray(x, float) / self.unit) for d in self.draws], INTERVAL, axis=0
        )
        return low, high

    def between(self, name: str) -> tuple[float, float]:
        """The bootstrap interval of floor, scale or power."""
        if not self.draws:
            return getattr(self, name), getattr(self, name)
        column = ("floor", "scale", "power").index(name)
        low, high = np.percentile([d[column] for d in self.draws], INTERVAL)
        return float(low), float(high)


@dataclass(frozen=True)
class JointLaw:
    """L(N, D), in one of the two published forms.

    chinchilla: E + A / N^a + B / D^b (Hoffmann et al. 2022, arXiv:2203.15556, eq. 2, "approach 3").
    kaplan: E + [(A / N)^(a / b) + B / D]^b (Kaplan et al. 2020, arXiv:2001.08361, eq. 1.5, where E is 0).
    """

    form: str
    floor: float
    """E: the irreducible loss."""
    size_scale: float
    """A, for N in millions."""
    data_scale: float
    """B, for D in thousands."""
    size_power: float
    """a"""
    data_power: float
    """b"""
    cost: float
    """FLOPs for each parameter and clip: C = cost N D."""
    r2: float
    """Part of the variance of log loss that it explains."""
    draws: tuple[tuple[float, ...], ...] = ()
    """(E, A, B, a, b) of the bootstrap."""

    @property
    def values(self) -> tuple[float, ...]:
        """E, A, B, a, b."""
        return self.floor, self.size_scale, self.data_scale, self.size_power, self.data_power

    def __call__(self, params: float | Array, samples: float | Array) -> Array:
        """Loss of N parameters after D clips."""
        return joint_loss(self.form, self.values, np.asarray(params, float), np.asarray(samples, float))

    def interval(self, params: float | Array, samples: float | Array) -> tuple[Array, Array]:
        """Lower and upper end of the bootstrap interval."""
        N, D = np.asarray(params, float), np.asarray(samples, float)
        draws = self.draws or (self.values,)
        low, high = np.percentile([joint_loss(self.form, d, N, D) for d in draws], INTERVAL, axis=0)
        return low, high

    def best_size(self, flops: float, fine: int = 20001) -> tuple[float, float, float]:
        """(N, D, L) with the least loss that a budget buys: on C = cost N D, found on a fine grid of N."""
        sizes = np.geomspace(1e3, 1e13, fine)
        losses = self(sizes, flops / (self.cost * sizes))
        best = int(losses.argmin())
        return float(sizes[best]), float(flops / (self.cost * sizes[best])), float(losses[best])

    def best_between(self, flops: float) -> tuple[float, float]:
        """The bootstrap interval of the best size at a budget."""
        sizes = np.geomspace(1e3, 1e13, 2001)
        draws = self.draws or (self.values,)
        best = [sizes[joint_loss(self.form, d, sizes, flops / (self.cost * sizes)).argmin()] for d in draws]
        low, high = np.percentile(best, INTERVAL)
        return float(low), float(high)


@dataclass(frozen=True)
class LawPrediction:
    """What a law said of a run that it never saw."""

    by: str
    """Which law."""
    fitted: int
    """Points that it was fitted to."""
    reach: float
    """Compute of the predicted point over that of the largest-compute run point fitted."""
    predicted: float
    measured: float
    low: float
    high: float
    """Bootstrap interval of the prediction."""

    @property
    def error(self) -> float:
        """(predicted - measured) / measured."""
        return self.predicted / self.measured - 1

    def __str__(self) -> str:
        return (
            f"{self.by}: predicted {self.predicted:.4f} ({self.low:.4f} to {self.high:.4f}), measured "
            f"{self.measured:.4f}, error {100 * self.error:+.1f} %, at {self.reach:.0f}x the compute of the "
            f"{self.fitted} points fitted"
        )


def power_loss(values: Sequence[float] | Array, u: Array) -> Array:
    """values (..., 3), u (n,) -> (..., n)."""
    floor, scale, power = _columns(values)
    return np.asarray(floor + scale * u**-power)


def joint_loss(form: str, values: Sequence[float] | Array, N: Array, D: Array) -> Array:
    """values (..., 5), N and D (n,) -> (..., n)."""
    E, A, B, a, b = _columns(values)
    n, d = N / 1e6, D / 1e3
    with np.errstate(over="ignore", divide="ignore"):  # the search may stray to where a loss is infinite
        if form == "chinchilla":
            return np.asarray(E + A * n**-a + B * d**-b)
        inner = np.logaddexp(a / b * (np.log(A) - np.log(n)), np.log(B) - np.log(d))
        return np.asarray(E + np.exp(b * inner))


def _columns(values: Sequence[float] | Array) -> Array:
    """One number each, or (..., k) -> k arrays (..., 1)."""
    array = np.asarray(values, float)
    return array if array.ndim == 1 else np.moveaxis(array, -1, 0)[..., None]
