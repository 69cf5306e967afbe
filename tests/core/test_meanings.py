"""Unknown words get suggestions by meaning, and stay unknown."""

from __future__ import annotations

import pytest

from x2vkit.core import meanings
from x2vkit.core.meanings.derive import WordNet
from x2vkit.core.text import TextEncoder
from x2vkit.world import vocabulary

SUGGESTED = {
    "sunset": "night beach", "dawn": "night", "evening": "night", "island": "beach",
    "lake": "beach underwater", "river": "beach underwater", "sea": "beach underwater seaside",
    "ocean": "beach underwater seaside", "harbor": "beach seaside", "mountain": "snow", "frost": "snow",
    "farm": "grass", "flowers": "grass", "jungle": "grass park", "house": "city", "kitchen": "city",
    "traffic": "street", "rain": "street", "canyon": "desert", "mars": "space desert", "rocket": "space",
    "wolf": "dog", "tiger": "cat", "squirrel": "rabbit", "eagles": "bird", "whale": "fish",
    "zebra": "horse", "bus": "car", "canoe": "boat", "balloon": "ball", "suitcase": "box", "girl": "face",
    "pink": "purple red", "dancing": "jumping spinning", "glasses": "hat", "rabit": "rabbit rabbits",
    "xylophone": "", "sunday": "", "democracy": "", "two": "",
}  # fmt: skip


@pytest.fixture(scope="module")
def text() -> TextEncoder:
    return TextEncoder(*vocabulary(), width=8, depth=0)


@pytest.mark.parametrize(("word", "near"), SUGGESTED.items())
def test_suggestions_go_by_meaning(text, word, near):
    assert text.tokenize(word).unknown == (word,)
    assert text.near(word) == near.split()


def test_a_suggestion_is_a_word_that_the_world_knows(text):
    rows = [row for file in ("by_hand.txt", "wordnet.txt") for row in meanings._rows(file)]
    rows = [(row, words) for row, words in rows if not row.startswith("irregular ")]
    assert sum(len(words) for _, words in rows) > 5000
    for row, _ in rows:
        target = row.removeprefix("near ").removeprefix("name ")
        assert not text.tokenize(target).unknown, row


@pytest.mark.parametrize(
    ("word", "read"),
    [
        ("poodles", "dog"), ("kitty", "cat"), ("swam", "swimming"), ("strolls", "walking"), ("sedan", "car"),
        ("geese", "bird"), ("bass", "fish"), ("skydiver", "face"), ("tiger", "cat"), ("scampered", "running"),
        *((absurd, "") for absurd in ("have", "more", "coffin", "safe", "gig", "mount", "nice", "hippo")),
    ],
)  # fmt: skip
def test_words_mean_what_people_mean(word, read):
    assert (meanings.targets(word) or ("",))[0] == read


def test_names_of_places_are_apart():
    assert meanings.place("tokyo") == ("city",) and meanings.place("gobi") == ("desert",)
    assert not meanings.place("nice") and not meanings.targets("hippo") and meanings.place("hippo")


def test_wordnet_is_read_as_it_is_written(tmp_path):
    data = """  1 a licence
00000001 05 n 01 animal 0 000 | a living thing
00000002 05 n 02 dog 0 domestic_dog 0 001 @ 00000001 n 0000 | barks
00000003 05 n 01 poodle 0 001 @ 00000002 n 0000 | curls
00000004 15 n 01 Poodle 1 001 @i 00000001 n 0000 | a town
"""
    index = "  1 a licence\ndog n 1 1 @ 1 1 00000002  \npoodle n 2 1 @ 2 0 00000003 00000004  \n"
    (tmp_path / "data.noun").write_text(data)
    (tmp_path / "index.noun").write_text(index)
    net = WordNet(tmp_path, "noun")
    assert net.senses == {"dog": [2], "poodle": [3, 4]} and net.words[2] == ["dog", "domestic_dog"]
    assert net.under(3) == {1, 2, 3} and net.named("dog.1 poodle.2") == {2, 4}
    assert net.under(4) == {4} and net.instance_of[4] == [1]  # a name is not a kind of anything


@pytest.mark.parametrize(
    ("prompt", "words", "unknown"),
    [
        ("a fish under the sea", "a fish under the sea", ""),
        ("a boat on the sea", "a boat on the", "sea"),
        ("a fish in the ocean", "a fish underwater", ""),
        ("a dog by the sea", "a dog at the seaside", ""),
        ("a dog under the ocean", "a dog under the sea", ""),
    ],
)
def test_a_word_taught_in_a_phrase_is_known_in_it_alone(text, prompt, words, unknown):
    got = text.tokenize(prompt)
    assert (" ".join(got.words[1:]), " ".join(got.unknown)) == (words, unknown)
