"""Lesson 4, attention: what each function must do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional as F

from x2vkit.core.attention import ScaledDotProduct
from x2vkit.course.properties import Answer, Property, equals, has_shape, holds


def softmax(fn: Answer) -> Iterator[Property]:
    """Shares along the last axis, safe for large scores."""
    even = fn(np.array([2.0, 2.0]))
    yield equals("equal scores have equal shares", even, [0.5, 0.5], "exp of each over the sum of all exp")
    rows = np.log(np.array([[1.0, 3.0], [1.0, 1.0], [9.0, 1.0]]))
    found = fn(rows)
    yield has_shape("the shape stays", found, (3, 2), "keepdims=True keeps an axis to divide along")
    yield equals("each row adds up to 1", np.sum(found, axis=-1), [1, 1, 1], "sum along the last axis, not over everything")
    yield equals("scores log 1 and log 3 have shares 1/4 and 3/4", found[0], [0.25, 0.75], "exp, then divide")
    with np.errstate(all="ignore"):
        large = fn(np.array([1000.0, 1000.0 + np.log(3)]))
    yield equals("scores of 1000 are no trouble", large, [0.25, 0.75], "subtract the row's largest score before exp")
    deep = np.random.default_rng(0).normal(size=(2, 3, 4))
    yield equals("as torch.softmax on any number of axes", fn(deep), torch.softmax(torch.from_numpy(deep), -1), "use axis=-1")


def attend(fn: Answer) -> Iterator[Property]:
    """Against the package's own, with and without a mask."""
    rng = np.random.default_rng(0)
    v = np.array([[1.0, 10.0], [3.0, 30.0]])
    found = fn(np.zeros((1, 4)), np.zeros((2, 4)), v)
    yield has_shape("one query gets one row", found, (1, 2), "shares (L, K) @ v (K, E)")
    yield equals("a query that fits all keys alike gets the mean", found, [[2, 20]], "shares of a row add up to 1")
    q, k = np.array([[2.0, 0, 0, 0]]), np.array([[2.0, 0, 0, 0], [0.0, 0, 0, 0]])
    share = np.exp(2) / (np.exp(2) + 1)
    want = share * v[0] + (1 - share) * v[1]
    yield equals("scores are divided by the root of D", fn(q, k, v)[0], want, "D = 4 channels here: by 2")
    q, k, v = rng.normal(size=(5, 8)), rng.normal(size=(3, 8)), rng.normal(size=(3, 8))
    want = ScaledDotProduct()(*(torch.from_numpy(x)[None, None] for x in (q, k, v)))[0, 0]
    yield equals("random numbers: as core.attention.ScaledDotProduct", fn(q, k, v), want, "the softmax runs over keys, the last axis")
    mask = np.array([[True, False, True]] * 5)
    masked = fn(q, k, v, mask)
    louder = v + np.array([[0.0], [1000.0], [0.0]])
    yield equals("what is masked has no say at all", fn(q, k, louder, mask), masked, "its share is exactly 0: a score of -inf")
    yield equals("the others share it all", masked, fn(q, k[[0, 2]], v[[0, 2]]), "mask the scores before the softmax, not the shares after")


def split_heads(fn: Answer) -> Iterator[Property]:
    """Channels to heads, tokens in order."""
    x = np.arange(12).reshape(3, 4)
    found = fn(x, 2)
    yield has_shape("3 tokens of 4 channels are 2 heads of (3, 2)", found, (2, 3, 2), "heads come first")
    yield equals("head 0 has the first channels of every token", found[0], x[:, :2], "reshape the last axis to (heads, D), then move heads to the front")
    yield equals("head 1 has the others", found[1], x[:, 2:], "a reshape alone mixes tokens")
    yield equals("one head is all", fn(x, 1)[0], x, "D = E / heads")
    wide = np.arange(24).reshape(2, 12)
    yield equals("three heads", fn(wide, 3), np.stack([wide[:, :4], wide[:, 4:8], wide[:, 8:]]), "use `heads`")


def multi_head(fn: Answer) -> Iterator[Property]:
    """Against torch, and by symmetry."""
    rng = np.random.default_rng(0)
    x, w_qkv, w_out = rng.normal(size=(3, 4)), rng.normal(size=(4, 12)), rng.normal(size=(4, 4))

    def want(heads: int) -> torch.Tensor:
        """The same by torch."""
        q, k, v = torch.from_numpy(x @ w_qkv).reshape(3, 3, heads, -1).permute(1, 2, 0, 3)
        return F.scaled_dot_product_attention(q, k, v).transpose(0, 1).reshape(3, 4) @ torch.from_numpy(w_out)

    found = fn(x, w_qkv, w_out, 1)
    yield has_shape("tokens stay tokens", found, (3, 4), "(L, E) goes in, and comes out")
    yield equals("one head: as torch", found, want(1), "q, k, v are the first, second and third E columns of x @ w_qkv; end with @ w_out")
    yield equals("two heads: as torch", fn(x, w_qkv, w_out, 2), want(2), "each head divides by the root of its own D, and heads lie side by side again: (L, heads, D) before you join")
    order = [2, 0, 1]
    moved = fn(x[order], w_qkv, w_out, 2)
    yield equals("tokens in another order give the same, in that order", moved, want(2)[order], "no token may be treated differently")


def frame_mask(fn: Answer) -> Iterator[Property]:
    """Block-causal."""
    found = fn(2, 2)
    yield has_shape("2 frames of 2 tokens: 4 x 4", found, (4, 4), "L = frames * per_frame")
    yield holds("it is True or False", np.asarray(found).dtype == bool, "a comparison makes bools", np.asarray(found))
    yield holds("inside a frame all see all", found[0][1] and found[1][0] and found[2][3], "compare frames, not tokens", np.asarray(found))
    yield holds("the second frame sees the first", found[2][0] and found[3][1], "row looks, column is seen", np.asarray(found))
    yield holds("the first does not see the second", not (found[0][2] or found[1][3]), "row looks, column is seen", np.asarray(found))
    single = fn(4, 1)
    yield equals("one token a frame: a triangle", single, np.tril(np.ones((4, 4))), "index // per_frame is a token's frame")
    frame = np.arange(6) // 3
    yield equals("2 frames of 3", fn(2, 3), frame[:, None] >= frame[None], "use both numbers")
