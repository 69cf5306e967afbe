"""Captions and prompts are cut into the same words, in any script."""

from __future__ import annotations

import re

import pytest

from x2vkit.words import split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It doesn\N{RIGHT SINGLE QUOTATION MARK}t rain, 'so' what", ["it", "doesn't", "rain", "so", "what"]),
        ("de l'eau; rock'n'roll", ["de", "l'eau", "rock'n'roll"]),
        ("snake_case t-shirt 3D ''quoted''", ["snake", "case", "t", "shirt", "3d", "quoted"]),
        ("हिन्दी में बिल्ली", ["हिन्दी", "में", "बिल्ली"]),
        ("cafe\N{COMBINING ACUTE ACCENT}", ["caf\N{LATIN SMALL LETTER E WITH ACUTE}"]),
        ("一只红色的猫", list("一只红色的猫")),
        ("猫がソファーで寝ている", ["猫", "が", "ソファー", "で", "寝", "ている"]),
        ("\N{CAT FACE} !? ' \N{COMBINING ACUTE ACCENT}", []),
    ],
)
def test_words(text, words):
    assert split_words(text) == words


def test_plain_english_is_cut_as_the_shipped_weights_were_taught():
    text = "Two dogs' toys, the dog's bowl: 'tis 5 o'clock -- and a half-moon's_light 'n'"
    assert split_words(text) == re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower())
