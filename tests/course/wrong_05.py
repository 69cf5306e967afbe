"""Lesson 5: three typical wrong answers to each exercise."""

import numpy as np


def mix_1(x, noise, t):
    return t * x + (1 - t) * noise  # the wrong way round


def mix_2(x, noise, t):
    return np.sqrt(1 - t**2) * x + t * noise  # another diffusion's


def mix_3(x, noise, t):
    return x + t * noise  # the data never fades


def velocity_1(x, noise):
    return x - noise  # the way back


def velocity_2(x, noise):
    return (noise - x) / 2


def velocity_3(x, noise):
    return np.linalg.norm(noise - x, axis=1)  # a speed


def pred_x0_1(x_t, v, t):
    return x_t + t * v  # away from it


def pred_x0_2(x_t, v, t):
    return x_t - v  # as if t were 1


def pred_x0_3(x_t, v, t):
    return (x_t - t * v) / (1 - t + 1e-9)  # divided once more


def best_velocity_1(x_t, t, data):
    nearest = ((x_t[:, None] - data[None]) ** 2).sum(axis=2).argmin(axis=1)
    return (x_t - data[nearest]) / t  # the nearest alone


def best_velocity_2(x_t, t, data):
    needed = (x_t[:, None] - (1 - t) * data[None]) / t
    weights = np.exp(-(needed**2).sum(axis=2) / 2)  # 0 / 0 far away
    return (x_t - weights / weights.sum(axis=1, keepdims=True) @ data) / t


def best_velocity_3(x_t, t, data):
    needed = x_t[:, None] - (1 - t) * data[None]  # not divided by t
    likely = -(needed**2).sum(axis=2) / 2
    weights = np.exp(likely - likely.max(axis=1, keepdims=True))
    return (x_t - weights / weights.sum(axis=1, keepdims=True) @ data) / t


def euler_1(velocity, x, levels):
    for t, after in zip(levels[:-1], levels[1:], strict=True):
        x = x + (t - after) * velocity(x, t)  # away from the data
    return x


def euler_2(velocity, x, levels):
    for t, after in zip(levels[:-1], levels[1:], strict=True):
        x = x + (after - t) * velocity(x, after)  # asked at the step's end
    return x


def euler_3(velocity, x, levels):
    start = x
    for t, after in zip(levels[:-1], levels[1:], strict=True):
        x = x + (after - t) * velocity(start, t)  # always asked at the start
    return x


def bent_levels_1(steps, shift, last):
    t = np.linspace(1, last, steps)
    return shift * t / (1 + (shift - 1) * t)  # no 0


def bent_levels_2(steps, shift, last):
    return np.append(np.linspace(1, shift * last / (1 + (shift - 1) * last), steps), 0)  # bent before


def bent_levels_3(steps, shift, last):
    t = np.linspace(1, last, steps)
    return np.append(t / (shift - (shift - 1) * t), 0)  # towards 0
