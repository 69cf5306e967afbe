"""Lesson 2, compression: one way to write each function."""

import numpy as np


def psnr(one, other):
    """How alike two arrays of bytes 0..255 are, in decibels, as a float; `np.inf` where they are equal."""
    error = ((one.astype(float) - other.astype(float)) ** 2).mean()
    return 10 * np.log10(255**2 / error) if error else np.inf


def blocks_of(picture, side):
    """(H, W, 3) -> (H/side * W/side, side * side * 3): one row a block."""
    height, width, colors = picture.shape
    cut = picture.reshape(height // side, side, width // side, side, colors)
    return cut.transpose(0, 2, 1, 3, 4).reshape(-1, side * side * colors)


def principal_components(rows, count):
    """rows (n, d) -> (mean (d,), components (count, d)): unit directions, the one that varies most first."""
    mean = rows.mean(axis=0)
    covariance = (rows - mean).T @ (rows - mean) / len(rows)
    values, vectors = np.linalg.eigh(covariance)
    return mean, vectors[:, ::-1][:, :count].T


def rebuild(rows, mean, components):
    """rows (n, d) -> the same rows (n, d), as far as the components can say them."""
    code = (rows - mean) @ components.T
    return mean + code @ components


def fold_frames(frames):
    """(F, H, W, 3) with F = 1 + 4k -> (1 + k, 4, H, W, 3); group 0 is the first frame, standing still."""
    padded = np.concatenate([frames[:1]] * 3 + [frames])
    return padded.reshape(-1, 4, *frames.shape[1:])


def touched(encode, video, frame):
    """Which latent frames change when `frame` of a video (F, ...) of floats does, as a list of ints."""
    other = video.copy()
    other[frame] += 0.5
    before, after = encode(video), encode(other)
    return [i for i in range(len(before)) if not np.allclose(before[i], after[i])]
