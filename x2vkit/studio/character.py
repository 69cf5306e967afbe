"""`Character`: who carries over from clip to clip, and how shots speak of them.

    dog = x2v.Character("a brown dog with a red scarf", seed=3)
    dog.written_out("the dog without its scarf jumping in the snow")     # "a brown dog jumping in the snow"

Knows nothing about torch: `cast.py` makes clips of a character.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from x2vkit.core.lexicon import Lexicon
from x2vkit.errors import X2VError
from x2vkit.registry import DEFAULT_MODEL, weights_folder
from x2vkit.studio.checks import check_whole
from x2vkit.studio.phrases import DETERMINERS
from x2vkit.words import split_words
from x2vkit.world.grammar import COLOR_NAMES, SUBJECTS, WEARABLES

MOST_CHARACTERS = 200
"""Of a description."""
PRONOUNS = ("it", "he", "she", "they", "him", "them")
WEARING = re.compile(r"\s+(?:wearing|with|in|that wears|who wears|has)\s+", re.IGNORECASE)
BARE = (
    r"(?:\s+(?:without|with no|that lost|who lost|not wearing)\s+"
    r"(?:(?:its|his|her|their|the|a|an|any)\s+)?[a-z]+)"
)
"""After a name: what the character does not wear this time."""


@dataclass(frozen=True)
class Character:
    """Somebody that stays who it is over many clips."""

    description: str = ""
    """Kind, colour and what it wears: "a brown dog with a red scarf"."""
    seed: int = 0
    """Another seed, somebody else of the same description."""

    def __post_init__(self) -> None:
        said = self.description
        if not isinstance(said, str) or len(said) > MOST_CHARACTERS or not said.isprintable():
            rule = f"a description is one line of at most {MOST_CHARACTERS} characters"
            raise X2VError(f"description={said!r:.60}", rule, 'use "a brown dog with a red scarf"')
        if not re.search(r"[^\W_]", self.bare):
            raise X2VError(
                "a character of nobody", "it has a description", 'use "a brown dog with a red scarf"'
            )
        if not any(lexicon().knows(word) for word in split_words(self.bare) if word not in DETERMINERS):
            rule = f"the model knows no word of it; it knows {', '.join(SUBJECTS)}"
            raise X2VError(f"description={said!r:.60}", rule, 'use "a brown dog with a red scarf"')
        check_whole("seed", self.seed)

    @property
    def bare(self) -> str:
        """The description without what it wears."""
        return WEARING.split(self.description.strip(), maxsplit=1)[0]

    @property
    def noun(self) -> str:
        """What it is called: the last word before what it wears ("dog")."""
        return re.findall(r"[^\W_]+", self.bare)[-1].lower()

    def stated(self) -> dict[str, str]:
        """What the description states in the world's words: subject, color, wearing, wearing_color."""
        own, _, worn = (" ".join(_read(part)) for part in _parts(self.description))
        found = {"subject": _first(own, SUBJECTS), "color": _first(own, COLOR_NAMES)}
        if item := _first(worn, WEARABLES):
            found |= {"wearing": item, "wearing_color": _first(worn, COLOR_NAMES)}
        return {name: word for name, word in found.items() if word}

    def written_out(self, prompt: str, name: str = "") -> str:
        """A prompt in which each mention of the character ("the dog", its name, "it" at the beginning) is the
        description; where none is, the description comes first.

        name: what shots call the character, besides its noun.
        """
        seen = 0

        def describe(found: re.Match[str]) -> str:
            nonlocal seen
            seen += 1
            if seen > 1:
                return f"the {self.noun}"  # it is described once
            return self.bare if found[1] else self.description

        if self.description.lower() in prompt.lower():
            return prompt
        written = self._mention(name).sub(describe, prompt.strip())
        return written if seen else f"{self.description} {prompt.strip()}".strip()

    def mentioned(self, prompt: str, name: str = "") -> bool:
        """Whether a prompt speaks of the character; name as in `written_out`."""
        found = self._mention(name).search(prompt.strip())
        return bool(found) or self.description.lower() in prompt.lower()

    def _mention(self, name: str) -> re.Pattern[str]:
        called = "|".join(re.escape(one) for one in dict.fromkeys((name, self.noun)) if one)
        begins = "|".join(PRONOUNS)
        own = rf"(?:(?:the|our|that|this|same)\s+)+(?:{called})\b|^(?:an?\s+)?(?:{called})\b|^(?:{begins})\b"
        own += rf"|\b{re.escape(name)}\b" if name and name != self.noun else ""
        return re.compile(rf"(?:{own})({BARE})?", re.IGNORECASE)


@cache
def lexicon() -> Lexicon:
    """The words of the world, as the usual weights know them."""
    return Lexicon.load(weights_folder(DEFAULT_MODEL))


def _parts(description: str) -> tuple[str, str, str]:
    """What it is, the word between, what it wears."""
    found = WEARING.search(description)
    if found is None:
        return description, "", ""
    return description[: found.start()], found[0], description[found.end() :]


def _read(text: str) -> list[str]:
    return list(lexicon().tokenize(text).words[1:])


def _first(words: str, known: tuple[str, ...]) -> str:
    return next((word for word in words.split() if word in known), "")
