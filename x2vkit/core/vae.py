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

from collections.abc import Callable, Iterator
from math import ceil
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import AutoencoderMixin, DecoderOutput, DiagonalGaussianDistribution
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils.accelerate_utils import apply_forward_hook
from torch import Tensor, nn
from torch.nn import functional as F

from x2vkit.axes import SPACE_STRIDE, TIME_STRIDE, check_shape
from x2vkit.config import FORMAT_VERSION, check_format
from x2vkit.core.layers import RGB, Conv, Upsample, depth_to_space, fold_time, unfold_time
from x2vkit.core.linear_code import LinearCode
from x2vkit.core.tiling import tiled
from x2vkit.errors import X2VError

TILE_PIXELS = 256
"""Side of a tile of `VideoVAE.enable_tiling`."""


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
        """(B * f, c, h, w), with f latent frames a clip, -> the same shape."""
        a = F.silu(x)
        a = self.conv1(a) + self.from_previous(previous(a, frames))
        return x + self.conv2(F.silu(a))


class Blocks(nn.Module):
    """What encoder and decoder share: in training a block may be worked out again instead of kept."""

    gradient_checkpointing = False
    _gradient_checkpointing_func: Callable[..., Tensor]

    def _block(self, block: nn.Module, x: Tensor, frames: int) -> Tensor:
        if self.gradient_checkpointing and torch.is_grad_enabled():
            return self._gradient_checkpointing_func(block, x, frames)
        return block(x, frames)


class Encoder(Blocks):
    """Folded pixels at H/4 -> one level at H/4, one at H/8 -> latents."""

    def __init__(self, latent_channels: int, widths: tuple[int, ...], depths: tuple[int, ...]):
        super().__init__()
        self.conv_in = Conv(RGB * TIME_STRIDE * 4 * 4, widths[1])
        self.fine = nn.ModuleList(CausalBlock(widths[1]) for _ in range(depths[0]))
        self.down = Conv(widths[1], widths[0], kernel=2, stride=2)
        self.coarse = nn.ModuleList(CausalBlock(widths[0]) for _ in range(depths[1]))
        self.conv_out = Conv(widths[0], latent_channels, zero=True)
        # A 3 x 3 convolution reads one position further: half a latent one at H/4, a whole one at H/8.
        self.margin = ceil((1 + 2 * depths[0]) / 2) + 2 * depths[1] + 1

    def forward(self, video: Tensor) -> Tensor:
        """(B, 3, F, H, W) -> (B, C, f, h, w)."""
        frames = (video.shape[2] + TIME_STRIDE - 1) // TIME_STRIDE
        x = fold_time(video, 4)  #                   (N, 192, H/4, W/4)
        x = self.conv_in(x)  #                         (N, widths[1], H/4, W/4)
        for block in self.fine:
            x = self._block(block, x, frames)
        x = self.down(x)  #                          (N, widths[0], H/8, W/8)
        for block in self.coarse:
            x = self._block(block, x, frames)
        x = self.conv_out(F.silu(x))  #               (N, C, H/8, W/8)
        return x.unflatten(0, (-1, frames)).transpose(1, 2)  # (B, C, f, h, w)


class Decoder(Blocks):
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
        convolutions = [2 * depth for depth in depths]
        convolutions[0], convolutions[-1] = convolutions[0] + 1, convolutions[-1] + 1
        self.margin = ceil(sum(count / 2**level for level, count in enumerate(convolutions)))

    def forward(self, latents: Tensor) -> Tensor:
        """(B, C, f, h, w) -> (B, 3, F, H, W)."""
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
                x = self._block(block, x, frames)
            yield x
            if level < len(self.upsamplers):
                x = self.upsamplers[level](x)


class VideoVAE(ModelMixin, AutoencoderMixin, ConfigMixin):
    """Causal video autoencoder with (4, 8, 8) compression.

    Args:
        latent_channels: numbers per latent position, C.
        widths: channels of the levels at H/8, H/4 and H/2.
        encoder_depths: blocks at H/4 and H/8.
        decoder_depths: blocks at H/8, H/4 and H/2.
        latent_noise: standard deviation of the noise that a sample of `encode` has, in units of a channel's
            own. A decoder trained with it forgives the small errors of a diffusion model.
        format_version: of the saved weights.
    """

    _supports_gradient_checkpointing = True
    _no_split_modules = ["CausalBlock"]

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
        self.use_slicing = self.use_tiling = False
        self.tile_size = TILE_PIXELS // SPACE_STRIDE, TILE_PIXELS // SPACE_STRIDE

    @apply_forward_hook
    def encode(
        self, video: Tensor, return_dict: bool = True
    ) -> AutoencoderKLOutput | tuple[DiagonalGaussianDistribution]:
        """Clips -> the distribution of their latents.

        Its `mode()` is what `encode_video` returns, `sample(generator)` adds the light noise that the decoder
        was trained with.

        Args:
            video: as in `encode_video`.
            return_dict: False returns a tuple, as everywhere in diffusers.
        """
        latents = self.encode_video(video)
        std = (self.config.latent_noise * self.latents_target_std).view(1, -1, 1, 1, 1).to(latents)
        moments = torch.cat([latents, (2 * std.log()).expand_as(latents)], dim=1)
        posterior = DiagonalGaussianDistribution(moments)
        return AutoencoderKLOutput(posterior) if return_dict else (posterior,)

    @apply_forward_hook
    def decode(self, latents: Tensor, return_dict: bool = True) -> DecoderOutput | tuple[Tensor]:
        """`decode_latents` as diffusers calls it: `sample` is the video."""
        video = self.decode_latents(latents)
        return DecoderOutput(video) if return_dict else (video,)

    @apply_forward_hook
    def encode_video(self, video: Tensor) -> Tensor:
        """Latents of zero mean; channel c has the standard deviation `latents_target_std[c]`.

        That is 1 for the channel that moves the picture most and less for those that only add detail, so that
        noise drowns detail first: what a diffusion model then learns, and draws, is coarse before fine.

        Args:
            video: (B, 3, F, H, W) in [-1, 1]; F = 1 + 4k, H and W multiples of 8.

        Returns:
            (B, C, f, h, w).

        Raises:
            X2VError: a size that the strides do not divide.
        """
        frames, height, width = video.shape[2:]
        check_shape(frames, height, width, patch=(1, 1, 1))
        raw = self._in_parts(self.encode_raw, video, (SPACE_STRIDE, 1), self.encoder.margin)
        mean, std, target_std = self._statistics(raw)
        return (raw - mean) / std * target_std

    @apply_forward_hook
    def decode_latents(self, latents: Tensor) -> Tensor:
        """(B, C, f, h, w) normalised latents -> (B, 3, F, H, W), about [-1, 1] (not clipped)."""
        raw = self.unnormalise(latents)
        return self._in_parts(self.decode_raw, raw, (1, SPACE_STRIDE), self.decoder.margin)

    def enable_tiling(
        self, tile_sample_min_height: int = TILE_PIXELS, tile_sample_min_width: int = TILE_PIXELS
    ) -> None:
        """Encode and decode large frames tile by tile, in less memory.

        Each tile is worked out with as much around it as its pixels depend on, so tiles have no seams, and
        the result is the same.

        Args:
            tile_sample_min_height: pixels of a tile, a multiple of 8.
            tile_sample_min_width: likewise.

        Raises:
            X2VError: another size.
        """
        for name, size in (("height", tile_sample_min_height), ("width", tile_sample_min_width)):
            if size < SPACE_STRIDE or size % SPACE_STRIDE:
                got = f"tile_sample_min_{name}={size}"
                raise X2VError(got, f"a tile is a multiple of {SPACE_STRIDE} pixels", f"use {TILE_PIXELS}")
        self.tile_size = tile_sample_min_height // SPACE_STRIDE, tile_sample_min_width // SPACE_STRIDE
        super().enable_tiling()

    def enable_layerwise_casting(self, *_: Any, **__: Any) -> None:
        """Refused: diffusers casts layers of torch's own kinds, and all of these convolutions are `Conv`.

        Raises:
            X2VError: always.
        """
        rule = "its convolutions keep their kernels as matrices, which that does not know"
        raise X2VError("enable_layerwise_casting of the autoencoder", rule, "load it in bfloat16, at 6 MB")

    def _in_parts(
        self, code: Callable[[Tensor], Tensor], x: Tensor, strides: tuple[int, int], margin: int
    ) -> Tensor:
        """code(x), clip by clip and tile by tile where that is enabled.

        strides: pixels or latents of a latent position along one side, of x and of the result; margin: latent
        positions around a tile that its own depend on.
        """
        if self.use_slicing and len(x) > 1:
            return torch.cat([self._in_parts(code, clip, strides, margin) for clip in x.split(1)])
        h, w = (side // strides[0] for side in x.shape[3:])
        if not self.use_tiling or (h <= self.tile_size[0] and w <= self.tile_size[1]):
            return code(x)
        return tiled(code, x, strides, self.tile_size, margin)

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

    def forward(
        self,
        sample: Tensor,
        sample_posterior: bool = False,
        return_dict: bool = True,
        generator: torch.Generator | None = None,
    ) -> DecoderOutput | tuple[Tensor]:
        """Encode, then decode: (B, 3, F, H, W) in [-1, 1] -> `sample` of the same shape.

        Args:
            sample: the video.
            sample_posterior: add the light noise that the decoder was trained with.
            return_dict: False returns a tuple.
            generator: source of that noise.
        """
        posterior = self.encode(sample).latent_dist
        return self.decode(posterior.sample(generator) if sample_posterior else posterior.mode(), return_dict)

    @apply_forward_hook
    def preview(self, latents: Tensor) -> Tensor:
        """A rough picture at almost no cost: one linear map per latent position, fitted by least squares.

        (B, C, f, h, w) normalised latents -> (B, 3, F, H, W) in [-1, 1].
        """
        b, _, f, h, w = latents.shape
        weight, bias = (each.to(latents.device) for each in (self.preview_weight, self.preview_bias))
        x = latents.permute(0, 2, 3, 4, 1).to(weight.dtype)  # (B, f, h, w, C)
        pixels = F.linear(x, weight, bias).clamp(-1, 1)
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
