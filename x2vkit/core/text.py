"""Words -> text tokens: a closed vocabulary with synonyms, learned embeddings and a few small transformer
blocks.

    B batch, T text tokens (a prompt's words after <start>), D text width

Knows nothing about the world that wrote the vocabulary: words and synonyms live in this model's own config,
so save_pretrained carries them. The encoder is small enough to train together with the video transformer.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional as F

from x2vkit.config import FORMAT_VERSION, check_format
from x2vkit.core.attention import MASK_VALUE, Attention, BlockMixin
from x2vkit.core.layers import norm
from x2vkit.core.meanings import MEANINGS
from x2vkit.words import split_words

START, PAD = "<start>", "<pad>"
"""Token 0 opens every prompt (alone it is the empty prompt, the unconditional model); token 1 fills up a
batch.
"""


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


class TextEncoder(BlockMixin, ModelMixin, ConfigMixin):
    """Prompt -> ids (`tokenize`) -> text tokens (`forward`).

    Args:
        vocab: known words (a leading <start>, <pad> is added where missing).
        synonyms: phrase -> canonical phrase, both of one or more words; an empty canonical phrase is a word
            that is understood and says nothing ("please"); None is a word that is known within phrases alone
            ("under the sea" may be taught, and "sea" not).
        width: channels D of a text token.
        depth: blocks.
        max_words: longest prompt in words.
        format_version: of the saved weights.
    """

    config_name = "config.json"
    _no_split_modules = ["TextBlock"]
    _repeated_blocks = ["TextBlock"]

    @register_to_config
    def __init__(
        self,
        vocab: Sequence[str],
        synonyms: dict[str, str | None] | None = None,
        width: int = 128,
        depth: int = 2,
        max_words: int = 32,
        format_version: int = FORMAT_VERSION,
    ) -> None:
        super().__init__()
        check_format(format_version)
        self.words = [START, PAD, *(word for word in vocab if word not in (START, PAD))]
        self.id_of = {word: i for i, word in enumerate(self.words)}
        self.synonyms = dict(synonyms or {})
        phrases = [*self.synonyms, *self.words[2:]]
        self.longest_phrase = max((len(phrase.split()) for phrase in phrases), default=1)
        self.token_embed = nn.Embedding(len(self.words), width)
        self.pos_embed = nn.Parameter(torch.zeros(max_words + 1, width))
        self.blocks = nn.ModuleList(TextBlock(width) for _ in range(depth))
        nn.init.normal_(self.token_embed.weight, std=0.5)
        nn.init.normal_(self.pos_embed, std=0.1)

    def forward(self, ids: Tensor) -> Tensor:
        """ids (B, T) int64 -> text tokens (B, T, D); no other token attends to padding."""
        padding = (ids == 1)[:, None, None, :]  #                                   (B, 1, 1, T)
        x = self.token_embed(ids) + self.pos_embed[: ids.shape[1]]  #               (B, T, D)
        bias = torch.zeros_like(padding, dtype=x.dtype).masked_fill(padding, MASK_VALUE)
        for block in self.blocks:
            x = self._block(block, x, bias)  #                                      (B, T, D)
        return norm(x)  #                                                           (B, T, D)

    def batch(
        self, prompts: Sequence[str | Words], device: torch.device | None = None
    ) -> tuple[Tensor, Tensor]:
        """Prompts -> (ids (B, T), mask (B, T) True on real tokens), padded to the longest of the batch.

        device: where they are read; None is where the weights lie, which for offloaded weights says nothing.
        """
        device = device or self.device
        rows = [prompt if isinstance(prompt, Words) else self.tokenize(prompt) for prompt in prompts]
        longest = max(len(row.ids) for row in rows)
        ids = torch.tensor([[*row.ids, *[1] * (longest - len(row.ids))] for row in rows], device=device)
        return ids, ids != 1

    def tokenize(self, prompt: str) -> Words:
        """Read a prompt, longest known phrase first; what is not known comes back in `unknown`."""
        spans = self.spans(prompt)
        known = [word for _, read in spans for word in read or ()]
        unknown = tuple(phrase for phrase, read in spans if read is None)
        limit = self.config.max_words
        words = (START, *known[:limit])
        return Words(tuple(self.id_of[w] for w in words), words, unknown, tuple(known[limit:]))

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
        forms = (word, word.removesuffix("s"))
        meant = next((MEANINGS[form] for form in forms if form in MEANINGS), ())
        if meant:
            return [phrase for phrase in meant if not self.tokenize(phrase).unknown][:count]
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


class TextBlock(nn.Module):
    """Attention and MLP over text tokens, each after a norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = Attention(width, heads=max(1, width // 32))
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """x (B, T, D), bias (B, 1, 1, T) -> (B, T, D)."""
        x = x + self.attention(norm(x), bias=bias)
        return x + self.down(F.gelu(self.up(norm(x))))
