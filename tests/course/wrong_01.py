"""Lesson 1: three typical wrong answers to each exercise."""

import numpy as np


def count_numbers_1(seconds, fps, height, width, colors=3):
    return round(seconds * fps) * height * width  # colours forgotten


def count_numbers_2(seconds, fps, height, width, colors=3):
    return seconds * fps * height * width * colors  # not a whole number of frames


def count_numbers_3(seconds, fps, height, width, colors=3):
    return fps * height * width * colors  # one second of it


def to_signed_1(frames):
    return frames / 255  # 0..1


def to_signed_2(frames):
    return (frames - 128) / 128  # bytes wrap around


def to_signed_3(frames):
    return frames / 128 - 1  # 255 does not reach 1


def to_bytes_1(video):
    return ((video + 1) * 127.5).astype(np.uint8)  # neither rounded nor clipped


def to_bytes_2(video):
    return ((video.clip(-1, 1) + 1) * 127.5).astype(np.uint8)  # cut off, not rounded


def to_bytes_3(video):
    return np.rint((video.clip(-1, 1) + 1) * 127.5)  # floats


def resample_1(frames, fps, new_fps):
    return frames[:: fps // new_fps]  # cannot go faster


def resample_2(frames, fps, new_fps):
    count = round(len(frames) / fps * new_fps)
    return frames[np.linspace(0, len(frames) - 1, count).round().astype(int)]  # stretched to the last frame


def resample_3(frames, fps, new_fps):
    count = round(len(frames) / fps * new_fps)
    times = np.arange(count) / new_fps * fps
    return frames[
        times.round().astype(int).clip(max=len(frames) - 1)
    ]  # the nearest frame, which may be ahead


def box_of_1(ids, which=1):
    rows, columns = np.nonzero(ids == which)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])  # pixels


def box_of_2(ids, which=1):
    columns, rows = np.nonzero(ids == which)  # rows and columns swapped
    height, width = ids.shape
    return np.array(
        [columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height]
    )


def box_of_3(ids, which=1):
    rows, columns = np.nonzero(ids == which)
    height, width = ids.shape
    return np.array([columns.min() / width, rows.min() / height, columns.max() / width, rows.max() / height])


def acceleration_1(y, fps):
    return np.diff(y) * fps  # the speed


def acceleration_2(y, fps):
    return np.diff(np.diff(y)) * fps  # times fps once alone


def acceleration_3(y, fps):
    return np.diff(np.diff(y[::-1] * fps)) * -fps  # the sign turned
