"""Training the head that draws latents at twice the size (core/upscaler.py), on the world drawn at both.

A scene of the world is the same at every size, so the truth is exact. The autoencoder stays as it is: clips
are encoded at the small size, a little noise is put on their latents, and what its decoder knows of them is
worked out once a clip. Each step sees crops of that, most of them around a subject.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import log10
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from x2vkit.axes import SPACE_STRIDE, check_shape
from x2vkit.core.upscaler import SCALE, Upscaler, bicubic, coarse
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.pipeline.outputs import to_uint8
from x2vkit.processes import over_all
from x2vkit.training.dataset import VALIDATION_SEED, to_video
from x2vkit.training.identity import RunIdentity, identity_of
from x2vkit.training.latent_cache import Side
from x2vkit.training.recipe import Recipe
from x2vkit.training.schema import Count, Part, Range, Weight, read_arguments, read_table
from x2vkit.training.task import Batch, Task, write_origin
from x2vkit.world import World

MODEL_RANGES = {"widths": Range(1, 4096), "depths": Range(0, 64)}
"""What a recipe's `[model]` table may say."""
SUBJECTS = (1, 2)
"""Ids of the pixels of subjects."""


@dataclass(frozen=True)
class UpscaleData:
    """The `[data]` table of a recipe of the upscaler."""

    num_frames: Side = 17
    """Frames of a clip."""
    size: Side = 128
    """Height and width of the clips that are encoded, pixels; the truth is drawn at twice that."""
    crop: Side = 64
    """Height and width of a training crop, in pixels of the small clip."""
    pool: Count = 300
    """Clips held in memory; every batch draws from them."""
    fresh: Annotated[float, Range(0, 1e4)] = 0.15
    """New clips a step; the oldest ones leave the pool."""
    latent_noise: Annotated[float, Range(0, 10)] = 0.05
    """Largest noise on a clip's latents, in standard deviations of each channel."""
    subject_crops: Part = 0.85
    """Part of the crops that are placed over a subject."""
    subject_weight: Weight = 4.0
    """Extra weight of a subject's pixels in the loss."""
    gradient_loss: Weight = 0.25
    """Weight of the error of the differences between neighbouring pixels, which sharp edges are."""
    validation: Count = 16
    """Clips for evaluation, of a seed that training never uses."""

    def __post_init__(self) -> None:
        for name in ("size", "crop"):
            check_shape(self.num_frames, getattr(self, name), getattr(self, name), (1, 1, 1))
        if self.crop > self.size:
            got = f"[data] crop = {self.crop}"
            raise X2VError(got, f"crops lie inside clips of size = {self.size}", "use a larger size")


@dataclass(frozen=True)
class Prepared:
    """One clip, as the head is shown it."""

    features: Tensor
    """(f, E, h, w) float16: of the decoder's coarsest level"""
    linear: Tensor
    """(3, F, H, W) float16: what the linear code draws"""
    target: np.ndarray
    """(F, 2 H, 2 W, 3) uint8: the same scene, drawn at twice the size"""
    subject: np.ndarray
    """(F, 2 H, 2 W) bool: where a subject is"""

    def cut(self, row: int, column: int, side: int) -> Batch:
        """A window of so many latent positions, from a row and a column on."""
        window = (..., slice(row, row + side), slice(column, column + side))
        small = _times(window, SPACE_STRIDE)
        large = _times(window, SPACE_STRIDE * SCALE)
        return {
            "features": self.features[window].float(),
            "linear": self.linear[small].float(),
            "target": to_video(np.ascontiguousarray(self.target[:, *large[1:]])[None])[0],
            "subject": torch.from_numpy(self.subject[large].astype(np.float32))[None],
        }

    def whole(self) -> Batch:
        """All of it."""
        return self.cut(0, 0, max(self.features.shape[2:]))


class UpscaleModule(nn.Module):
    """An Upscaler whose forward returns the loss."""

    def __init__(self, upscaler: Upscaler, data: UpscaleData):
        super().__init__()
        self.upscaler, self.data = upscaler, data

    def forward(self, features: Tensor, linear: Tensor, target: Tensor, subject: Tensor) -> dict[str, Tensor]:
        """features (B, f, E, h, w), linear (B, 3, F, H, W), target (B, 3, F, 2 H, 2 W) in [-1, 1], subject
        (B, 1, F, 2 H, 2 W), 1 where a subject is.
        """
        error = self.upscaler(features.flatten(0, 1), linear).float() - target
        weight = 1 + self.data.subject_weight * subject
        total = 3 * over_all(weight.sum())
        mse = error.square()
        loss = (weight * (error.abs() + 4 * mse)).sum() / total
        down = (weight[..., 1:, :] * error.diff(dim=-2).abs()).sum()
        across = (weight[..., 1:] * error.diff(dim=-1).abs()).sum()
        loss = loss + self.data.gradient_loss * (down + across) / total
        found = 10 * torch.log10(12 * subject.sum() / (subject * mse).sum().clamp_min(1e-9))
        return {"loss": loss, "psnr_subjects": found.detach()}


class UpscaleTask(Task):
    """Draw clips of the world at twice the size that they were encoded at."""

    evaluate_first = True

    def __init__(self, recipe: Recipe, vae: VideoVAE):
        self.recipe, self.data = recipe, read_table(UpscaleData, recipe.data, "[data]")
        self.model = read_arguments(Upscaler, recipe.model, "[model]", MODEL_RANGES)
        self.vae = vae.requires_grad_(False)
        self.world, self.pool = World(recipe.seed), OrderedDict[int, Prepared]()
        self._flops: dict[tuple[int, ...], float] = {}
        self._validation: list[tuple[Prepared, Tensor]] = []

    def build(self) -> nn.Module:
        """An upscaler that starts with what the decoder knows."""
        upscaler = Upscaler(**self.model)
        upscaler.start_from(self.vae)
        return UpscaleModule(upscaler, self.data)

    def identity(self) -> RunIdentity:
        """With the autoencoder."""
        return identity_of(self.recipe, vae=self.vae)

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        """Crops of clips of the pool."""
        rng = np.random.default_rng((self.recipe.seed, step))
        first, size = int(step * self.data.fresh), self.recipe.engine.batch
        picks = [(first + int(rng.integers(self.data.pool)), int(rng.integers(2**31))) for _ in range(size)]
        for old in [i for i in self.pool if i < first]:
            del self.pool[old]
        crops = [self._crop(index, np.random.default_rng(seed)) for index, seed in picks[rank::world_size]]
        return {key: torch.stack([crop[key] for crop in crops]) for key in crops[0]}

    def flops(self, batch: Batch) -> float:
        """Counted once per shape by running it without numbers; backward costs twice the forward."""
        shape = tuple(batch["features"].shape)
        if shape not in self._flops:
            with torch.device("meta"):
                upscaler = Upscaler(**self.model)
                features, linear = (torch.empty(batch[key].shape) for key in ("features", "linear"))
            with FlopCounterMode(display=False) as counted:
                upscaler(features.flatten(0, 1), linear)
            self._flops[shape] = 3.0 * counted.get_total_flops()
        return self._flops[shape]

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Mean PSNR in dB over whole validation clips and over their subjects, and what that is above
        bicubic interpolation of the decoder's clip.
        """
        found = []
        for clip, plain in self._validation_clips():
            batch = {key: value[None] for key, value in clip.whole().items()}
            target, subject = batch["target"], batch["subject"].expand(-1, 3, -1, -1, -1) > 0
            made = self._drawn(model.upscaler, batch)
            found.append([psnr(x, target, mask) for mask in (subject, None) for x in (made, plain)])
        subjects, plain_subjects, all_, plain_all = np.nanmean(found, axis=0)
        return {
            "psnr_subjects": float(subjects),
            "gain_subjects": float(subjects - plain_subjects),
            "psnr": float(all_),
            "gain": float(all_ - plain_all),
        }

    def sample_grid(self, model: nn.Module) -> np.ndarray:
        """Three validation clips, three frames each: bicubic, what the head draws, the truth."""
        rows = []
        for clip, plain in self._validation_clips()[:3]:
            batch = {key: value[None] for key, value in clip.whole().items()}
            three = (plain, self._drawn(model.upscaler, batch), batch["target"])
            strips = [x[0, :, 4::6][:, :3].transpose(1, 2).flatten(2) for x in three]  # (3, H, 3 W) each
            rows.append(torch.cat(strips, dim=2))
        return to_uint8(torch.cat(rows, dim=1)[None, :, None])[0, 0]

    def export(self, model: nn.Module, folder: Path) -> None:
        """Write `folder`/upscaler in float16, with how it was made beside it."""
        target = folder / "upscaler"
        nn.Module.to(model.upscaler, torch.float16).save_pretrained(target)
        write_origin(self.recipe, folder, target)

    def _drawn(self, upscaler: Upscaler, batch: Batch) -> Tensor:
        """What the head makes of one whole clip, (1, 3, F, 2 H, 2 W) in [-1, 1]."""
        device = next(upscaler.parameters()).device
        features, linear = batch["features"].to(device), batch["linear"].to(device)
        return upscaler(features.flatten(0, 1), linear).float().cpu().clamp(-1, 1)

    def _crop(self, index: int, rng: np.random.Generator) -> Batch:
        """One crop of a clip."""
        if index not in self.pool:
            self.pool[index] = self._prepared(self.world, index, self.data.latent_noise)
        clip, side = self.pool[index], self.data.crop // SPACE_STRIDE
        bound = np.array(clip.features.shape[2:]) - side
        corner = rng.integers(0, bound + 1)
        if rng.random() < self.data.subject_crops:
            places = np.argwhere(clip.subject[rng.integers(len(clip.subject))])
            if len(places):
                place = places[rng.integers(len(places))] // (SPACE_STRIDE * SCALE)
                corner = np.clip(place - rng.integers(0, side, 2), 0, bound)
        return clip.cut(int(corner[0]), int(corner[1]), side)

    def _prepared(self, world: World, index: int, noise: float) -> Prepared:
        """A clip, with up to so much noise on its latents: the same for the same index."""
        data, device = self.data, next(self.vae.parameters()).device
        small = world.sample(index, data.num_frames, data.size, data.size)
        large = world.sample(index, data.num_frames, SCALE * data.size, SCALE * data.size)
        rng = np.random.default_rng((self.recipe.seed, index, 5))
        with torch.inference_mode():
            raw = self.vae.encode_raw(to_video(small.frames[None]).to(device, self.vae.dtype)).float()
            drawn = torch.from_numpy(rng.standard_normal(raw.shape, dtype=np.float32)).to(device)
            std = self.vae.latents_std.float().view(1, -1, 1, 1, 1)
            noisy = raw + noise * rng.random() * std * drawn
            features, linear = coarse(self.vae, noisy.to(self.vae.dtype))
        subject = np.isin(large.ids, SUBJECTS)
        return Prepared(features.half().cpu(), linear[0].half().cpu(), large.frames, subject)

    def _validation_clips(self) -> list[tuple[Prepared, Tensor]]:
        """Clips with what bicubic interpolation makes of the decoder's, (1, 3, F, 2 H, 2 W)."""
        if not self._validation:
            world, size = World(VALIDATION_SEED), (self.data.num_frames, self.data.size, self.data.size)
            for i in range(self.data.validation):
                small = to_video(world.sample(i, *size).frames[None]).to(self.vae.device, self.vae.dtype)
                decoded = self.vae.decode_raw(self.vae.encode_raw(small)).float().cpu()
                self._validation.append((self._prepared(world, i, 0.0), bicubic(decoded).clamp(-1, 1)))
        return self._validation


def psnr(made: Tensor, target: Tensor, mask: Tensor | None = None) -> float:
    """Peak signal-to-noise ratio in dB of values in [-1, 1], of all or where a mask of the same shape is set;
    NaN where it is nowhere.
    """
    error = (made - target).square()
    mean = float((error if mask is None else error[mask]).detach().mean())
    return 10 * log10(4 / max(mean, 1e-12))


def _times(window: tuple, factor: int) -> tuple:
    """A window of latent positions in pixels."""
    return tuple(
        slice(each.start * factor, each.stop * factor) if isinstance(each, slice) else each for each in window
    )
