"""Lesson 6: three typical wrong answers to each exercise."""

import numpy as np


def read_1(prompt, vocabulary, synonyms):
    words = [synonyms.get(word, word) for word in prompt.split()]  # word by word
    return [word for word in words if word in vocabulary], [word for word in words if word not in vocabulary]


def read_2(prompt, vocabulary, synonyms):
    for phrase, meaning in synonyms.items():
        prompt = prompt.replace(phrase, meaning)  # "under" may come before "under the sea"
    words = prompt.replace("the sea", "sea").split()
    return [word for word in words if word in vocabulary], []  # nothing is ever unknown


def read_3(prompt, vocabulary, synonyms):
    left, words, unknown = prompt.split(), [], []
    known = {word: word for word in vocabulary} | synonyms
    while left:
        for length in range(1, 4):  # the shortest first
            if " ".join(left[:length]) in known:
                words += known[" ".join(left[:length])].split()
                break
        else:
            length = 1
            unknown.append(left[0])
        left = left[length:]
    return words, unknown


def pad_1(rows, filler=1):
    longest = max(len(row) for row in rows)
    ids = np.array([row + [filler] * (longest - len(row)) for row in rows])
    return ids, ids != filler  # a real token may be the filler's number


def pad_2(rows, filler=1):
    longest = max(len(row) for row in rows)
    ids = np.array([[filler] * (longest - len(row)) + row for row in rows])  # in front
    return ids, ids != filler


def pad_3(rows, filler=1):
    longest = max(len(row) for row in rows)
    ids = np.zeros((len(rows), longest), int)  # filled up with <start>
    mask = np.zeros((len(rows), longest), bool)
    for index, row in enumerate(rows):
        ids[index, : len(row)], mask[index, : len(row)] = row, True
    return ids, mask


def drop_captions_1(captions, share, rng):
    return [caption for caption in captions if rng.random() >= share]  # removed


def drop_captions_2(captions, share, rng):
    return ["" for _ in captions] if rng.random() < share else list(captions)  # all or none


def drop_captions_3(captions, share, rng):
    return [caption if rng.random() < share else "" for caption in captions]  # the wrong way round


def guide_1(v_cond, v_without, guidance):
    return v_cond + guidance * (v_cond - v_without)  # counted from the prompt


def guide_2(v_cond, v_without, guidance):
    return v_cond + guidance * (v_without - v_cond)  # away from the prompt


def guide_3(v_cond, v_without, guidance):
    return guidance * v_cond  # the words alone, louder


def ramped_1(guidance, t, ramp):
    return guidance * min(1, t / ramp)  # fades to 0


def ramped_2(guidance, t, ramp):
    return 1 + (guidance - 1) * t / ramp  # goes on rising


def ramped_3(guidance, t, ramp):
    return guidance if t >= ramp else 1  # a step
