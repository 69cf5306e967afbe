"""Lesson 5, noise and velocity: what each function must do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from x2vkit.core.sampler import make_scheduler, set_levels
from x2vkit.course.properties import Answer, Property, equals, has_shape, holds

X, NOISE = np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([[3.0, 0.0], [0.5, 1.0]])


def mix(fn: Answer) -> Iterator[Property]:
    """A straight line from data to noise."""
    yield equals("at t = 0 it is the data", fn(X, NOISE, 0.0), X, "the data weighs 1 - t")
    yield equals("at t = 1 it is the noise", fn(X, NOISE, 1.0), NOISE, "the noise weighs t")
    yield equals("at t = 0.5 it is half way", fn(X, NOISE, 0.5), (X + NOISE) / 2, "no roots and no squares: a straight line")
    each = fn(X, NOISE, np.array([[0.0], [1.0]]))
    yield equals("each point may have its own level", each, [X[0], NOISE[1]], "do not turn t into a single number")


def velocity(fn: Answer) -> Iterator[Property]:
    """Noise minus data."""
    found = fn(X, NOISE)
    yield has_shape("one velocity a point", found, (2, 2), "a difference of two arrays")
    yield equals("from 0 to 1 it goes from x to noise", X + found, NOISE, "a way in one unit of t: end minus beginning")
    yield equals("where both agree it is 0", fn(X, X), np.zeros((2, 2)), "a difference")


def pred_x0(fn: Answer) -> Iterator[Property]:
    """The way back."""
    still = fn(X, NOISE, 0.0)
    yield equals("at t = 0 we stand on it", still, X, "go back for as long as t")
    back = fn(NOISE, NOISE - X, 1.0)
    yield equals("from pure noise with the true velocity it is x", back, X, "against the velocity: minus")
    for t in (0.25, 0.8):
        there = (1 - t) * X + t * NOISE
        yield equals(f"and from t = {t}", fn(there, NOISE - X, t), X, "x_t = x + t v: solve it for x")


def best_velocity(fn: Answer) -> Iterator[Property]:
    """The posterior mean, by cases whose answer is plain and by many random mixes."""
    one = np.array([[2.0, 0.0]])
    x_t = np.array([[0.0, 1.0], [4.0, 4.0]])
    found = fn(x_t, 0.5, one)
    yield has_shape("one velocity a point", found, (2, 2), "(B, D) goes in, and comes out")
    yield equals("with one data point there is no doubt: (x_t - it) / t", found, (x_t - one) / 0.5, "the average of one is itself")
    two = np.array([[-1.0, 0.0], [1.0, 0.0]])
    middle = fn(np.array([[0.0, 3.0]]), 0.5, two)
    yield equals("between two, both count the same", middle, [[0, 6]], "weights are a softmax: they add up to 1")
    near = fn(np.array([[0.1, 0.0]]), 0.1, two)
    yield equals("at low noise the nearest one has it all", near, [[(0.1 - 1) / 0.1, 0]], "weights: exp(-squared length of the needed noise / 2)", 1e-3)
    point = fn(np.array([[0.5, 0.0]]), 0.5, two)
    weight = 1 / (1 + np.exp(-2.0))  # needed noise: 0 for the right one, length 2 for the left
    yield equals("needed noise of length 0 and 2: odds of e squared to 1", point, [[(0.5 - (2 * weight - 1)) / 0.5, 0]], "the needed noise is (x_t - (1 - t) x) / t; its squared length, halved, with a minus")
    with np.errstate(all="ignore"):
        far = fn(np.array([[40.0, 0.0]]), 0.05, two)
    yield holds("far away it is still a number", np.isfinite(np.asarray(far, float)).all(), "exp(-1000) is 0 for all of them: subtract the largest first", far)


def euler(fn: Answer) -> Iterator[Property]:
    """Steps against the clock."""

    def even(x: Any, t: float) -> Any:
        """The same everywhere."""
        return np.full_like(x, 2.0)

    def level(x: Any, t: float) -> Any:
        """The level itself."""
        return np.full_like(x, t)

    def place(x: Any, t: float) -> Any:
        """Where it stands."""
        return x

    start = np.array([[4.0]])
    yield equals("velocity 2 from t = 1 to 0: two less", fn(even, start, np.array([1.0, 0.0])), [[2]], "the change of t, after minus before, is negative: x + (after - t) v")
    yield equals("in four steps the same", fn(even, start, np.array([1.0, 0.7, 0.5, 0.1, 0.0])), [[2]], "each step has its own length")
    asked = fn(level, start, np.array([1.0, 0.5, 0.0]))
    yield equals("it asks where the step begins", asked, [[4 - 0.5 * 1 - 0.5 * 0.5]], "velocity(x, t) at the level that you stand at")
    moved = fn(place, start, np.array([1.0, 0.5, 0.0]))
    yield equals("and with the x that it has come to", moved, [[1]], "hand over the new x, not the first")
    part = fn(even, start, np.array([0.5, 0.25]))
    yield equals("it stops at the last level", part, [[3.5]], "do not add a step to 0")


def bent_levels(fn: Answer) -> Iterator[Property]:
    """Against the package's own schedule."""
    plain = fn(4, 1.0, 0.25)
    yield has_shape("4 steps have 5 levels", plain, (5,), "0 is put behind the steps' own levels")
    yield equals("a shift of 1 bends nothing", plain, [1, 0.75, 0.5, 0.25, 0], "np.linspace(1, last, steps), then 0")
    bent = np.asarray(fn(3, 2.0, 0.5))
    yield equals("a shift of 2 turns 0.5 into 2/3", bent[2], 2 / 3, "shift t / (1 + (shift - 1) t)")
    yield holds("levels fall, from 1 to 0", bent[0] == 1 and bent[-1] == 0 and (np.diff(bent) < 0).all(), "the bend keeps 0 and 1 where they are", bent)
    scheduler = make_scheduler("euler", shift=3.0)
    set_levels(scheduler, 20, last_level=0.3)
    unbent = 0.3 / (3.0 - 2.0 * 0.3)
    yield equals("20 steps as core.sampler.set_levels has them", fn(20, 3.0, unbent), scheduler.sigmas.numpy(), "bend after spacing evenly, not before")
