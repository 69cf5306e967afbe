"""Lesson 12, Sora, and what comes: one way to write each function."""

import numpy as np


def fine_detail(frames):
    """frames (F, H, W, 3) uint8 -> mean energy of the finest detail, over the inner pixels of all frames."""
    grey = frames.astype(float).mean(3)
    inner = grey[:, 1:-1, 1:-1]
    around = (grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]) / 4
    return ((inner - around) ** 2).mean()


def changes(probabilities, sure):
    """probabilities (F, words) -> the number of sure frames that do not read the most common word."""
    words = probabilities[probabilities.max(1) >= sure].argmax(1)
    return len(words) - np.bincount(words).max() if len(words) else 0


def gravity(height, fps):
    """Heights (F,) of something in the air, up is positive -> gravity, in units a second a second."""
    t = np.arange(len(height)) / fps
    return -2 * np.polyfit(t, height, 2)[0]


def windows(frames, length, overlap):
    """-> a list of (start, stop), the first of them (0, length)."""
    found = [(0, length)]
    while found[-1][1] < frames:
        start = found[-1][1] - overlap
        found.append((start, start + length))
    return found


def seam(frames, at):
    """frames (F, H, W, 3) uint8, at: frames that begin groups -> their change over that of other groups."""
    change = np.abs(np.diff(frames.astype(float), axis=0)).mean((1, 2, 3))  # [i - 1] is the way to frame i
    others = [i for i in range(1, len(frames), 4) if i not in at]
    return change[np.array(at) - 1].mean() / max(change[np.array(others) - 1].mean(), 0.05)


def correlation(a, b):
    """Tracks (F,) -> -1 to 1; 0 where one of them stands still."""
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a**2).sum() * (b**2).sum())
    return (a * b).sum() / size if size > 1e-9 else 0.0


def sequence_length(F, H, W, temporal, spatial, patch):
    """Frames and pixels, strides of the autoencoder, patch (frames, rows, columns) -> video tokens."""
    f, h, w = 1 + (F - 1) // temporal, H // spatial, W // spatial
    return (f // patch[0]) * (h // patch[1]) * (w // patch[2])
