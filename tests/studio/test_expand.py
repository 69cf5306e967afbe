"""Expansions keep what is said, fill in as the world draws, and take from a language model only what fits."""

from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

import x2vkit
from x2vkit.cli import main
from x2vkit.errors import X2VError
from x2vkit.judge.prompts import plain
from x2vkit.studio.expand import expand, fill
from x2vkit.studio.phrases import lexicon
from x2vkit.studio.reading import Said, read
from x2vkit.studio.suites.expand import free_prompts
from x2vkit.world import is_held_out
from x2vkit.world.grammar import CAN, DIRECTED, SUBJECTS


def test_prompts_to_take_keep_what_is_negated():
    found = x2vkit.expand("a dog not wearing a hat, no snow", n=2)
    assert all(
        read(prompt).negative_prompt == found.negative_prompt == "hat, snow" for prompt in found.prompts
    )
    assert [prompt.removesuffix(", no hat, no snow") for prompt in found.prompts] == list(found.sentences)


def test_what_is_said_stays_and_the_rest_is_drawn():
    found = x2vkit.expand("a poodle in a red hat strolling through Tokyo", n=6, seed=3)
    assert len(found.sentences) == len(set(found.sentences)) == 6
    for spec, sentence in zip(found.specs, found.sentences, strict=True):
        assert sentence == plain(spec) and not lexicon().tokenize(sentence).unknown
        assert (spec.subject, spec.action, spec.scene, spec.wearing) == (
            "dog",
            "walk",
            "city",
            ("hat", "red"),
        )
        assert spec.other is None
    assert found == expand(found.prompt, n=6, seed=3) != expand(found.prompt, n=6, seed=4)
    assert found.prompts == found.sentences  # nothing is negated
    assert "poodle -> dog" in str(found) and "tokyo -> city" in str(found)
    assert "| poodle | understood as | dog |" in found._repr_markdown_()


def test_what_is_negated_is_never_filled_in():
    found = expand("a dog without a hat, not red, not in the city", n=60)
    assert all(spec.color != "red" and spec.scene != "city" for spec in found.specs)
    assert {spec.wearing and spec.wearing[0] for spec in found.specs} == {None, "scarf"}
    assert found.negative_prompt == "hat, red, city"


def test_held_out_pairs_come_only_from_the_text():
    for prompt in ("a dog", "a fish at night", "something purple", "a cat next to a ball", "in space"):
        said = read(prompt)
        rng = np.random.default_rng(0)
        for _ in range(40):
            spec = fill(said, rng)
            assert is_held_out(spec) == ("fish at night" in prompt), spec
    assert all(spec.color == "purple" for spec in expand("a purple dog").specs)


def test_unsaid_parts_follow_the_worlds_distribution():
    rng = np.random.default_rng(1)
    drawn = [fill(Said({}, {}, ()), rng) for _ in range(600)]
    subjects = Counter(spec.subject for spec in drawn)
    assert set(subjects) == {*SUBJECTS} and max(subjects.values()) < 3 * min(subjects.values())
    assert 0.4 < np.mean([spec.camera == "static" for spec in drawn]) < 0.6
    assert 0.3 < np.mean([spec.wearing is not None for spec in drawn]) < 0.5
    for spec in drawn:
        assert spec.action not in (*DIRECTED, "talk") or spec.action in CAN[spec.subject]
    flying = [fill(read("it flies"), rng).subject for _ in range(60)]
    assert {*flying} <= {subject for subject in SUBJECTS if "fly" in CAN[subject]}


@pytest.mark.parametrize("half", [0, 1])
def test_free_prompts_are_right(half):
    chosen = free_prompts()[half::2]
    assert len(chosen) == 100
    found = [expand(one.text, n=1) for one in chosen]
    wrong = [one.text for one, each in zip(chosen, found, strict=True) if one.wrong(each.specs[0])]
    assert len(wrong) <= 4, wrong
    assert not [one.text for one, each in zip(chosen, found, strict=True) if one.unnamed(each)]


def test_the_labels_can_be_failed():
    dog = next(one for one in free_prompts() if one.text.startswith("a poodle in a red hat"))
    spec = expand("a blue cat swimming underwater").specs[0]
    assert dog.wrong(spec)[:3] == ["subject", "scene", "action"]
    assert free_prompts()[1].unnamed(expand("a dog")) == []
    assert free_prompts()[2].unnamed(expand("a dog")) == ["two", "deep"]


class Writer:
    """A text-generation pipeline that writes what it was told to."""

    def __init__(self, text: str, chats: bool = False) -> None:
        self.text, self.asked = text, None
        self.tokenizer = SimpleNamespace(chat_template="x" if chats else None)

    def __call__(self, asked, max_new_tokens, return_full_text):
        self.asked = asked
        return [{"generated_text": self.text}]


@pytest.mark.parametrize("chats", [False, True])
def test_a_language_models_lines_are_read_back_and_checked(chats):
    lines = """1. "a green dog walking to the left in the city"
- a red dog walking in the city, glittering
a dog walking in the snow
a dog walking in the city next to a cat
a dog wearing a hat walking in the city
"""
    writer = Writer(lines, chats)
    found = expand("a dog walks in the city without a hat", n=3, model=writer)
    assert len(found.specs) == 3 and found.specs[0].color == "green" and found.specs[0].direction == "left"
    reasons = dict(found.refused)
    assert len(reasons) == 4
    assert "glittering" in reasons["a red dog walking in the city, glittering"]
    assert "city" in reasons["a dog walking in the snow"]
    assert "next to" in str(writer.asked) or "walking" in str(writer.asked)
    assert isinstance(writer.asked, list) == chats


def test_a_mood_brings_a_face_and_any_text_is_read():
    assert {spec.subject for spec in expand("happy, in the snow", n=5).specs} == {"face"}
    assert read("a happy dragonfly").parts == {"subject": "bird"}
    odds = (
        "\x00",
        "a \udcff dog",
        "\N{DOG FACE}",
        "not not not",
        "(red:1.3) dog",
        "and and, behind the",
        "<b>a cat</b>",
    )
    for odd in odds:
        assert str(expand(odd, n=1)).encode()


def test_bad_input_is_refused():
    for bad in ("", "  ", None):
        with pytest.raises(X2VError, match="nothing to expand"):
            expand(bad)
    with pytest.raises(X2VError, match="1001 words"):
        expand("dog " * 1001)
    with pytest.raises(X2VError, match="text-generation"):
        expand("a dog", model=lambda text: text)


@pytest.mark.parametrize(
    ("n", "seed", "said"),
    [
        (0, 0, "n=0"),
        (101, 0, "n=101"),
        (1.5, 0, "n=1.5"),
        (3, -1, "seed=-1"),
        (3, "x", "seed='x'"),
        (3, None, "seed"),
    ],
)
def test_numbers_are_whole_and_in_range(n, seed, said):
    with pytest.raises(X2VError, match=f"{said}.*whole number"):
        expand("a dog", n, seed)


def test_a_picture_among_the_words_is_told():
    lines = expand("a \N{DOG FACE} in the snow", n=1).lines
    assert [line.kind for line in lines if line.said == "\N{DOG FACE}"] == ["left out"]
    assert [line.said for line in expand("snow, 50 % of it!", n=1).lines] == [
        "snow",
        "50",
    ]  # marks are no words


def test_the_command(capsys):
    assert main(["expand", "a sedan in the Sahara", "-n", "2"]) == 0
    out = capsys.readouterr().out
    assert out.count("car ") >= 2 and "sedan -> car" in out and "sahara -> desert" in out
    assert main(["expand", "a sedan", "--json", "-n", "1"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["specs"][0]["subject"] == "car" and len(values["sentences"]) == 1
    assert main(["expand", ""]) == 2 and main(["expand", "a dog", "--seed", "-1"]) == 2
