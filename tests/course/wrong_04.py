"""Lesson 4: three typical wrong answers to each exercise."""

import numpy as np


def _shares(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def softmax_1(scores):
    return np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)  # overflows


def softmax_2(scores):
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()  # over everything


def softmax_3(scores):
    return scores / scores.sum(axis=-1, keepdims=True)  # no exp


def attend_1(q, k, v, mask=None):
    scores = q @ k.T  # not divided
    return _shares(scores if mask is None else np.where(mask, scores, -np.inf)) @ v


def attend_2(q, k, v, mask=None):
    shares = _shares(q @ k.T / np.sqrt(q.shape[1]))
    return (shares if mask is None else shares * mask) @ v  # masked after the softmax


def attend_3(q, k, v, mask=None):
    return _shares(q @ k.T / np.sqrt(q.shape[1])) @ v  # the mask ignored


def split_heads_1(x, heads):
    return x.reshape(heads, len(x), -1)  # tokens mixed


def split_heads_2(x, heads):
    return x.reshape(len(x), heads, -1)  # heads in the middle


def split_heads_3(x, heads):
    return x.reshape(len(x), -1, heads).transpose(2, 0, 1)  # every heads-th channel


def multi_head_1(x, w_qkv, w_out, heads):
    q, k, v = (split_heads_1(part, heads) for part in np.split(x @ w_qkv, 3, axis=1))
    return np.concatenate([attend_3(q[i], k[i], v[i]) for i in range(heads)], axis=1) @ w_out


def multi_head_2(x, w_qkv, w_out, heads):
    q, k, v = np.split(x @ w_qkv, 3, axis=1)
    return attend_3(q, k, v) @ w_out  # always one head


def multi_head_3(x, w_qkv, w_out, heads):
    parts = (x @ w_qkv).reshape(len(x), 3, heads, -1).transpose(1, 2, 0, 3)
    found = [attend_3(*(part[i] for part in parts)) for i in range(heads)]
    return np.concatenate(found, axis=1)  # no last matrix


def frame_mask_1(frames, per_frame):
    return np.tril(np.ones((frames * per_frame,) * 2, bool))  # token by token


def frame_mask_2(frames, per_frame):
    frame = np.arange(frames * per_frame) // per_frame
    return frame[:, None] <= frame[None, :]  # the future


def frame_mask_3(frames, per_frame):
    frame = np.arange(frames * per_frame) // per_frame
    return frame[:, None] == frame[None, :]  # its own frame alone
