"""Lesson 9: three typical wrong answers to each exercise."""

import numpy as np


def line_in_logs(x, loss):
    slope, height = np.polyfit(np.log(x), np.log(loss), 1)
    return np.exp(height), -slope


def training_flops_1(parameters, tokens, clips):  # forward alone
    return 2 * parameters * tokens * clips


def training_flops_2(parameters, tokens, clips):  # tokens forgotten
    return 6 * parameters * clips


def training_flops_3(parameters, tokens, clips):  # a multiply-add counted as one
    return 3 * parameters * tokens * clips


def frontier_1(flops, loss):  # in the order that they come
    best, k = np.inf, np.zeros(len(flops), bool)
    for i in range(len(flops)):
        if loss[i] < best:
            best, k[i] = loss[i], True
    return k


def frontier_2(flops, loss):  # the best point alone
    return loss == loss.min()


def frontier_3(flops, loss):  # the upper edge
    best, k = -np.inf, np.zeros(len(flops), bool)
    for i in np.argsort(flops):
        if loss[i] > best:
            best, k[i] = loss[i], True
    return k


def line_in_logs_1(x, loss):  # the slope is minus the power
    s, h = np.polyfit(np.log(x), np.log(loss), 1)
    return np.exp(h), s


def line_in_logs_2(x, loss):  # the log of the scale
    s, h = np.polyfit(np.log(x), np.log(loss), 1)
    return h, -s


def line_in_logs_3(x, loss):  # no logarithms
    s, h = np.polyfit(x, loss, 1)
    return h, -s


def with_floor_1(x, loss, floors):  # no floor
    return (0.0, *line_in_logs(x, loss))


def with_floor_2(x, loss, floors):  # the highest floor
    f = max(f for f in floors if f < loss.min())
    return (f, *line_in_logs(x, loss - f))


def with_floor_3(x, loss, floors):  # floors above the loss are tried
    best, least = None, np.inf
    for f in floors:
        s, p = line_in_logs(x, loss - f)
        e = np.sum((np.log(f + s * x ** (-p)) - np.log(loss)) ** 2)
        if not e >= least:
            best, least = (f, s, p), e
    return best


def best_size_1(law, flops, cost):  # cost forgotten
    N = np.geomspace(1e2, 1e10, 4001)
    return N[np.argmin(law(N, flops / N))]


def best_size_2(law, flops, cost):  # the worst
    N = np.geomspace(1e2, 1e10, 4001)
    return N[np.argmax(law(N, flops / (cost * N)))]


def best_size_3(law, flops, cost):  # the same clips for each size
    N = np.geomspace(1e2, 1e10, 4001)
    return N[np.argmin(law(N, flops))]
