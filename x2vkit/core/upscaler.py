"""A second head of the autoencoder's decoder: the same latents, drawn twice as high and wide.

It starts where the decoder's coarsest level ends and draws by levels of its own, one more than the decoder
has. They start with the decoder's weights, and what the last level adds stands on their clip, enlarged by
bicubic interpolation: untrained, it is bicubic interpolation.

    B batch    F, H, W frames and pixels of the decoder's clip    f, h, w latent grid; N = B * f

The decoder is causal, so that a clip can be drawn while it grows. This head sees a finished clip, so its
blocks also read the latent frame that comes after: of what moves fast inside four frames, the neighbours on
both sides know where it was and where it goes.

Knows nothing about worlds or training.
"""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from x2vkit.axes import TIME_STRIDE
from x2vkit.config import FORMAT_VERSION, check_format
from x2vkit.core.layers import RGB, Conv, Upsample, depth_to_space, unfold_time
from x2vkit.core.vae import CausalBlock, VideoVAE, previous

SCALE = 2
"""How many times as high and wide the clip becomes."""
PART = 12
"""Latent frames of a long clip that are drawn at once."""


def following(x: Tensor, frames: int) -> Tensor:
    """Each latent frame's successor; zeros after the last. (B * f, c, h, w) -> the same shape."""
    clips = x.unflatten(0, (-1, frames))
    return torch.cat([clips[:, 1:], torch.zeros_like(clips[:, :1])], dim=1).flatten(0, 1)


class TwoWayBlock(CausalBlock):
    """A `CausalBlock` that also reads the latent frame after; silent there until it is trained."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.from_following = Conv(width, width, kernel=1, zero=True)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """(B * f, c, h, w), with f latent frames a clip, -> the same shape."""
        a = F.silu(x)
        around = self.from_previous(previous(a, frames)) + self.from_following(following(a, frames))
        return x + self.conv2(F.silu(self.conv1(a) + around))


class Upscaler(ModelMixin, ConfigMixin):
    """The decoder's coarsest features -> a clip of twice its height and width.

    Args:
        widths: channels of the levels at H/8 (the features), H/4, H/2, and of the last one at H.
        depths: blocks of the first three.
        format_version: of the saved weights.
    """

    @register_to_config
    def __init__(
        self,
        widths: tuple[int, int, int, int] = (192, 96, 64, 32),
        depths: tuple[int, int, int] = (1, 2, 2),
        format_version: int = FORMAT_VERSION,
    ):
        super().__init__()
        check_format(format_version)
        pairs = zip(widths[:-1], widths[1:], strict=True)
        self.levels = nn.ModuleList(
            nn.ModuleList(TwoWayBlock(width) for _ in range(depth))
            for width, depth in zip(widths[:-1], depths, strict=True)
        )
        self.upsamplers = nn.ModuleList(Upsample(a, b) for a, b in pairs)
        self.conv_small = Conv(widths[-2], RGB * TIME_STRIDE * SCALE * SCALE, zero=True)
        self.conv_out = Conv(widths[-1], RGB * TIME_STRIDE * SCALE * SCALE, zero=True)
        self.reach = sum(depths)
        """Latent frames on either side that a frame depends on."""

    def start_from(self, vae: VideoVAE) -> None:
        """Take over what the decoder of the same widths does at H/4 and H/2: then this draws the decoder's
        clip, enlarged by bicubic interpolation. Blocks that it lacks start as the identity.
        """
        self.conv_small.load_state_dict(vae.decoder.conv_out.state_dict())
        for level in (1, 2):
            self.upsamplers[level - 1].load_state_dict(vae.decoder.upsamplers[level - 1].state_dict())
            for block, known in zip(self.levels[level], vae.decoder.levels[level], strict=False):
                block.load_state_dict(block.state_dict() | known.state_dict())

    def forward(self, features: Tensor, linear: Tensor) -> Tensor:
        """Features (N, widths[0], h, w) and what the linear code draws (B, 3, F, H, W) -> (B, 3, F, 2 H, 2
        W).
        """
        frames = (linear.shape[2] + TIME_STRIDE - 1) // TIME_STRIDE
        x = features.contiguous(memory_format=torch.channels_last)
        for level, blocks in enumerate(self.levels):
            x = self.upsamplers[level - 1](x) if level else x
            for block in blocks:
                x = block(x, frames)
        small = self.conv_small(F.silu(x))  #           (N, 48, H/2, W/2)
        large = self.conv_out(F.silu(self.upsamplers[-1](x)))  # (N, 48, H, W)
        video = linear + unfold_time(depth_to_space(small, SCALE), frames)  # (B, 3, F, H, W)
        return bicubic(video) + unfold_time(depth_to_space(large, SCALE), frames)  # (B, 3, F, 2 H, 2 W)

    def decode(self, vae: VideoVAE, latents: Tensor) -> Tensor:
        """Normalised latents (B, C, f, h, w) -> (B, 3, F, 2 H, 2 W), about [-1, 1] (not clipped).

        Long clips are drawn in parts, each with as many latent frames around it as it depends on: the result
        is the same.
        """
        features, linear = coarse(vae, vae.unnormalise(latents))
        count = latents.shape[2]
        by_clip = features.unflatten(0, (-1, count))
        drawn = []
        for start in range(0, count, PART):
            stop = min(start + PART, count)
            first, last = max(0, start - self.reach), min(count, stop + self.reach)
            # On its own, a part's first latent frame stands for its last frame alone, as that of a clip does.
            clip = linear[:, :, TIME_STRIDE * first : TIME_STRIDE * (last - 1) + 1]
            part = self(by_clip[:, first:last].flatten(0, 1), clip)
            kept = slice(max(0, TIME_STRIDE * (start - 1) + 1), TIME_STRIDE * (stop - 1) + 1)
            drawn.append(part[:, :, kept.start - TIME_STRIDE * first : kept.stop - TIME_STRIDE * first])
        return torch.cat(drawn, dim=2)


def coarse(vae: VideoVAE, raw: Tensor) -> tuple[Tensor, Tensor]:
    """What the head reads of raw latents (B, C, f, h, w): features (N, widths[0], h, w) where the decoder's
    coarsest level ends, and the clip (B, 3, F, H, W) that the linear code draws.
    """
    drawn = vae.linear.decode(raw.transpose(1, 2).flatten(0, 1))
    return next(vae.decoder.features(raw)), unfold_time(drawn, raw.shape[2])


def bicubic(video: Tensor) -> Tensor:
    """(B, 3, F, H, W) -> (B, 3, F, 2 H, 2 W), frame by frame."""
    frames = video.transpose(1, 2).flatten(0, 1)
    large = F.interpolate(frames, scale_factor=SCALE, mode="bicubic", align_corners=False)
    return large.unflatten(0, (len(video), -1)).transpose(1, 2)
