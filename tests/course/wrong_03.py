"""Lesson 3: three typical wrong answers to each exercise."""

import numpy as np


def patchify_1(latents, patch):
    return latents.reshape(-1, latents.shape[0] * patch[0] * patch[1] * patch[2])  # no transpose


def patchify_2(latents, patch):
    C, f, h, w = latents.shape
    pt, ph, pw = patch
    cut = latents.reshape(C, f // pt, pt, h // ph, ph, w // pw, pw)
    return cut.transpose(1, 3, 5, 2, 4, 6, 0).reshape(-1, C * pt * ph * pw)  # channels last


def patchify_3(latents, patch):
    C, f, h, w = latents.shape
    pt, ph, pw = patch
    cut = latents.reshape(C, f // pt, pt, h // ph, ph, w // pw, pw)
    return cut.transpose(1, 5, 3, 0, 2, 4, 6).reshape(-1, C * pt * ph * pw)  # column by column


def unpatchify_1(tokens, patch, shape):
    return tokens.reshape(shape)  # no transpose


def unpatchify_2(tokens, patch, shape):
    C, f, h, w = shape
    pt, ph, pw = patch
    cut = tokens.reshape(f // pt, h // ph, w // pw, C, pt, ph, pw)
    return cut.transpose(3, 4, 0, 5, 1, 6, 2).reshape(shape)  # inner before outer


def unpatchify_3(tokens, patch, shape):
    C, f, h, w = shape
    pt, ph, pw = patch
    cut = tokens.reshape(f // pt, h // ph, w // pw, pt, ph, pw, C)  # channels last
    return cut.transpose(6, 0, 3, 1, 4, 2, 5).reshape(shape)


def place_of_1(index, grid):
    times, rows, columns = grid
    return index % times, index // times % rows, index // (times * rows)  # column-major


def place_of_2(index, grid):
    _, rows, columns = grid
    return index // (rows * columns), index // columns, index % columns  # the row goes on counting


def place_of_3(index, grid):
    _, rows, columns = grid
    return index // (rows * columns), index // rows % columns, index % rows  # rows and columns mixed


def count_tokens_1(frames, height, width, patch):
    return frames // 4 // patch[0] * (height // 8 // patch[1]) * (width // 8 // patch[2])  # the first frame lost


def count_tokens_2(frames, height, width, patch):
    return frames // patch[0] * (height // patch[1]) * (width // patch[2])  # pixels, not latents


def count_tokens_3(frames, height, width, patch):
    return (1 + (frames - 1) / 4) / patch[0] * (height / 8 / patch[1]) * (width / 8 / patch[2])  # a float


def shuffle_times_1(tokens, grid, order):
    return tokens[list(order)]  # single tokens


def shuffle_times_2(tokens, grid, order):
    moments = tokens.reshape(grid[0], -1, tokens.shape[1])
    return moments[np.argsort(order)].reshape(tokens.shape)  # the inverse


def shuffle_times_3(tokens, grid, order):
    moments = tokens.reshape(-1, grid[0], tokens.shape[1])  # time as the second axis
    return moments[:, order].reshape(tokens.shape)


def rotate_1(x, angles):
    a, b = np.split(x, 2, axis=1)
    cos, sin = np.cos(angles), np.sin(angles)
    return np.concatenate([a * cos + b * sin, b * cos - a * sin], axis=1)  # the other way


def rotate_2(x, angles):
    a, b = x[:, ::2], x[:, 1::2]  # neighbours as pairs
    cos, sin = np.cos(angles), np.sin(angles)
    return np.stack([a * cos - b * sin, b * cos + a * sin], axis=2).reshape(x.shape)


def rotate_3(x, angles):
    a, b = np.split(x, 2, axis=1)
    return np.concatenate([a * np.cos(angles), b * np.sin(angles)], axis=1)  # no turning
