"""Prompts: how they are read, checked, and made into text tokens.

B prompts; T text tokens, D their width
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from x2vkit.config import check_prompt
from x2vkit.core.lexicon import FEW, Words, few
from x2vkit.core.text import TextEncoder
from x2vkit.errors import X2VError
from x2vkit.pipeline.checks import check_tensor


class PromptReader:
    """Reading and encoding of prompts in a pipeline that has a `text_encoder`."""

    text_encoder: TextEncoder | None
    _execution_device: Any

    def read(self, prompts: Sequence[str]) -> tuple[Words, ...]:
        """How the model reads prompts. Warns about what it cannot use; X2VError when nothing of a prompt is
        left.
        """
        return read_prompts(self._reader(), prompts)

    def encode_prompt(
        self,
        prompt: str | Sequence[str] | Sequence[Words] | None = None,
        negative_prompt: str | Sequence[str] | None = None,
        do_classifier_free_guidance: bool = True,
        num_videos_per_prompt: int = 1,
        prompt_embeds: Tensor | None = None,
        negative_prompt_embeds: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Prompts as text tokens (clips, T, D), and negative prompts; rows of zeros fill up to the longest.

        Args:
            prompt: one text or B of them.
            negative_prompt: one text or B; nothing by default.
            do_classifier_free_guidance: whether negative prompts are asked for at all.
            num_videos_per_prompt: how often each is repeated.
            prompt_embeds: in place of `prompt`, (B, T, D).
            negative_prompt_embeds: in place of `negative_prompt`.

        Raises:
            X2VError: another number of negative prompts than of prompts, or no text encoder to read them.
        """
        check_embeds(prompt, prompt_embeds, negative_prompt, negative_prompt_embeds)
        texts = prompts_of(prompt)
        count = len(texts) if prompt_embeds is None else len(prompt_embeds)
        if negative_prompt_embeds is not None and len(negative_prompt_embeds) != count:
            rule = f"there are {count} prompts"
            raise X2VError(f"{len(negative_prompt_embeds)} negative prompts", rule, "give one for each")
        negatives: list[Any] = []
        if do_classifier_free_guidance and negative_prompt_embeds is None:
            negatives = prompts_of(negative_prompt or "")
            negatives = negatives * count if isinstance(negative_prompt or "", str) else negatives
            if len(negatives) != count:
                rule = f"there are {count} prompts"
                raise X2VError(f"{len(negatives)} negative prompts", rule, "give one, or one for each")
        if texts or negatives:
            encoded = self._encode_texts([*texts, *negatives])
            prompt_embeds = encoded[:count] if prompt_embeds is None else prompt_embeds
            negative_prompt_embeds = encoded[len(texts) :] if negatives else negative_prompt_embeds
        assert prompt_embeds is not None  # check_embeds saw that there are texts or embeddings
        prompt_embeds = prompt_embeds.repeat_interleave(num_videos_per_prompt, dim=0)
        if negative_prompt_embeds is not None:
            negative_prompt_embeds = negative_prompt_embeds.repeat_interleave(num_videos_per_prompt, dim=0)
        return prompt_embeds, negative_prompt_embeds

    def _encode_texts(self, texts: Sequence[str | Words]) -> Tensor:
        """Texts (B) -> text tokens (B, T, D); rows of zeros fill up."""
        encoder = self._reader()
        ids, mask = encoder.batch(texts, self._execution_device)
        return encoder(ids).masked_fill(~mask[:, :, None], 0.0)  # (B, T, D)

    def _reader(self) -> TextEncoder:
        if self.text_encoder is None:
            cure = "give prompt_embeds and, with guidance, negative_prompt_embeds"
            raise X2VError("a prompt", "this pipeline has no text encoder", cure)
        return self.text_encoder


def prompts_of(prompt: str | Words | Sequence[str | Words] | None) -> list[str | Words]:
    """One prompt or several, as a list; none of None. X2VError for what is no text."""
    if prompt is None:
        return []
    texts = [prompt] if isinstance(prompt, (str, Words)) else prompt
    if not isinstance(texts, (list, tuple)) or not texts:
        raise X2VError(
            f"prompt={prompt!r:.60}", "a prompt is text, or a list of texts", 'use "a dog in the snow"'
        )
    return [text if isinstance(text, Words) else check_prompt(text) for text in texts]


def read_prompts(encoder: TextEncoder, prompts: Sequence[str]) -> tuple[Words, ...]:
    """How the model reads prompts. Warns about what it cannot use; X2VError when nothing of one is left."""
    rows = tuple(encoder.tokenize(prompt) for prompt in prompts)
    for row in rows:
        _tell_losses(encoder, row)
    return rows


def check_embeds(
    prompt: object,
    prompt_embeds: Tensor | None,
    negative_prompt: object,
    negative_prompt_embeds: Tensor | None,
) -> None:
    """Raise X2VError unless each of the two is given once: as text, or as embeddings (B, T, D)."""
    if (prompt is None) == (prompt_embeds is None):
        got = "prompt=None and prompt_embeds=None" if prompt is None else "a prompt and prompt_embeds"
        rule = "a prompt is text, or the embeddings of a text"
        raise X2VError(got, rule, "give a prompt, or what encode_prompt made of it")
    if not isinstance(negative_prompt, (str, list, tuple, type(None))):
        rule = "it is text, or a list of texts"
        raise X2VError(f"negative_prompt={repr(negative_prompt):.60}", rule, "leave it out")
    if negative_prompt not in (None, "") and negative_prompt_embeds is not None:
        raise X2VError("negative_prompt and negative_prompt_embeds", "both say what not to show", "give one")
    for name, embeds in (
        ("prompt_embeds", prompt_embeds),
        ("negative_prompt_embeds", negative_prompt_embeds),
    ):
        check_tensor(name, embeds)
        if embeds is not None and (embeds.ndim != 3 or not embeds.numel()):
            rule = "embeddings are (prompts, words, width)"
            raise X2VError(f"{name} of shape {tuple(embeds.shape)}", rule, "make them with encode_prompt")


def join_embeds(embeds: Sequence[Tensor]) -> Tensor:
    """Batches (b, T, D) of embeddings as one; rows of zeros fill up to the longest."""
    longest = max(each.shape[1] for each in embeds)
    return torch.cat([pad(each, (0, 0, 0, longest - each.shape[1])) for each in embeds])


def spread(name: str, latents: Tensor, prompts: int, clips: int) -> Tensor:
    """What was given once, or once for each prompt (b, ...), for each of so many clips of a prompt."""
    if len(latents) not in (1, prompts):
        rule = f"there are {prompts} prompts"
        raise X2VError(f"{name} of {len(latents)} clips", rule, "give one, or one for each prompt")
    return latents if len(latents) == 1 else latents.repeat_interleave(clips, dim=0)


def _tell_losses(encoder: TextEncoder, row: Words) -> None:
    """Warn of words that the model cannot use; X2VError where there are no others."""
    strange = few(row.unknown)
    first = dict.fromkeys(row.unknown[:FEW])
    near = [f"{word} -> {', '.join(close)}" for word in first if (close := encoder.near(word))]
    if row.unknown and len(row.words) == 1:
        cure = f"near words: {'; '.join(near)}" if near else "try: a red ball bouncing on the beach"
        raise X2VError(f"prompt of {strange}", "the model knows none of these words", cure)
    if row.unknown:
        said = f"words the model does not know, left out: {strange}"
        warnings.warn(f"{said} (what it knows: {'; '.join(near)})" if near else said, stacklevel=5)
    if cut := encoder.lexicon.cut(row):
        warnings.warn(cut, stacklevel=5)
    if len(row.words) == 1 and not row.unknown:
        warnings.warn("the prompt is empty: the clip shows whatever the model likes", stacklevel=5)
