"""Lesson 5, noise and velocity: one way to write each function."""

import numpy as np


def mix(x, noise, t):
    """Points at noise level t, between x (t = 0) and noise (t = 1); all of shape (B, D)."""
    return (1 - t) * x + t * noise


def velocity(x, noise):
    """The velocity dx/dt on the line from x (t = 0) to noise (t = 1)."""
    return noise - x


def pred_x0(x_t, v, t):
    """The clean point, seen from x_t at level t, if the velocity is v."""
    return x_t - t * v


def best_velocity(x_t, t, data):
    """x_t (B, D) at level t > 0, data (M, D) -> (B, D): the mean velocity over all data."""
    needed = (x_t[:, None] - (1 - t) * data[None]) / t  # (B, M, D)
    likely = -(needed**2).sum(axis=2) / 2  # (B, M)
    weights = np.exp(likely - likely.max(axis=1, keepdims=True))
    weights = weights / weights.sum(axis=1, keepdims=True)
    return (x_t - weights @ data) / t


def euler(velocity, x, levels):
    """Follow velocity(x, t) from levels[0] down to levels[-1]; x (B, D) is at levels[0]."""
    for t, after in zip(levels[:-1], levels[1:], strict=True):
        x = x + (after - t) * velocity(x, t)
    return x


def bent_levels(steps, shift, last):
    """(steps + 1,) levels: `steps` evenly spaced ones from 1 to `last`, each bent, then 0."""
    t = np.linspace(1, last, steps)
    return np.append(shift * t / (1 + (shift - 1) * t), 0)
