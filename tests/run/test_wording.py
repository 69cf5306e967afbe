"""Negation goes into the negative prompt, and what the model cannot show is told."""

from __future__ import annotations

import pytest

from x2vkit.core.lexicon import Lexicon
from x2vkit.errors import X2VError
from x2vkit.run.backend import ModelBackend
from x2vkit.run.wording import notes_on, read_wording

NEGATIONS = {
    "a dog without a hat": ("a dog", "hat"),
    "a dog with no hat": ("a dog", "hat"),
    "a dog not wearing a red hat": ("a dog", "red hat"),
    "a dog without hat or scarf on the beach": ("a dog on the beach", "hat, scarf"),
    "a dog wearing no hat nor a blue scarf": ("a dog", "hat, blue scarf"),
    "a dog with no red or blue hat": ("a dog", "red hat, blue hat"),
    "a dog without any hat running": ("a dog running", "hat"),
    "no dog, a cat": ("a cat", "dog"),
    "a cat, no dog": ("a cat", "dog"),
    "a cat and no dog": ("a cat", "dog"),
    "not a dog but a cat": ("a cat", "dog"),
    "a dog that is not red on the beach": ("a dog on the beach", "red"),
    "a dog that isn't red": ("a dog", "red"),
    "a dog that doesn’t wear a hat": ("a dog", "hat"),
    "a dog, not in the snow": ("a dog", "snow"),
    "a dog that never jumps": ("a dog", "jumps"),
    "Without Snow: a red car": ("a red car", "snow"),
    "a dog with no hat and a red ball": ("a dog and a red ball", "hat"),
    "a dog without a hat without a scarf": ("a dog", "hat, scarf"),
    "a dog not big, running": ("a dog, running", "big"),
    "don't show a cat": ("", "cat"),
    "a dog w/o a hat": ("a dog", "hat"),
    "a dog free of hats in the snow": ("a dog in the snow", "hats"),
    "a dog lacking a hat": ("a dog", "hat"),
    "a ball, neither red nor blue": ("a ball", "red, blue"),
    "a dog, without the small tree, or the rock, at night": ("a dog, at night", "small tree, rock"),
}


@pytest.mark.parametrize(("prompt", "read"), NEGATIONS.items())
def test_what_is_negated_is_steered_away_from(prompt, read):
    got = read_wording(prompt)
    assert (got.prompt, got.negative_prompt) == read
    assert got.moved and any("steer away" in note for note in got.notes)


@pytest.mark.parametrize(
    "prompt", ["", "a dog", "no", "a  dog ,  in the snow", "a dog, no", "not", "a knot", "nobody", "without"]
)
def test_other_prompts_stay_as_they_are_typed(prompt):
    got = read_wording(prompt, "snow")
    assert (got.prompt, got.negative_prompt, got.notes) == (prompt, "snow", ())


def test_it_is_added_to_the_negative_prompt_given():
    got = read_wording("a dog without a hat", "snow")
    assert got.negative_prompt == "snow, hat"
    assert got.moved == (("without a hat", "hat"),)


def test_a_model_that_knows_the_word_reads_it_itself():
    got = read_wording("two dogs without a hat", known={"without", "two"}.__contains__)
    assert (got.prompt, got.notes) == ("two dogs without a hat", ())


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("two dogs", '"two"'),
        ("3 cats and several birds", '"3", "several"'),
        ("a (red:1.3) ball", "(red:1.3)"),
        ("a dog and a cat", "and a cat"),
        ("a red ball and a small blue box", "and a small blue box"),
    ],
)
def test_what_the_model_cannot_show_is_told(prompt, told):
    assert any(told in note for note in read_wording(prompt).notes)


@pytest.mark.parametrize("prompt", ["one dog", "1 dog", "a dog wearing a hat and a scarf", "a dog and run"])
def test_and_nothing_else_is(prompt):
    assert not read_wording(prompt).notes


def test_weights_are_taken_off():
    assert read_wording("a (big red:1.3) ball").prompt == "a big red ball"


def test_all_that_a_reader_should_know_before_the_run():
    lexicon = Lexicon(["a", "red", "dog", "horse", "two"], max_words=3)
    notes = notes_on("two (red:1.3) unicorns without a flurb", "glorp", lexicon)
    assert notes == (
        '"unicorns" is not known and left out (known: horse)',
        'weights like "(red:1.3)" are not understood: the words count, the number does not',
        '"without a flurb" is read as: steer away from "flurb" (the negative prompt)',
        "negative prompt: the model does not know glorp, flurb, and cannot avoid it",
    )
    assert notes_on("a red dog dog", "a a a dog", lexicon) == (
        "a prompt has at most 3 words, left out: dog",
        "negative prompt: a prompt has at most 3 words, left out: dog",
    )


def test_a_backend_reads_without_weights():
    reading = ModelBackend().reading("small", "three dogs and a cat near a whale")
    assert ("whale", None, ("fish",)) in reading.spans
    assert ("three", None, ()) in reading.spans  # no word that is spelled like it
    assert [note.split(":")[0] for note in reading.notes] == ["the model cannot count", '"and a cat"']
    with pytest.raises(X2VError, match="no such weights"):
        ModelBackend().reading("nope", "a dog")
