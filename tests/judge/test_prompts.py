"""An evaluation asks with words that the model knows, for everything that it then judges."""

from __future__ import annotations

from x2vkit.judge.judge import WORDS
from x2vkit.judge.prompts import plain, scenes, scenes_where, target_of
from x2vkit.world import Actor, SceneSpec, is_held_out, vocabulary
from x2vkit.world.grammar import RELATIONS

DOG, CAT = Actor("dog", "blue", "run", "left"), Actor("cat", "red", "jump", wearing=("hat", "green"))


def test_plain_says_everything():
    spec = SceneSpec.of(
        subject="dog", color="orange", action="walk", direction="left", scene="snow", camera="zoom in",
        wearing=("hat", "blue"), behind="tree", time="sunset", weather="rain", shot="wide", pace="slow",
    )  # fmt: skip
    said = (
        "a wide shot of an orange dog wearing a blue hat walking slowly to the left behind a tree in the "
        "snow in the rain at sunset, camera zooms in"
    )
    assert plain(spec) == said
    pair = SceneSpec((DOG, CAT), relation="and")
    said = "a blue dog running to the left and a red cat wearing a green hat jumping on the grass"
    assert plain(pair) == said
    pair = SceneSpec((Actor("bird", "red", "jump"), Actor("ball", "blue")), "city", relation="jumping over")
    assert plain(pair) == "a red bird jumping over a blue ball in the city"
    woman = SceneSpec.of(
        subject="woman",
        color="red",
        garment="coat",
        action="walk",
        wearing=("sunglasses", ""),
        scene="neon",
        time="night",
    )
    assert plain(woman) == "a woman in a red coat and sunglasses walking to the right on a neon street"
    assert plain(SceneSpec.of(action="walk", then="jump")) == (
        "a brown dog walking to the right, then jumping on the grass"
    )


def test_numbers_are_said_as_captions_say_them():
    balls = [Actor("ball", color, "bounce") for color in ("red", "green")]
    assert plain(SceneSpec(tuple(balls), relation="and")) == (
        "two balls, a red one and a green one bouncing on the grass"
    )
    men = (Actor("man", "blue", "stand", garment="coat"),) * 3
    assert plain(SceneSpec(men, relation="and")) == "three men in blue coats standing still on the grass"


def test_each_of_a_pair_is_stated_by_its_rank():
    target = target_of(SceneSpec((DOG, CAT), relation="and"))
    assert (target["color"], target["second color"], target["second wearing"]) == ("blue", "red", "hat")
    assert (target["direction"], target["second action"], target["count"]) == ("left", "jump", "2")
    assert "second direction" not in target


def test_every_word_is_one_that_captions_use():
    words, synonyms = vocabulary()
    known = [*words, *synonyms]
    for spec in scenes(400, 1) + scenes(200, 1, held_out=True):
        said = plain(spec).replace(",", "").split()
        assert set(said) <= {*known, "a", "an"}, plain(spec)


def test_what_is_stated_can_be_read_and_is_said():
    words = {**WORDS, "count": ("1", "2", "3"), "relation": RELATIONS}
    for spec in scenes(300, 2):
        for name, word in target_of(spec).items():
            assert word in words[name.removeprefix("second ").removeprefix("third ")]
        assert ("camera" in target_of(spec)) == ("camera" in plain(spec))
        assert spec.counted or target_of(spec)["subject"] in plain(spec)
    assert not {"action", "camera", "direction"} & target_of(scenes(1, 2)[0], moving=False).keys()


def test_scenes_repeat_and_keep_to_their_side():
    assert scenes(20, 3)[:5] == scenes(5, 3) != scenes(5, 4)
    assert all(is_held_out(spec) for spec in scenes(30, 3, held_out=True))
    found = scenes_where(20, 0, lambda s: s.action == "bounce" and not s.other, camera="static")
    assert {s.action for s in found} == {"bounce"} and {s.camera for s in found} == {"static"}
    assert not any(is_held_out(spec) for spec in found)
