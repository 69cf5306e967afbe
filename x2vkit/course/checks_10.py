"""What the exercises of lesson 10 must hold: flow maps, which jump where a velocity creeps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from x2vkit.course.properties import Answer, Property, equals, has_shape, holds


def euler(fn: Answer) -> Iterator[Property]:
    """velocity(x, t), x (n, 2), levels (S + 1,) from 1 to 0 -> x at the last level."""
    x = np.array([[1.0, 2.0], [0.0, -1.0]])
    told: list[float] = []

    def steady(x: np.ndarray, t: float) -> np.ndarray:
        told.append(float(t))
        return np.array([[2.0, 4.0], [1.0, 1.0]])

    hint = "the velocity points from clip to noise: a step down goes against it, by the difference of the levels"
    found = fn(steady, x, np.array([1.0, 0.0]))
    yield equals("one step of a constant velocity lands at x - v", found, [[-1.0, -2.0], [-1.0, -2.0]], hint)
    told.clear()
    found = fn(steady, x, np.array([1.0, 0.7, 0.2, 0.0]))
    yield equals("three uneven steps land at the same place", found, [[-1.0, -2.0], [-1.0, -2.0]], hint)
    hint = "one evaluation a step, at the level where the step begins; none at the last level"
    yield holds("the velocity is asked at 1, 0.7 and 0.2", np.allclose(told, [1.0, 0.7, 0.2]), hint, told)
    found = fn(lambda x, t: x * t, np.ones((1, 2)), np.linspace(1, 0, 3))
    hint = "each step starts where the one before ended"
    yield equals("two steps of a velocity x * t", found, [[0.375, 0.375]], hint)


def average_velocity(fn: Answer) -> Iterator[Property]:
    """x_t, x_r (n, 2), t, r (n, 1) -> (n, 2): the velocity that takes x_t to x_r in one jump."""
    x_t, x_r = np.array([[3.0, 1.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [0.0, -2.0]])
    t, r = np.array([[1.0], [0.9]]), np.array([[0.0], [0.4]])
    found = fn(x_t, x_r, t, r)
    yield has_shape("a velocity for each point", found, (2, 2), "t and r are columns, so they divide every row")
    hint = "way divided by time: from level r up to level t the point goes x_t - x_r in t - r"
    yield equals("way divided by time", found, [[2.0, 0.0], [0.0, 4.0]], hint)
    rng = np.random.default_rng(0)
    a, b, t, r = rng.normal(size=(5, 2)), rng.normal(size=(5, 2)), rng.uniform(0.6, 1, (5, 1)), rng.uniform(0, 0.5, (5, 1))
    landed = a - (t - r) * fn(a, b, t, r)
    yield equals("x_t - (t - r) u lands on x_r", landed, b, "the jump must land where the path goes")


def meanflow_target(fn: Answer) -> Iterator[Property]:
    """u(x, t, r), x (n, 2), t, r (n, 1), velocity (n, 2) -> what u should be, by the MeanFlow identity."""
    x, v = torch.tensor([[1.0, 2.0], [0.5, -1.0]]), torch.tensor([[3.0, 0.0], [1.0, 1.0]])
    t, r = torch.tensor([[0.9], [0.5]]), torch.tensor([[0.4], [0.5]])
    constant = fn(lambda x, t, r: torch.zeros_like(x), x, t, r, v)
    hint = "a u that does not change has no derivative: then the target is the velocity"
    yield equals("for a constant u the target is the velocity", constant, v, hint)
    found = fn(lambda x, t, r: t * torch.ones_like(x), x, t, r, v)
    hint = "velocity - (t - r) * du/dt; where t = r nothing is taken away"
    yield equals("a u that grows with t: (t - r) is taken away", found, v - (t - r), hint)
    found = fn(lambda x, t, r: 2 * x, x, t, r, v)
    hint = "x moves with the velocity while t does: the tangents of (x, t, r) are (velocity, 1, 0)"
    yield equals("a u of 2 x changes by twice the velocity", found, v - (t - r) * 2 * v, hint)
    found = fn(lambda x, t, r: 5 * r * torch.ones_like(x), x, t, r, v)
    yield equals("r stands still: a u of r alone has no derivative", found, v, "the tangent of r is 0")
    layer = nn.Linear(2, 2)
    learned = fn(lambda x, t, r: layer(x) * t, x, t, r, v)
    hint = "a target is a number to aim at: end with .detach()"
    yield holds("nothing is learned through the target", not learned.requires_grad, hint)
    torch.manual_seed(0)
    start, end = torch.randn(6, 2), torch.rand(6, 1)

    def true_map(x: Tensor, t: Tensor, r: Tensor) -> Tensor:  # of the velocity v(x, t) = x
        gap = torch.where(t > r, t - r, torch.ones_like(t))
        return x * torch.where(t > r, (1 - torch.exp(-gap)) / gap, torch.ones_like(t))

    later = end + (1 - end) * 0.5
    found = fn(true_map, start, later, end, start)
    hint = "the true average velocity satisfies u = v - (t - r) du/dt: it is its own target"
    yield equals("the true map of v = x is its own target", found, true_map(start, later, end), hint, 1e-4)


def draw_times(fn: Answer) -> Iterator[Property]:
    """a, b (n,) uniform, same -> t, r (n,), t >= r, and equal in the first `same` part."""
    a, b = np.array([0.1, 0.9, 0.5, 0.3]), np.array([0.8, 0.2, 0.6, 0.7])
    t, r = fn(a, b, 0.0)
    hint = "which of the two is nearer to pure noise? np.maximum compares arrays number by number"
    yield equals("t is the larger of each pair", t, [0.8, 0.9, 0.6, 0.7], hint)
    yield equals("r is the smaller", r, [0.1, 0.2, 0.5, 0.3], hint)
    t, r = fn(a, b, 0.5)
    hint = "in the first `same` part of the pairs set r to t: there u has to be the plain velocity"
    yield equals("with same = 0.5 the first two have r = t", r, [0.8, 0.9, 0.5, 0.3], hint)
    yield equals("and t is as before", t, [0.8, 0.9, 0.6, 0.7], hint)


def distance(fn: Answer) -> Iterator[Property]:
    """a (n, 2), b (m, 2) -> the energy distance of two clouds of points."""
    a, b = np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([[1.0, 0.0]])
    hint = "three means over all pairs: between the clouds, within a, within b; all pairs, also those at distance 0"
    yield equals("a cloud is at distance 0 from itself", fn(a, a), 0.0, hint)
    hint = "pairs of a point with itself count, too: their distance is 0"
    yield equals("two points and the one between them: 2 * 1 - 1 - 0", fn(a, b), 1.0, hint)
    yield equals("it is the same both ways", fn(b, a), 1.0, "it is symmetric in a and b")
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(20, 2)), rng.normal(size=(30, 2)) + 1
    far = [np.linalg.norm(x[:, None] - y[None], axis=2).mean() for x, y in ((a, b), (a, a), (b, b))]
    yield equals("on random clouds", fn(a, b), 2 * far[0] - far[1] - far[2], hint)
    yield holds("further apart is more", fn(a, b + 1) > fn(a, b), hint)
