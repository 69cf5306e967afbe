"""Masks by word lie on the thing, in the world's own renders, whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from x2vkit.errors import X2VError
from x2vkit.studio.edit.masks import extent, mask_of, part_boxes, redressed
from x2vkit.studio.edit.source import Source, changed, grown, source_of
from x2vkit.world import SceneSpec, World

SPEC = SceneSpec("dog", "brown", "stand", "left", "grass", wearing=("hat", "red"))
SHAPE = (5, 128, 128)


def render(spec, seed=4):
    return World().render(spec, seed, *SHAPE, fps=12)


@pytest.fixture(scope="module")
def dog():
    """A dog with a hat, without it, and the clip to edit."""
    clip, bare = render(SPEC), render(replace(SPEC, wearing=None))
    changed_ = (np.abs(clip.frames.astype(int) - bare.frames).max(-1) > 40) & (clip.ids == 1)
    return clip, changed_, source_of(clip.frames)


def share(inside, mask) -> float:
    """How much of one mask lies in another."""
    return float((inside & mask).sum() / max(inside.sum(), 1))


def test_a_hat_is_found_in_its_box_and_little_else(dog):
    clip, hat, source = dog
    found = mask_of(source, "the hat")
    assert share(hat, found) > 0.95
    assert found.sum() < 3.5 * hat.sum()
    assert share(hat, mask_of(source, "head")) > 0.9


def test_a_subject_and_its_background_are_told_apart(dog):
    clip, _, source = dog
    subject, place = mask_of(source, "the puppy"), mask_of(source, "background")
    truth = clip.ids == 1
    assert share(truth, subject) > 0.97
    assert share(~truth, place) > 0.97
    assert share(place, truth) < 0.05
    assert np.array_equal(place, mask_of(source, "the meadow"))


def test_what_the_clip_does_not_show_is_refused(dog):
    for word in ("the scarf", "the cat", "in the city", "mouth", "qwertz"):
        with pytest.raises(X2VError, match="the clip shows the dog, the hat, and the background"):
            mask_of(dog[2], word)


def test_masks_of_another_size_of_nothing_and_of_everything_are_refused(dog):
    source, one = dog[2], np.zeros(SHAPE[1:], bool)
    for mask, rule in (
        (one, "of no pixel"),
        (~one, "of every pixel"),
        (one[:64], "mask of \\(64, 128\\)"),
        (one.astype(float), "mask of float64"),
        (np.zeros((9, 128, 128), bool), "the clip is 5 frames"),
    ):
        with pytest.raises(X2VError, match=rule):
            mask_of(source, mask)
    one[:9] = True
    assert mask_of(source, one).shape == SHAPE


def test_boxes_change_with_what_is_worn(dog):
    """From the box of a dog with a hat to that of the same dog without, and back."""
    clip, _, _ = dog
    bare_spec = replace(SPEC, wearing=None)
    worn, bare = clip.truth.boxes[:, 0], render(bare_spec).truth.boxes[:, 0]
    assert np.abs(redressed(worn, SPEC, bare_spec) - bare).max() < 0.04
    assert np.abs(redressed(bare, bare_spec, SPEC) - worn).max() < 0.04
    cat = replace(bare_spec, subject="cat")
    assert np.abs(redressed(bare, bare_spec, cat)[:, 3] - bare[:, 3]).max() < 0.02  # its feet stay


def test_a_face_has_its_mouth_where_it_talks():
    spec = SceneSpec("face", "yellow", "talk", "right", "snow")
    clip = render(spec)
    box = part_boxes(clip.truth.boxes[:, 0], spec, "mouth")
    red, green, blue = np.moveaxis(clip.frames[0].astype(int), -1, 0)
    y, x = (np.stack(np.nonzero((red > 70) & (green < 60) & (blue < 70))) + 0.5) / 128  # the mouth's dark red
    inside = (x > box[0, 0]) & (x < box[0, 2]) & (y > box[0, 1]) & (y < box[0, 3])
    assert len(x) > 20
    assert inside.mean() > 0.95
    assert extent(spec)[3] - extent(spec)[1] > 0.9


def test_words_change_a_scene_and_leave_the_rest():
    assert changed(SPEC, "a blue hat") == replace(SPEC, wearing=("hat", "blue"))
    assert changed(SPEC, "at night") == replace(SPEC, scene="night")
    assert changed(SPEC, "without a hat") == replace(SPEC, wearing=None)
    assert changed(SPEC, "a white kitten") == replace(SPEC, subject="cat", color="white")
    assert changed(SPEC, "") == SPEC


def test_a_trace_says_what_it_shows_in_its_own_words():
    source = Source(render(SPEC).frames, 12, "a purple dog wearing a red hat in space")
    assert (source.spec.color, source.spec.scene, source.spec.wearing) == ("purple", "space", ("hat", "red"))


def test_masks_grow_and_shrink():
    mask = np.zeros((1, 9, 9), bool)
    mask[0, 3:6, 3:6] = True
    assert grown(mask, 1).sum() == 25
    assert grown(mask, -1).sum() == 1
