"""Lesson 10: three typical wrong answers to each exercise."""

from itertools import pairwise

import numpy as np
import torch


def apart(a, b):
    return np.linalg.norm(a[:, None] - b[None], axis=2).mean()


def euler_1(velocity, x, levels):  # uphill
    for t, r in pairwise(levels):
        x = x + (t - r) * velocity(x, t)
    return x


def euler_2(velocity, x, levels):  # at the end of the step
    for t, r in pairwise(levels):
        x = x - (t - r) * velocity(x, r)
    return x


def euler_3(velocity, x, levels):  # equal steps, and a little too far
    for t in levels[:-1]:
        x = x - velocity(x, t) / (len(levels) - 1) * 1.1
    return x


def distance_1(a, b):  # the first term alone
    return apart(a, b)


def distance_2(a, b):  # between the means
    return np.linalg.norm(a.mean(0) - b.mean(0))


def distance_3(a, b):  # one term forgotten
    return 2 * apart(a, b) - apart(a, a)


def average_velocity_1(x_t, x_r, t, r):  # the wrong way
    return (x_r - x_t) / (t - r)


def average_velocity_2(x_t, x_r, t, r):  # a way, no velocity
    return x_t - x_r


def average_velocity_3(x_t, x_r, t, r):  # times instead of divided
    return (x_t - x_r) * (t - r)


def meanflow_target_1(u, x, t, r, velocity):  # the wrong sign
    _, c = torch.func.jvp(u, (x, t, r), (velocity, torch.ones_like(t), torch.zeros_like(r)))
    return (velocity + (t - r) * c).detach()


def meanflow_target_2(u, x, t, r, velocity):  # x stands still
    _, c = torch.func.jvp(u, (x, t, r), (torch.zeros_like(x), torch.ones_like(t), torch.zeros_like(r)))
    return (velocity - (t - r) * c).detach()


def meanflow_target_3(u, x, t, r, velocity):  # not detached
    _, c = torch.func.jvp(u, (x, t, r), (velocity, torch.ones_like(t), torch.zeros_like(r)))
    return velocity - (t - r) * c


def draw_times_1(a, b, same):  # unsorted
    return a, b


def draw_times_2(a, b, same):  # never equal
    return (np.maximum(a, b), np.minimum(a, b))


def draw_times_3(a, b, same):  # equal in the other part
    return (np.maximum(a, b), np.where(np.arange(len(a)) >= same * len(a), np.maximum(a, b), np.minimum(a, b)))
