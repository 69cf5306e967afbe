"""The part of the pipeline between pixels and latents: its autoencoder, called on the right device.

B clips; F, H, W frames and pixels; C, f, h, w latent grid
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from x2vkit.core.vae import VideoVAE
from x2vkit.pipeline.checks import check_video
from x2vkit.pipeline.outputs import to_uint8


class ClipCodec:
    """Decoding, previews and memory savers of a pipeline that has a `vae`."""

    vae: VideoVAE
    _execution_device: Any

    @torch.no_grad()
    def decode(self, latents: Tensor) -> np.ndarray:
        """Latents (B, C, f, h, w) -> frames uint8 (B, F, H, W, 3)."""
        return to_uint8(self._video(latents))

    @torch.no_grad()
    def video(self, latents: Tensor) -> Tensor:
        """Latents of finished clips (B, C, f, h, w) -> video (B, 3, F, H, W) in [-1, 1].

        Raises:
            X2VError: a clip is a single colour from end to end: nobody asked for that.
        """
        check_video(video := self._video(latents))
        return video

    @torch.no_grad()
    def preview(self, latents: Tensor) -> np.ndarray:
        """The same at almost no cost, by one linear map per latent position: rough colours and shapes."""
        return to_uint8(self.vae.preview(latents.to(self.vae.dtype)))

    def enable_vae_slicing(self) -> None:
        """Decode clip by clip, in less memory."""
        self.vae.enable_slicing()

    def disable_vae_slicing(self) -> None:
        """Decode all clips at once again."""
        self.vae.disable_slicing()

    def enable_vae_tiling(self) -> None:
        """Decode in tiles that overlap, in less memory."""
        self.vae.enable_tiling()

    def disable_vae_tiling(self) -> None:
        """Decode whole frames again."""
        self.vae.disable_tiling()

    def _video(self, latents: Tensor) -> Tensor:
        return (
            self.vae.decode_latents(latents.to(self._execution_device, self.vae.dtype)).float().clamp(-1, 1)
        )

    def _encode(self, video: Tensor) -> Tensor:
        return self.vae.encode_video(video.to(self._execution_device, self.vae.dtype)).float()
