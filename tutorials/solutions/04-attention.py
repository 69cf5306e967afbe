"""Lesson 4, attention: one way to write each function."""

import numpy as np


def softmax(scores):
    """scores (..., K) -> shares (..., K), each row adding up to 1."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def attend(q, k, v, mask=None):
    """q (L, D), k (K, D), v (K, E) -> (L, E): for each query the values, weighted by shares.

    mask: (L, K) bool, True where a query may look; None is everywhere.
    """
    scores = q @ k.T / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    return softmax(scores) @ v


def split_heads(x, heads):
    """x (L, E) -> (heads, L, E / heads)."""
    return x.reshape(len(x), heads, -1).transpose(1, 0, 2)


def multi_head(x, w_qkv, w_out, heads):
    """x (L, E), w_qkv (E, 3 E), w_out (E, E) -> (L, E)."""
    q, k, v = (split_heads(part, heads) for part in np.split(x @ w_qkv, 3, axis=1))
    found = [attend(q[head], k[head], v[head]) for head in range(heads)]
    return np.concatenate(found, axis=1) @ w_out


def frame_mask(frames, per_frame):
    """(L, L) bool for L = frames * per_frame tokens: True where a row's token may look at a column's."""
    frame = np.arange(frames * per_frame) // per_frame
    return frame[:, None] >= frame[None, :]
