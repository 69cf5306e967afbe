"""The runs' paths through latent space, seen along its two main directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from x2vkit.trace import Trace
from x2vkit.views.buffer import Array


@dataclass(frozen=True)
class Paths:
    """The paths of all runs in one plane."""

    points: list[NDArray[np.float32]]
    """Of each run (points, 2): one point a step."""
    explained: tuple[float, float]
    """The share of all points' variance along the two directions."""


def latent_paths(traces: Sequence[Trace]) -> dict[str, Paths]:
    """Paths through the noisy (S + 1 points) and predicted latents (S points); none where the runs share no
    latent space: other sizes, or another autoencoder.
    """
    if not all(one_space(traces[0], other) for other in traces[1:]):
        return {}
    return {
        "noisy": plane([trace.latents for trace in traces]),
        "pred_x0": plane([trace.pred_x0 for trace in traces]),
    }


def one_space(one: Trace, other: Trace) -> bool:
    """Whether the latents of two runs mean the same: by linear decoders, else by their models' names."""
    if one.latents.shape[1:] != other.latents.shape[1:]:
        return False
    if one.preview_weight is not None and other.preview_weight is not None:
        return np.array_equal(one.preview_weight, other.preview_weight)
    return one.request.get("model") == other.request.get("model")


def plane(runs: Sequence[Array]) -> Paths:
    """Points of each run (points, C, ...) seen along the two directions in which all of them spread most.

    Principal components by the Gram matrix of the few points (K x K), not the covariance of their many
    numbers (D x D): X X^T = U L U^T gives the coordinates U sqrt(L). One channel at a time.
    """
    counts = [len(run) for run in runs]
    gram = np.zeros((sum(counts), sum(counts)))
    for channel in range(runs[0].shape[1]):
        points = np.concatenate([run[:, channel].reshape(len(run), -1) for run in runs]).astype(np.float32)
        points -= points.mean(axis=0)  #                                              (K, D / C)
        gram += points @ points.T
    values, vectors = np.linalg.eigh(gram)  #                                         (K,), (K, K)
    values = values.clip(0)
    axes = vectors[:, [-1, -2]] * np.sqrt(values[[-1, -2]])  #                        (K, 2)
    ends = np.cumsum(counts) - 1
    # The signs are free: let clips lie to the right of the noise, and above it.
    axes *= np.where((axes[ends] - axes[0]).sum(axis=0) < 0, -1, 1)
    total = max(float(values.sum()), 1e-12)
    split = np.split(axes.astype(np.float32), ends[:-1] + 1)
    return Paths(split, (float(values[-1] / total), float(values[-2] / total)))
