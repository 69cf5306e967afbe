"""What the exercises of lesson 8 must hold: how a model is trained, and how one sees whether it learns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from x2vkit.course.properties import Answer, Property, equals, has_shape, holds
from x2vkit.judge.metrics import share_right


def levels(fn: Answer) -> Iterator[Property]:
    """normal (n,), mean -> noise levels (n,) in 0..1."""
    normal = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    found = fn(normal, 0.0)
    yield has_shape("as many levels as numbers", found, (5,), "work on the whole array at once")
    inside = bool((np.asarray(found) > 0).all() and (np.asarray(found) < 1).all())
    hint = "sigmoid(z) = 1 / (1 + exp(-z)) maps every number into 0..1"
    yield holds("all lie between 0 and 1", inside, hint, found)
    yield holds("a larger number is a noisier level", bool((np.diff(found) > 0).all()), hint, found)
    yield equals("the middle of the bell is level 0.5", found[2], 0.5, hint)
    hint = "the mean is added before the sigmoid: sigmoid(normal + mean)"
    yield equals("with mean 1 the middle is sigmoid(1)", fn(normal, 1.0)[2], 0.731059, hint)
    wanted = 1 / (1 + np.exp(-(normal - 0.7)))
    yield equals("the same as the package's formula", fn(normal, -0.7), wanted, hint)


def best_linear_loss(fn: Answer) -> Iterator[Property]:
    """std, level -> the loss of the best guess that knows only how large the numbers are."""
    hint = "at level 1 the noise is seen exactly; what stays unknown is the clip: std squared"
    yield equals("pure noise: the clip's own variance is left", fn(2.0, 1.0), 4.0, hint)
    hint = "at level 0 the clip is seen exactly; what stays unknown is the noise, of variance 1"
    yield equals("no noise: the noise's variance, 1, is left", fn(2.0, 0.0), 1.0, hint)
    hint = "the clip's part of the variance shrinks as the level grows, the noise's part grows with it"
    yield equals("halfway, for std 1: as large as the velocity's variance", fn(1.0, 0.5), 2.0, hint)
    rng = np.random.default_rng(0)
    clip, noise = 0.6 * rng.normal(size=40_000), rng.normal(size=40_000)
    for level in (0.2, 0.8):
        seen, velocity = (1 - level) * clip + level * noise, noise - clip
        factor = (seen @ velocity) / (seen @ seen)
        measured = np.mean((velocity - factor * seen) ** 2)
        name = f"as measured with 40,000 random numbers, level {level}"
        yield equals(name, fn(0.6, level) / measured, 1.0, hint, 0.03)


def loss_by_level(fn: Answer) -> Iterator[Property]:
    """losses (n,), levels (n,), parts -> (parts,) mean loss in equal parts of 0..1, NaN where there is none."""
    losses, t = np.array([1.0, 3.0, 10.0, 0.5]), np.array([0.1, 0.2, 0.9, 0.6])
    found = fn(losses, t, 2)
    yield has_shape("one number for each part", found, (2,), "return an array of `parts` numbers")
    hint = "part i holds the levels from i / parts to (i + 1) / parts; take the mean of their losses"
    yield equals("two parts: the means of low and of high levels", found, [2.0, 5.25], hint)
    found = np.asarray(fn(losses, t, 4))
    yield holds("a part without any level is NaN", np.isnan(found[1]), "there is no mean of nothing: np.nan", found)
    yield equals("the other parts are right", found[[0, 2, 3]], [2.0, 0.5, 10.0], hint)
    hint = "level 1 is the very end of the last part: let no level fall out"
    yield equals("level 1 belongs to the last part", fn(np.array([7.0]), np.array([1.0]), 3)[2], 7.0, hint)


def learning_rate(fn: Answer) -> Iterator[Property]:
    """step, steps, warmup, decay -> a factor in 0..1."""
    found = np.array([fn(step, 100, 10, 0.4) for step in range(100)])
    hint = "in the first `warmup` steps it is (step + 1) / warmup"
    yield equals("it warms up from a tenth to 1 in 10 steps", found[:10], np.arange(1, 11) / 10, hint)
    yield equals("then it stays at 1", found[10:60], np.ones(50), "nothing happens between warm-up and decay")
    hint = "over the last 40 % it is (steps - step) / (0.4 * steps): 1 at its beginning, almost 0 at the end"
    yield equals("it falls in a straight line over the last 40 %", found[60:], np.arange(40, 0, -1) / 40, hint)
    from x2vkit.training.optim import learning_rate as package
    from x2vkit.training.recipe import EngineConfig

    config = EngineConfig(steps=50, batch=1, warmup=30, decay=0.6)
    wanted = [package(step, config) for step in range(50)]
    found = np.array([fn(step, 50, 30, 0.6) for step in range(50)])
    hint = "where warm-up and decay meet the smaller one counts: min(1, warm, left)"
    yield equals("the same as the package's where both overlap", found, wanted, hint)


def running_average(fn: Answer) -> Iterator[Property]:
    """average, weights, decay -> the new average."""
    average, weights = np.array([1.0, 0.0]), np.array([2.0, 10.0])
    hint = "a decay of 1 keeps the old average, a decay of 0 takes the new weights"
    yield equals("decay 1 keeps the average", fn(average, weights, 1.0), average, hint)
    yield equals("decay 0 takes the weights", fn(average, weights, 0.0), weights, hint)
    hint = "how much is kept and how much is taken add up to one"
    yield equals("decay 0.9 goes a tenth of the way", fn(average, weights, 0.9), [1.1, 1.0], hint)
    value = np.zeros(1)
    for _ in range(20):
        value = fn(value, np.ones(1), 0.9)
    yield equals("after 20 steps towards 1: 1 - 0.9 ** 20", value, [1 - 0.9**20], hint)


def adherence(fn: Answer) -> Iterator[Property]:
    """asked, read: lists of dicts -> mean share of what is asked that is read."""
    asked = [{"subject": "dog", "color": "red"}, {"subject": "car", "color": "blue", "scene": "snow", "action": "walk"}]
    hint = "a clip's share: of the things its own words ask for, how many are read as asked"
    yield equals("all right is 1", fn(asked, [{**words, "mood": "sad"} for words in asked]), 1.0, hint)
    read = [{"subject": "dog", "color": "blue", "scene": "snow"}, {"subject": "car", "color": "blue", "scene": "snow"}]
    hint = "take each clip's share first, then the mean over the clips: a long prompt counts no more"
    yield equals("shares of 1/2 and 3/4 make 0.625", fn(asked, read), 0.625, hint)
    rng = np.random.default_rng(1)
    pairs = [({k: v for k, v in zip("abcd", rng.integers(0, 3, 4), strict=True) if rng.random() < 0.8}) for _ in range(12)]
    pairs = [p or {"a": 0} for p in pairs]
    seen = [dict(zip("abcd", rng.integers(0, 3, 4), strict=True)) for _ in range(12)]
    wanted = np.mean([share_right(a, b) for a, b in zip(pairs, seen, strict=True)])
    yield equals("the same as the judge's on random words", fn(pairs, seen), wanted, hint)
