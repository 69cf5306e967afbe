"""Words -> text tokens: a closed vocabulary with synonyms, learned embeddings and a few small transformer
blocks.

    B batch, T text tokens (a prompt's words after <start>), D text width

Words and synonyms live in this model's own config, so save_pretrained carries them (how they are read:
lexicon.py). The encoder is small enough to train together with the video transformer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional as F

from x2vkit.config import FORMAT_VERSION, check_format
from x2vkit.core.attention import MASK_VALUE, Attention, BlockMixin
from x2vkit.core.layers import norm
from x2vkit.core.lexicon import Lexicon, Words


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
        self.lexicon = Lexicon(vocab, synonyms, max_words)
        self.words, self.id_of = self.lexicon.words, self.lexicon.id_of
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

    def add_words(self, rows: Mapping[str, Tensor]) -> list[str]:
        """Learn words, each with its row (D,) of the embedding; returns those that were not there.

        A word that is there keeps its row, and is known alone from now on, not within phrases only.
        """
        if not rows:
            return []
        new = [word for word in rows if word not in self.id_of]
        table = self.token_embed.weight.detach()
        added = [rows[word].to(table)[None] for word in new]
        synonyms = {key: value for key, value in self.lexicon.synonyms.items() if key not in rows}
        self._set_words([*self.words, *new], synonyms, torch.cat([table, *added]))
        return new

    def forget_words(self, words: Sequence[str]) -> None:
        """Take words and their embeddings out again; the others keep their order."""
        if not words:
            return
        kept = [i for i, word in enumerate(self.words) if word not in words]
        table = self.token_embed.weight.detach()[kept]
        self._set_words([self.words[i] for i in kept], self.lexicon.synonyms, table)

    def _set_words(self, words: list[str], synonyms: dict[str, str | None], table: Tensor) -> None:
        self.lexicon = Lexicon(words, synonyms, self.lexicon.max_words)
        self.words, self.id_of = self.lexicon.words, self.lexicon.id_of
        frozen = not self.token_embed.weight.requires_grad
        self.token_embed = nn.Embedding.from_pretrained(table, freeze=frozen)
        self.register_to_config(vocab=words, synonyms=synonyms)

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
        """Read a prompt; see `Lexicon.tokenize`."""
        return self.lexicon.tokenize(prompt)

    def spans(self, prompt: str) -> list[tuple[str, tuple[str, ...] | None]]:
        """What each part of a prompt is read as; see `Lexicon.spans`."""
        return self.lexicon.spans(prompt)

    def near(self, word: str, count: int = 3) -> list[str]:
        """What the model knows that is near an unknown word; see `Lexicon.near`."""
        return self.lexicon.near(word, count)


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
