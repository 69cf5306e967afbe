"""Text encoder and transformer as one module, whose forward gives the loss of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from x2vkit.config import ModelConfig
from x2vkit.core.conditions import token_levels
from x2vkit.core.patches import patchify, unpatchify
from x2vkit.core.text import TextEncoder
from x2vkit.core.transformer import VideoTransformer
from x2vkit.training.diffusion.losses import AuxiliaryHead, PerceptualLoss, weighted_mean
from x2vkit.world.grammar import SUBJECTS


class DiffusionModule(nn.Module):
    """Text encoder and transformer, whose forward mixes noise into the clips and returns the loss."""

    def __init__(
        self,
        config: ModelConfig,
        vocab: list[str],
        synonyms: dict[str, str],
        latent_std: Sequence[float] = (),
        auxiliary_weight: float = 0.3,
        perceptual_loss: PerceptualLoss | None = None,
    ):
        super().__init__()
        self.text_encoder = TextEncoder(
            vocab, synonyms, config.text_width, config.text_depth, config.max_words
        )
        self.transformer = VideoTransformer.from_model_config(config, latent_std)
        self.auxiliary_weight, self.perceptual_loss = auxiliary_weight, perceptual_loss
        self.auxiliary_head = AuxiliaryHead(config, len(SUBJECTS)) if auxiliary_weight else None

    def forward(
        self,
        latents: Tensor,
        t: Tensor,
        ids: Tensor,
        control: Tensor,
        camera: Tensor,
        boxes: Tensor,
        noise: Tensor | None = None,
        known: Tensor | None = None,
        truth: Tensor | None = None,
        subject_ids: Tensor | None = None,
        loss_weight: Tensor | None = None,
        kept_tokens: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Velocity loss of one batch, and in training the losses that stand beside it.

        Args:
            latents: (B, C, f, h, w), normalised.
            t: (B, 1) noise levels.
            ids: (B, T) words.
            control: (B, 10, f, h, w).
            camera: (B, f, 4).
            boxes: (B, F, O, 5).
            noise: as latents; drawn where it is left out.
            known: (B, f, h, w) bool, True where the frame is given.
            truth: (B, TRUTH, f, h, w), see `AuxiliaryHead`; training only, like the two below.
            subject_ids: (B, 2).
            loss_weight: (B, f, h, w), how much every latent position counts.
            kept_tokens: (B, M) the video tokens to work on; all, where it is left out.

        Returns:
            `loss` to learn from, and its parts: `velocity_loss`, `auxiliary_loss`, `perceptual_loss`.
        """
        patch, latents = self.transformer.patch, latents.float()
        noise = torch.randn_like(latents) if noise is None else noise

        def tokens(grid: Tensor) -> Tensor:
            """(B, X, f, h, w) -> (B, M, X, P), the kept tokens, P latent positions each."""
            cut = patchify(grid, patch).unflatten(2, (grid.shape[1], -1))
            if kept_tokens is None:
                return cut
            return cut.gather(1, kept_tokens[:, :, None, None].expand(-1, -1, *cut.shape[2:]))

        level = t[:, :, None, None, None]  #                              (B, 1, 1, 1, 1)
        mixed = torch.lerp(latents, noise, level)  #                      (B, C, f, h, w)
        levels = t
        if known is not None:
            mixed = torch.where(known[:, None], latents, mixed)  #        (B, C, f, h, w)
            levels = token_levels(t, known, patch)  #                     (B, N)
        text = self.text_encoder(ids)  #                                  (B, T, Dt)
        with self.auxiliary_head.listen(self.transformer) if self.auxiliary_head else nullcontext():
            velocity = self.transformer(
                mixed, levels, text, ids != 1, control, camera, boxes, kept_tokens=kept_tokens
            )
        target = tokens(noise - latents)  #                               (B, M, C, P)
        velocity = tokens(velocity) if kept_tokens is None else velocity.unflatten(2, target.shape[2:])
        error = (velocity - target).square().mean(2)  #                   (B, M, P)
        counted = torch.ones_like(error)
        if known is not None:
            counted = tokens(~known[:, None])[:, :, 0].to(error.dtype)
        plain = weighted_mean(error, counted)
        if loss_weight is None:
            return {"loss": plain, "velocity_loss": plain.detach()}
        loss = weighted_mean(error, counted * tokens(loss_weight[:, None])[:, :, 0])
        parts = {"velocity_loss": plain.detach()}
        if self.auxiliary_head is not None and truth is not None and subject_ids is not None:
            inner = self.auxiliary_head(tokens(truth), subject_ids)
            loss = loss + self.auxiliary_weight * inner
            parts["auxiliary_loss"] = inner.detach()
        if self.perceptual_loss is not None and kept_tokens is None:
            pred_x0 = mixed - level * unpatchify(velocity.flatten(2), patch, latents.shape[2:])
            pred_x0 = pred_x0 if known is None else torch.where(known[:, None], latents, pred_x0)
            decoded = self.perceptual_loss(pred_x0, latents, t, loss_weight)
            loss = loss + self.perceptual_loss.weight * decoded
            parts["perceptual_loss"] = decoded.detach()
        return {"loss": loss, **parts}
