"""Losses beside that of the velocity: the clip as the decoder sees it, and what an inner layer knows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf
from torch.utils.flop_counter import FlopCounterMode

from x2vkit.axes import Shape3
from x2vkit.config import ModelConfig
from x2vkit.core.transformer import VideoTransformer
from x2vkit.core.vae import Decoder, VideoVAE
from x2vkit.processes import over_all
from x2vkit.training.diffusion.data import TRUTH
from x2vkit.training.latent_cache import KINDS

PERCEPTUAL_BELOW, PERCEPTUAL_LEVELS = 0.6, 2
"""Below which noise level, and by how many levels of the decoder, errors are seen as it sees them
(`PerceptualLoss`).
"""
WINDOW = 8
"""Rows and columns of latent positions of a clip that are seen so."""


def weighted_mean(x: Tensor, weights: Tensor) -> Tensor:
    """Mean of x by weights of the same shape, over the whole batch; 0 where all weights are 0."""
    return (x * weights).sum() / over_all(weights.sum()).clamp(min=1e-6)


class PerceptualLoss:
    """How much a predicted clip differs from the true one as the decoder sees it.

    To the velocity loss all errors of a size are alike; but of some the decoder makes colour at an edge that
    nobody can miss, of others nothing. So what its levels make of both is compared, too (the latent
    perceptual loss of Berrada et al. 2024, arXiv:2411.04873), in the window of each clip that weighs most.
    Only less noisy clips are: of much noise a prediction is a mean of many clips, which looks like none.
    """

    def __init__(self, vae: VideoVAE, weight: float):
        self.decoder, self.unnormalise, self.weight = vae.decoder, vae.unnormalise, weight
        self._flops: dict[Shape3, int] = {}

    def __call__(self, pred_x0: Tensor, latents: Tensor, t: Tensor, loss_weight: Tensor) -> Tensor:
        """pred_x0 and latents (B, C, f, h, w), t (B, 1), loss_weight (B, f, h, w) -> a scalar."""
        some = slice(perceptual_clips(len(t)))
        pred_x0, latents, t, loss_weight = pred_x0[some], latents[some], t[some], loss_weight[some, None]
        window = best_window(loss_weight[:, 0])
        pred_x0, latents, loss_weight = (cut(each, *window) for each in (pred_x0, latents, loss_weight))
        counted = loss_weight * (t < PERCEPTUAL_BELOW)[..., None, None, None]  #  (b, 1, f, WINDOW, WINDOW)
        # An error of the velocity is one of the clip over t: in it clips of all levels count alike.
        scale = t.clamp_min(0.1).square().repeat_interleave(latents.shape[2], 0)[:, :, None]  # (N, 1, 1)
        total = pred_x0.new_zeros(())
        with torch.no_grad():
            targets = list(islice(self.levels(latents), PERCEPTUAL_LEVELS))
        for target, made in zip(targets, self.levels(pred_x0), strict=False):
            usual = channel_variance(target.float())  #                            (1, c, 1, 1)
            error = ((made - target).float().square() / (usual + 1e-6)).mean(1)  # (N, h', w')
            large = nnf.interpolate(counted.transpose(1, 2).flatten(0, 1), error.shape[1:])[:, 0]
            total = total + weighted_mean(error / scale, large)
        return total

    def levels(self, latents: Tensor) -> Iterator[Tensor]:
        """What the levels of the decoder make of normalised latents (b, C, f, h, w)."""
        decoder = self.decoder.to(latents.device)  # training moves the model there, and not the autoencoder
        return decoder.features(self.unnormalise(latents).to(decoder.conv_in.weight.dtype))

    def flops(self, clips: int, latent_shape: Shape3) -> int:
        """FLOPs of a batch of so many: both clips forward, the predicted one back to itself."""
        f, h, w = latent_shape
        window = f, min(h, WINDOW), min(w, WINDOW)
        if window not in self._flops:
            self._flops[window] = levels_flops(self.decoder, *window)
        return 3 * perceptual_clips(clips) * self._flops[window]


def channel_variance(x: Tensor) -> Tensor:
    """Variance of each channel of x (N, c, h, w) over the whole batch -> (1, c, 1, 1)."""
    count = over_all(x.new_tensor(x[:, 0].numel()))
    mean = over_all(x.sum((0, 2, 3), keepdim=True)) / count
    return over_all((x - mean).square().sum((0, 2, 3), keepdim=True)) / count


def levels_flops(decoder: Decoder, frames: int, height: int, width: int) -> int:
    """FLOPs of the levels of the decoder that `PerceptualLoss` asks, for one clip of such a latent grid."""
    weight = decoder.conv_in.weight
    latents = weight.new_zeros(1, weight.shape[1] // 9, frames, height, width)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        list(islice(decoder.features(latents), PERCEPTUAL_LEVELS))
    return int(counter.get_total_flops())


def perceptual_clips(count: int) -> int:
    """Clips of a batch of so many whose errors are seen as the decoder sees them: the first half."""
    return (count + 1) // 2


def best_window(loss_weight: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns (B, WINDOW each) that together weigh most in every clip, loss_weight (B, f, h, w);
    fewer where there are not as many.
    """
    high, wide = (min(WINDOW, side) for side in loss_weight.shape[2:])
    sums = nnf.avg_pool2d(loss_weight.sum(1, keepdim=True), (high, wide), stride=1)  #  (B, 1, rows, columns)
    best = sums.flatten(1).argmax(1, keepdim=True)  #                               (B, 1)
    row, column = best // sums.shape[3], best % sums.shape[3]
    return row + torch.arange(high, device=row.device), column + torch.arange(wide, device=row.device)


def cut(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The latent positions of x (B, c, f, h, w) in rows (B, r) and columns (B, s) -> (B, c, f, r, s)."""
    x = x.gather(3, rows[:, None, None, :, None].expand(-1, *x.shape[1:3], -1, x.shape[4]))
    return x.gather(4, columns[:, None, None, None].expand(-1, *x.shape[1:4], -1))


class AuxiliaryHead(nn.Module):
    """Predicts what each token shows from a middle layer, in training only: the kind of every latent
    position, where in its subject's box it lies, how it moves, and which subject it is.

    A model that has to know *what is where* draws better sooner (REPA, Yu et al. 2024, arXiv:2410.06940,
    aligns with a pretrained network's features; here the truth itself is at hand).
    """

    def __init__(self, config: ModelConfig, subjects: int):
        super().__init__()
        self.layer = config.depth // 2
        self.positions = config.patch[0] * config.patch[1] * config.patch[2]
        outputs = self.positions * TRUTH + subjects
        self.mlp = nn.Sequential(nn.Linear(config.width, 128), nn.SiLU(), nn.Linear(128, outputs))
        self.heard: list[Tensor] = []

    def listen(self, transformer: VideoTransformer) -> Any:
        """A context in which the middle layer's output is kept for `forward`."""
        self.heard.clear()
        block = transformer.blocks[self.layer - 1]
        return block.register_forward_hook(lambda module, inputs, output: self.heard.append(output))

    def forward(self, truth: Tensor, subject_ids: Tensor) -> Tensor:
        """Cross-entropy of kinds and names plus squared error of where in a subject, and of motion.

        truth (B, N, TRUTH, P): a 1 for the kind of each latent position among KINDS, where it lies in the
        subject's box, x and y from -1 to 1, its motion x, y in tenths of the frame (NaN: unknown);
        subject_ids (B, 2): numbers of the first and second subject, -1 where there is none.
        """
        predicted = self.mlp(self.heard.pop()[:, -truth.shape[1] :]).float()  #   (B, N, P * TRUTH + subjects)
        names = predicted[..., self.positions * TRUTH :]  #                           (B, N, subjects)
        predicted = predicted[..., : self.positions * TRUTH].unflatten(-1, (TRUTH, -1))
        unlikely = -(truth[:, :, :KINDS] * predicted[:, :, :KINDS].log_softmax(2)).sum(2)  # (B, N, P)
        kind = weighted_mean(unlikely, torch.ones_like(unlikely))
        subject = truth[:, :, 1:3].sum(2)  #                                  (B, N, P), 1 where one is
        target, predicted = truth[:, :, KINDS:], predicted[:, :, KINDS:]
        miss = (torch.where(target.isnan(), predicted.detach(), target) - predicted).square()  # (B, N, 4, P)
        error = (miss.sum(2) * subject).sum() / over_all(subject.sum(), 1)
        still = truth[:, :, 0]  #                                             (B, N, P), 1 where none is
        error = error + (miss[:, :, 2:].sum(2) * still).sum() / over_all(still.sum(), 1)
        shares = truth[:, :, 1:3].mean(3)  #                                  (B, N, 2)
        name = subject_ids.gather(1, shares.argmax(2))  #                      (B, N)
        unsure = nnf.cross_entropy(names.transpose(1, 2), name, reduction="none", ignore_index=-1)
        some = shares.sum(2)
        return kind + error + 0.3 * (unsure * some).sum() / over_all(some.sum(), 1)
