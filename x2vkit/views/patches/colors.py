"""What latents and patches are painted by.

C, f, h, w latents; N patches (tokens); A heads, D channels of a head
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from x2vkit.axes import Shape3
from x2vkit.trace import Trace
from x2vkit.views.base import Array
from x2vkit.views.patches.tokens import patch_vectors


def color_sources(trace: Trace) -> list[tuple[str, str]]:
    """What patches can be painted by: (array's name, what it is). Names with a dot are of the model's own
    patch size.
    """
    sources = [
        ("patch", "their latent numbers (PCA)"),
        ("mean", "their mean colour"),
        ("place", "time, row, column"),
    ]
    last = max((step for step, _ in trace.captured), default=0)
    layers = [layer for step, layer in trace.captured if step == last]
    for kind in ("queries", "keys"):
        for layer in layers:
            sources.append((f"{kind}.{last}.{layer}", f"{kind}, layer {layer}, step {last + 1} (PCA)"))
    return sources


def token_colors(trace: Trace, kind: str, patch: Shape3) -> NDArray[np.uint8]:
    """A colour for each patch -> (N, 3). kind: a name of `color_sources`."""
    geometry = replace(trace.geometry, patch=patch)
    grid = geometry.patch_grid(*trace.latents.shape[2:])
    if kind == "patch":
        return pca_colors(patch_vectors(weighted(trace), patch))
    if kind == "place":
        places = np.stack(
            np.meshgrid(*(np.linspace(0, 1, n) if n > 1 else [0.5] for n in grid), indexing="ij"), -1
        )
        return np.rint(40 + 200 * places.reshape(-1, 3)).astype(np.uint8)
    if kind == "mean":
        boxes = [geometry.token_box(index, grid) for index in range(prod(grid))]
        means = [
            trace.frames[box.frames.start : box.frames.stop, box.y0 : box.y1, box.x0 : box.x1].mean((0, 1, 2))
            for box in boxes
        ]
        return np.rint(means).astype(np.uint8)
    name, step, layer = kind.split(".")
    video = trace.geometry.span("video")
    vectors = getattr(trace, name)[int(step), int(layer)][:, video.start : video.stop]  # (A, N, D)
    return pca_colors(vectors.transpose(1, 0, 2).reshape(vectors.shape[1], -1))


def weighted(trace: Trace) -> NDArray[np.float32]:
    """The last latents, each channel times how far it moves the pixels by the trace's linear decoder, if any
    -> (C, f, h, w): channels that hardly show are stored as large as the others.
    """
    latents = trace.latents[-1].astype(np.float32)
    if trace.preview_weight is None:
        return latents
    return latents * np.linalg.norm(trace.preview_weight.astype(np.float32), axis=0)[:, None, None, None]


def pca_colors(vectors: Array) -> NDArray[np.uint8]:
    """Vectors (N, P) by their first three principal components as red, green, blue -> (N, 3).

    Each component from its 2nd to its 98th percentile, with the sign that makes its largest value positive.
    """
    x = vectors.astype(np.float64)
    x -= x.mean(axis=0)
    if x.shape[1] <= x.shape[0]:
        parts = x @ np.linalg.eigh(x.T @ x)[1][:, ::-1][:, :3]
    else:  # the same from the products of all pairs, where vectors are longer than many
        values, columns = np.linalg.eigh(x @ x.T)
        parts = (columns * np.sqrt(values.clip(0)))[:, ::-1][:, :3]
    parts = np.pad(parts, ((0, 0), (0, 3 - parts.shape[1])))
    parts *= np.where(parts.max(axis=0) >= -parts.min(axis=0), 1, -1)
    low, high = np.percentile(parts, (2, 98), axis=0)
    shades = (parts - low) / np.maximum(high - low, 1e-9)
    return np.rint(255 * np.where(high - low > 1e-9, shades, 0.5).clip(0, 1)).astype(np.uint8)


def false_colors(latents: Array) -> NDArray[np.uint8]:
    """The first three channels of latents (C, f, h, w) as red, green, blue, 2.5 deviations each way ->
    (f, h, w, 3). As in static/patches/colors.js.
    """
    three = latents[np.arange(3) % len(latents)].astype(np.float32)
    mean, std = three.mean(axis=(1, 2, 3), keepdims=True), three.std(axis=(1, 2, 3), keepdims=True)
    shades = (three - mean) / np.maximum(5 * std, 1e-6) + 0.5
    return np.rint(255 * shades.clip(0, 1)).astype(np.uint8).transpose(1, 2, 3, 0)


def glance(trace: Trace) -> NDArray[np.uint8]:
    """The mean colour of each latent cell by the trace's linear decoder -> (f, h, w, 3)."""
    assert trace.preview_weight is not None and trace.preview_bias is not None
    weight = trace.preview_weight.astype(np.float32).reshape(-1, 3, trace.latents.shape[1]).mean(axis=0)
    bias = trace.preview_bias.astype(np.float32).reshape(-1, 3).mean(axis=0)
    values = np.einsum("kc,cfhw->fhwk", weight, trace.latents[-1].astype(np.float32)) + bias
    return np.rint((values.clip(-1, 1) + 1) * 127.5).astype(np.uint8)
