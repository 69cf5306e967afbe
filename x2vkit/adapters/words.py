"""The words of a prompt as the pipeline's own tokenizer cut them, in line with attention's text tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Read = tuple[str, Any, Any]
"""(name of the tokenizer, the text or texts, its result)"""


def read_words(pipe: Any, tokenized: Sequence[Read], prompt: str, places: int) -> list[str | None] | None:
    """A word for each of so many text tokens, None for padding; None where no tokenizer's result fits.

    The first reading that holds the prompt and is as long as the text that attention reads is taken: with all
    its places, or with its padding dropped.
    """
    fitting = []
    for name, text, result in tokenized:
        first = text[0] if isinstance(text, (list, tuple)) and text else text
        if not isinstance(first, str) or not _holds(first, prompt):
            continue
        ids, mask = _ids(result)
        if ids is None or len(mask) != len(ids):
            continue
        words = _spell(getattr(pipe, name, None), ids)
        padded = [word if on else None for word, on in zip(words, mask, strict=True)]
        real = [word for word, on in zip(words, mask, strict=True) if on]
        if len(padded) == places:
            fitting.append((0, padded))
        elif len(real) == places:
            fitting.append((1, list(real)))
    return min(fitting, key=lambda one: one[0])[1] if fitting else None


def _holds(text: str, prompt: str) -> bool:
    return bool(prompt) and " ".join(prompt.split()).lower() in " ".join(text.split()).lower()


def _ids(result: Any) -> tuple[list[int] | None, list[bool]]:
    """Ids and mask of the first text."""
    try:
        ids = np.atleast_2d(np.asarray(result["input_ids"] if "input_ids" in result else result.input_ids))[0]
        mask = result["attention_mask"] if "attention_mask" in result else np.ones(len(ids))
        return [int(i) for i in ids], [bool(on) for on in np.atleast_2d(np.asarray(mask))[0]]
    except (TypeError, ValueError, KeyError, AttributeError, IndexError):
        return None, []


def _spell(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """Tokens as people read them, without the marks that say where a word begins."""
    try:
        tokens = tokenizer.convert_ids_to_tokens(ids)
    except (AttributeError, TypeError, ValueError, IndexError):
        tokens = [str(i) for i in ids]
    marks = str.maketrans("", "", "\N{LOWER ONE EIGHTH BLOCK}\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}")
    return [str(token).replace("</w>", "").translate(marks) or " " for token in tokens]
