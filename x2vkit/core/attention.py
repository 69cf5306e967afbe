"""Full self-attention over one joint sequence of text and video tokens, and the block that holds it.

    B batch, L tokens (T text first, then N video), A heads, D channels of a head, E = A * D

`Attention.scaled_dot_product` is a submodule of its own: a forward hook on it sees queries and keys after
norm and rotation, which is how a recorder reads attention without code in the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from diffusers.models.attention_dispatch import (
    AttentionBackendName,
    _AttentionBackendRegistry,
    dispatch_attention_fn,
)
from torch import Tensor, nn
from torch.nn import functional as F

from x2vkit.core.layers import norm

MASK_VALUE = -1e4
"""Added to the scores of a padded text token: far below any real score, and finite, so a softmax never sees
inf - inf.
"""


def apply_rotary_emb(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """RoPE: rotate channel pairs (i, i + D/2) of x (..., L, D) by the angles of `patches.rotary_table`."""
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, dims=-1), sin)


class ScaledDotProduct(nn.Module):
    """softmax(q k^T / sqrt(D) + bias) v.

    On a CPU by plain batched matmul, because at these sizes that trains faster there than torch's
    scaled_dot_product_attention. The softmax's division is done after the second matmul, on D numbers a query
    instead of K, and without first subtracting the row's maximum: q and k are normalised, so a score is at
    most sqrt(D) times the gains, and exp overflows only above 88 (float16 above 11, so that takes torch's).
    A softmax in bf16 cost 14 % of the whole forward pass; this costs half. Elsewhere by torch's, or by the
    backend that `set_attention_backend` or diffusers' `attention_backend` names.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backend: AttentionBackendName | None = None

    def forward(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
        """q (B, A, L, D), k and v (B, A, K, D), bias (B, 1, 1, K) or None -> (B, A, L, D)."""
        active, _ = _AttentionBackendRegistry.get_active_backend()
        if self.backend is not None or active != AttentionBackendName.NATIVE:
            q, k, v = (x.transpose(1, 2) for x in (q, k, v))  #                     (B, L, A, D)
            mixed = dispatch_attention_fn(q, k, v, attn_mask=bias, backend=self.backend)
            return mixed.transpose(1, 2)  #                                         (B, A, L, D)
        if q.device.type != "cpu" or q.dtype == torch.float16:
            return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        B, A, L, D = q.shape
        K = k.shape[2]
        q, k, v = (x.reshape(B * A, -1, D) for x in (q, k, v))
        if bias is None:
            scores = torch.bmm(q * D**-0.5, k.transpose(1, 2))  #                   (B*A, L, K)
        else:
            bias = bias.expand(B, A, 1, K).reshape(B * A, 1, K)
            scores = torch.baddbmm(bias, q, k.transpose(1, 2), alpha=D**-0.5)  #    (B*A, L, K)
        weights = scores.exp_()  #                                                  (B*A, L, K)
        mixed = torch.bmm(weights, v) / weights.sum(-1, keepdim=True)  #            (B*A, L, D)
        return mixed.view(B, A, L, D)


class BlockMixin:
    """What models made of blocks share: gradient checkpointing, and diffusers' choice of attention backend.

    It stands before ModelMixin among a model's bases.
    """

    _supports_gradient_checkpointing = True
    gradient_checkpointing = False
    _gradient_checkpointing_func: Callable[..., Tensor]
    modules: Callable[[], Iterator[nn.Module]]

    def set_attention_backend(self, backend: str) -> None:
        """Compute attention by one of diffusers' backends ("native", "flash", "sage" …).

        Raises:
            ValueError: a backend that diffusers does not know.
            RuntimeError: one whose package is not installed.
        """
        before, _ = _AttentionBackendRegistry.get_active_backend()
        super().set_attention_backend(backend)  # type: ignore[misc]
        _AttentionBackendRegistry.set_active_backend(before)  # it is this model's alone
        self._set_backend(AttentionBackendName(backend.lower()))

    def reset_attention_backend(self) -> None:
        """Compute attention as before `set_attention_backend`."""
        super().reset_attention_backend()  # type: ignore[misc]
        self._set_backend(None)

    def _block(self, block: nn.Module, *inputs: Any) -> Tensor:
        """What a block makes of its inputs; in training it may be worked out again instead of kept."""
        if self.gradient_checkpointing and torch.is_grad_enabled():
            return self._gradient_checkpointing_func(block, *inputs)
        return block(*inputs)

    def _set_backend(self, backend: AttentionBackendName | None) -> None:
        for module in self.modules():
            if isinstance(module, ScaledDotProduct):
                module.backend = backend


class Attention(nn.Module):
    """Multi-head self-attention with normalised, rotated queries and keys.

    Norms on q and k bound the scores, which keeps bf16 training calm (arXiv 2302.05442); a gain per channel
    lets a head choose which positions' waves it listens to.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.gain = nn.Parameter(torch.ones(2, 1, 1, width // heads))
        self.scaled_dot_product = ScaledDotProduct()
        self.out = nn.Linear(width, width)

    def forward(
        self,
        x: Tensor,
        rotary: tuple[Tensor, Tensor] | None = None,
        bias: Tensor | None = None,
        shared_from: int | None = None,
    ) -> Tensor:
        """Attend.

        Args:
            x: (B, L, E).
            rotary: cosines and sines, (L, D) or (B, 1 or A, L, D), or None.
            bias: (B, 1, 1, L), added to every query's scores.
            shared_from: when given, keys and values from this token on are shared by all clips of the batch,
                so that each clip also attends to the others (ConsiStory, arXiv 2402.03286).

        Returns:
            (B, L, E).
        """
        B, L, E = x.shape
        qkv = self.qkv(x).view(B, L, 3, self.heads, E // self.heads)  #             (B, L, 3, A, D)
        qkv = qkv.permute(2, 0, 3, 1, 4)  #                                         (3, B, A, L, D)
        qk = norm(qkv[:2]) * self.gain.to(qkv.dtype)[:, None]  #                     (2, B, A, L, D)
        if rotary is not None:
            qk = apply_rotary_emb(qk, *rotary)  #                                   (2, B, A, L, D)
        q, k, v = qk[0], qk[1], qkv[2]
        if shared_from is not None:
            k, v = (share(each, shared_from) for each in (k, v))  #                 (B, A, T + B * N, D)
            bias = None if bias is None else F.pad(bias, (0, k.shape[2] - L))
        mixed = self.scaled_dot_product(q, k, v, bias)  #                           (B, A, L, D)
        return self.out(mixed.transpose(1, 2).reshape(B, L, E))  #                  (B, L, E)


def share(x: Tensor, start: int) -> Tensor:
    """(B, A, start + N, D) -> (B, A, start + B * N, D): own first tokens, then the later tokens of every
    clip.
    """
    B, A, _, D = x.shape
    everyone = x[:, :, start:].transpose(0, 1).reshape(1, A, -1, D)
    return torch.cat([x[:, :, :start], everyone.expand(B, -1, -1, -1)], dim=2)


class TransformerBlock(nn.Module):
    """Attention, then MLP; each normed, modulated by the noise level, and added through a gate.

    One projection of the noise level is shared by all blocks and a learned table per block shifts it (adaLN-
    single, PixArt-alpha, arXiv 2310.00426): the modulation of a plain DiT would be a third of all weights.
    """

    def __init__(self, width: int, heads: int, mlp_ratio: int) -> None:
        super().__init__()
        initial = torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0, 1.0])
        self.scale_shift_table = nn.Parameter(initial[:, None].repeat(1, width))
        self.attention = Attention(width, heads)
        self.up = nn.Linear(width, mlp_ratio * width)
        self.down = nn.Linear(mlp_ratio * width, width)
        for layer in (self.attention.out, self.down):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        hidden_states: Tensor,
        modulation: Tensor,
        rotary: tuple[Tensor, Tensor],
        bias: Tensor | None = None,
        shared_from: int | None = None,
    ) -> Tensor:
        """Tokens (B, L, E), modulation (B, L or 1, 6, E), the rest as in `Attention.forward` -> (B, L, E)."""
        x = hidden_states  # diffusers' caches look for this name
        table = self.scale_shift_table.to(x.dtype)  #                               (6, E)
        shift1, scale1, gate1, shift2, scale2, gate2 = (modulation + table).unbind(2)
        y = torch.addcmul(shift1, norm(x), scale1)  #                               (B, L, E)
        x = torch.addcmul(x, gate1, self.attention(y, rotary, bias, shared_from))  # (B, L, E)
        y = torch.addcmul(shift2, norm(x), scale2)  #                               (B, L, E)
        y = F.gelu(self.up(y))  #                                                   (B, L, 4E)
        return torch.addcmul(x, gate2, self.down(y))  #                             (B, L, E)
