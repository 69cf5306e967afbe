"""Full self-attention over one joint stream of text and video tokens.

    B batch, L tokens (T text first, then N video), A heads, D channels of a head, E = A * D

The scores are computed by plain batched matmul on a CPU, because at these sizes it trains faster there than
scaled_dot_product_attention, and by SDPA elsewhere. `Attention.scores` is a submodule of its own: a forward
hook on it sees queries and keys after norm and rotation, which is how a recorder reads attention without code
in the model.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MASK_VALUE = -1e4
"""Added to the scores of a padded text token: far below any real score, and finite, so a softmax never sees
inf - inf.
"""


def norm(x: Tensor, eps: float = 1e-6) -> Tensor:
    """Centre the last axis and scale it to variance 1, without gain.

    A layer norm, because that is one kernel on a CPU; torch runs an RMS norm there as six, 30 % of a forward
    pass.
    """
    with torch.autocast(x.device.type, enabled=False):  # on a GPU it would make the stream float32
        return F.layer_norm(x, (x.shape[-1],), eps=eps)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn channel pairs (i, i + D/2) of x (..., L, D) by the angles of `patches.rotary_table`."""
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, dims=-1), sin)


class Scores(nn.Module):
    """softmax(q k^T / sqrt(D) + bias) v, for q (B, A, L, D), k and v (B, A, K, D) and bias (B, 1, 1, K) or
    None.

    The softmax's division is done after the second matmul, on D numbers a query instead of K, and without
    first subtracting the row's maximum: q and k are normalised, so a score is at most sqrt(D) times the
    gains, and exp overflows only above 88. A softmax in bf16 cost 14 % of the whole forward pass; this costs
    half.
    """

    def forward(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
        if q.device.type != "cpu":
            return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        B, A, L, D = q.shape
        K = k.shape[2]
        q, k, v = (x.reshape(B * A, -1, D) for x in (q, k, v))
        if bias is None:
            scores = torch.bmm(q * D**-0.5, k.transpose(1, 2))                    # (B*A, L, K)
        else:
            bias = bias.expand(B, A, 1, K).reshape(B * A, 1, K)
            scores = torch.baddbmm(bias, q, k.transpose(1, 2), alpha=D**-0.5)     # (B*A, L, K)
        weights = scores.exp_()                                                   # (B*A, L, K)
        mixed = torch.bmm(weights, v) / weights.sum(-1, keepdim=True)             # (B*A, L, D)
        return mixed.view(B, A, L, D)


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
        self.scores = Scores()
        self.out = nn.Linear(width, width)

    def forward(
        self,
        x: Tensor,
        rotary: tuple[Tensor, Tensor] | None = None,
        bias: Tensor | None = None,
        shared_from: int | None = None,
    ) -> Tensor:
        """x (B, L, E) -> (B, L, E).

        rotary: cosines and sines (L, D) or (B, 1, L, D), or None; bias: (B, 1, 1, L), added to every query's
        scores. shared_from: when given, keys and values from this token on are shared by all clips of the
        batch, so that each clip also looks at the others (ConsiStory, arXiv 2402.03286).
        """
        B, L, E = x.shape
        qkv = self.qkv(x).view(B, L, 3, self.heads, E // self.heads)              # (B, L, 3, A, D)
        qkv = qkv.permute(2, 0, 3, 1, 4)                                          # (3, B, A, L, D)
        qk = norm(qkv[:2]) * self.gain.to(qkv.dtype)[:, None]                      # (2, B, A, L, D)
        if rotary is not None:
            qk = rotate(qk, *rotary)                                              # (2, B, A, L, D)
        q, k, v = qk[0], qk[1], qkv[2]
        if shared_from is not None:
            k, v = (share(each, shared_from) for each in (k, v))                  # (B, A, T + B * N, D)
            bias = None if bias is None else F.pad(bias, (0, k.shape[2] - L))
        mixed = self.scores(q, k, v, bias)                                        # (B, A, L, D)
        return self.out(mixed.transpose(1, 2).reshape(B, L, E))                   # (B, L, E)


def share(x: Tensor, start: int) -> Tensor:
    """(B, A, start + N, D) -> (B, A, start + B * N, D): own first tokens, then the later tokens of every
    clip.
    """
    B, A, _, D = x.shape
    everyone = x[:, :, start:].transpose(0, 1).reshape(1, A, -1, D)
    return torch.cat([x[:, :, :start], everyone.expand(B, -1, -1, -1)], dim=2)
