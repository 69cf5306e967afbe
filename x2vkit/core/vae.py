"""The causal video autoencoder: pixels <-> latents, 4 frames x 8 x 8 pixels to one latent position.

Why a video needs one: 17 frames of 128 x 128 are 835,584 numbers, and attention over them is out of reach.
Neighbouring pixels and frames say almost the same thing, so an encoder folds every block of 4 x 8 x 8 pixels
(768 numbers) into one position of `latent_channels` numbers, and a decoder unfolds it. The transformer then
works on the small grid.

How it is laid out. Time is folded *first*: four frames stand side by side in the channels of one image, so
that all the costly work is ordinary 2-D convolution over latent frames, which a processor does several times
faster than 3-D convolution. Latent frames pass information on only through `from_previous`, which reads the
latent frame before. Nothing reads ahead, so the network is causal in time: a still image is simply a clip
with one latent frame.

    B  batch          F, H, W  frames and pixels, F = 1 + 4k         C  latent channels
    N  = B * f        f, h, w  latent frames and positions, f = 1 + k

Two codes are added up. A fixed *linear* code (`fit_linear`: the principal components of all 4 x 8 x 8 blocks,
Jolliffe 2002) is the best that one matrix can do; it stands before training starts. The network learns only
what that leaves over, which is why an hour of a laptop suffices. (The same idea as the non-parametric
shortcuts of DC-AE, Chen et al. 2024, arXiv:2410.10733.)

This module knows nothing about noise, text or training.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils.accelerate_utils import apply_forward_hook
from torch import Tensor, nn
from torch.nn import functional as F

from x2vkit.axes import SPACE_STRIDE, TIME_STRIDE, check_shape
from x2vkit.config import FORMAT_VERSION, check_format
from x2vkit.core.layers import Conv, Upsample, depth_to_space

RGB = 3


def previous(x: Tensor, frames: int) -> Tensor:
    """Each latent frame's predecessor; zeros before the first. (B * f, c, h, w) -> the same shape."""
    clips = x.unflatten(0, (-1, frames))
    return torch.cat([torch.zeros_like(clips[:, :1]), clips[:, :-1]], dim=1).flatten(0, 1)


class CausalBlock(nn.Module):
    """A residual block: 3 x 3 convolution, plus the latent frame before (1 x 1), then another 3 x 3
    convolution.

    There is no normalisation layer: the last convolution starts at zero, so every block starts as the
    identity, and a crop is treated exactly as the same pixels inside a large frame.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = Conv(width, width)
        self.from_previous = Conv(width, width, kernel=1)
        self.conv2 = Conv(width, width, zero=True)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        a = F.silu(x)
        a = self.conv1(a) + self.from_previous(previous(a, frames))
        return x + self.conv2(F.silu(a))


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


class Encoder(nn.Module):
    """Folded pixels at H/4 -> one level at H/4, one at H/8 -> latents."""

    def __init__(self, latent_channels: int, widths: tuple[int, ...], depths: tuple[int, ...]):
        super().__init__()
        self.conv_in = Conv(RGB * TIME_STRIDE * 4 * 4, widths[1])
        self.fine = nn.ModuleList(CausalBlock(widths[1]) for _ in range(depths[0]))
        self.down = Conv(widths[1], widths[0], kernel=2, stride=2)
        self.coarse = nn.ModuleList(CausalBlock(widths[0]) for _ in range(depths[1]))
        self.conv_out = Conv(widths[0], latent_channels, zero=True)

    def forward(self, video: Tensor) -> Tensor:
        frames = (video.shape[2] + TIME_STRIDE - 1) // TIME_STRIDE
        x = fold_time(video, 4)  #                   (N, 192, H/4, W/4)
        x = self.conv_in(x)  #                         (N, widths[1], H/4, W/4)
        for block in self.fine:
            x = block(x, frames)
        x = self.down(x)  #                          (N, widths[0], H/8, W/8)
        for block in self.coarse:
            x = block(x, frames)
        x = self.conv_out(F.silu(x))  #               (N, C, H/8, W/8)
        return x.unflatten(0, (-1, frames)).transpose(1, 2)  # (B, C, f, h, w)


class Decoder(nn.Module):
    """Latents -> levels at H/8, H/4 and H/2 -> pixels. The last level draws over the seams of the 8 x 8
    blocks.
    """

    def __init__(self, latent_channels: int, widths: tuple[int, ...], depths: tuple[int, ...]):
        super().__init__()
        self.conv_in = Conv(latent_channels, widths[0])
        self.levels = nn.ModuleList(
            nn.ModuleList(CausalBlock(width) for _ in range(depth))
            for width, depth in zip(widths, depths, strict=True)
        )
        self.upsamplers = nn.ModuleList(Upsample(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True))
        self.conv_out = Conv(widths[-1], RGB * TIME_STRIDE * 2 * 2, zero=True)

    def forward(self, latents: Tensor) -> Tensor:
        frames = latents.shape[2]
        *_, x = self.features(latents)
        x = self.conv_out(F.silu(x))  #               (N, 48, H/2, W/2)
        return unfold_time(depth_to_space(x, 2), frames)  # (B, 3, F, H, W)

    def features(self, latents: Tensor) -> Iterator[Tensor]:
        """What each level ends with, (N, widths[level], h * 2**level, w * 2**level); only as many levels are
        worked out as are asked for.
        """
        frames = latents.shape[2]
        x = latents.transpose(1, 2).flatten(0, 1)  # (N, C, h, w)
        x = self.conv_in(x.contiguous(memory_format=torch.channels_last))
        for level, blocks in enumerate(self.levels):
            for block in blocks:
                x = block(x, frames)
            yield x
            if level < len(self.upsamplers):
                x = self.upsamplers[level](x)


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

    def fit(self, video: Tensor, keep: int = 0) -> None:
        """Principal components of the blocks of `video` (B, 3, F, H, W), each scaled to unit variance.

        keep: components that stay as they are; the others are fitted to what those leave over.
        """
        channels = len(self.std) - keep
        if not channels:
            return
        blocks = fold_time(video, SPACE_STRIDE).permute(0, 2, 3, 1).flatten(0, 2).float()  # (blocks, 768)
        if not keep:
            self.mean.copy_(blocks.mean(0))
        left = blocks - self.mean
        left = left - left @ self.components[:keep].T @ self.components[:keep]
        values, vectors = torch.linalg.eigh(left.T @ left / len(blocks))  # ascending
        self.components[keep:] = vectors[:, -channels:].flip(1).T
        self.std[keep:] = values[-channels:].flip(0).clamp_min(1e-8).sqrt()

    def encode(self, video: Tensor) -> Tensor:
        """(B, 3, F, H, W) -> (B * f, C, h, w)."""
        blocks = fold_time(video, SPACE_STRIDE) - self.mean.view(1, -1, 1, 1)
        weight = self.components / self.std[:, None]
        return F.conv2d(blocks, weight.to(blocks.dtype)[:, :, None, None])

    def decode(self, latents: Tensor) -> Tensor:
        """(B * f, C, h, w) -> four frames side by side in the channels, (B * f, 12, H, W)."""
        weight = (self.components * self.std[:, None]).T
        blocks = F.conv2d(latents, weight.to(latents.dtype)[:, :, None, None], self.mean.to(latents.dtype))
        return depth_to_space(blocks, SPACE_STRIDE)


class VideoVAE(ModelMixin, ConfigMixin):
    """Causal video autoencoder with (4, 8, 8) compression.

    Args:
        latent_channels: numbers per latent position, C.
        widths: channels of the levels at H/8, H/4 and H/2.
        encoder_depths: blocks at H/4 and H/8.
        decoder_depths: blocks at H/8, H/4 and H/2.
        latent_noise: standard deviation of the noise that `encode(sample=True)` adds, in units of a channel's
            own standard deviation. A decoder trained with it forgives the small errors of a diffusion model.
        format_version: of the saved weights.
    """

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 24,
        widths: tuple[int, int, int] = (192, 96, 64),
        encoder_depths: tuple[int, int] = (1, 1),
        decoder_depths: tuple[int, int, int] = (2, 2, 1),
        latent_noise: float = 0.05,
        format_version: int = FORMAT_VERSION,
    ):
        super().__init__()
        check_format(format_version)
        self.encoder = Encoder(latent_channels, tuple(widths), tuple(encoder_depths))
        self.decoder = Decoder(latent_channels, tuple(widths), tuple(decoder_depths))
        self.linear = LinearCode(latent_channels)
        pixels = TIME_STRIDE * SPACE_STRIDE * SPACE_STRIDE * RGB
        self.register_buffer("latents_mean", torch.zeros(latent_channels))
        self.register_buffer("latents_std", torch.ones(latent_channels))
        self.register_buffer("latents_target_std", torch.ones(latent_channels))
        self.register_buffer("preview_weight", torch.zeros(pixels, latent_channels))
        self.register_buffer("preview_bias", torch.zeros(pixels))

    @apply_forward_hook
    def encode(self, video: Tensor, sample: bool = False, generator: torch.Generator | None = None) -> Tensor:
        """Latents of zero mean; channel c has the standard deviation `latents_target_std[c]`.

        That is 1 for the channel that moves the picture most and less for those that only add detail, so that
        noise drowns detail first: what a diffusion model then learns, and draws, is coarse before fine.

        Args:
            video: (B, 3, F, H, W) in [-1, 1]; F = 1 + 4k, H and W multiples of 8.
            sample: add the light noise the decoder was trained with.
            generator: source of that noise.

        Returns:
            (B, C, f, h, w).

        Raises:
            X2VError: a size that the strides do not divide.
        """
        frames, height, width = video.shape[2:]
        check_shape(frames, height, width, patch=(1, 1, 1))
        raw = self.encode_raw(video)
        mean, std, target_std = self._statistics(raw)
        latents = (raw - mean) / std * target_std
        if sample:
            noise = torch.randn(
                latents.shape, generator=generator, device=latents.device, dtype=latents.dtype
            )
            latents = latents + self.config.latent_noise * target_std * noise
        return latents

    @apply_forward_hook
    def decode(self, latents: Tensor) -> Tensor:
        """(B, C, f, h, w) normalised latents -> (B, 3, F, H, W), about [-1, 1] (not clipped)."""
        return self.decode_raw(self.unnormalise(latents))

    def unnormalise(self, latents: Tensor) -> Tensor:
        """Normalised latents as they were before `encode` normalised them, (B, C, f, h, w)."""
        mean, std, target_std = self._statistics(latents)
        return latents / target_std * std + mean

    def encode_raw(self, video: Tensor) -> Tensor:
        """Latents before they are normalised: linear code plus what the encoder adds. (B, C, f, h, w)."""
        learned = self.encoder(video)
        return learned + self.linear.encode(video).unflatten(0, (-1, learned.shape[2])).transpose(1, 2)

    def decode_raw(self, latents: Tensor) -> Tensor:
        """The inverse of `encode_raw`: what the linear code draws plus what the decoder adds. (B, 3, F, H,
        W).
        """
        drawn = self.linear.decode(latents.transpose(1, 2).flatten(0, 1))
        return unfold_time(drawn, latents.shape[2]) + self.decoder(latents)

    def forward(self, video: Tensor, sample: bool = False) -> Tensor:
        """Encode, then decode: (B, 3, F, H, W) in [-1, 1] -> the same shape."""
        return self.decode(self.encode(video, sample))

    @apply_forward_hook
    def preview(self, latents: Tensor) -> Tensor:
        """A rough picture at almost no cost: one linear map per latent position, fitted by least squares.

        (B, C, f, h, w) normalised latents -> (B, 3, F, H, W) in [-1, 1].
        """
        b, _, f, h, w = latents.shape
        x = latents.permute(0, 2, 3, 4, 1).to(self.preview_weight.dtype)  # (B, f, h, w, C)
        pixels = F.linear(x, self.preview_weight, self.preview_bias).clamp(-1, 1)
        pixels = pixels.reshape(b, f, h, w, TIME_STRIDE, SPACE_STRIDE, SPACE_STRIDE, RGB)
        video = pixels.permute(0, 7, 1, 4, 2, 5, 3, 6).reshape(b, RGB, f * TIME_STRIDE, h * SPACE_STRIDE, -1)
        return video[:, :, TIME_STRIDE - 1 :]

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Raw mean and standard deviation, and the target standard deviation, of each channel; they
        broadcast over (B, C, f, h, w).
        """
        found = (self.latents_mean, self.latents_std, self.latents_target_std)
        mean, std, target_std = (value.view(1, -1, 1, 1, 1).to(like) for value in found)
        return mean, std, target_std
