"""Lesson 12: three typical wrong answers to each exercise."""

import numpy as np


def fine_detail_1(frames):  # the variance
    return frames.astype(float).var()


def fine_detail_2(frames):  # steps to the right alone
    return (np.diff(frames.astype(float).mean(3), axis=2) ** 2).mean()


def fine_detail_3(frames):
    grey = frames.mean(3).astype(np.uint8)  # bytes wrap around
    inner = grey[:, 1:-1, 1:-1]
    around = (grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]) // 4
    return ((inner - around).astype(float) ** 2).mean()


def changes_1(probabilities, sure):  # unsure frames count
    w = probabilities.argmax(1)
    return len(w) - np.bincount(w).max()


def changes_2(probabilities, sure):  # how often it switches
    w = probabilities[probabilities.max(1) >= sure].argmax(1)
    return int((np.diff(w) != 0).sum())


def changes_3(probabilities, sure):  # fails where no frame is sure
    w = probabilities[probabilities.max(1) >= sure].argmax(1)
    return len(w) - np.bincount(w).max()


def gravity_1(height, fps):  # the half forgotten
    return -np.polyfit(np.arange(len(height)) / fps, height, 2)[0]


def gravity_2(height, fps):  # time in frames
    return -2 * np.polyfit(np.arange(len(height)), height, 2)[0]


def gravity_3(height, fps):  # of single frames
    return -np.median(np.diff(height, n=2)) * fps * fps


def windows_1(frames, length, overlap):  # no overlap
    return [(i, i + length) for i in range(0, frames, length)]


def windows_2(frames, length, overlap):  # one clip too many
    return [(i, i + length) for i in range(0, frames, length - overlap)]


def windows_3(frames, length, overlap):  # the last clip cut
    k = [(0, length)]
    while k[-1][1] < frames:
        k.append((k[-1][1] - overlap, min(frames, k[-1][1] - overlap + length)))
    return k


def seam_1(frames, at):  # all other frames, alike or not
    change = np.abs(np.diff(frames.astype(float), axis=0)).mean((1, 2, 3))
    others = [i for i in range(1, len(frames)) if i not in at]
    return change[np.array(at) - 1].mean() / max(change[np.array(others) - 1].mean(), 0.05)


def seam_2(frames, at):  # bytes wrap around
    change = np.abs(np.diff(frames, axis=0)).mean((1, 2, 3))
    others = [i for i in range(1, len(frames), 4) if i not in at]
    return change[np.array(at) - 1].mean() / max(change[np.array(others) - 1].mean(), 0.05)


def seam_3(frames, at):  # the way from a frame, not to it
    change = np.abs(np.diff(frames.astype(float), axis=0)).mean((1, 2, 3))
    others = [i for i in range(1, len(frames), 4) if i not in at]
    return change[np.array(at)].mean() / max(change[np.array(others) - 1].mean(), 0.05)


def correlation_1(a, b):  # not centred
    return (a * b).sum() / np.sqrt((a ** 2).sum() * (b ** 2).sum())


def correlation_2(a, b):  # nan where a track stands still
    return np.corrcoef(a, b)[0, 1]


def correlation_3(a, b):  # not divided
    return ((a - a.mean()) * (b - b.mean())).mean()


def sequence_length_1(F, H, W, temporal, spatial, patch):  # the first frame is not alone
    return F // temporal * (H // spatial // patch[1]) * (W // spatial // patch[2])


def sequence_length_2(F, H, W, temporal, spatial, patch):  # patch forgotten
    return (1 + (F - 1) // temporal) * (H // spatial) * (W // spatial)


def sequence_length_3(F, H, W, temporal, spatial, patch):  # pixels, not latents
    return (1 + (F - 1) // temporal) * (H // patch[1]) * (W // patch[2])
