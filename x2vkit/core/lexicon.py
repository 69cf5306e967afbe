"""Which words a model knows, and how it reads a prompt: a closed vocabulary with synonyms.

Knows nothing about the world that wrote the vocabulary, and nothing about torch: pages and the command line
read a prompt as the model will, before any weights are loaded.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from x2vkit.core import meanings
from x2vkit.errors import X2VError
from x2vkit.words import split_words

START, PAD = "<start>", "<pad>"
"""Token 0 opens every prompt (alone it is the empty prompt, the unconditional model); token 1 fills up a
batch.
"""

LORA_WORDS = "text_encoder.token_embed"
"""Begins the names of the embeddings (D,) of words that a LoRA's file brings along: `LORA_WORDS.WORD`."""


FEW = 12
"""Words that a sentence lists."""
NUMBERS = set(
    "two three four five six seven eight nine ten eleven twelve twenty hundred several many few both"
    " couple dozen dozens pair hundreds thousands".split()
)


@dataclass(frozen=True)
class Words:
    """A prompt as the model reads it."""

    ids: tuple[int, ...]
    """Token ids; the first is always 0, <start>."""
    words: tuple[str, ...]
    """The word of each id, after synonyms: what the model really reads. Same length as `ids`."""
    unknown: tuple[str, ...]
    """Words of the prompt that the model does not know; it never sees them."""
    dropped: tuple[str, ...] = ()
    """Known words cut off at the end because the prompt was longer than `max_words`."""


class Lexicon:
    """A model's words.

    Args:
        vocab: known words (a leading <start>, <pad> is added where missing).
        synonyms: as in `core.text.TextEncoder`.
        max_words: longest prompt in words.
    """

    def __init__(
        self, vocab: Sequence[str], synonyms: Mapping[str, str | None] | None = None, max_words: int = 32
    ) -> None:
        self.words = [START, PAD, *(word for word in vocab if word not in (START, PAD))]
        self.id_of = {word: i for i, word in enumerate(self.words)}
        self.synonyms = dict(synonyms or {})
        self.max_words = max_words
        phrases = [*self.synonyms, *self.words[2:]]
        self.longest_phrase = max((len(phrase.split()) for phrase in phrases), default=1)

    def with_lora(self, file: str | Path) -> Lexicon:
        """The same with the words that a LoRA's file brings along, read from its header alone.

        Raises X2VError for a file that is no safetensors file.
        """
        try:
            with safe_open(file, "numpy") as opened:
                keys = list(opened.keys())
        except (OSError, SafetensorError) as error:
            raise X2VError(f"LoRA {file}", f"it cannot be read ({error})", "save it again") from error
        start = f"{LORA_WORDS}."
        own = [key.removeprefix(start) for key in keys if key.startswith(start)]
        synonyms = {key: value for key, value in self.synonyms.items() if key not in own}
        return Lexicon(
            [*self.words, *(word for word in own if word not in self.id_of)], synonyms, self.max_words
        )

    @classmethod
    def load(cls, folder: str | Path) -> Lexicon:
        """Of the weights in a folder that `save_pretrained` wrote, from its `text_encoder/config.json` alone.

        Raises X2VError for a file that is missing or damaged.
        """
        path = Path(folder) / "text_encoder" / "config.json"
        try:
            if path.exists() and not path.is_file():
                raise ValueError("it is no file")  # a pipe would be waited for for ever
            values = json.loads(path.read_text())
            return cls(values["vocab"], values["synonyms"], values["max_words"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            rule = f"it holds vocab, synonyms and max_words ({error})"
            raise X2VError(str(path), rule, "fetch the weights again, or save them once more") from error

    def tokenize(self, prompt: str) -> Words:
        """Read a prompt, longest known phrase first; what is not known comes back in `unknown`."""
        spans = self.spans(prompt)
        known = [word for _, read in spans for word in read or ()]
        unknown = tuple(phrase for phrase, read in spans if read is None)
        limit = self.max_words
        words = (START, *known[:limit])
        return Words(tuple(self.id_of[w] for w in words), words, unknown, tuple(known[limit:]))

    def knows(self, phrase: str) -> bool:
        """Whether the model knows every word of a phrase."""
        return not self.tokenize(phrase).unknown

    def cut(self, words: Words) -> str:
        """A sentence on the words that were cut off at the end; nothing where none were."""
        if not words.dropped:
            return ""
        return f"a prompt has at most {self.max_words} words, left out: {', '.join(words.dropped)}"

    def spans(self, prompt: str) -> list[tuple[str, tuple[str, ...] | None]]:
        """What each part of a prompt is read as: ("puppy", ("dog",)), ("please", ()) for what is understood
        and says nothing, ("flurb", None) for what is not known.
        """
        tokens = split_words(prompt)
        spans: list[tuple[str, tuple[str, ...] | None]] = []
        at = 0
        while at < len(tokens):
            for length in range(min(self.longest_phrase, len(tokens) - at), 0, -1):
                phrase = " ".join(tokens[at : at + length])
                found = self._known(phrase)
                if found is not None:
                    spans.append((phrase, tuple(found)))
                    break
            else:
                length = 1
                spans.append((tokens[at], None))
            at += length
        return spans

    def near(self, word: str, count: int = 3) -> list[str]:
        """What the model knows that is near an unknown word: in meaning, else one slip of spelling away."""
        if meant := meanings.near(word):
            return [phrase for phrase in meant if not self.tokenize(phrase).unknown][:count]
        if counts(word):  # "three" is no slip for "tree"
            return []
        if len(word) < 4:  # nearly every short word is a slip away from another
            return []
        known = [*self.words[2:], *(key for key, read in self.synonyms.items() if read is not None)]
        return difflib.get_close_matches(word, known, n=count, cutoff=0.8)

    def _known(self, phrase: str) -> list[str] | None:
        """A phrase in vocabulary words, or None; a plural or possessive is read as its stem."""
        for form in (phrase, phrase.removesuffix("'s"), phrase.removesuffix("s"), phrase.removesuffix("es")):
            if form in self.synonyms and self.synonyms[form] is None:
                return None
            if form in self.id_of:
                return [form]
            if (canonical := self.synonyms.get(form)) is not None:
                return (
                    [canonical]
                    if canonical in self.id_of
                    else [w for w in canonical.split() if w in self.id_of]
                )
        return None


def counts(word: str) -> bool:
    """Whether a word is a number above one."""
    return word in NUMBERS or (word.isdecimal() and int(word[:9]) > 1)


def few(words: Sequence[str]) -> str:
    """Words as a list for a sentence: each once, the first FEW, and how many there are beside them."""
    each = list(dict.fromkeys(words))
    more = f" and {len(each) - FEW} more" if len(each) > FEW else ""
    return f"{', '.join(f'{word:.40}' for word in each[:FEW])}{more}"
