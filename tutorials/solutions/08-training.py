"""Lesson 8, train it: one way to write each function."""

import numpy as np


def levels(normal, mean):
    """normal (n,) -> noise levels (n,) between 0 and 1: the sigmoid of normal + mean."""
    return 1 / (1 + np.exp(-(normal + mean)))


def best_linear_loss(std, level):
    """Mean squared error of the best guess of the velocity that only knows how large the numbers are."""
    return std**2 / ((std * (1 - level)) ** 2 + level**2)


def loss_by_level(losses, levels, parts):
    """losses (n,) of clips at levels (n,) -> (parts,) mean losses, the lowest levels first."""
    part = np.minimum((levels * parts).astype(int), parts - 1)
    return np.array([losses[part == i].mean() if (part == i).any() else np.nan for i in range(parts)])


def learning_rate(step, steps, warmup, decay):
    """The factor, between 0 and 1, at `step` of 0 .. steps - 1."""
    return min(1.0, (step + 1) / warmup, (steps - step) / (decay * steps))


def running_average(average, weights, decay):
    """The new average."""
    return decay * average + (1 - decay) * weights


def adherence(asked, read):
    """Lists of dicts -> mean over the clips of the share of what is asked that is read, 0 to 1."""
    shares = [
        np.mean([shown.get(name) == word for name, word in words.items()])
        for words, shown in zip(asked, read, strict=True)
    ]
    return np.mean(shares)
