"""Attention as a model computes it, seen where it reaches `scaled_dot_product_attention`.

    B batch rows    A heads    Q queries    K keys    D channels of a head

Only listens: every call goes through as it came. What never reaches that function (linear attention, a
softmax by hand, flex_attention) is not heard; `Listener.silent` names the modules where that was so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

OFF = -1000.0
"""A number added to a score that takes a key away altogether."""
LOOKED_AT = 64
"""Rows of a dense mask that are compared with each other."""
SOFTMAX = {torch.softmax, F.softmax, Tensor.softmax}


@dataclass(frozen=True)
class Call:
    """One call of attention, before its numbers are looked at."""

    module: str
    """Path of the module that made it, inside the denoising model."""
    nth: int
    """How many calls this module made before in the same forward: some make one for each sample."""
    order: int
    """How many calls of attention the forward made before."""
    query: Tensor
    """(B, A, Q, D)"""
    key: Tensor
    """(B, A, K, D), in as many heads as the queries."""
    value: Tensor
    """(B, A, K, Dv)"""
    valid: Tensor | None
    """(B or 1, K) bool, keys that are read at all; None for all."""
    plain: bool
    """Whether every query reads the same keys by q k^T alone: else its rows are not softmax(q k^T)."""
    output: Tensor
    """(B, A, Q, Dv)"""

    @property
    def signature(self) -> tuple[str, int, int, int]:
        """Calls with equal ones cut their sequence into the same tokens."""
        return re.sub(r"\d+", "N", self.module), self.query.shape[0], self.query.shape[2], self.key.shape[2]


class Listener(TorchFunctionMode):
    """While entered, tells `heard` of every call of attention that a model's modules make."""

    def __init__(self, heard: Callable[[Call], None]) -> None:
        super().__init__()
        self.heard = heard
        self.ran: dict[str, None] = {}
        """Modules that are attention by their name and ran while this listened."""
        self.sounded: set[str] = set()
        """Modules from which attention was heard."""
        self.by_hand: dict[str, None] = {}
        """Modules that call softmax themselves."""
        self._stack: list[str] = []
        self._counts: dict[str, int] = {}
        self._order = 0

    def hook(self, model: nn.Module) -> ExitStack:
        """Keep track of which module runs, until the stack is closed. Modules without parts need no hook."""
        stack = ExitStack()
        for name, module in model.named_modules():
            if name and next(module.children(), None) is not None:
                before, after = partial(self._enter, name, attends(name, module)), self._leave
                stack.callback(module.register_forward_pre_hook(before).remove)
                stack.callback(module.register_forward_hook(after, always_call=True).remove)
        return stack

    def start(self) -> None:
        """A forward begins."""
        self._stack, self._counts, self._order = [], {}, 0

    @property
    def calls(self) -> int:
        """Calls of attention in the forward so far."""
        return self._order

    @property
    def silent(self) -> list[str]:
        """Attention modules that ran and from which nothing was heard, the innermost ones."""
        quiet = [name for name in self.ran if not any(within(s, name) for s in self.sounded)]
        return [name for name in quiet if not any(within(other, name) for other in quiet if other != name)]

    def _enter(self, name: str, attends: bool, *_: Any) -> None:
        self._stack.append(name)
        if attends:
            self.ran[name] = None

    def _leave(self, *_: Any) -> None:
        if self._stack:
            self._stack.pop()

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is F.scaled_dot_product_attention:
            self._sdpa(result, *args, **(kwargs or {}))
        elif func in SOFTMAX and self._stack:
            self.by_hand[self._stack[-1]] = None
        return result

    def _sdpa(
        self,
        output: Tensor,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> None:
        module = self._stack[-1] if self._stack else ""
        self.sounded.add(module)
        nth = self._counts[module] = self._counts.get(module, -1) + 1
        order, self._order = self._order, self._order + 1
        if query.ndim != 4:
            return
        valid, plain = read_mask(attn_mask, query.shape[2])
        if scale is not None:
            query = query * (scale * query.shape[3] ** 0.5)
        if enable_gqa:
            key, value = (x.repeat_interleave(query.shape[1] // x.shape[1], 1) for x in (key, value))
        plain = plain and not is_causal
        self.heard(Call(module, nth, order, query, key, value, valid, plain, output))


def attends(name: str, module: nn.Module) -> bool:
    """Whether a module is attention, by its class's name, or by its own, which ends so."""
    kind = type(module).__name__.lower()
    return "attn" in kind or "attention" in kind or bool(re.search(r"(attn|attention)\d*$", name.lower()))


def within(inner: str, outer: str) -> bool:
    """Whether a module's path lies in another's, or is it."""
    return inner == outer or inner.startswith(outer + ".")


def read_mask(mask: Tensor | None, queries: int) -> tuple[Tensor | None, bool]:
    """A mask of attention -> ((B or 1, K) keys that are read, None for all; whether it says no more).

    Says more: another set of keys for each query, or numbers that are added to scores.
    """
    if mask is None:
        return None, True
    mask = mask[(None,) * (4 - mask.ndim)]  # (B or 1, A or 1, Q or 1, K)
    on = mask if mask.dtype == torch.bool else mask > OFF
    same = mask.dtype == torch.bool or bool((mask.masked_fill(~on, 0) == 0).all())
    if mask.shape[2] == 1:
        return on[:, 0, 0], same
    some = on[:, 0, :: max(1, queries // LOOKED_AT)]  # (B, rows, K)
    fullest = some.sum(2).argmax(1)  # (B,)
    valid = some[torch.arange(len(some), device=some.device), fullest]  # (B, K)
    rows = some.sum(2) > 1  # fillers read nothing, or themselves
    return valid, same and bool((some == valid[:, None])[rows].all())
