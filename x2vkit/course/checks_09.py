"""What the exercises of lesson 9 must hold: laws of training compute, and what they foresee."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from x2vkit.course.properties import Answer, Property, equals, has_shape, holds
from x2vkit.scaling.fit import fit_power
from x2vkit.scaling.laws import JointLaw


def training_flops(fn: Answer) -> Iterator[Property]:
    """parameters, tokens, clips -> FLOPs of training, without attention's own part."""
    hint = "forward: a multiplication and an addition for each parameter and token, 2 N tokens"
    one = fn(1, 1, 1)
    yield holds("more than the forward pass alone", one > 2, hint + "; backward costs twice as much again", one)
    yield equals("one parameter, one token, one clip: 6", one, 6, "2 forward, 4 backward")
    yield equals("proportional to all three", fn(1000, 48, 20), 6 * 1000 * 48 * 20, "twice of any of the three is twice the work")
    from x2vkit.config import ModelConfig
    from x2vkit.flops import train_flops, transformer_parameters

    config = ModelConfig(width=1024, depth=12, heads=16)
    counted = train_flops(config, 9, 64, 64, 1)
    found = fn(transformer_parameters(config), 49, 1)
    hint = "the package counts every matrix; 6 N tokens a clip comes within a sixth of that"
    yield equals("near the package's count for a large model", found / counted, 1.0, hint, 0.17)


def frontier(fn: Answer) -> Iterator[Property]:
    """flops (n,), loss (n,) -> (n,) bool: no cheaper or equally dear point is as good."""
    flops, loss = np.array([4.0, 1.0, 2.0, 3.0]), np.array([0.4, 0.9, 0.5, 0.7])
    found = np.asarray(fn(flops, loss))
    yield has_shape("an answer for each point", found, (4,), "return a bool array in the order of the points")
    yield holds("the cheapest point is on it", found[1], "nothing is cheaper, so nothing beats it", found)
    hint = "a point is off it if a point that costs no more has a loss that is no higher"
    yield holds("a dearer and worse point is not", not found[3], hint, found)
    yield holds("a dearer and better point is", bool(found[0] and found[2]), hint, found)
    hint = "of two points that cost the same only the better one is on it: compare with <=, and leave out the point itself"
    found = np.asarray(fn(np.array([1.0, 2.0, 2.0]), np.array([0.9, 0.6, 0.5]))).astype(bool)
    yield equals("of two at the same cost, the better one", found, [True, False, True], hint)
    hint = "go through the points by compute, the cheapest first, and keep those with a new lowest loss"
    rng = np.random.default_rng(0)
    flops, loss = rng.random(30), rng.random(30)
    wanted = [not ((flops <= f) & (loss < y)).any() for f, y in zip(flops, loss, strict=True)]
    yield equals("right on 30 random points", np.asarray(fn(flops, loss)).astype(bool), wanted, hint)


def line_in_logs(fn: Answer) -> Iterator[Property]:
    """x (n,), loss (n,) -> (scale, power) of loss = scale * x ** -power."""
    x = np.array([1.0, 10.0, 100.0, 1000.0])
    scale, power = fn(x, 3.0 * x**-0.5)
    hint = "log loss = log scale - power * log x: np.polyfit(np.log(x), np.log(loss), 1)"
    yield equals("it finds the power 0.5", power, 0.5, hint + "; the power is minus the slope")
    yield equals("it finds the scale 3", scale, 3.0, "the line's height at log x = 0 is the log of the scale")
    scale, power = fn(x * 1e12, 3.0 * x**-0.5)
    yield equals("another unit of x leaves the power alone", power, 0.5, hint)
    rng = np.random.default_rng(0)
    noisy = 2.0 * x**-0.3 * np.exp(0.01 * rng.normal(size=4))
    scale, power = fn(x, noisy)
    wanted = np.polyfit(np.log(x), np.log(noisy), 1)
    yield equals("least squares in logarithms where points are noisy", [power, np.log(scale)], [-wanted[0], wanted[1]], hint)


def with_floor(fn: Answer) -> Iterator[Property]:
    """x (n,), loss (n,), floors (k,) -> (floor, scale, power), of the floor whose line fits best."""
    x = np.geomspace(1, 1e4, 9)
    floors = np.linspace(0, 0.29, 30)
    floor, scale, power = fn(x, 0.2 + 0.6 * x**-0.4, floors)
    hint = "for each floor fit a line to log(loss - floor); keep the floor with the least squared error of log loss"
    yield equals("it finds the floor 0.2", floor, 0.2, hint, 1e-3)
    yield equals("and scale and power with it", [scale, power], [0.6, 0.4], hint, 1e-3)
    floor, _, power = fn(x, 0.6 * x**-0.1, floors)
    yield equals("where there is no floor it finds 0", [floor, power], [0.0, 0.1], hint, 1e-3)
    floor, scale, power = fn(x, 0.2 + 0.6 * x**-0.4, np.append(floors, [0.9, 2.0]))
    hint = "a floor above the lowest loss leaves no logarithm: pass over it"
    yield equals("floors above the lowest loss are passed over", floor, 0.2, hint, 1e-3)
    rng = np.random.default_rng(0)
    noisy = (0.1 + 0.5 * x**-0.35) * np.exp(0.01 * rng.normal(size=9))
    floor, scale, power = fn(x, noisy, np.linspace(0, noisy.min() * 0.99, 400))
    law = fit_power(x, noisy, draws=0)
    hint = "measure the error as np.log(floor + scale * x ** -power) - np.log(loss), in squares"
    yield equals("near the package's fit on noisy points", (floor + scale * 1e5**-power) / float(law(1e5)), 1.0, hint, 0.02)


def best_size(fn: Answer) -> Iterator[Property]:
    """law(N, D), flops, cost -> the N whose loss is least, where flops = cost * N * D."""
    hint = "try many sizes N (np.geomspace), give each all the clips that the budget leaves, D = flops / (cost N)"

    def even(N: np.ndarray, D: np.ndarray) -> np.ndarray:
        return 1 / N**0.5 + 1 / D**0.5

    yield equals("equal powers split evenly: N = D", fn(even, 1e10, 1.0), 1e5, hint, 0.02)
    yield equals("a cost of 100 a parameter and clip", fn(even, 1e12, 100.0), 1e5, hint, 0.02)
    small, large = (fn(even, flops, 1.0) for flops in (1e8, 1e12))
    yield equals("a hundred times the size for 10,000 times the compute", large / small, 100.0, hint, 0.03)
    law = JointLaw("chinchilla", 0.1, 0.02, 0.3, 0.4, 0.3, 300.0, 1.0)
    wanted = law.best_size(1e15)[0]
    found = fn(law, 1e15, 300.0)
    yield equals("the same as the package's for a law of Chinchilla's form", found / wanted, 1.0, hint, 0.03)
