"""Latents <-> tokens: cut the latent grid into spacetime patches, put them back, and say where each one lies.

Axes as in x2vkit/axes.py; P = C * product of the patch. Knows nothing about the transformer that reads the
tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from math import pi
from typing import Any, TypeVar

import torch
from torch import Tensor

from x2vkit.axes import Shape3

T = TypeVar("T")

FOURIER_OCTAVES = 4
"""Frequencies of the absolute position features: 1, 2, 4, 8 half-turns across the frame."""
POSITION_FEATURES = 3 * 2 * FOURIER_OCTAVES
"""Length of one token's absolute position features: a sine and a cosine for each axis and octave."""
CLIP_LATENT_FRAMES = 8
"""Latent frames over which the slowest time feature makes its half-turn."""
ROTARY_BASE = 100.0
"""Slowest rotary wave is 2 pi * this many tokens; grids here are 5 to 40 tokens long, not a text's thousands.
"""


def patchify(latents: Tensor, patch: Shape3) -> Tensor:
    """(B, C, f, h, w) -> tokens (B, N, P), row-major in frame, row, column. Exact; `unpatchify` is its
    inverse.
    """
    B, C, f, h, w = latents.shape
    pt, ph, pw = patch
    x = latents.reshape(B, C, f // pt, pt, h // ph, ph, w // pw, pw)
    x = x.permute(0, 2, 4, 6, 1, 3, 5, 7)  #                                 (B, n_t, n_h, n_w, C, pt, ph, pw)
    return x.reshape(B, (f // pt) * (h // ph) * (w // pw), C * pt * ph * pw)


def unpatchify(tokens: Tensor, patch: Shape3, latent_shape: Shape3) -> Tensor:
    """Tokens (B, N, P) -> (B, C, f, h, w)."""
    f, h, w = latent_shape
    pt, ph, pw = patch
    B, C = tokens.shape[0], tokens.shape[2] // (pt * ph * pw)
    x = tokens.reshape(B, f // pt, h // ph, w // pw, C, pt, ph, pw)
    x = x.permute(0, 4, 1, 5, 2, 6, 3, 7)  #                                 (B, C, n_t, pt, n_h, ph, n_w, pw)
    return x.reshape(B, C, f, h, w)


def token_positions(grid: Shape3) -> Tensor:
    """Each token's position (N, 3) in tokens along time, rows and columns, row-major."""
    axes = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in grid), indexing="ij")
    return torch.stack(axes, dim=-1).reshape(-1, 3)


def cached_table(make: Callable[..., T]) -> Callable[..., T]:
    """Make each table once. A compiled model takes it as a constant; what sampling has made, training may
    use.
    """
    cached = lru_cache(maxsize=64)(torch.inference_mode(False)(make))

    @torch.compiler.assume_constant_result
    @wraps(make)
    def look_up(*args: Any) -> T:
        return cached(*args)

    return look_up


@cached_table
def position_features(grid: Shape3, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Fourier features (N, POSITION_FEATURES) of where a token lies in the frame.

    Rows and columns are measured from -1 to 1 across the frame, whatever its size, so "left" means the same
    at any resolution; time is measured in latent frames, so a longer clip goes on where a shorter one ends.
    """
    position = token_positions(grid)
    sides = torch.tensor([grid[1], grid[2]], dtype=torch.float32)
    across = (2 * position[:, 1:] + 1) / sides - 1
    position = torch.cat([position[:, :1] / CLIP_LATENT_FRAMES, across], dim=1)  #  (N, 3)
    octaves = 2.0 ** torch.arange(-1, FOURIER_OCTAVES - 1)
    angle = pi * position[:, :, None] * octaves  #                                  (N, 3, octaves)
    return torch.cat([angle.sin(), angle.cos()], dim=-1).flatten(1).to(device, dtype)


@cached_table
def rotary_table(
    grid: Shape3, text_tokens: int, head_dim: int, device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Cosines and signed sines (T + N, head_dim) that rotate queries and keys by their position (RoPE in
    three axes).

    Each channel pair (i, i + D/2) belongs to one axis: a quarter of the pairs to time, the rest to rows and
    columns. Sines carry the sign of the rotation, so that rotating is `x * cos + roll(x, D/2) * sin`. Text
    tokens come first and are not rotated (cos 1, sin 0). Source: RoFormer, arXiv 2104.09864, equation 34, one
    axis per group of pairs.
    """
    angle = rotary_angles(token_positions(grid), head_dim)  #                       (N, D/2)
    return rotary_cos_sin(angle, text_tokens, device, dtype)


def rotary_angles(position: Tensor, head_dim: int) -> Tensor:
    """Angles (..., N, head_dim / 2) by which channel pairs of tokens at positions (..., N, 3) rotate."""
    pairs = head_dim // 2
    time_pairs = pairs // 4
    row_pairs = (pairs - time_pairs) // 2
    angles = []
    for axis, n in enumerate((time_pairs, row_pairs, pairs - time_pairs - row_pairs)):
        waves = ROTARY_BASE ** -(torch.arange(n, dtype=torch.float32, device=position.device) / max(n, 1))
        angles.append(position[..., axis : axis + 1] * waves)
    return torch.cat(angles, dim=-1)


def rotary_cos_sin(
    angle: Tensor, text_tokens: int, device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Angles (..., N, D/2) -> cosines and signed sines (..., T + N, D), with text tokens before them that
    are not rotated.
    """
    angle = torch.cat([angle.new_zeros(*angle.shape[:-2], text_tokens, angle.shape[-1]), angle], dim=-2)
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([cos, cos], -1).to(device, dtype), torch.cat([-sin, sin], -1).to(device, dtype)
