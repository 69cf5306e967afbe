"""The layers that several models share: norm, convolution, upsampling, time folded into channels, and the
embedding of a noise level.

    B batch; n noise levels; E width; N images; c channels

Knows nothing about attention (attention.py) or about what any model is for.
"""

from __future__ import annotations

from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from x2vkit.axes import TIME_STRIDE

RGB = 3
TIMESTEP_FEATURES = 128
"""Sines and cosines that describe a noise level to a network."""


def norm(x: Tensor, eps: float = 1e-6) -> Tensor:
    """Centre the last axis and scale it to variance 1, without gain.

    A layer norm, because that is one kernel on a CPU; torch runs an RMS norm there as six, 30 % of a forward
    pass.
    """
    with torch.autocast(x.device.type, enabled=False):  # on a GPU it would make the stream float32
        return F.layer_norm(x, (x.shape[-1],), eps=eps)


def timestep_features(t: Tensor) -> Tensor:
    """Noise levels (B, n) in [0, 1] -> sines and cosines (B, n, TIMESTEP_FEATURES) of waves 1 to 1/1000
    levels long.
    """
    half = TIMESTEP_FEATURES // 2
    waves = torch.exp(torch.linspace(0.0, log(1000.0), half, device=t.device))
    angle = t.float()[..., None] * waves
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


class TimestepEmbedder(nn.Module):
    """Noise level -> vector: sinusoidal features, then so many linear layers, a SiLU after each."""

    def __init__(self, width: int, layers: int = 2) -> None:
        super().__init__()
        sizes = [TIMESTEP_FEATURES] + [width] * layers
        pairs = zip(sizes[:-1], sizes[1:], strict=True)
        self.mlp = nn.Sequential(*(part for a, b in pairs for part in (nn.Linear(a, b), nn.SiLU())))

    def forward(self, t: Tensor, dtype: torch.dtype) -> Tensor:
        """Levels t (B, n) in [0, 1] -> (B, n, E), worked out in a dtype."""
        return self.mlp(timestep_features(t).to(dtype))


class Conv(nn.Module):
    """A 2-D convolution whose kernel is kept as the matrix (out, kernel * kernel * in) that it is.

    Muon orthogonalises matrices, and this row order is also what channels-last memory wants.
    """

    def __init__(
        self, width_in: int, width_out: int, kernel: int = 3, stride: int = 1, zero: bool = False
    ) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        fan_in = kernel * kernel * width_in
        weight = torch.zeros(width_out, fan_in) if zero else torch.randn(width_out, fan_in) * fan_in**-0.5
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(width_out))

    def forward(self, x: Tensor) -> Tensor:
        """(N, width_in, h, w) -> (N, width_out, h / stride, w / stride)."""
        weight = self.weight.unflatten(1, (self.kernel, self.kernel, -1)).permute(0, 3, 1, 2)
        padding = self.kernel // 2 if self.stride == 1 else 0
        return F.conv2d(x, weight, self.bias, stride=self.stride, padding=padding)


class Upsample(nn.Module):
    """Twice the height and width: every position becomes 2 x 2 positions."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.conv = Conv(width_in, 4 * width_out, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width_in, h, w) -> (N, width_out, 2 h, 2 w)."""
        return depth_to_space(self.conv(x), 2)


def depth_to_space(x: Tensor, size: int) -> Tensor:
    """(N, size * size * c, h, w) -> (N, c, h * size, w * size), kept in channels-last memory."""
    n, _, h, w = x.shape
    blocks = x.permute(0, 2, 3, 1).reshape(n, h, w, size, size, -1)
    return blocks.permute(0, 1, 3, 2, 4, 5).reshape(n, h * size, w * size, -1).permute(0, 3, 1, 2)


def fold_time(video: Tensor, size: int) -> Tensor:
    """Pixels to channels. (B, 3, F, H, W) -> (B * f, size * size * 4 * 3, H / size, W / size).

    The first frame is repeated three times in front, so that F + 3 = 4f frames fall into groups of four and
    group 0 is the first frame standing still.
    """
    still = video[:, :, :1].expand(-1, -1, TIME_STRIDE - 1, -1, -1)
    video = torch.cat([still, video], dim=2)
    b, c, frames, height, width = video.shape
    groups = video.reshape(
        b, c, frames // TIME_STRIDE, TIME_STRIDE, height // size, size, width // size, size
    )
    groups = groups.permute(0, 2, 4, 6, 5, 7, 3, 1)  # (B, f, H/size, W/size, size, size, 4, 3)
    return groups.flatten(4).flatten(0, 1).permute(0, 3, 1, 2)


def unfold_time(x: Tensor, frames: int) -> Tensor:
    """Groups of four frames back to a clip. (B * f, 4 * 3, H, W) -> (B, 3, 4f - 3, H, W)."""
    x = x.unflatten(1, (TIME_STRIDE, RGB)).unflatten(0, (-1, frames))  # (B, f, 4, 3, H, W)
    return x.permute(0, 3, 1, 2, 4, 5).flatten(2, 3)[:, :, TIME_STRIDE - 1 :]
