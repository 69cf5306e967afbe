"""A prompt is read from a file of words as the text encoder reads it, with no weights and no torch."""

from __future__ import annotations

import numpy as np
import pytest

from x2vkit import registry
from x2vkit.core.lexicon import Lexicon, counts
from x2vkit.core.text import TextEncoder
from x2vkit.errors import X2VError
from x2vkit.world.grammar import caption, sample_spec


@pytest.fixture(scope="module")
def small():
    return Lexicon.load(registry.weights_folder("small"))


def test_the_file_alone_reads_as_the_encoder_does(small):
    encoder = TextEncoder.from_pretrained(registry.weights_folder("small") / "text_encoder")
    rng = np.random.default_rng(0)
    prompts = [caption(sample_spec(rng), rng) for _ in range(50)]
    for prompt in [*prompts, "two unicorns near the sea, please", "dog " * 40, ""]:
        assert small.tokenize(prompt) == encoder.tokenize(prompt)
        assert small.spans(prompt) == encoder.spans(prompt)
    assert small.near("whale") == encoder.near("whale") == ["fish"]


def test_what_is_known_and_what_is_cut(small):
    assert small.knows("a puppy in the snow") and not small.knows("a unicorn")
    lexicon = Lexicon(["a", "red", "dog"], max_words=2)
    assert lexicon.cut(lexicon.tokenize("a red dog")) == "a prompt has at most 2 words, left out: dog"
    assert lexicon.cut(lexicon.tokenize("a dog")) == ""


@pytest.mark.parametrize(
    "text", [None, "", "[]", '{"vocab": 3}', '{"vocab": [1], "synonyms": {}, "max_words": 3}']
)
def test_a_damaged_file_is_a_sentence(tmp_path, text):
    (tmp_path / "text_encoder").mkdir()
    if text is not None:
        (tmp_path / "text_encoder" / "config.json").write_text(text)
    with pytest.raises(X2VError, match="it holds vocab, synonyms and max_words"):
        Lexicon.load(tmp_path)


def test_a_number_is_no_slip_of_spelling():
    lexicon = Lexicon(["a", "tree", "toad"])
    assert lexicon.near("treee") == ["tree"]
    assert lexicon.near("three") == [] and counts("three") and counts("12") and not counts("one")
