"""Answers that a reader gave from the text alone: other right ways pass, and near misses do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from x2vkit.course import check


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    """Nothing is written beside the tests."""
    monkeypatch.chdir(tmp_path)


def euler_by_differences(velocity, x, levels):
    for t, change in zip(levels[:-1], levels[1:] - levels[:-1], strict=True):
        x = x + change * velocity(x, t)
    return x


def components_in_a_list(rows, count):
    return [rows.mean(0), np.linalg.svd(rows - rows.mean(0))[2][:count]]


def touched_by_doubling(encode, video, frame):
    other = video.copy()
    other[frame] = 2 * other[frame] + 1
    return np.flatnonzero([(a != b).any() for a, b in zip(encode(video), encode(other), strict=True)])


def ignored_in_numpy(model):
    latents, words = torch.randn(4, 2, 4, 4), torch.randn(3, 8)
    last = latents.clone()
    last[:, -1] = 0
    before = model(latents, 0.5, words)
    same = {
        "words": np.allclose(before, model(latents, 0.5, words + 1)),
        "level": np.allclose(before, model(latents, 0.9, words)),
        "neighbours": np.allclose(before[:, 0], model(last, 0.5, words)[:, 0]),
    }
    return {name for name, each in same.items() if each}


RIGHT = {
    "05.euler": euler_by_differences,
    "10.euler": euler_by_differences,
    "02.principal_components": components_in_a_list,
    "02.touched": touched_by_doubling,
    "07.ignored": ignored_in_numpy,
}


@pytest.mark.parametrize("exercise", RIGHT)
def test_another_right_way_passes(exercise):
    report = check(exercise, RIGHT[exercise])
    assert report.passed, str(report)


def loss_as_a_float(predict, clip, noise, level):
    return ((predict((1 - level) * clip + level * noise, level) - (noise - clip)) ** 2).mean().item()


def modulate_without_care(x, shift, scale):
    centred = x - x.mean(1, keepdim=True)
    return centred / (centred**2).mean(1, keepdim=True).sqrt() * scale + shift


def pad_with_floats(rows, filler=1):
    longest = max(map(len, rows))
    ids = np.array([[*row, *[float(filler)] * (longest - len(row))] for row in rows])
    return ids, np.array([[i < len(row) for i in range(longest)] for row in rows])


def frontier_of_cheaper_ones(flops, loss):
    return np.array([not ((flops < f) & (loss <= y)).any() for f, y in zip(flops, loss, strict=True)])


def iou_of_negative_sides(a, b):
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = 0 if wide < 0 and high < 0 else wide * high
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def changes_above(probabilities, sure):
    words = probabilities[probabilities.max(1) > sure].argmax(1)
    return len(words) - np.bincount(words).max() if len(words) else 0


WRONG = {
    "07.loss": (loss_as_a_float, "one can learn from it"),
    "07.modulate": (modulate_without_care, "a row of equal numbers"),
    "06.pad": (pad_with_floats, "ids are whole numbers"),
    "09.frontier": (frontier_of_cheaper_ones, "at the same cost"),
    "11.iou": (iou_of_negative_sides, "beside each other"),
    "12.changes": (changes_above, "exactly `sure`"),
}


@pytest.mark.parametrize("exercise", WRONG)
def test_a_near_miss_is_refused_for_what_it_misses(exercise):
    fn, missed = WRONG[exercise]
    report = check(exercise, fn)
    assert report.failed and missed in report.failed.name, str(report)


def test_a_blank_that_is_called_is_named():
    def modulate(x, shift, scale):
        raise NotImplementedError

    def block(x, table, attend, think):
        return x + attend(modulate(x, table[0], table[1]))

    report = check("07.block", block)
    assert not report.blank and "it calls `modulate`, which is not written yet" in str(report)
