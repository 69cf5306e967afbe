"""Unknown words get suggestions by meaning, and stay unknown."""

from __future__ import annotations

import pytest

from x2vkit.core.meanings import MEANINGS
from x2vkit.core.text import TextEncoder
from x2vkit.world import vocabulary

SUGGESTED = {
    "sunset": "night beach", "dawn": "night", "evening": "night", "island": "beach",
    "lake": "beach underwater", "river": "beach underwater", "sea": "beach underwater seaside",
    "ocean": "beach underwater seaside", "harbor": "seaside", "mountain": "snow", "frost": "snow",
    "farm": "grass", "flowers": "grass", "jungle": "grass park", "house": "city", "kitchen": "city",
    "traffic": "street", "rain": "street", "canyon": "desert", "mars": "desert space", "rocket": "space",
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
    assert len(MEANINGS) > 150
    for word, near in MEANINGS.items():
        assert all(not text.tokenize(one).unknown for one in near), word
        assert text.tokenize(word).unknown, f"{word} is known: it needs no suggestion"


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
