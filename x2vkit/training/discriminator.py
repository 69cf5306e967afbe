"""A small discriminator for the autoencoder's decoder: edges that no regression loss brings back.

    B crops; F frames, H, W pixels; c channels of a level

What latents do not say, a decoder trained on squared errors draws as the mean of everything that it could be:
blurred. A discriminator that tells decoded clips from real ones makes it choose one of them (Goodfellow et
al. 2014, arXiv:1406.2661; for decoders of latents: Esser et al. 2021, arXiv:2012.09841). Feature matching
(Salimans et al. 2016, arXiv:1606.03498) keeps what it chooses near the truth.

One backward pass serves both sides, so that the engine needs no second loop: the decoder is graded by a copy
of the discriminator whose weights are held, and the discriminator sees decoded clips through `detach`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn
from torch.func import functional_call

NEIGHBOURS = 3
"""Frames that are graded together: what flickers is no more real than what blurs."""


class Discriminator(nn.Module):
    """Triples of neighbouring frames -> how real each patch looks, at three scales.

    Plain 4-D convolution weights, so that they are trained by AdamW and not by Muon.
    """

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        widths = [3 * NEIGHBOURS, width, 2 * width, 2 * width]
        self.levels = nn.ModuleList(
            nn.utils.parametrizations.spectral_norm(nn.Conv2d(a, b, 4, stride=2, padding=1))
            for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        self.grades = nn.ModuleList(nn.Conv2d(size, 1, 3, padding=1) for size in widths[1:])

    def forward(self, video: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """video (B, 3, F, H, W) -> the grade of every patch (n, 1, h, w) of each scale, and features (n, c, h,
        w); n = B * (F - 2).
        """
        x = triples(video)  #                                     (n, 9, H, W)
        grades, features = [], []
        for level, grade in zip(self.levels, self.grades, strict=True):
            x = nnf.leaky_relu(level(x), 0.2)  #                  (n, c, h, w)
            features.append(x)
            grades.append(grade(x))
        return grades, features


def triples(video: Tensor) -> Tensor:
    """Every frame with the one before and the one after it: (B, 3, F, H, W) -> (B * (F - 2), 9, H, W); a still
    stands for all three.
    """
    if video.shape[2] < NEIGHBOURS:
        video = video[:, :, :1].expand(-1, -1, NEIGHBOURS, -1, -1)
    windows = video.unfold(2, NEIGHBOURS, 1)  #                   (B, 3, F - 2, H, W, 3)
    return windows.permute(0, 2, 1, 5, 3, 4).flatten(2, 3).flatten(0, 1)


def adversarial_losses(
    discriminator: Discriminator, real: Tensor, decoded: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Losses (decoder's, feature matching, discriminator's) of clips (B, 3, F, H, W); weight (B, 1, F, H, W) of
    every pixel, larger where the eye looks.

    Hinge losses (Lim and Ye 2017, arXiv:1705.02894).
    """
    importance = triples(weight.expand(-1, 3, -1, -1, -1))[:, 3:4]  # (n, 1, H, W) of the middle frame
    held = {name: each.detach() for name, each in discriminator.named_parameters()}
    held |= dict(discriminator.named_buffers())
    grades, features = functional_call(discriminator, held, (decoded,))
    with torch.no_grad():
        _, wanted = functional_call(discriminator, held, (real,))
    fool = sum((-_mean(grade, importance) for grade in grades), decoded.new_zeros(())) / len(grades)
    match = sum(
        (_mean((mine - true).abs().mean(1, keepdim=True), importance)
         for mine, true in zip(features, wanted, strict=True)),
        decoded.new_zeros(()),
    ) / len(features)  # fmt: skip
    judged = decoded.new_zeros(())
    for clip, sign in ((real, 1.0), (decoded.detach(), -1.0)):
        for grade in discriminator(clip)[0]:
            judged = judged + _mean(nnf.relu(1 - sign * grade), importance) / len(grades)
    return fool, match, judged


def relative_gradient(loss: Tensor, other: Tensor, weight: Tensor) -> Tensor:
    """How much larger the gradient of a loss is than that of another, at one layer's weight (Esser et al. 2021,
    equation 7): with it both pull alike, whatever their scales.
    """
    mine, its = (
        torch.autograd.grad(each, weight, retain_graph=True)[0].float().norm() for each in (loss, other)
    )
    return (mine / (its + 1e-8)).clamp(max=1e4).detach()


def moving_weight(video: Tensor, subject: Tensor, extra: float) -> Tensor:
    """Weights (B, 1, F, H, W) of pixels: 1, and `extra` more where a subject is, as much again where the
    picture changes.
    """
    change = (video[:, :, 1:] - video[:, :, :-1]).abs().mean(1, keepdim=True)  #  (B, 1, F - 1, H, W)
    change = nnf.pad(change, (0, 0, 0, 0, 1, 0)) if video.shape[2] > 1 else torch.zeros_like(subject)
    return 1 + extra * subject + extra * (4 * change).clamp(max=1)


def _mean(values: Tensor, importance: Tensor) -> Tensor:
    """The mean of values (n, 1, h, w) weighted by importance (n, 1, H, W)."""
    weight = nnf.adaptive_avg_pool2d(importance, values.shape[2:])
    return (values.float() * weight).sum() / weight.sum()
