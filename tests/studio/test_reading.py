"""People's prompts are read in the world's terms, and every word is accounted for."""

from __future__ import annotations

import pytest

from x2vkit.studio.phrases import KEPT, LEFT_OUT, SILENT, UNDERSTOOD
from x2vkit.studio.reading import read
from x2vkit.words import split_words
from x2vkit.world import World


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("a poodle strolls through Tokyo", "subject=dog action=walk scene=city"),
        ("an old berlin in Berlin", "scene=city subject=car"),
        ("a red-hot sedan", "color=red subject=car"),
        ("a knight on a white horse", "subject=face"),
        ("a white cat on a horse", "subject=cat color=white"),
        ("the ball is red and it spins", "subject=ball color=red action=spin"),
        ("a man in a blue helmet", "subject=face wearing=hat wearing_color=blue"),
        ("a dog and a cat", "subject=dog other=cat relation=next to"),
        ("a dog and a cat run", "subject=dog action=run"),
        ("a wolf chased a green bunny", "subject=dog relation=chasing other=rabbit other_color=green"),
        ("a blue cat", "subject=cat color=blue"),
        ("a happy dog", "subject=dog"),
        ("a smiling nurse", "subject=face mood=happy"),
        ("a kayak crossing a lake", "subject=boat action=swim scene=beach"),
        ("a shark in the lake", "subject=fish scene=underwater"),
        ("a van drives fast", "subject=car action=run"),
        ("a robot dog", "subject=dog"),
        ("a purple dinosaur", "subject=dog color=purple"),
        ("the car does not move", "subject=car action=stand"),
        ("dolly in on a flying dove", "camera=zoom in action=fly subject=bird"),
        ("a horse gallops left behind a rock", "subject=horse action=run direction=left behind=rock"),
        ("一只猫", ""),
        ("", ""),
    ],
)
def test_what_a_prompt_says(prompt, parts):
    assert sorted(f"{name}={word}" for name, word in read(prompt).parts.items()) == _parts(parts)


def _parts(text: str) -> list[str]:
    """The pairs of a line; "next to" is one word there."""
    pairs = text.replace("next to", "next_to").replace("zoom in", "zoom_in").split()
    return sorted(pair.replace("_to", " to").replace("zoom_in", "zoom in") for pair in pairs)


def test_negations_are_apart():
    said = read("a horse that isn't brown, without a hat, not in the city")
    assert said.never == {
        "color": frozenset({"brown"}), "wearing": frozenset({"hat"}), "scene": frozenset({"city"})
    }  # fmt: skip
    assert said.negative_prompt == "brown, hat, city" and said.parts == {"subject": "horse"}
    assert not read("a dog, not a dog").never["subject"]  # what is said holds


def test_every_word_has_a_line():
    prompt = "Two stylish poodles, dressed in red scarves, stroll beside the glittering Seine at 4k"
    said = read(prompt)
    told = [word for line in said.lines for word in line.said.split()]
    assert told == split_words(prompt)
    kinds = {word: line.kind for line in said.lines for word in line.said.split()}
    assert {word for word, kind in kinds.items() if kind == LEFT_OUT} >= {
        "two",
        "stylish",
        "glittering",
        "4k",
    }
    assert kinds["poodles"] == kinds["stroll"] == UNDERSTOOD and kinds["red"] == kinds["in"] == KEPT


def test_what_is_left_out_says_why():
    why = {line.said: line.why for line in read("two black dogs by a tree in a city in the snow").lines}
    assert "one of each" in why["two"] and "one place" in why["in the snow"] and why["black"] and why["tree"]
    assert all(
        line.said in SILENT or line.kind != LEFT_OUT or line.why for line in read("a zog in a blip").lines
    )


def test_the_worlds_captions_are_read_as_they_were_meant():
    for i in range(150):
        spec, words = World(5).spec(i)
        parts = read(words).parts
        true = {**spec.to_dict(), "wearing": spec.wearing and spec.wearing[0]}
        true |= {"wearing_color": spec.wearing and spec.wearing[1]}
        true |= dict(zip(("other", "other_color"), spec.other or ("", ""), strict=True))
        assert parts["subject"] == spec.subject, words
        assert {name: true[name] for name in parts} == parts, words
