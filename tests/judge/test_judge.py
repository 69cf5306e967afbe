"""The judge that ships: right on real renders, at chance where the words are shuffled, and blind to all but
pixels."""

from __future__ import annotations

import numpy as np
import pytest

from x2vkit.errors import X2VError
from x2vkit.judge import Judge, metrics
from x2vkit.judge.matching import predicted_of
from x2vkit.judge.prompts import scenes, target_of
from x2vkit.world import Actor, SceneSpec, World

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
    targets = [target_of(s) for s in specs]
    predictions = [predicted_of(s, r) for s, r in zip(specs, readings, strict=True)]
    found = metrics.agreement(targets, predictions)
    for name in ("subject", "color", "scene", "action", "camera"):
        assert found[name].right >= 0.9, (name, found[name])
        assert found[name].shuffled <= 0.35, (name, found[name])
    assert np.mean([metrics.share_right(*each) for each in zip(targets, predictions, strict=True)]) > 0.9


def test_boxes_lie_on_the_subjects(real):
    specs, clips, readings = real
    overlaps = []
    for spec, clip, reading in zip(specs, clips, readings, strict=True):
        if len(spec.cast) > 1:
            continue
        clear = clip.truth.visible[:, 0] > 0.9
        overlaps += metrics.iou(reading.boxes[clear, 0], clip.truth.boxes[clear, 0]).tolist()
    assert np.nanmedian(overlaps) > 0.8
    assert np.isnan(overlaps).mean() < 0.05


def test_a_recoloured_clip_is_caught(judge):
    spec = SceneSpec.of(subject="car", action="walk", scene="snow")
    red, blue = (World().render(spec.changed(color=color), seed=4).frames for color in ("red", "blue"))
    mixed = np.concatenate([red[:17], blue[17:]])
    same, changed = judge.read(red), judge.read(mixed)
    assert not metrics.changes(same.frames["color"][:, 0])
    assert metrics.changes(changed.frames["color"][:, 0])
    assert not metrics.changes(changed.frames["subject"][:, 0])


def test_any_size_and_length(judge):
    spec = SceneSpec.of(subject="car", color="red", action="walk", scene="snow")
    for shape in ((33, 96, 160), (33, 160, 96), (17, 160, 160), (65, 128, 128), (1, 128, 128)):
        reading = judge.read(World().render(spec, 1, *shape).frames)
        assert reading.values["subject"] == "car", shape
        assert reading.values["color"] == "red", shape
        assert reading.boxes.shape == (shape[0], 3, 4)
        assert ("action" in reading.values) == (shape[0] > 1)
        assert 0 <= min(reading.confidence.values()) <= max(reading.confidence.values()) <= 1


def test_each_of_a_pair_and_of_three_is_read(judge):
    dog, cat = Actor("dog", "blue", "stand"), Actor("cat", "red", "stand")
    spec = SceneSpec((dog, cat), relation="right of")
    reading = judge.read(World().render(spec, 2).frames)
    assert reading.values["count"] == "2"
    assert [(a["subject"], a["color"]) for a in reading.actors] == [("cat", "red"), ("dog", "blue")]
    assert reading.boxes[8, 0, 0] < reading.boxes[8, 1, 0]
    assert predicted_of(spec, reading)["relation"] == "right of"
    three = SceneSpec(
        tuple(Actor("ball", color, "bounce") for color in ("red", "green", "blue")), relation="and"
    )
    assert judge.read(World().render(three, 2).frames).values["count"] == "3"


def test_clips_are_read_together_as_alone(judge, real):
    _, clips, readings = real
    together = judge.read_all([clip.frames for clip in clips[:3]])
    assert [reading.values for reading in together] == [reading.values for reading in readings[:3]]
    assert judge.read_all([]) == []


def test_the_same_pixels_read_the_same(judge, real):
    _, clips, readings = real
    assert judge.read(clips[0].frames).values == readings[0].values
    assert Judge.load() is Judge.load()


def test_refuses_what_is_no_clip_and_no_judge(judge, tmp_path):
    with pytest.raises(X2VError, match="a clip is uint8"):
        judge.read(np.zeros((3, 8, 8, 3), np.float32))
    with pytest.raises(X2VError, match="frame/ and motion/"):
        Judge.load(tmp_path)
