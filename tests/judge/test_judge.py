"""The judge that ships: right on real renders, at chance where the words are shuffled, and blind to all but
pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from x2vkit.errors import X2VError
from x2vkit.judge import Judge, metrics
from x2vkit.judge.prompts import scenes, target_of
from x2vkit.world import SceneSpec, World

COUNT = 32


@pytest.fixture(scope="module")
def judge():
    return Judge.load()


@pytest.fixture(scope="module")
def real(judge):
    """Scenes, half of them held-out combinations, and what the judge reads from real renders of them."""
    specs = scenes(COUNT // 2, 77) + scenes(COUNT // 2, 77, held_out=True)
    clips = [World(5).render(spec, 900_000 + i) for i, spec in enumerate(specs)]
    return specs, clips, [judge.read(clip.frames) for clip in clips]


def test_reads_real_renders_and_shuffled_words_are_chance(real):
    specs, _, readings = real
    found = metrics.agreement([target_of(s) for s in specs], [r.values for r in readings])
    for name in ("subject", "color", "scene", "wearing", "action", "camera"):
        assert found[name].right >= 0.9, (name, found[name])
        most = 0.8 if name == "wearing" else 0.35  # of two things to wear, most wear the hat
        assert found[name].shuffled <= most, (name, found[name])
    assert (
        np.mean([metrics.share_right(target_of(s), r.values) for s, r in zip(specs, readings, strict=True)])
        > 0.9
    )


def test_boxes_lie_on_the_subjects(real):
    specs, clips, readings = real
    overlaps = []
    for clip, reading in zip(clips, readings, strict=True):
        clear = clip.truth.visible[:, 0] > 0.9
        overlaps += metrics.iou(reading.boxes[clear, 0], clip.truth.boxes[clear, 0]).tolist()
    assert np.nanmedian(overlaps) > 0.8
    assert np.isnan(overlaps).mean() < 0.05


def test_a_recoloured_clip_is_caught(judge):
    spec = SceneSpec("car", "red", "walk", "right", "snow")
    red, blue = (World().render(replace(spec, color=color), seed=4).frames for color in ("red", "blue"))
    mixed = np.concatenate([red[:9], blue[9:]])
    same, changed = judge.read(red), judge.read(mixed)
    assert not metrics.changes(same.frames["color"])
    assert metrics.changes(changed.frames["color"])
    assert not metrics.changes(changed.frames["subject"])


def test_any_size_and_length(judge):
    spec = SceneSpec("car", "red", "walk", "right", "snow")
    for shape in ((17, 96, 160), (17, 160, 96), (17, 160, 160), (33, 128, 128), (1, 128, 128)):
        reading = judge.read(World().render(spec, 1, *shape).frames)
        assert reading.values["subject"] == "car", shape
        assert reading.values["color"] == "red", shape
        assert reading.boxes.shape == (shape[0], 2, 4)
        assert ("action" in reading.values) == (shape[0] > 1)
        assert 0 <= min(reading.confidence.values()) <= max(reading.confidence.values()) <= 1


def test_two_subjects_have_two_boxes(judge):
    spec = SceneSpec("cat", "red", "stand", "right", "grass", other=("ball", "blue"), relation="next to")
    reading = judge.read(World().render(spec, 2).frames)
    assert (reading.values["other"], reading.values["other_color"]) == ("ball", "blue")
    assert reading.boxes[8, 0, 0] < reading.boxes[8, 1, 0]


def test_the_same_pixels_read_the_same(judge, real):
    _, clips, readings = real
    assert judge.read(clips[0].frames).values == readings[0].values
    assert Judge.load() is Judge.load()


def test_refuses_what_is_no_clip_and_no_judge(judge, tmp_path):
    with pytest.raises(X2VError, match="a clip is uint8"):
        judge.read(np.zeros((3, 8, 8, 3), np.float32))
    with pytest.raises(X2VError, match="frame/ and motion/"):
        Judge.load(tmp_path)
