"""Lesson 8: three typical wrong answers to each exercise."""

import numpy as np


def levels_1(normal, mean):  # clipped
    return np.clip(normal + mean, 0, 1)


def levels_2(normal, mean):  # upside down
    return 1 / (1 + np.exp(normal + mean))


def levels_3(normal, mean):  # mean added behind the sigmoid
    return 1 / (1 + np.exp(-normal)) + mean


def best_linear_loss_1(std, level):  # the variance of the velocity
    return 1 + std ** 2


def best_linear_loss_2(std, level):  # level and 1 - level swapped
    return std ** 2 / ((std * level) ** 2 + (1 - level) ** 2)


def best_linear_loss_3(std, level):  # deviations instead of variances
    return std / (std * (1 - level) + level)


def loss_by_level_1(losses, levels, parts):  # sums
    k = np.minimum((levels * parts).astype(int), parts - 1)
    return np.array([losses[k == i].sum() for i in range(parts)])


def loss_by_level_2(losses, levels, parts):  # level 1 falls out
    k = (levels * parts).astype(int)
    return np.array([losses[k == i].mean() if (k == i).any() else np.nan for i in range(parts)])


def loss_by_level_3(losses, levels, parts):  # 0 where there is none
    k = np.minimum((levels * parts).astype(int), parts - 1)
    return np.array([losses[k == i].mean() if (k == i).any() else 0 for i in range(parts)])


def learning_rate_1(step, steps, warmup, decay):  # begins at 0
    return min(1.0, step / warmup, (steps - step) / (decay * steps))


def learning_rate_2(step, steps, warmup, decay):  # never falls
    return min(1.0, (step + 1) / warmup)


def learning_rate_3(step, steps, warmup, decay):  # falls at once
    return (step + 1) / warmup if step < warmup else (steps - step) / (steps - warmup)


def running_average_1(average, weights, decay):  # swapped
    return (1 - decay) * average + decay * weights


def running_average_2(average, weights, decay):  # decay unused
    return (average + weights) / 2


def running_average_3(average, weights, decay):  # grows without end
    return decay * average + weights


def adherence_1(asked, read):  # all or nothing
    return np.mean([all((s.get(k) == v for k, v in w.items())) for w, s in zip(asked, read, strict=True)])


def adherence_2(asked, read):  # over all words at once
    return np.mean([s.get(k) == v for w, s in zip(asked, read, strict=True) for k, v in w.items()])


def adherence_3(asked, read):  # of what is read, not of what is asked
    return np.mean([np.mean([w.get(k) == v for k, v in s.items()]) for w, s in zip(asked, read, strict=True)])
