"""Lesson 9, scaling: one way to write each function."""

import numpy as np


def training_flops(parameters, tokens, clips):
    """FLOPs of training on so many clips of so many tokens each."""
    return 6 * parameters * tokens * clips


def frontier(flops, loss):
    """flops (n,), loss (n,), in any order -> (n,) bool."""
    best, kept = np.inf, np.zeros(len(flops), bool)
    for i in np.lexsort((loss, flops)):  # by cost, and the better one of two that cost the same first
        if loss[i] < best:
            best, kept[i] = loss[i], True
    return kept


def line_in_logs(x, loss):
    """x (n,), loss (n,) -> (scale, power) of loss = scale * x ** -power."""
    slope, height = np.polyfit(np.log(x), np.log(loss), 1)
    return np.exp(height), -slope


def with_floor(x, loss, floors):
    """x (n,), loss (n,), floors (k,) -> (floor, scale, power) of the best law."""
    best, least = None, np.inf
    for floor in floors:
        if floor >= loss.min():
            continue
        scale, power = line_in_logs(x, loss - floor)
        error = np.sum((np.log(floor + scale * x**-power) - np.log(loss)) ** 2)
        if error < least:
            best, least = (floor, scale, power), error
    return best


def best_size(law, flops, cost):
    """law(N, D) -> losses of arrays; flops = cost * N * D. The best N."""
    N = np.geomspace(1e2, 1e10, 4001)
    return N[np.argmin(law(N, flops / (cost * N)))]
