"""Prompts speak of a character, and are written out."""

from __future__ import annotations

import pytest

from x2vkit import Character, X2VError

DOG = Character("a brown dog with a red scarf")


@pytest.mark.parametrize(
    ("prompt", "written"),
    [
        ("the dog jumping", "a brown dog with a red scarf jumping"),
        ("Dog jumping", "a brown dog with a red scarf jumping"),
        ("it runs and the dog sleeps", "a brown dog with a red scarf runs and the dog sleeps"),
        ("the dog without its scarf in the snow", "a brown dog in the snow"),
        ("a cat chasing the dog", "a cat chasing a brown dog with a red scarf"),
        ("in the snow", "a brown dog with a red scarf in the snow"),
        ("a brown dog with a red scarf at night", "a brown dog with a red scarf at night"),
        ("the dogfish", "a brown dog with a red scarf the dogfish"),
    ],
)
def test_a_mention_becomes_the_description(prompt, written):
    assert DOG.written_out(prompt) == written


def test_a_name_is_a_mention():
    assert DOG.written_out("Rex running", "rex") == "a brown dog with a red scarf running"


def test_what_a_description_states():
    assert DOG.stated() == {"subject": "dog", "color": "brown", "wearing": "scarf", "wearing_color": "red"}
    assert Character("the puppy").stated() == {"subject": "dog"}
    assert (DOG.noun, DOG.bare) == ("dog", "a brown dog")


@pytest.mark.parametrize(
    "description", ["", "  ", "!!", "a\ndog", 3, None, "dog " * 90, "qwertz", "the qwertz"]
)
def test_nobody_is_refused(description):
    with pytest.raises(X2VError, match="a brown dog with a red scarf"):
        Character(description)


@pytest.mark.parametrize("seed", [-1, 1.5, True, 2**60])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(X2VError, match="whole number"):
        Character("a dog", seed)
