"""Queries and keys of a run's attention, kept by hooks that only look.

    S steps; T text and N video tokens, A heads, D channels of a head

The model knows nothing of this module: a captured run computes what any other does. Hooks sit on modules that
other threads may run at the same time, so each of them listens to the one thread, and only while that thread
is inside a step of its own run (`Capture.listening`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from x2vkit.core.attention import MASK_VALUE, ScaledDotProduct
from x2vkit.errors import X2VError
from x2vkit.run.hooks import Hooks
from x2vkit.trace.record import Site


@dataclass(frozen=True)
class AttentionCapture:
    """Which queries and keys a recording keeps. None is all; negative numbers count from the end."""

    steps: Sequence[int] | None = None
    """Denoising steps, from 0."""
    layers: Sequence[int] | None = None
    """Transformer blocks, from 0."""
    heads: Sequence[int] | None = None
    """Heads of each block, from 0."""

    def resolve(self, steps: int, layers: int, heads: int) -> AttentionCapture:
        """The same choice, spelt out for so many steps, layers and heads. X2VError if one is not there."""
        return AttentionCapture(
            _chosen("steps", self.steps, steps),
            _chosen("layers", self.layers, layers),
            _chosen("heads", self.heads, heads),
        )


ALL, NOTHING = AttentionCapture(), AttentionCapture((), (), ())


class Capture(Hooks):
    """Hooks on a transformer's attention while in a `with`. `step` is set from outside."""

    def __init__(self, transformer: nn.Module, keep: AttentionCapture) -> None:
        super().__init__()
        self.queries: dict[Site, NDArray] = {}
        self.keys: dict[Site, NDArray] = {}
        self.keep = keep
        self.layers = [module for module in transformer.modules() if isinstance(module, ScaledDotProduct)]

    def _attach(self) -> list[Any]:
        chosen = self.keep.layers or ()
        return [self.layers[i].register_forward_pre_hook(self._hook(i)) for i in chosen]

    def _hook(self, layer: int) -> Callable[[nn.Module, tuple[Tensor | None, ...]], None]:
        heads = list(self.keep.heads or ())

        def look(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            site = (self.step, layer)
            if not self.heeded or self.step not in (self.keep.steps or ()) or site in self.queries:
                return
            q, k, bias = inputs[0], inputs[1], inputs[3] if len(inputs) > 3 else None
            # Row 0 is the pass with the words. Tokens that only fill up the batch are none of its words.
            real = slice(None) if bias is None else bias[0, 0, 0] > MASK_VALUE / 2
            self.queries[site], self.keys[site] = (half(x[0, heads][:, real]) for x in (q, k))

        return look


def half(x: Tensor) -> NDArray[np.float16]:
    """A tensor as float16: exact for bfloat16 values of ordinary size, as queries and keys are."""
    return x.detach().to("cpu", torch.float16).numpy()


def _chosen(name: str, wanted: Sequence[int] | None, count: int) -> tuple[int, ...]:
    if wanted is None:
        return tuple(range(count))
    if strange := [i for i in wanted if not -count <= i < count]:
        got = f"attention {name} {strange}"
        raise X2VError(got, f"this run has {count} {name}", f"use 0 to {count - 1}")
    return tuple(sorted({i % count for i in wanted}))
