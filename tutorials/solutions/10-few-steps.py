"""Lesson 10, few steps: one way to write each function."""

import numpy as np
import torch


def euler(velocity, x, levels):
    """velocity(x, t), points x (n, 2), levels (S + 1,) from 1 down to 0 -> the points at the last level."""
    for t, r in zip(levels[:-1], levels[1:], strict=True):
        x = x - (t - r) * velocity(x, t)
    return x


def distance(a, b):
    """a (n, 2), b (m, 2) -> the energy distance of the two clouds."""

    def apart(x, y):
        return np.linalg.norm(x[:, None] - y[None], axis=2).mean()

    return 2 * apart(a, b) - apart(a, a) - apart(b, b)


def average_velocity(x_t, x_r, t, r):
    """Points x_t, x_r (n, 2) at levels t, r (n, 1), t above r -> (n, 2)."""
    return (x_t - x_r) / (t - r)


def meanflow_target(u, x, t, r, velocity):
    """u(x, t, r) -> (n, 2); x (n, 2), t, r (n, 1), velocity (n, 2) -> velocity - (t - r) du/dt, detached."""
    tangents = (velocity, torch.ones_like(t), torch.zeros_like(r))
    _, change = torch.func.jvp(u, (x, t, r), tangents)
    return (velocity - (t - r) * change).detach()


def draw_times(a, b, same):
    """a, b (n,) -> (t, r), each (n,): the larger and the smaller; r = t in the first `same` part."""
    t, r = np.maximum(a, b), np.minimum(a, b)
    first = np.arange(len(t)) < same * len(t)
    return t, np.where(first, t, r)
