"""Whom of a clip is meant by whom of a prompt."""

from __future__ import annotations

import numpy as np

from x2vkit.judge.judge import Reading
from x2vkit.judge.matching import matched, predicted_of
from x2vkit.world import Actor, SceneSpec

DOG, CAT = Actor("dog", "blue", "stand"), Actor("cat", "red", "jump")


def reading(*actors: dict[str, str], **values: str) -> Reading:
    """A reading of actors that stand beside each other, from left to right."""
    boxes = np.full((5, 3, 4), np.nan, np.float32)
    for k in range(len(actors)):
        boxes[:, k] = [0.1 + 0.3 * k, 0.4, 0.3 + 0.3 * k, 0.8]
    clip = {"scene": "grass", "count": str(len(actors)), **values, **(actors[0] if actors else {})}
    empty = np.zeros((5, 3), np.float32)
    return Reading(clip, {}, actors, boxes, empty, empty, {}, np.zeros(2, np.float32))


BLUE_DOG = {"subject": "dog", "color": "blue", "action": "stand", "direction": "right"}
RED_CAT = {"subject": "cat", "color": "red", "action": "jump", "direction": "right"}


def test_a_pair_is_found_whichever_stands_first():
    spec = SceneSpec((DOG, CAT), relation="and")
    for actors, order in (((BLUE_DOG, RED_CAT), (0, 1)), ((RED_CAT, BLUE_DOG), (1, 0))):
        found = reading(*actors)
        assert matched(spec, found) == order
        predicted = predicted_of(spec, found)
        assert (predicted["subject"], predicted["color"]) == ("dog", "blue")
        assert (predicted["second subject"], predicted["second action"]) == ("cat", "jump")
        assert predicted["relation"] == "and"


def test_mixed_up_colors_are_no_binding():
    mixed = reading({**BLUE_DOG, "color": "red"}, {**RED_CAT, "color": "blue"})
    predicted = predicted_of(SceneSpec((DOG, CAT), relation="and"), mixed)
    assert (predicted["subject"], predicted["color"], predicted["second color"]) == ("dog", "red", "blue")


def test_who_is_missing_is_none():
    predicted = predicted_of(SceneSpec((DOG, CAT), relation="and"), reading(RED_CAT))
    assert (predicted["subject"], predicted["second subject"]) == ("none", "cat")
    assert (predicted["count"], predicted["relation"]) == ("1", "none")
    assert predicted_of(SceneSpec((DOG,)), reading())["subject"] == "none"


def test_sides_are_told_by_the_boxes():
    found = reading(RED_CAT, BLUE_DOG)
    assert predicted_of(SceneSpec((DOG, CAT), relation="right of"), found)["relation"] == "right of"
    assert predicted_of(SceneSpec((DOG, CAT), relation="left of"), found)["relation"] == "right of"
    assert predicted_of(SceneSpec((DOG, CAT), relation="next to"), found)["relation"] == "next to"


def test_who_chases_goes_behind():
    cat = Actor("cat", "red", "run")
    spec, back = SceneSpec((DOG, cat), relation="chasing"), SceneSpec((cat, DOG), relation="chasing")
    found = reading(BLUE_DOG, RED_CAT, relation="chasing")  # they go to the right
    assert predicted_of(spec, found)["relation"] == "chasing"
    assert predicted_of(back, found)["relation"] == "none"
    assert predicted_of(spec, reading(BLUE_DOG, RED_CAT, relation="beside"))["relation"] == "none"
