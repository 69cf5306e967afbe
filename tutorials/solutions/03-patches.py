"""Lesson 3, spacetime patches: one way to write each function."""

import numpy as np


def patchify(latents, patch):
    """(C, f, h, w) -> tokens (N, C * pt * ph * pw), for a patch of (pt, ph, pw)."""
    C, f, h, w = latents.shape
    pt, ph, pw = patch
    cut = latents.reshape(C, f // pt, pt, h // ph, ph, w // pw, pw)
    return cut.transpose(1, 3, 5, 0, 2, 4, 6).reshape(-1, C * pt * ph * pw)


def unpatchify(tokens, patch, shape):
    """The way back: tokens (N, P) -> (C, f, h, w), where shape is (C, f, h, w)."""
    C, f, h, w = shape
    pt, ph, pw = patch
    cut = tokens.reshape(f // pt, h // ph, w // pw, C, pt, ph, pw)
    return cut.transpose(3, 0, 4, 1, 5, 2, 6).reshape(shape)


def place_of(index, grid):
    """Token number -> (time, row, column) in a grid of (times, rows, columns)."""
    _, rows, columns = grid
    return index // (rows * columns), index // columns % rows, index % columns


def count_tokens(frames, height, width, patch):
    """Tokens N of a clip of (frames, height, width) pixels in patches of (pt, ph, pw) latent positions."""
    f, h, w = 1 + (frames - 1) // 4, height // 8, width // 8
    return f // patch[0] * (h // patch[1]) * (w // patch[2])


def shuffle_times(tokens, grid, order):
    """tokens (N, P) of a grid (times, rows, columns) -> the same with moment order[i] at moment i."""
    moments = tokens.reshape(grid[0], -1, tokens.shape[1])
    return moments[order].reshape(tokens.shape)


def rotate(x, angles):
    """x (N, D) with each pair (i, i + D/2) turned by angles (N, D/2), in radians."""
    a, b = np.split(x, 2, axis=1)
    cos, sin = np.cos(angles), np.sin(angles)
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=1)
