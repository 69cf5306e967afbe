"""What phrases say in the world's terms: its own words, their synonyms, and the role that each plays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from x2vkit.core.lexicon import Lexicon
from x2vkit.world import grammar

KEPT, UNDERSTOOD, LEFT_OUT = "kept", "understood as", "left out"
SILENT = set(
    "a an the some this that these those its his her their my our your one and then while who which is are it"
    " it's in on at by of to into onto from for through across along around over under above below inside"
    " near off up down out as behind with wearing wears wear has have having being be there video clip movie"
    " film camera please make show me i want see please looking toward towards past still".split()
)
"""Words that only join others."""
DETERMINERS = set("a an the some this that these those its his her their my our your one another".split())
JOINTS = set("in on at by of to into from for through across over under inside".split())
WORN = {"wearing", "wears", "wear", "with", "in", "has", "having", "have"}
QUICK = {"fast", "quickly", "rapidly", "swiftly"}
OBJECT = "one subject at a time: this one only stands with it"

Role = tuple[str, str]


@dataclass(frozen=True)
class Line:
    """What became of a word or phrase of a prompt."""

    said: str
    kind: str
    """kept, understood as, or left out"""
    read: str = ""
    """As what it was understood."""
    why: str = ""
    """Why it was left out, or what else one should know."""

    def __str__(self) -> str:
        shown = f"{self.said} -> {self.read}" if self.kind == UNDERSTOOD else f"{self.said}: {self.kind}"
        return f"{shown} ({self.why})" if self.why else shown


def capitals(text: str) -> frozenset[str]:
    """Words and pairs of words that are written with capitals, in lower case."""
    words = re.findall(r"[^\W_]+", text)
    pairs = [f"{a} {b}" for a, b in pairwise(words) if a[:1].isupper() and b[:1].isupper()]
    return frozenset(word.lower() for word in [*(w for w in words if w[:1].isupper()), *pairs])


@cache
def lexicon() -> Lexicon:
    """The world's words and their synonyms."""
    return Lexicon(*grammar.vocabulary())


@cache
def roles() -> Mapping[str, tuple[Role, ...]]:
    """Phrase of the world -> what it says."""
    found: dict[str, tuple[Role, ...]] = {}
    for tables, name in ((grammar.PLACES, "scene"), (grammar.MOVES, "action"), (grammar.VIEWS, "camera")):
        for value, phrases in tables.items():
            found |= dict.fromkeys(phrases, ((name, value),))
    for (_, action), phrases in grammar.OWN_MOVES.items():
        found |= {phrase: (("action", action),) for phrase in phrases if phrase not in found}
    for scene, phrases in grammar.PLACES.items():
        content = {word for phrase in phrases for word in phrase.split()} - SILENT - {"sea"}
        found |= dict.fromkeys((*content, scene), (("scene", scene),))
    plain = {
        "subject": grammar.SUBJECTS, "color": grammar.COLOR_NAMES, "wearing": grammar.WEARABLES,
        "mood": grammar.MOODS, "size": grammar.SIZES, "relation": grammar.RELATIONS,
        "direction": ("left", "right"), "behind": ("tree", "rock"), "camera": grammar.CAMERAS,
    }  # fmt: skip
    for name, words in plain.items():
        found |= {word: ((name, word),) for word in words}
    for side in ("left", "right"):
        found |= {f"to the {side}": (("direction", side),)}
    return found | {"playing": (("action", "jump"),), "racing": (("action", "run"),)}
