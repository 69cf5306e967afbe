"""What clips teach the judge: actors as the picture tells them, and nothing asked that cannot be seen."""

from __future__ import annotations

import numpy as np
import pytest

from x2vkit.judge.frame import ACTOR_ATTRIBUTES, KINDS, SCENE_ATTRIBUTES
from x2vkit.judge.motion import ACTOR_MOVES, CLIP_MOVES
from x2vkit.training.judge.labels import (
    IGNORED,
    UNCLEAR,
    chosen_clips,
    is_chosen,
    kind_map,
    labelled,
    looks_of,
    moves_of,
    numbering,
    relation_of,
)
from x2vkit.world import Actor, SceneSpec, World

DOG, CAT = Actor("dog", "blue", "stand"), Actor("cat", "red", "stand")


def told(row: dict, n: int = 0) -> dict[str, str]:
    """The words of the first actor of frame `n`."""
    labels = {name: int(row[name][n, 0]) for name in ACTOR_ATTRIBUTES}
    return {name: ACTOR_ATTRIBUTES[name][label] for name, label in labels.items() if label != IGNORED}


def test_actors_are_numbered_from_left_to_right():
    for relation, first in (("left of", "dog"), ("right of", "cat")):
        clip = World().render(SceneSpec((DOG, CAT), relation=relation), 3, 3)
        row = labelled([clip], (1,))
        assert told(row)["subject"] == first
        assert row["there"].tolist() == [[True, True, False]]
        columns = [np.nonzero((row["kinds"][0] == kind).numpy())[1].mean() for kind in (1, 2)]
        assert columns[0] < columns[1]
        assert row["mirrored"][0].tolist() == [0, 2, 1, 3, 4, UNCLEAR]


def test_who_jumps_over_another_comes_first():
    spec = SceneSpec((Actor("dog", action="jump", direction="left"), Actor("ball")), relation="jumping over")
    clip = World().render(spec, 1, 33)
    row = labelled([clip], (16,))
    assert numbering(spec, kind_map(clip.ids[16])) == ([0, 1], True)
    assert row["mirrored"][0].tolist() == list(range(KINDS + 1))


def test_a_person_and_a_face_tell_what_they_wear_and_feel():
    woman = SceneSpec.of(
        subject="woman",
        color="red",
        garment="coat",
        wearing=("sunglasses", ""),
        scene="neon",
        time="night",
        weather="rain",
    )
    row = labelled([World().render(woman, 1, 1)], (0,))
    words = told(row)
    assert (words["garment"], words["color"], words["wearing"]) == ("coat", "red", "sunglasses")
    assert "wearing_color" not in words and "mood" not in words
    scene = {name: SCENE_ATTRIBUTES[name][int(row[name][0])] for name in SCENE_ATTRIBUTES}
    assert scene == {"scene": "neon", "time": "night", "weather": "rain", "shot": "none", "behind": "none"}
    face = SceneSpec.of(subject="face", action="talk", mood="sad")
    row = labelled([World().render(face, 1, 2)], (1,))
    assert told(row)["mood"] == "sad" and 0 <= float(row["mouth"][0, 0]) <= 1
    assert told(row)["garment"] == "none"


def test_nothing_is_asked_of_what_is_out_of_sight():
    spec = SceneSpec.of(subject="dog", action="walk", wearing=("hat", "blue"))
    clip = World().render(spec, 1, 1)
    hidden = np.full_like(clip.truth.visible, 0.1)
    from dataclasses import replace

    row = labelled([replace(clip, truth=replace(clip.truth, visible=hidden))], (0,))
    assert told(row) == {}
    assert int(row["scene"][0]) != IGNORED


def test_two_that_stand_beside_each_other_look_at_each_other():
    spec = SceneSpec((DOG, CAT), relation="right of")
    assert [looks_of(spec, i)["facing"] for i in (0, 1)] == ["left", "right"]
    assert looks_of(SceneSpec.of(subject="ball"), 0)["facing"] == ""


def test_a_direction_belongs_to_what_goes_somewhere():
    assert moves_of(SceneSpec.of(action="stand"))["direction"][0] == IGNORED
    assert moves_of(SceneSpec.of(action="walk", direction="left"))["direction"][0] == 0
    pair = SceneSpec((Actor("dog", action="run"), Actor("cat", action="run")), relation="chasing")
    labels = moves_of(pair)
    assert labels["direction"].tolist() == [1, 1, IGNORED] and labels["pace"].tolist() == [IGNORED] * 3
    assert CLIP_MOVES["relation"][labels["relation"]] == "chasing"


def test_two_actions_after_each_other_have_a_begin_and_an_end():
    labels = moves_of(SceneSpec.of(action="walk", then="jump"))
    words = ACTOR_MOVES["action"]
    assert labels["action"][0] == IGNORED
    assert (words[labels["begins"][0]], words[labels["ends"][0]]) == ("walk", "jump")


def test_two_that_go_the_same_way_may_be_chasing():
    dog, cat = (Actor(s, action="run", direction="left") for s in ("dog", "cat"))
    assert relation_of(SceneSpec((dog, cat), relation="and")) == ""
    assert relation_of(SceneSpec((dog, CAT), relation="and")) == "beside"
    assert relation_of(SceneSpec((dog,))) == "none"


def test_company_and_people_are_chosen_more_often():
    assert is_chosen(SceneSpec((DOG, CAT), relation="and"), 2)
    assert not is_chosen(SceneSpec.of(subject="dog"), 2) and is_chosen(SceneSpec.of(subject="dog"), 0)
    assert 0 < len(chosen_clips(World(1), 0, 4, 1, (64, 64), 24)) <= 4


@pytest.mark.parametrize("index", range(6))
def test_labels_fit_their_tables(index):
    clip = World(2).sample(index, 2, 64, 64)
    row = labelled([clip], (0, 1))
    for name, words in ACTOR_ATTRIBUTES.items():
        assert row[name].shape == (2, 3) and int(row[name].max()) < len(words)
    assert int(row["kinds"].max()) <= UNCLEAR
