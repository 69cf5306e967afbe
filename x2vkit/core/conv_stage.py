"""Convolutions on the latent grid, before and after the transformer's blocks: the detail between and inside
patches.

    B batch; f, h, w latent grid; c channels of the stage; E width of a token

A token holds ph x pw latent positions, and two linear maps are all that takes them into it and out again:
what lies on the seam of two patches is then drawn by two tokens that each infer the other. A few 3 x 3
convolutions see across the seams, at a cost that grows with the latent positions and not with their square.
(Between tokens and pixels most image transformers keep such a stage: cf. U-ViT, Bao et al. 2023, arXiv
2209.12152, whose last layer is a 3 x 3 convolution, and Hourglass Diffusion Transformers, Crowson et al.
2024, arXiv 2401.11605.)

Unlike the VAE's convolutions these read both ways in time: a clip is denoised as a whole. Where boxes or a
camera say how things move, other latent frames are warped first (motion.py); and every latent frame reads
the first one.

Knows nothing about noise (`adaln` is whatever encodes the level), tokens or velocity.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from x2vkit.axes import TIME_STRIDE, Shape3
from x2vkit.core.layers import Conv, norm
from x2vkit.core.motion import ANGLE_FEATURES, BOX_FEATURES, Correspondence, Correspondences
from x2vkit.core.patches import patchify, unpatchify
from x2vkit.core.raster import SUBJECTS

FIRST_CHANNELS = 24
"""Channels in which a latent position reads the first latent frame, for each of its four frames."""


class Steer(nn.Module):
    """What was read elsewhere, rotated as far as what is shown here: x + sum over k of wave_k(angle) W_k x.

    The numbers of a picture's block rotate with it by a matrix whose entries are waves of the angle
    (steerable filters, Freeman and Adelson 1991); the W_k are learned, from zero.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.waves = nn.Linear(ANGLE_FEATURES * channels, channels, bias=False)
        nn.init.zeros_(self.waves.weight)

    def forward(self, x: Tensor, rotation: Tensor) -> Tensor:
        """x (..., c), rotation (..., ANGLE_FEATURES) -> (..., c)."""
        return x + self.waves((rotation[..., :, None] * x[..., None, :]).flatten(-2))


class ConvBlock(nn.Module):
    """A residual block: 3 x 3 convolution, plus the latent frames before and after and the first one (1 x 1),
    then another 3 x 3 convolution. What it reads of the first one starts at zero.
    """

    def __init__(self, channels: int, motion: bool) -> None:
        super().__init__()
        self.conv1 = Conv(channels, channels)
        self.from_previous = nn.Linear(channels, channels, bias=False)
        self.from_next = nn.Linear(channels, channels, bias=False)
        self.first_in = nn.Linear(channels, FIRST_CHANNELS, bias=False) if motion else None
        self.first_out = nn.Linear(TIME_STRIDE * FIRST_CHANNELS, channels, bias=False) if motion else None
        warped = channels - channels // 2
        sizes = (warped, warped, FIRST_CHANNELS)
        self.steer = nn.ModuleList(Steer(size) for size in sizes) if motion else None
        self.conv2 = Conv(channels, channels, zero=True)
        if self.first_out is not None:
            nn.init.zeros_(self.first_out.weight)

    def forward(
        self, x: Tensor, shift: Tensor, scale: Tensor, correspondences: Correspondences | None = None
    ) -> Tensor:
        """x (B, f, h, w, c); shift and scale broadcast to it -> (B, f, h, w, c). Without correspondences
        every position reads its own in other latent frames.
        """
        y = F.silu(torch.addcmul(shift, norm(x), scale))  #                         (B, f, h, w, c)
        mixed = convolve(self.conv1, y)  #                                          (B, f, h, w, c)
        if x.shape[1] > 1:
            past, future = self.from_previous(y[:, :-1]), self.from_next(y[:, 1:])  # (B, f - 1, h, w, c)
            if correspondences is not None and self.steer is not None:
                past = _warp(correspondences.previous, past, self.steer[0])
                future = _warp(correspondences.next, future, self.steer[1])
            if self.first_in is not None and self.first_out is not None:
                first = self._first(self.first_in(y[:, :1]), correspondences, x.shape[1] - 1)
                past = past + self.first_out(first)  #                              (B, f - 1, h, w, c)
            nothing = torch.zeros_like(y[:, :1])
            mixed = mixed + torch.cat([nothing, past], dim=1) + torch.cat([future, nothing], dim=1)
        return x + convolve(self.conv2, F.silu(mixed))  #                           (B, f, h, w, c)

    def _first(self, shown: Tensor, correspondences: Correspondences | None, later: int) -> Tensor:
        """What the first latent frame shows (B, 1, h, w, FIRST_CHANNELS), as each later one reads it in its
        four frames (B, later, h, w, 4 FIRST_CHANNELS).
        """
        if correspondences is None or self.steer is None:
            return shown.repeat(1, 1, 1, 1, TIME_STRIDE).expand(-1, later, -1, -1, -1)
        match = correspondences.first
        read = match.weights.flatten(1, 2) @ shown.flatten(1, 3)  #                 (B, later 4 n, c')
        read = self.steer[2](read, match.rotation.flatten(1, 2))
        h, w = shown.shape[2:4]
        return read.reshape(len(shown), later, h, w, -1)


def _warp(match: Correspondence, x: Tensor, steer: Steer) -> Tensor:
    """Features (B, k, h, w, c) moved to where they are shown in other latent frames: half of the channels,
    the others keep to the screen, since the sky does not go with the camera.
    """
    moving, static = x.chunk(2, dim=-1)
    warped = steer(match.weights @ moving.flatten(2, 3), match.rotation)  #         (B, k, n, c / 2)
    return torch.cat([warped.reshape(moving.shape), static], dim=-1)


def convolve(layer: Conv, x: Tensor) -> Tensor:
    """A convolution over rows and columns of x (B, f, h, w, c), every latent frame by itself. Channels stay
    last in memory, as the processor's convolutions want them.
    """
    y = layer(x.flatten(0, 1).permute(0, 3, 1, 2))  #                               (B * f, c', h, w)
    return y.permute(0, 2, 3, 1).unflatten(0, x.shape[:2])  #                       (B, f, h, w, c')


class ConvStage(nn.Module):
    """The convolutions beside the blocks: `encode` the noisy latents first, `decode` their detail last.

    Built to do nothing at first: what it adds to the tokens and to the prediction is zero until training
    changes that.

    Args:
        latent_channels: C.
        patch: latent frames, rows and columns in one token.
        width: channels E of a token.
        channels: c of the stage.
        control_channels: of the control raster, which every position reads beside the point of a subject
            that it shows, and then finds that point in other latent frames; 0 for neither.
    """

    def __init__(
        self, latent_channels: int, patch: Shape3, width: int, channels: int, control_channels: int = 0
    ) -> None:
        super().__init__()
        self.patch, positions = patch, prod(patch)
        self.conv_in = Conv(latent_channels, channels)
        motion, boxes = bool(control_channels), BOX_FEATURES + control_channels
        self.box_embed = nn.Linear(boxes, channels, bias=False) if motion else None
        angles = SUBJECTS * TIME_STRIDE * ANGLE_FEATURES
        self.angle_embed = nn.Linear(angles, channels, bias=False) if motion else None
        self.block_in = ConvBlock(channels, motion)
        self.to_tokens = nn.Linear(channels * positions, width, bias=False)
        self.from_tokens = nn.Linear(width, channels * positions)
        self.blocks_out = nn.ModuleList(ConvBlock(channels, motion) for _ in range(2))
        self.adaln = nn.Linear(width, 2 * 3 * channels)
        self.conv_out = Conv(channels, latent_channels, zero=True)
        for layer in (self.box_embed, self.angle_embed):
            if layer is not None:
                nn.init.zeros_(layer.weight)
        nn.init.zeros_(self.to_tokens.weight)
        nn.init.zeros_(self.adaln.weight)
        with torch.no_grad():
            self.adaln.bias.copy_(torch.tensor([0.0, 1.0] * 3).repeat_interleave(channels))

    def encode(
        self,
        patches: Tensor,
        modulation: Sequence[Tensor],
        latent_shape: Shape3,
        correspondences: Correspondences | None = None,
        control: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Patches (B, N, P) and `modulations` -> features (B, f, h, w, c), and what tokens take of them
        (B, N, E). control (B, 10, f, h, w) is read beside correspondences only.
        """
        latents = unpatchify(patches, self.patch, latent_shape).permute(0, 2, 3, 4, 1)  # (B, f, h, w, C)
        x = convolve(self.conv_in, latents)  #                                      (B, f, h, w, c)
        if correspondences is not None and self.box_embed is not None and self.angle_embed is not None:
            raster = x.new_zeros(*x.shape[:-1], self.box_embed.in_features - BOX_FEATURES)
            if control is not None:
                raster = control.permute(0, 2, 3, 4, 1).to(x.dtype)  #              (B, f, h, w, 10)
            boxes, angles = correspondences.box_features, correspondences.angle_features
            x = x + self.box_embed(torch.cat([boxes, raster], dim=-1)) + self.angle_embed(angles)
        x = self.block_in(x, *modulation[0:2], correspondences)  #                  (B, f, h, w, c)
        return x, self.to_tokens(patchify(x.permute(0, 4, 1, 2, 3), self.patch))

    def decode(
        self,
        x: Tensor,
        tokens: Tensor,
        modulation: Sequence[Tensor],
        correspondences: Correspondences | None = None,
    ) -> Tensor:
        """Features (B, f, h, w, c), tokens (B, N, E) and `modulations` -> patches (B, N, P)."""
        grid = (x.shape[1], x.shape[2], x.shape[3])
        detail = unpatchify(self.from_tokens(tokens), self.patch, grid)  #          (B, c, f, h, w)
        x = x + detail.permute(0, 2, 3, 4, 1)  #                                    (B, f, h, w, c)
        for i, block in enumerate(self.blocks_out):
            x = block(x, *modulation[2 + 2 * i : 4 + 2 * i], correspondences)  #    (B, f, h, w, c)
        latents = convolve(self.conv_out, F.silu(norm(x)))  #                       (B, f, h, w, C)
        return patchify(latents.permute(0, 4, 1, 2, 3), self.patch)  #              (B, N, P)

    def modulations(self, t_embed: Tensor, latent_shape: Shape3) -> tuple[Tensor, ...]:
        """What every token's noise level (B, N or 1, E) means to the blocks: shift and scale of the first,
        the second and the third, each (B, f, h, w, c) or (B, 1, 1, 1, c).
        """
        values = self.adaln(t_embed)  #                                             (B, N or 1, 6 c)
        if t_embed.shape[1] == 1:
            return values[:, :, None, None].chunk(6, dim=-1)
        (f, h, w), (pt, ph, pw) = latent_shape, self.patch
        grid = values.unflatten(1, (f // pt, h // ph, w // pw))
        for axis, size in enumerate((pt, ph, pw), start=1):
            grid = grid.repeat_interleave(size, dim=axis)
        return grid.chunk(6, dim=-1)
