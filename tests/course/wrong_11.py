"""Lesson 11: three typical wrong answers to each exercise."""

import numpy as np


def box_path_1(start, end, frames):  # never arrives
    return start + np.arange(frames)[:, None] / frames * (end - start)


def box_path_2(start, end, frames):  # start and end alone
    return np.stack([start, end])


def box_path_3(start, end, frames):  # jumps
    return np.where(np.arange(frames)[:, None] < frames // 2, start, end)


def covered_1(box, h, w):
    rows, columns = np.arange(w) / w, np.arange(h) / h  # x and y swapped
    tall = np.clip(np.minimum(box[3], rows + 1 / w) - np.maximum(box[1], rows), 0, None) * w
    wide = np.clip(np.minimum(box[2], columns + 1 / h) - np.maximum(box[0], columns), 0, None) * h
    return wide[:, None] * tall[None]


def covered_2(box, h, w):  # all or nothing
    x = (np.arange(w) + 0.5) / w
    y = (np.arange(h) + 0.5) / h
    return ((y[:, None] > box[1]) & (y[:, None] < box[3]) & (x[None] > box[0]) & (x[None] < box[2])).astype(float)


def covered_3(box, h, w):
    def along(low, high, cells):  # outside it is negative
        start = np.arange(cells) / cells
        return (np.minimum(high, start + 1 / cells) - np.maximum(low, start)) * cells

    return along(box[1], box[3], h)[:, None] * along(box[0], box[2], w)[None]


def iou_1(a, b):  # apart on both sides counts
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    both = (high - low).prod()
    return both / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - both)


def iou_2(a, b):  # what both share counted twice
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    both = np.clip(high - low, 0, None).prod()
    return both / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod())


def iou_3(a, b):  # of the first box alone
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    both = np.clip(high - low, 0, None).prod()
    return both / (a[2:] - a[:2]).prod()


def camera_track_1(frames, right, zoom):  # zoom in equal steps
    return np.stack([right * np.linspace(0, 1, frames), 0 * np.linspace(0, 1, frames), 1 + (zoom - 1) * np.linspace(0, 1, frames)], 1)


def camera_track_2(frames, right, zoom):  # all at once
    return np.stack([np.full(frames, right), np.zeros(frames), np.full(frames, zoom)], 1)


def camera_track_3(frames, right, zoom):  # begins at zoom 0
    return np.stack([right * np.linspace(0, 1, frames), 0 * np.linspace(0, 1, frames), zoom * np.linspace(0, 1, frames)], 1)


def share_inside_1(weights, inside, words):  # of all, words as well
    return weights[:, words:][:, inside].sum(1)


def share_inside_2(weights, inside, words):  # the words are not in front
    return weights[:, :len(inside)][:, inside].sum(1) / weights[:, :len(inside)].sum(1)


def share_inside_3(weights, inside, words):  # a mean
    return weights[:, words:][:, inside].mean(1)
