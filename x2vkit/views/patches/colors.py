"""What latents and patches are painted by.

C, f, h, w latents; N patches (tokens); A heads, D channels of a head
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from x2vkit.axes import Geometry, Shape3
from x2vkit.media import Frames
from x2vkit.trace import Trace
from x2vkit.views.buffer import Array
from x2vkit.views.patches.tokens import patch_vectors

EXACT = 330
"""Vectors of more numbers, and as many of them, have their main directions found step by step."""


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
            if not len(held_video(trace, kind, layer)):
                continue  # such a layer reads its words apart
            sources.append((f"{kind}.{last}.{layer}", f"{kind}, layer {layer}, step {last + 1} (PCA)"))
    return sources


def held_video(trace: Trace, side: str, layer: int) -> NDArray[np.int64]:
    """Where the video tokens stand among the queries or keys that a layer holds: all N, or none."""
    places, video = trace.reads(layer).places(side, trace.geometry), trace.geometry.span("video")
    return np.flatnonzero((places >= video.start) & (places < video.stop))


def token_colors(
    trace: Trace, kind: str, patch: Shape3, cells: NDArray[np.float32] | None = None
) -> NDArray[np.uint8]:
    """A colour for each patch -> (N, 3).

    Args:
        trace: what they are patches of.
        kind: a name of `color_sources`.
        patch: latent frames, rows and columns.
        cells: `cell_colors` of the clip, where they are known.
    """
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
        latent = (trace.latents.shape[2], trace.latents.shape[3], trace.latents.shape[4])
        known = cell_colors(trace.frames, geometry, latent) if cells is None else cells
        return mean_colors(known, geometry, patch)
    name, step, layer = kind.split(".")
    vectors = getattr(trace, name)[int(step), int(layer)][:, held_video(trace, name, int(layer))]  # (A, N, D)
    return pca_colors(vectors.transpose(1, 0, 2).reshape(vectors.shape[1], -1))


def mean_colors(cells: NDArray[np.float32], geometry: Geometry, patch: Shape3) -> NDArray[np.uint8]:
    """The mean colour of the pixels of each patch -> (N, 3). cells: `cell_colors`. Patches at the edges have
    fewer pixels, and the first latent frame may have fewer frames.
    """
    counts = np.array([len(geometry.frames_of(time)) for time in range(len(cells))], float)
    sums, weights = (
        cells * counts[:, None, None, None],
        np.broadcast_to(counts[:, None, None], cells.shape[:3]),
    )
    for axis, size in enumerate(patch):
        starts = np.arange(0, cells.shape[axis], size)
        sums, weights = (np.add.reduceat(x, starts, axis=axis) for x in (sums, weights))
    return np.rint(sums / weights[..., None]).astype(np.uint8).reshape(-1, 3)


def cell_colors(frames: Frames, geometry: Geometry, latent: Shape3) -> NDArray[np.float32]:
    """The mean colour of the pixels of each latent position -> (f, h, w, 3)."""
    f, h, w = latent
    side = geometry.spatial_stride
    out = np.empty((f, h, w, 3), np.float32)
    for time in range(f):
        held = geometry.frames_of(time)
        blocks = frames[held.start : held.stop].reshape(len(held), h, side, w, side, 3)
        out[time] = blocks.sum(axis=(2, 4), dtype=np.uint32).mean(axis=0) / side**2
    return out


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
    if min(x.shape) > EXACT:
        parts = x @ first_directions(x)
    elif x.shape[1] <= x.shape[0]:
        parts = x @ np.linalg.eigh(x.T @ x)[1][:, ::-1][:, :3]
    else:  # the same from the products of all pairs, where vectors are longer than many
        values, columns = np.linalg.eigh(x @ x.T)
        parts = (columns * np.sqrt(values.clip(0)))[:, ::-1][:, :3]
    parts = np.pad(parts, ((0, 0), (0, 3 - parts.shape[1])))
    parts *= np.where(parts.max(axis=0) >= -parts.min(axis=0), 1, -1)
    low, high = np.percentile(parts, (2, 98), axis=0)
    shades = (parts - low) / np.maximum(high - low, 1e-9)
    return np.rint(255 * np.where(high - low > 1e-9, shades, 0.5).clip(0, 1)).astype(np.uint8)


def first_directions(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The three directions in which vectors (N, P) spread most -> (P, 3), by subspace iteration: all P of
    them would take minutes where P is thousands.
    """
    basis = np.random.default_rng(0).normal(size=(x.shape[1], 8))
    for _ in range(6):
        basis = np.linalg.qr(x.T @ (x @ basis))[0]
    values, turn = np.linalg.eigh((x @ basis).T @ (x @ basis))
    return basis @ turn[:, ::-1][:, :3]


def false_colors(latents: Array) -> NDArray[np.uint8]:
    """The first three channels of latents (C, f, h, w) as red, green, blue, 2.5 deviations each way ->
    (f, h, w, 3). As in static/patches/colors.js.
    """
    three = latents[np.arange(3) % len(latents)].astype(np.float32)
    mean, std = three.mean(axis=(1, 2, 3), keepdims=True), three.std(axis=(1, 2, 3), keepdims=True)
    shades = (three - mean) / np.maximum(5 * std, 1e-6) + 0.5
    return np.rint(255 * shades.clip(0, 1)).astype(np.uint8).transpose(1, 2, 3, 0)


def glance(trace: Trace) -> NDArray[np.uint8]:
    """The mean colour of each latent position by the trace's linear decoder -> (f, h, w, 3)."""
    linear = trace.linear_picture
    weight = linear.weight.reshape(-1, 3, trace.latents.shape[1]).mean(axis=0)
    bias = linear.bias.reshape(-1, 3).mean(axis=0)
    values = np.einsum("kc,cfhw->fhwk", weight, trace.latents[-1].astype(np.float32)) + bias
    return np.rint((values.clip(-1, 1) + 1) * 127.5).astype(np.uint8)
