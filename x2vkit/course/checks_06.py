"""Lesson 6, words and guidance: what each function must do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from x2vkit.course.properties import Answer, Property, equals, has_shape, holds

VOCABULARY = ["<start>", "<pad>", "a", "dog", "bear", "white", "snow", "in", "the", "underwater"]
SYNONYMS = {"puppy": "dog", "polar bear": "white bear", "under the sea": "underwater", "under": "in"}


def read(fn: Answer) -> Iterator[Property]:
    """Longest known phrase first."""
    result = fn("a dog in the snow", VOCABULARY, SYNONYMS)
    yield holds("two lists come back", isinstance(result, (tuple, list)) and len(result) == 2, "return words, unknown", result)
    yield holds("known words are read as themselves", list(result[0]) == ["a", "dog", "in", "the", "snow"], "prompt.split(), word by word", result[0])
    yield holds("and nothing is unknown", list(result[1]) == [], "unknown is what is neither in the vocabulary nor in a synonym", result[1])
    words, _ = fn("a puppy", VOCABULARY, SYNONYMS)
    yield holds("a synonym is read as its word", list(words) == ["a", "dog"], "look into synonyms, too", words)
    words, unknown = fn("a flurb in flurb snow", VOCABULARY, SYNONYMS)
    yield holds("unknown words are left out", list(words) == ["a", "in", "snow"], "go on behind an unknown word", words)
    yield holds("and told, each time", list(unknown) == ["flurb", "flurb"], "collect them in order", unknown)
    words, unknown = fn("the polar bear", VOCABULARY, SYNONYMS)
    yield holds("two words may be one phrase, read as two", list(words) == ["the", "white", "bear"], "a phrase's reading is split into words", words)
    words, unknown = fn("a dog under the sea", VOCABULARY, SYNONYMS)
    yield holds("the longest phrase is taken first", list(words) == ["a", "dog", "underwater"], "try three words before two before one", words)
    words, unknown = fn("a dog under", VOCABULARY, SYNONYMS)
    yield holds("at the end of the prompt there are fewer words left", list(words) == ["a", "dog", "in"], "a phrase must not reach beyond the end", words)


def pad(fn: Answer) -> Iterator[Property]:
    """A rectangle, and where it is real."""
    rows = [[0, 5, 6], [0]]
    result = fn(rows)
    yield holds("two arrays come back", isinstance(result, (tuple, list)) and len(result) == 2, "return ids, mask", result)
    ids, mask = result
    yield has_shape("2 prompts, the longest of 3", ids, (2, 3), "(B, T), T the length of the longest")
    yield equals("ids stand at the front, filler behind", ids, [[0, 5, 6], [0, 1, 1]], "the filler is 1, and id 0 is <start>")
    kind = np.asarray(ids).dtype
    yield holds("ids are whole numbers", kind.kind in "iu", "an array of ids has dtype=int", kind)
    yield holds("the mask is of bools", np.asarray(mask).dtype == bool, "make it with dtype=bool", np.asarray(mask))
    yield equals("True on real tokens", mask, [[1, 1, 1], [1, 0, 0]], "True where a prompt has a token")
    ids, _ = fn(rows, 9)
    yield equals("another filler", ids, [[0, 5, 6], [0, 9, 9]], "use `filler`")
    _, mask = fn([[0, 9, 4], [0, 2]], 9)
    yield equals("a real token may have the filler's number", mask, [[1, 1, 1], [1, 1, 0]], "make the mask from lengths, not from ids")


def drop_captions(fn: Answer) -> Iterator[Property]:
    """Independent drops of the right share."""
    captions = ["a dog", "a cat", "a red ball"]
    none = fn(captions, 0.0, np.random.default_rng(0))
    yield holds("a share of 0 drops none", list(none) == captions, "rng.random() is at least 0: compare with <", none)
    every = fn(captions, 1.0, np.random.default_rng(0))
    yield holds("a share of 1 drops all", list(every) == [""] * 3, "rng.random() is below 1", every)
    many = [str(index) for index in range(4000)]
    found = list(fn(many, 0.1, np.random.default_rng(1)))
    dropped = np.array([each == "" for each in found])
    yield holds("as many captions come back", len(found) == 4000, "replace them, do not remove them", len(found))
    yield holds("of 4,000 about 400 are dropped at 0.1", 320 < dropped.sum() < 480, "each with probability share", int(dropped.sum()))
    yield holds("the others stay as they were, in their places", all(a in ("", b) for a, b in zip(found, many, strict=True)), "keep the order")
    pairs = (dropped[1:] & dropped[:-1]).sum()
    yield holds("each on its own: about 40 neighbours are dropped together", 10 < pairs < 90, "draw a new number for every caption", int(pairs))
    again = list(fn(many, 0.1, np.random.default_rng(1)))
    yield holds("the same rng gives the same", again == found, "draw from `rng`, not from np.random")


def guide(fn: Answer) -> Iterator[Property]:
    """A line through both velocities."""
    cond, without = np.array([3.0, 1.0]), np.array([1.0, 2.0])
    yield equals("guidance 1 is the prompt alone", fn(cond, without, 1.0), cond, "start from one of the two, and add the difference so many times")
    yield equals("guidance 0 is no prompt", fn(cond, without, 0.0), without, "without + guidance * (with - without)")
    yield equals("guidance 4 is four times the difference", fn(cond, without, 4.0), [9, -2], "count from the one without words")
    yield equals("where both agree nothing changes", fn(cond, cond, 7.0), cond, "weights add up to 1")
    batch = np.random.default_rng(0).normal(size=(2, 2, 3, 4))
    yield equals("any shape: as core.guidance has it, v + (g - 1)(v - v_without)", fn(*batch, 2.5), batch[0] + 1.5 * (batch[0] - batch[1]), "arrays as they come")


def ramped(fn: Answer) -> Iterator[Property]:
    """Whole above the ramp, fading to 1."""
    yield equals("at t = 1 it is whole", fn(4.0, 1.0, 0.6), 4, "never more than the scale itself: min(1, t / ramp)")
    yield equals("at the ramp it is whole", fn(4.0, 0.6, 0.6), 4, "t / ramp is 1 there")
    yield equals("at t = 0 it is 1: the prompt alone", fn(4.0, 0.0, 0.6), 1, "what fades is guidance - 1")
    yield equals("half way down, half of what goes beyond 1", fn(4.0, 0.3, 0.6), 2.5, "1 + (guidance - 1) * min(1, t / ramp)")
    yield equals("a guidance of 1 stays 1 everywhere", fn(1.0, 0.2, 0.6), 1, "nothing goes beyond 1")
