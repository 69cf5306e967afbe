"""How well each head finds what the plan knows: the same spot of a subject in other frames, and its words.

    A captured heads, N video tokens, L tokens of the sequence; P spots: patches inside the subject's box

Where a subject is in each frame is not guessed here, as it must be for a model of real videos: the run's plan
says it exactly. The measure of spots is that of tracking points (DiffTrack, arXiv 2506.17220; PCK).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from x2vkit.trace import Trace
from x2vkit.trace.record import Site
from x2vkit.views.attention.packing import softmax

NEAR = 1
"""A spot is found where the patch that is looked at most lies so many rows and columns from it, or nearer."""


@dataclass(frozen=True)
class Spots:
    """Where patches of the subject are in other latent frames."""

    tokens: NDArray[np.int64]
    """(P,) video tokens inside the subject's box."""
    targets: NDArray[np.float64]
    """(P, time, 2) row and column of the same spot in every latent frame, NaN where it is out of sight."""


def subject_boxes(trace: Trace) -> NDArray[np.float64]:
    """(time, 4) the first subject's box in the middle frame of each row of tokens, in fractions; NaN where it
    is out of sight.
    """
    frames = [trace.geometry.token_frames(time) for time in range(trace.grid[0])]
    middle = [min(span[len(span) // 2], len(trace.frames) - 1) for span in frames]
    return trace.plan["boxes"][middle, 0].astype(np.float64)


def inside_subject(trace: Trace) -> NDArray[np.bool_]:
    """(N,) the video tokens whose middle lies in the first subject's box."""
    _, n_h, n_w = trace.grid
    y, x = (np.arange(n_h) + 0.5) / n_h, (np.arange(n_w) + 0.5) / n_w
    x0, y0, x1, y1 = subject_boxes(trace).T[:, :, None, None]
    within = (y[:, None] > y0) & (y[:, None] < y1) & (x > x0) & (x < x1)  # (time, n_h, n_w)
    return within.ravel()


def spots(trace: Trace) -> Spots:
    """Every patch of the subject, and where the same part of it is in each latent frame: as far across and
    down its box as here.
    """
    n_t, n_h, n_w = trace.grid
    tokens = np.flatnonzero(inside_subject(trace))
    time, row, column = np.unravel_index(tokens, trace.grid)
    boxes = subject_boxes(trace)
    x0, y0, x1, y1 = boxes[time].T
    across = ((column + 0.5) / n_w - x0) / (x1 - x0)
    down = ((row + 0.5) / n_h - y0) / (y1 - y0)
    x0, y0, x1, y1 = boxes.T
    rows = (y0 + down[:, None] * (y1 - y0)) * n_h - 0.5  # (P, time)
    columns = (x0 + across[:, None] * (x1 - x0)) * n_w - 0.5
    return Spots(tokens, np.stack([rows, columns], axis=2))


def spots_found(trace: Trace, site: Site, where: Spots) -> NDArray[np.float64]:
    """(A,) share of pairs (spot, other latent frame) whose most attended patch there is within NEAR of it."""
    n_t, n_h, n_w = trace.grid
    video = trace.geometry.span("video")
    rows = softmax(trace.queries[site][:, video.start + where.tokens], trace.keys[site])
    most = rows[:, :, video.start : video.stop].reshape(len(rows), -1, n_t, n_h * n_w).argmax(axis=3)
    there = np.stack(np.divmod(most, n_w), axis=3)  # (A, P, time, 2)
    hit = (np.abs(there - where.targets) <= NEAR + 0.5).all(axis=3)
    other = pairs(trace, where)
    return (hit & other).sum(axis=(1, 2)) / max(other.sum(), 1)


def spots_by_chance(trace: Trace, where: Spots) -> float:
    """What `spots_found` is on average for a head that looks anywhere."""
    _, n_h, n_w = trace.grid
    grid = np.stack(np.meshgrid(np.arange(n_h), np.arange(n_w), indexing="ij"), axis=2)
    targets = where.targets[pairs(trace, where)]  # (pairs, 2)
    if not len(targets):
        return float("nan")
    near = (np.abs(grid[None] - targets[:, None, None]) <= NEAR + 0.5).all(axis=3)
    return float(near.mean())


def spots_by_staying(trace: Trace, where: Spots) -> float:
    """What `spots_found` is for a head that looks at its own place of the picture: high where the subject
    hardly moves.
    """
    here = np.stack(np.unravel_index(where.tokens, trace.grid)[1:], axis=1)[:, None]  # (P, 1, 2)
    hit = (np.abs(here - where.targets) <= NEAR + 0.5).all(axis=2)
    other = pairs(trace, where)
    return float((hit & other).sum() / max(other.sum(), 1))


def pairs(trace: Trace, where: Spots) -> NDArray[np.bool_]:
    """(P, time) spots and the other latent frames in which they are in sight and in the picture."""
    _, *sides = trace.grid
    time = where.tokens // (sides[0] * sides[1])
    elsewhere = np.arange(trace.grid[0]) != time[:, None]
    return elsewhere & ((where.targets > -0.5) & (where.targets < np.array(sides) - 0.5)).all(axis=2)


def words_found(trace: Trace, site: Site) -> NDArray[np.float64]:
    """(A, T) how well attention to each word tells patches of the subject from others: the area under the ROC
    curve. 1: every patch of the subject looks at the word more than any other patch does; 0.5: chance.
    """
    text, video = trace.geometry.span("text"), trace.geometry.span("video")
    rows = softmax(trace.queries[site][:, video.start : video.stop], trace.keys[site])
    shares = rows[:, :, text.start : text.stop]  # (A, N, T)
    inside = inside_subject(trace)
    ranks = shares.argsort(axis=1).argsort(axis=1) + 1.0
    count, others = inside.sum(), (~inside).sum()
    if not count or not others:
        return np.full((len(rows), shares.shape[2]), np.nan)
    return (ranks[:, inside].sum(axis=1) - count * (count + 1) / 2) / (count * others)
