"""Where clips come from: the world, or a folder of videos, and the words they are told in."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor

from x2vkit.core.lexicon import Lexicon
from x2vkit.world import World, vocabulary

Vocabulary: TypeAlias = "tuple[list[str], dict[str, str | None]]"
"""Words in the order of their rows, and synonyms -> word (None: known within phrases alone)."""
VALIDATION_SEED = 777
"""Clips of this seed are only ever measured on."""
TOLD = 8
"""Places that a warning names."""


class VideoDataset(Protocol):
    """Where clips come from: the world, or a folder of videos."""

    def sample(
        self, index: int, num_frames: int = ..., height: int = ..., width: int = ..., *, held_out: bool = ...
    ) -> Any:
        """Clip `index`: `frames` uint8 (F, H, W, 3), `caption`, and `spec`, `ids`, `truth`, which may be
        None.
        """


def world_dataset(seed: int) -> VideoDataset:
    """The world, as dataset."""
    return World(seed)


def is_world(dataset: VideoDataset) -> bool:
    """Whether clips of this dataset come with their truth."""
    return isinstance(dataset, World)


def vocabulary_of(dataset: VideoDataset, known: Sequence[str] = ()) -> Vocabulary:
    """The world's words, then those of the captions of a folder of videos; with synonyms -> word.

    New words stand behind those that were known, so that weights of fewer words fit the first rows.

    known: the words of a run that is resumed, in their order, in place of the world's.
    """
    words, synonyms = vocabulary()
    own = [word for word in (*known, *getattr(dataset, "words", ())) if word not in words]
    synonyms = {key: value for key, value in synonyms.items() if key not in own}
    return list(dict.fromkeys([*(known or words), *own])), synonyms


def tell_long_captions(dataset: VideoDataset, reader: Lexicon) -> None:
    """Warn of a user's captions that are longer than the text encoder reads: how many, where, and what of the
    first is left out.
    """
    rows, places = getattr(dataset, "rows", ()), getattr(dataset, "places", {})
    dropped = {row: words for row in rows if (words := reader.tokenize(row[1]).dropped)}
    if not dropped:
        return
    where = "; ".join(places[row] for row in list(dropped)[:TOLD]) + ("; …" if len(dropped) > TOLD else "")
    first = " ".join(next(iter(dropped.values())))
    warnings.warn(
        f"{len(dropped)} of {len(rows)} captions have over {reader.max_words} words, and their ends are not "
        f"read ({where}; of the first: {first!r}). Shorten them, or raise the recipe's [data] max_words.",
        stacklevel=3,
    )


def to_video(frames: np.ndarray | Tensor) -> Tensor:
    """uint8 (B, F, H, W, 3) -> float32 (B, 3, F, H, W) in [-1, 1]."""
    return torch.as_tensor(frames).permute(0, 4, 1, 2, 3).float().div_(127.5).sub_(1)
