"""Decoding latent frames as they come: each once, with what the decoder remembers of the one before.

    B batch; C, f, h, w latent grid; F, H, W frames and pixels

The decoder is causal in time, and every block of it reads the latent frame before and no other. Whoever keeps
what each block had there can go on decoding with the next latent frame, and gets the frames that decoding
everything at once gives.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from x2vkit.axes import TIME_STRIDE
from x2vkit.core.layers import RGB, depth_to_space
from x2vkit.core.vae import CausalBlock, VideoVAE


class DecoderStream:
    """Decodes a clip of a VideoVAE part by part."""

    def __init__(self, vae: VideoVAE) -> None:
        self.vae = vae
        self._before: dict[CausalBlock, Tensor] = {}

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """The next latent frames (B, C, f, h, w), normalised -> their frames (B, 3, F, H, W), about [-1, 1]:
        four each, but for the clip's very first, which holds one.
        """
        first, f = not self._before, latents.shape[2]
        raw = self.vae.unnormalise(latents)
        x = raw.transpose(1, 2).flatten(0, 1)  #                       (B f, C, h, w)
        drawn = self.vae.linear.decode(x)  #                           (B f, 12, H, W)
        decoder = self.vae.decoder
        x = decoder.conv_in(x.contiguous(memory_format=torch.channels_last))
        for level, blocks in enumerate(decoder.levels):
            for block in blocks:
                x = self._block(block, x, f)  #                        (B f, c, h 2**level, w 2**level)
            if level < len(decoder.upsamplers):
                x = decoder.upsamplers[level](x)
        drawn = drawn + depth_to_space(decoder.conv_out(F.silu(x)), 2)
        frames = drawn.unflatten(1, (TIME_STRIDE, RGB)).unflatten(0, (-1, f))  # (B, f, 4, 3, H, W)
        frames = frames.permute(0, 3, 1, 2, 4, 5).flatten(2, 3)  #     (B, 3, 4 f, H, W)
        return frames[:, :, TIME_STRIDE - 1 :] if first else frames

    def _block(self, block: CausalBlock, x: Tensor, f: int) -> Tensor:
        """`CausalBlock.forward`, with what stood in the latent frame before these."""
        a = F.silu(x)
        clips = a.unflatten(0, (-1, f))  #                             (B, f, c, h, w)
        before = self._before.get(block)
        before = torch.zeros_like(clips[:, :1]) if before is None else before
        self._before[block] = clips[:, -1:]
        earlier = torch.cat([before, clips[:, :-1]], 1).flatten(0, 1)
        return x + block.conv2(F.silu(block.conv1(a) + block.from_previous(earlier)))
