"""The text encoder reads prompts as people write them and never drops a word in silence."""

from __future__ import annotations

import pytest
import torch

from x2vkit.core.text import TextEncoder
from x2vkit.errors import X2VError

VOCAB = ["a", "dog", "red", "hat", "wearing", "left", "walking"]
SYNONYMS = {"puppy": "dog", "dressed in": "wearing", "strolling to the left": "walking left", "please": ""}


@pytest.fixture(scope="module")
def text() -> TextEncoder:
    torch.manual_seed(0)
    return TextEncoder(VOCAB, SYNONYMS, width=32, depth=1, max_words=6).eval()


@pytest.mark.parametrize(
    ("prompt", "words", "unknown"),
    [
        ("a red dog", "a red dog", ""),
        ("A RED, puppy!", "a red dog", ""),
        ("dogs, the dog's hat", "dog dog hat", "the"),
        ("a puppy dressed in a red hat please", "a dog wearing a red hat", ""),
        ("dog strolling to the left", "dog walking left", ""),
        ("dog strolling", "dog", "strolling"),
        ("zyx \N{DOG FACE} Ünïcode", "", "zyx ünïcode"),
        ("", "", ""),
    ],
)
def test_reads_prompts(text, prompt, words, unknown):
    got = text.tokenize(prompt)
    assert got.words == ("<start>", *words.split())
    assert got.unknown == tuple(unknown.split())
    assert [text.words[i] for i in got.ids] == list(got.words)


def test_a_long_prompt_names_what_it_loses(text):
    got = text.tokenize("a red dog wearing a red hat walking left")
    assert got.words == ("<start>", "a", "red", "dog", "wearing", "a", "red")
    assert got.dropped == ("hat", "walking", "left")


def test_spans_tell_what_each_part_of_a_prompt_is_read_as(text):
    assert text.spans("Puppies, please: a puppy dressed in hats") == [
        ("puppies", None),
        ("please", ()),
        ("a", ("a",)),
        ("puppy", ("dog",)),
        ("dressed in", ("wearing",)),
        ("hats", ("hat",)),
    ]


def test_near_words(text):
    assert text.near("walkin")[0] == "walking"


@torch.no_grad()
def test_padding_changes_nothing(text):
    ids, mask = text.batch(["a red dog", "dog"])
    alone, _ = text.batch(["dog"])
    assert mask.tolist() == [[True] * 4, [True, True, False, False]]
    torch.testing.assert_close(text(ids)[1, :2], text(alone)[0], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_word_order_matters(text):
    assert (
        text(text.batch(["red dog hat"])[0])[0, 0] - text(text.batch(["hat dog red"])[0])[0, 0]
    ).abs().max() > 1e-3


@torch.no_grad()
def test_saved_and_loaded_reads_the_same(text, tmp_path):
    text.save_pretrained(tmp_path)
    again = TextEncoder.from_pretrained(tmp_path)
    prompt = "a puppy dressed in a red hat"
    assert again.tokenize(prompt) == text.tokenize(prompt)
    assert torch.equal(again(again.batch([prompt])[0]), text(text.batch([prompt])[0]))


def test_another_checkpoint_format_is_refused():
    with pytest.raises(X2VError, match="format 99"):
        TextEncoder(VOCAB, format_version=99)
