"""Patches of any size: the numbers in each, and what a size costs.

C, f, h, w latents; N patches (tokens), P numbers in each
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.axes import OWN, Geometry, Shape3
from x2vkit.config import PRESETS, ModelConfig
from x2vkit.flops import attention_flops, forward_flops
from x2vkit.trace import Trace
from x2vkit.views.buffer import Array

LENGTHS = (1, 2, 4)
"""Patch lengths to try, in latent frames."""
SIDES = ((1, 1), (2, 2), (4, 4), (8, 8))
"""Patch heights and widths to try, in latent positions."""


def sizes_to_try(latent: Shape3, own: Shape3) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Patch lengths, and patch heights and widths, that fit into latents (f, h, w), with the model's own."""
    f, h, w = latent
    lengths = {n for n in LENGTHS if n <= f} | {own[0]}
    sides = {side for side in SIDES if side[0] <= min(h, w)} | {(own[1], own[2])}
    return tuple(sorted(lengths)), tuple(sorted(sides))


def patch_vectors(latents: Array, patch: Shape3) -> NDArray[np.float32]:
    """(C, f, h, w) -> (N, P), filled up with zeros: `core.patches.patchify` in numpy, for any size."""
    (n_t, n_h, n_w), (pt, ph, pw) = replace(OWN, patch=patch).patch_grid(*latents.shape[1:]), patch
    whole = zip((n_t, n_h, n_w), patch, latents.shape[1:], strict=True)
    full = np.pad(latents.astype(np.float32), [(0, 0), *((0, n * p - size) for n, p, size in whole)])
    cells = full.reshape(len(latents), n_t, pt, n_h, ph, n_w, pw).transpose(1, 3, 5, 0, 2, 4, 6)
    return cells.reshape(n_t * n_h * n_w, -1)  # (n_t, n_h, n_w, C, pt, ph, pw)


def model_config(trace: Trace) -> ModelConfig | None:
    """The size of the model that made a trace: a preset, or for weights of somebody's own the one that ships;
    None for other models than x2vkit's.
    """
    if trace.coverage or trace.geometry != replace(
        OWN, patch=trace.geometry.patch, token_kinds=trace.geometry.token_kinds
    ):
        return None
    return named_config(str(trace.request.get("model")), trace.latents.shape[1])


def named_config(model: str, channels: int) -> ModelConfig:
    """The size of a model of x2vkit's by name; for somebody's own weights that of the one that ships."""
    return replace(PRESETS.get(model, PRESETS["small"]), latent_channels=channels)


def described(config: ModelConfig) -> str:
    """A model's size in a few words."""
    return f"{config.width} channels, {config.depth} layers"


def cost(
    config: ModelConfig | None, latents: tuple[int, ...], geometry: Geometry, others: int
) -> dict[str, Any]:
    """What a patch size means for one forward pass: grid, tokens, numbers in each, FLOPs of attention
    (comparing and mixing alone) and of the whole pass; padded says whether a patch is part empty.

    latents: (C, f, h, w). others: tokens of the sequence beside those of the clip. Without a config,
    attention is the number of pairs that it compares, and forward None.
    """
    C, f, h, w = latents
    grid = geometry.patch_grid(f, h, w)
    pt, ph, pw = geometry.patch
    full: Shape3 = (grid[0] * pt, grid[1] * ph, grid[2] * pw)
    length = others + prod(grid)
    attention, forward = length**2, None
    if config is not None:
        attention = attention_flops(config, length)
        forward = forward_flops(replace(config, patch=geometry.patch), *geometry.pixel_shape(*full), others)
    return {
        "grid": grid,
        "tokens": prod(grid),
        "numbers": C * prod(geometry.patch),
        "attention": attention,
        "forward": forward,
        "padded": full != (f, h, w),
    }
