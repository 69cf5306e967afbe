"""Lesson 6, words and guidance: one way to write each function."""

import numpy as np


def read(prompt, vocabulary, synonyms):
    """-> (words, unknown): the prompt in words of the vocabulary, and the words that nobody knows."""
    known = {word: word for word in vocabulary} | synonyms
    longest = max(len(phrase.split()) for phrase in known)
    left, words, unknown = prompt.split(), [], []
    while left:
        for length in range(min(longest, len(left)), 0, -1):
            phrase = " ".join(left[:length])
            if phrase in known:
                words += known[phrase].split()
                break
        else:
            unknown.append(left[0])
        left = left[length:]
    return words, unknown


def pad(rows, filler=1):
    """Lists of ids -> (ids (B, T) int, mask (B, T) bool, True on real tokens), as long as the longest."""
    longest = max(len(row) for row in rows)
    ids = np.full((len(rows), longest), filler)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
    lengths = np.array([len(row) for row in rows])
    return ids, np.arange(longest)[None] < lengths[:, None]


def drop_captions(captions, share, rng):
    """A new list in which each caption is "" with probability share; rng is a np.random.Generator."""
    return ["" if rng.random() < share else caption for caption in captions]


def guide(v_cond, v_without, guidance):
    """The velocity to follow, from the one with the prompt and the one without."""
    return v_without + guidance * (v_cond - v_without)


def ramped(guidance, t, ramp):
    """The guidance scale at noise level t; whole from level `ramp` upwards, 1 at t = 0."""
    return 1 + (guidance - 1) * min(1, t / ramp)
