"""The linear part of the autoencoder's code: what one matrix makes of a block of pixels.

    B * f latent frames; C latent channels; 4 x 8 x 8 pixels of 3 colours are a block, 768 numbers

Knows nothing about what the network adds (vae.py).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from x2vkit.axes import SPACE_STRIDE, TIME_STRIDE
from x2vkit.core.layers import RGB, depth_to_space, fold_time


class LinearCode(nn.Module):
    """The linear part of the code: principal components of the blocks, as three buffers that are fitted, not
    trained.
    """

    def __init__(self, latent_channels: int):
        super().__init__()
        pixels = TIME_STRIDE * SPACE_STRIDE * SPACE_STRIDE * RGB
        self.register_buffer("mean", torch.zeros(pixels))
        self.register_buffer("components", torch.zeros(latent_channels, pixels))
        self.register_buffer("std", torch.ones(latent_channels))

    def fit(self, video: Tensor) -> None:
        """Principal components of the blocks of `video` (B, 3, F, H, W), each scaled to unit variance."""
        channels = len(self.std)
        blocks = fold_time(video, SPACE_STRIDE).permute(0, 2, 3, 1).flatten(0, 2).float()  # (blocks, 768)
        self.mean.copy_(blocks.mean(0))
        covariance = (blocks - self.mean).T @ (blocks - self.mean) / len(blocks)
        values, vectors = torch.linalg.eigh(covariance)  # ascending
        self.components.copy_(vectors[:, -channels:].flip(1).T)
        self.std.copy_(values[-channels:].flip(0).clamp_min(1e-8).sqrt())

    def encode(self, video: Tensor) -> Tensor:
        """(B, 3, F, H, W) -> (B * f, C, h, w)."""
        mean, components, std = self._where(video)
        blocks = fold_time(video, SPACE_STRIDE) - mean.view(1, -1, 1, 1)
        weight = components / std[:, None]
        return F.conv2d(blocks, weight.to(blocks.dtype)[:, :, None, None])

    def decode(self, latents: Tensor) -> Tensor:
        """(B * f, C, h, w) -> four frames side by side in the channels, (B * f, 12, H, W)."""
        mean, components, std = self._where(latents)
        weight = (components * std[:, None]).T
        blocks = F.conv2d(latents, weight.to(latents.dtype)[:, :, None, None], mean.to(latents.dtype))
        return depth_to_space(blocks, SPACE_STRIDE)

    def _where(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mean, components and std where x is: group offloading moves layers, and this is none."""
        return self.mean.to(x.device), self.components.to(x.device), self.std.to(x.device)
