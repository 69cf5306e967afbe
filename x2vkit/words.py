"""Where a sentence is cut into words: one rule, for captions in training and prompts in reading.

A word is a run of letters, digits and the marks that belong to them (vowel signs, accents), with apostrophes
inside: "doesn't" and "l'eau" are one word each, as is a word of Devanagari. Case plays no part. Chinese and
Japanese have no spaces: each ideograph is a word, and so is each run of hiragana or of katakana.
"""

from __future__ import annotations

import unicodedata
from itertools import groupby

JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
APOSTROPHE = "'"


def split_words(text: str) -> list[str]:
    """The words of a text in order, lower case, accents composed (NFC)."""
    text = unicodedata.normalize("NFC", text.lower()).replace("\N{RIGHT SINGLE QUOTATION MARK}", APOSTROPHE)
    words: list[str] = []
    for kind, run in groupby(text, key=_kind):
        found = "".join(run)
        if kind == "ideograph":
            words += found
        elif kind == "word":
            words += _around_apostrophes(found)
        elif kind:
            words.append(found)
    return words


def _around_apostrophes(run: str) -> list[str]:
    """A run of letters and apostrophes without those that quote: at an end, or two in a row."""
    parts = (part.strip(APOSTROPHE + JOINERS) for part in run.split(2 * APOSTROPHE))
    return [part for part in parts if any(character.isalnum() for character in part)]


def _kind(character: str) -> str:
    """What a character is part of; nothing for what parts words."""
    code = ord(character)
    if 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x3FFFF or code == 0x3005:
        return "ideograph"
    if 0x3041 <= code <= 0x309F:
        return "hiragana"
    if 0x30A1 <= code <= 0x30FF and code != 0x30FB or 0x31F0 <= code <= 0x31FF or 0xFF66 <= code <= 0xFF9F:
        return "katakana"
    part = (
        character.isalnum() or character in APOSTROPHE + JOINERS or unicodedata.category(character)[0] == "M"
    )
    return "word" if part else ""
