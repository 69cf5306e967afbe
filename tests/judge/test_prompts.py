"""An evaluation asks with words that the model knows, for everything that it then judges."""

from __future__ import annotations

from x2vkit.judge.judge import ATTRIBUTES, MOVES
from x2vkit.judge.prompts import plain, scenes, scenes_where, target_of
from x2vkit.world import SceneSpec, is_held_out, vocabulary


def test_plain_says_everything():
    spec = SceneSpec("dog", "orange", "walk", "left", "snow", "zoom in", ("hat", "blue"), behind="tree")
    said = "an orange dog wearing a blue hat walking to the left behind a tree in the snow, camera zooms in"
    assert plain(spec) == said
    spec = SceneSpec("bird", "red", "jump", "right", "city", other=("ball", "blue"), relation="jumping over")
    assert plain(spec) == "a red bird jumping over a blue ball in the city"


def test_every_word_is_one_that_captions_use():
    known, _ = vocabulary()
    for spec in scenes(400, 1) + scenes(200, 1, held_out=True):
        words = plain(spec).replace(",", "").split()
        assert set(words) <= {*known, "a", "an"}, plain(spec)


def test_what_is_stated_can_be_read_and_is_said():
    words = {**ATTRIBUTES, **MOVES}
    for spec in scenes(300, 2):
        for name, word in target_of(spec).items():
            assert word in words[name]
        assert ("camera" in target_of(spec)) == ("camera" in plain(spec))
        assert target_of(spec)["subject"] in plain(spec)
    assert not {"action", "camera", "direction"} & target_of(scenes(1, 2)[0], moving=False).keys()


def test_scenes_repeat_and_keep_to_their_side():
    assert scenes(20, 3)[:5] == scenes(5, 3) != scenes(5, 4)
    assert all(is_held_out(spec) for spec in scenes(30, 3, held_out=True))
    found = scenes_where(20, 0, lambda s: s.action == "bounce" and not s.other, camera="static")
    assert {s.action for s in found} == {"bounce"} and {s.camera for s in found} == {"static"}
    assert not any(is_held_out(spec) for spec in found)
