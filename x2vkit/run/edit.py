"""Bending a run to see what its parts do: heads, layers and words made stronger, weaker or silent.

    A heads, L tokens of the sequence, T of them text

An edit is made by hooks on the transformer while one thread runs its steps (as `run.capture` looks on), so
other runs of the same model go on unchanged. A trace keeps its edit among its inputs and is made again with
it; its queries and keys are those that the model computed, before a word's factor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from x2vkit.core.attention import ScaledDotProduct, TransformerBlock
from x2vkit.errors import X2VError
from x2vkit.run.hooks import Hooks

SILENT = -2000.0
"""Added to a silenced word's scores: nothing is left of it after the softmax."""
LARGEST = 100.0
"""The largest factor."""


@dataclass(frozen=True)
class Edit:
    """What is bent in a run. A factor of 1 changes nothing, 0 silences, 2 doubles."""

    heads: Mapping[tuple[int, int], float] = field(default_factory=dict)
    """(layer, head), from 0 -> factor on what the head writes, in every pass."""
    layers: Mapping[int, float] = field(default_factory=dict)
    """Transformer block, from 0 -> factor on all that it adds to the tokens, in every pass."""
    words: Mapping[str | int, float] = field(default_factory=dict)
    """A word of the prompt, or its place among `Trace.words` -> factor on the attention that it gets (before
    rows are made to add up to 1 again), in the pass with the words.
    """
    steps: Sequence[int] | None = None
    """Steps at which it holds, from 0; None is all."""

    def resolve(self, words: Sequence[str], layers: int, heads: int, steps: int) -> Edit:
        """The same with words as places and nothing left open.

        Raises:
            X2VError: a word, layer, head or step that this run has not, or a factor that is no number from 0
                to LARGEST.
        """
        places: dict[str | int, float] = {}
        for word, factor in self.words.items():
            for place in _places(word, words):
                places[place] = _factor(f"word {word!r}", factor)
        for layer, head in self.heads:
            _within("layer", layer, layers)
            _within("head", head, heads)
        for layer in self.layers:
            _within("layer", layer, layers)
        chosen = range(steps) if self.steps is None else self.steps
        for step in chosen:
            _within("step", step, steps)
        return Edit(
            {place: _factor(f"head {place}", factor) for place, factor in self.heads.items()},
            {layer: _factor(f"layer {layer}", factor) for layer, factor in self.layers.items()},
            places,
            tuple(sorted(set(chosen))),
        )

    def as_array(self) -> NDArray[np.float32]:
        """A resolved edit as numbers, (n, 4): kind (0 head, 1 layer, 2 word), two places, factor; and a row
        of kind 3 for each step.
        """
        rows = [(0, layer, head, factor) for (layer, head), factor in self.heads.items()]
        rows += [(1, layer, 0, factor) for layer, factor in self.layers.items()]
        rows += [(2, int(place), 0, factor) for place, factor in self.words.items()]
        rows += [(3, step, 0, 0) for step in self.steps or ()]
        return np.array(rows, np.float32).reshape(-1, 4)

    @classmethod
    def from_array(cls, array: NDArray) -> Edit:
        """The inverse of `as_array`. Raises X2VError for numbers that are none."""
        if array.ndim != 2 or array.shape[1] != 4 or not np.isin(array[:, 0], (0, 1, 2, 3)).all():
            raise X2VError("edit", "an edit is rows of kind, two places and a factor", "record it again")
        rows = [(int(kind), int(first), int(second), float(factor)) for kind, first, second, factor in array]
        return cls(
            {(first, second): factor for kind, first, second, factor in rows if kind == 0},
            {first: factor for kind, first, _, factor in rows if kind == 1},
            {first: factor for kind, first, _, factor in rows if kind == 2},
            tuple(first for kind, first, _, _ in rows if kind == 3),
        )


class Editing(Hooks):
    """The hooks of a resolved edit while in a `with`. `step` is set from outside."""

    def __init__(self, transformer: nn.Module, edit: Edit | None) -> None:
        super().__init__()
        self.edit = edit
        self.blocks = [module for module in transformer.modules() if isinstance(module, TransformerBlock)]
        self.scores = [module for module in transformer.modules() if isinstance(module, ScaledDotProduct)]

    def _attach(self) -> list[Any]:
        edit = self.edit or Edit()
        heads = {layer for layer, _ in edit.heads}
        handles = [self.scores[layer].register_forward_hook(self._head_hook(layer)) for layer in heads]
        for layer, factor in edit.layers.items():
            handles.append(self.blocks[layer].register_forward_hook(self._layer_hook(factor)))
        if edit.words:
            handles += [module.register_forward_pre_hook(self._words_hook()) for module in self.scores]
        return handles

    def _holds(self) -> bool:
        return self.heeded and self.edit is not None and self.step in (self.edit.steps or ())

    def _head_hook(self, layer: int) -> Any:
        assert self.edit is not None
        factors = {head: factor for (at, head), factor in self.edit.heads.items() if at == layer}

        def scale(_: nn.Module, inputs: Any, mixed: Tensor) -> Tensor | None:
            if not self._holds():
                return None
            each = torch.ones(mixed.shape[1], dtype=mixed.dtype, device=mixed.device)
            for head, factor in factors.items():
                each[head] = factor
            return mixed * each[:, None, None]  #                                   (B, A, L, D)

        return scale

    def _layer_hook(self, factor: float) -> Any:
        def scale(_: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> Tensor | None:
            return torch.lerp(inputs[0], out, factor) if self._holds() else None

        return scale

    def _words_hook(self) -> Any:
        assert self.edit is not None
        words = {int(place): math.log(f) if f > 0 else SILENT for place, f in self.edit.words.items()}

        def add(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
            if not self._holds():
                return None
            q, k, v, *rest = inputs
            bias = rest[0] if rest else None
            if bias is None:
                bias = q.new_zeros(len(q), 1, 1, k.shape[2])
            bias = bias.expand(len(q), 1, 1, k.shape[2]).clone()
            for place, amount in words.items():
                bias[0, 0, 0, place] += amount  # row 0 is the pass with the words
            return q, k, v, bias

        return add


def _places(word: str | int, words: Sequence[str]) -> list[int]:
    if isinstance(word, int) and not isinstance(word, bool):
        _within("word", word, len(words))
        return [word]
    found = [i for i, one in enumerate(words) if one == str(word).lower()]
    if not found:
        have = ", ".join(words[1:]) or "none"
        raise X2VError(f"word {word!r}", f"the words of this prompt are {have}", "name one of them")
    return found


def _within(name: str, value: object, count: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count:
        raise X2VError(f"{name} {value!r}", f"this run has {count} {name}s", f"count from 0 to {count - 1}")


def _factor(name: str, factor: object) -> float:
    if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not 0 <= factor <= LARGEST:
        rule = f"a factor is a number from 0 to {LARGEST:g}"
        raise X2VError(f"{name} × {factor!r}", rule, "0 silences, 1 changes nothing")
    return float(factor)
