"""Lesson 2: three typical wrong answers to each exercise."""

import numpy as np


def psnr_1(one, other):
    error = ((one - other) ** 2).mean()  # bytes wrap around
    return 10 * np.log10(255**2 / error) if error else np.inf


def psnr_2(one, other):
    error = np.abs(one.astype(float) - other).mean()  # not squared
    return 20 * np.log10(255 / error) if error else np.inf


def psnr_3(one, other):
    error = ((one.astype(float) - other) ** 2).mean()
    return 10 * np.log10(255**2 / (error + 1e-8))  # never infinite


def blocks_of_1(picture, side):
    return picture.reshape(-1, side * side * 3)  # no transpose


def blocks_of_2(picture, side):
    height, width, _ = picture.shape
    cut = picture.reshape(height // side, side, width // side, side, 3)
    return cut.transpose(2, 0, 1, 3, 4).reshape(-1, side * side * 3)  # column by column


def blocks_of_3(picture, side):
    height, width, _ = picture.shape
    cut = picture.reshape(height // side, side, width // side, side, 3)
    return cut.transpose(0, 2, 4, 1, 3).reshape(-1, side * side * 3)  # colours first


def principal_components_1(rows, count):
    mean = rows.mean(axis=0)
    values, vectors = np.linalg.eigh((rows - mean).T @ (rows - mean))
    return mean, vectors[:, :count].T  # the smallest


def principal_components_2(rows, count):
    values, vectors = np.linalg.eigh(rows.T @ rows)  # around zero, not around the mean
    return rows.mean(axis=0), vectors[:, ::-1][:, :count].T


def principal_components_3(rows, count):
    mean = rows.mean(axis=0)
    values, vectors = np.linalg.eigh((rows - mean).T @ (rows - mean))
    return mean, vectors[::-1][:count]  # rows in place of columns


def rebuild_1(rows, mean, components):
    return rows @ components.T @ components  # the mean forgotten


def rebuild_2(rows, mean, components):
    return (rows - mean) @ components.T  # the code itself


def rebuild_3(rows, mean, components):
    return (rows - mean) @ components.T @ components  # not put back to the mean


def fold_frames_1(frames):
    return frames[: len(frames) // 4 * 4].reshape(-1, 4, *frames.shape[1:])  # the end cut off


def fold_frames_2(frames):
    padded = np.concatenate([frames] + [frames[-1:]] * 3)  # padded behind
    return padded.reshape(-1, 4, *frames.shape[1:])


def fold_frames_3(frames):
    padded = np.concatenate([np.zeros_like(frames[:1])] * 3 + [frames])  # black in front
    return padded.reshape(-1, 4, *frames.shape[1:])


def touched_1(encode, video, frame):
    other = video.copy()
    other[frame] = 0  # which it may have been
    return [i for i, (a, b) in enumerate(zip(encode(video), encode(other), strict=True)) if not np.allclose(a, b)]


def touched_2(encode, video, frame):
    before = encode(video)
    video[frame] += 1  # the caller's own
    return [i for i in range(len(before)) if not np.allclose(before[i], encode(video)[i])]


def touched_3(encode, video, frame):
    other = video.copy()
    other[frame] += 1
    before, after = encode(video), encode(other)
    return [i for i in range(len(before)) if np.allclose(before[i], after[i])]  # those that do not
