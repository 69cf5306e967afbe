"""Everyday words that x2vkit's world has not, and what it has that comes near them in meaning.

    targets("poodles")    # ("dog",): so it may be read
    near("pink")          # ("purple", "red"): only to be suggested

Two tables in the same form, `target: words`: by_hand.txt, whose word is final, and wordnet.txt, which
derive.py made of WordNet 3.0 (its licence stands beside it). The model itself reads none of these words as
another: that is for what asks people (`near`), or tells them (`x2vkit.expand`).
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from importlib.resources import files

FOLDER = files(__name__)
LONGEST = 4
"""Words of the longest phrase in the tables."""


def targets(phrase: str) -> tuple[str, ...]:
    """What a phrase may be read as, the best first; nothing where it says nothing that the world has."""
    return next((rows[form] for rows in _tables()[:2] for form in forms(phrase) if form in rows), ())


def place(name: str) -> tuple[str, ...]:
    """What a place of this name is: ("city",) of "tokyo". Not every "nice" or "hippo" is meant as one."""
    return _tables()[3].get(name, ())


def near(phrase: str) -> tuple[str, ...]:
    """What to suggest for a phrase: also what is too far to be read as meant."""
    hand, derived, far, names, farther = _tables()
    for tables in ((hand, far), (derived, farther)):
        for form in forms(phrase):
            if found := [target for table in tables for target in table.get(form, ())]:
                return tuple(dict.fromkeys(found))
    return names.get(phrase, ())


def phrases() -> set[str]:
    """Every word and phrase of the tables, as it is listed."""
    return {phrase for table in _tables() for phrase in table}


def forms(phrase: str) -> tuple[str, ...]:
    """A phrase as it is listed: itself, then what its last word may be a form of ("ran": "run")."""
    start, _, last = phrase.rpartition(" ")
    stems = [last, *_irregular().get(last, ())]
    bare = last.removesuffix("'s").removesuffix("'")
    for ending, instead in ENDINGS:
        if bare.endswith(ending) and len(bare) - len(ending) > 1:
            stem = bare.removesuffix(ending) + instead
            stems.append(stem)
            if ending in ("ing", "ed") and not instead and len(stem) > 3 and stem[-1] == stem[-2]:
                stems.append(stem[:-1])
    return tuple(dict.fromkeys(f"{start} {stem}".strip() for stem in (*stems, bare)))


ENDINGS = (
    ("ies", "y"),
    ("ves", "f"),
    ("es", ""),
    ("s", ""),
    ("ing", ""),
    ("ing", "e"),
    ("ed", ""),
    ("ed", "e"),
)
"""Of forms of a word, and what stands there in the word itself."""

KINDS = ("near ", "name ", "irregular ")
"""Begin rows of another kind than "may be read as"."""
Table = dict[str, tuple[str, ...]]


@cache
def _tables() -> tuple[Table, ...]:
    """Phrase -> targets: by hand, by WordNet, by hand to be suggested only, of names of places, and by
    WordNet to be suggested only.
    """
    found: tuple[dict[str, list[str]], ...] = tuple(defaultdict(list) for _ in range(5))
    for at, file in enumerate(("by_hand.txt", "wordnet.txt")):
        for row, words in _rows(file):
            kind, _, target = row.partition(" ") if row.startswith(KINDS) else ("", "", row)
            if kind != "irregular":
                table = found[{"": at, "near": 2 + 2 * at, "name": 3}[kind]]
                for word in words:
                    table[word.replace("_", " ")].append(target)
    return tuple({word: tuple(rows) for word, rows in table.items()} for table in found)


@cache
def _irregular() -> Table:
    """Irregular forms of the words of wordnet.txt: "swam" -> "swim"."""
    stems: dict[str, list[str]] = defaultdict(list)
    for target, words in _rows("wordnet.txt"):
        if target.startswith("irregular "):
            for word in words:
                stems[word].append(target.removeprefix("irregular "))
    return {word: tuple(found) for word, found in stems.items()}


def _rows(file: str) -> list[tuple[str, list[str]]]:
    """The rows of a table."""
    lines = (FOLDER / file).read_text(encoding="utf-8").splitlines()
    pairs = (line.split(": ", 1) for line in lines if line and not line.startswith("#"))
    return [(target, words.split()) for target, words in pairs]
