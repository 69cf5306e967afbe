"""Training the video autoencoder on rendered clips.

Each step sees small crops, most of them around a subject: flat sky teaches nothing twice. The network is
convolutional and has no normalisation over space, so what it learns on crops holds for any size. It is causal
in time, so the first frame of every clip is also a lesson about stills.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from x2vkit.axes import SPACE_STRIDE, TIME_STRIDE, check_shape
from x2vkit.core.layers import fold_time
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.pipeline.outputs import to_uint8
from x2vkit.processes import over_all
from x2vkit.training.dataset import VALIDATION_SEED, VideoDataset, to_video, world_dataset
from x2vkit.training.identity import RunIdentity, identity_of
from x2vkit.training.init_weights import init_weights
from x2vkit.training.latent_cache import Side
from x2vkit.training.recipe import Recipe
from x2vkit.training.schema import Part, Range, Weight, read_arguments, read_table
from x2vkit.training.task import Batch, Task


@dataclass(frozen=True)
class VAEData:
    """The `[data]` table of an autoencoder recipe."""

    num_frames: Side = 17
    """Frames of a clip."""
    size: Side = 128
    """Height and width of the rendered clips, pixels."""
    crop: Side = 64
    """Height and width of a training crop, pixels."""
    final_crop: Side = 96
    """Crop of the last part of the run; the batch shrinks to keep the pixels of a step about the same."""
    final_part: Part = 0.15
    """How much of the run that last part is."""
    pool: Annotated[int, Range(1, 1e6)] = 600
    """Clips held in memory; every batch draws from them."""
    fresh: Annotated[float, Range(0, 1e4)] = 0.5
    """New clips a step; the oldest ones leave the pool."""
    subject_crops: Part = 0.7
    """Part of the crops that are placed over a subject."""
    subject_weight: Weight = 2.0
    """Extra weight of a subject's pixels in the loss."""
    init_from: str = ""
    """Folder of a trained autoencoder to go on from; its decoder may have fewer blocks than this recipe's."""
    decoder_only: bool = False
    """Train the decoder alone. Latents stay what they were, so a transformer trained on them still fits."""

    def __post_init__(self) -> None:
        for name in ("size", "crop", "final_crop"):
            check_shape(self.num_frames, getattr(self, name), getattr(self, name), (1, 1, 1))
        if max(self.crop, self.final_crop) > self.size:
            got = f"[data] crop = {self.crop}, final_crop = {self.final_crop}"
            raise X2VError(got, f"crops lie inside clips of size = {self.size}", "use a larger size")


LINEAR_CLIPS, STATISTICS_CLIPS, VALIDATION_CLIPS = 150, 96, 24
"""Clips that the linear code is fitted to, that latents are measured on, and that are judged."""
MODEL_RANGES = {
    "latent_channels": Range(1, 512),
    "widths": Range(1, 4096),
    "encoder_depths": Range(0, 64),
    "decoder_depths": Range(0, 64),
    "latent_noise": Range(0, 10),
}
"""What a recipe's `[model]` table may say."""


class VAEModule(nn.Module):
    """A VideoVAE whose forward returns the loss."""

    def __init__(self, vae: VideoVAE, subject_weight: float, decoder_only: bool = False):
        super().__init__()
        self.vae, self.subject_weight = vae, subject_weight
        if decoder_only:
            vae.encoder.requires_grad_(False)

    def forward(self, video: Tensor, subject: Tensor) -> dict[str, Tensor]:
        """video (B, 3, F, H, W) in [-1, 1]; subject (B, 1, F, H, W), 1 where a subject is."""
        raw = self.vae.encode_raw(video).float()  # (B, C, f, h, w)
        # Noise in units of each channel's own deviation: the encoder cannot escape it by growing its numbers.
        std = raw.detach().std(dim=(0, 2, 3, 4), keepdim=True)
        noisy = raw + self.vae.config.latent_noise * std * torch.randn_like(raw)
        error = self.vae.decode_raw(noisy).float() - video
        weight = 1 + self.subject_weight * subject
        mse = error.square()
        # A mean over the whole batch: subjects are not equally many in every process.
        loss = (weight * (error.abs() + 2 * mse)).sum() / (3 * over_all(weight.sum()))
        # Keeps the latents near unit size and centred; a diffusion model wants them so.
        loss = loss + 1e-4 * raw.square().sum() / over_all(raw.new_tensor(raw.numel()))
        return {"loss": loss, "psnr": psnr(mse)}


def psnr(squared_error: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB from squared errors on the [-1, 1] scale (peak to peak 2)."""
    return 10 * torch.log10(4 / squared_error.mean())


class VAETask(Task):
    """Autoencode crops of rendered clips."""

    def __init__(self, recipe: Recipe, dataset: VideoDataset | None = None):
        """`dataset` defaults to the world, with the recipe's seed."""
        self.recipe, self.data = recipe, read_table(VAEData, recipe.data, "[data]")
        self.model = read_arguments(VideoVAE, recipe.model, "[model]", MODEL_RANGES)
        self.dataset = dataset or world_dataset(recipe.seed)
        self.validation = dataset or world_dataset(VALIDATION_SEED)
        self.pool: OrderedDict[int, Any] = OrderedDict()
        self._flops: dict[tuple[int, ...], float] = {}
        self._fixed: Tensor | None = None
        self._linear: Tensor | None = None

    def build(self) -> nn.Module:
        """An autoencoder that starts at the best linear code, or with the weights that the recipe starts
        from.
        """
        vae = VideoVAE(**self.model)
        if self.data.init_from:
            init_weights(vae, self.data.init_from)
        else:
            vae.linear.fit(self._linear_video())
        return VAEModule(vae, self.data.subject_weight, self.data.decoder_only)

    def identity(self) -> RunIdentity:
        """With the dataset."""
        return identity_of(self.recipe, self.dataset)

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        """Crops of clips of the pool."""
        data, config = self.data, self.recipe.engine
        final = step >= (1 - data.final_part) * config.steps
        crop = data.final_crop if final else data.crop
        count = max(world_size, round(config.batch * (data.crop / crop) ** 2))
        rng = np.random.default_rng((self.recipe.seed, step))
        first = int(step * data.fresh)
        picks = [(first + int(rng.integers(data.pool)), int(rng.integers(2**31))) for _ in range(count)]
        self._forget(before=first)
        crops = [
            self._crop(index, crop, np.random.default_rng(seed)) for index, seed in picks[rank::world_size]
        ]
        frames, subject = (np.stack(part) for part in zip(*crops, strict=True))
        return {"video": to_video(frames), "subject": torch.from_numpy(subject[:, None].astype(np.float32))}

    def flops(self, batch: Batch) -> float:
        """Counted once per shape by running it without numbers; backward costs twice the forward."""
        shape = tuple(batch["video"].shape)
        if shape not in self._flops:
            with torch.device("meta"):
                vae, video = VideoVAE(**self.model), torch.empty(shape)
            with FlopCounterMode(display=False) as encoding:
                latents = vae.encode_raw(video)
            with FlopCounterMode(display=False) as decoding:
                vae.decode_raw(latents)
            encoder = encoding.get_total_flops() * (1.0 if self.data.decoder_only else 3.0)
            self._flops[shape] = encoder + 3.0 * decoding.get_total_flops()
        return self._flops[shape]

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Mean PSNR over whole validation clips, the first frames' alone, and the subjects' alone."""
        video = self._validation_video()
        errors = torch.cat([_squared_error(model.vae, clip[None]) for clip in video])
        by_clip = 10 * torch.log10(4 / errors.flatten(1).mean(1))
        stills = 10 * torch.log10(4 / errors[:, :, 0].flatten(1).mean(1))
        return {"psnr_validation": float(by_clip.mean()), "psnr_still": float(stills.mean())}

    def sample_grid(self, model: nn.Module) -> np.ndarray:
        """Six validation clips, five frames each, above what the autoencoder makes of them."""
        video = self._validation_video()[:6]
        vae = model.vae
        made = torch.cat([vae.decode_latents(vae.encode_video(clip[None])).float() for clip in video])
        rows = [torch.cat([v[:, ::4], m[:, ::4]], dim=2) for v, m in zip(video, made, strict=True)]
        strips = [row.transpose(1, 2).flatten(2) for row in rows]  # (3, H of both, frames W) each
        picture = torch.cat(strips, dim=1)[None, :, None]  # (1, 3, 1, rows H, frames W)
        return to_uint8(picture)[0, 0]

    def export(self, model: nn.Module, folder: Path) -> None:
        """Fit the latent statistics and the preview, and save the autoencoder in bf16 as `folder`/vae.

        They stay as they are where only the decoder was trained: latents must mean the same as before.
        """
        vae = model.vae
        if not self.data.decoder_only:
            shape = (self.data.num_frames, self.data.size, self.data.size)
            clips = [self.dataset.sample(100_000 + i, *shape).frames for i in range(STATISTICS_CLIPS)]
            fit_statistics(vae, to_video(np.stack(clips)))
        nn.Module.to(vae, torch.bfloat16).save_pretrained(folder / "vae")

    def _crop(self, index: int, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """One crop of a clip: uint8 (F, size, size, 3), and where its subjects are, bool (F, size, size)."""
        clip = self._clip(index)
        frames = clip.frames
        subject = np.zeros(frames.shape[:3], bool) if clip.ids is None else clip.ids > 0
        bound = np.array(subject.shape[1:]) - size
        corner = rng.integers(0, bound + 1)
        if rng.random() < self.data.subject_crops:
            places = np.argwhere(subject[rng.integers(len(subject))])
            if len(places):
                corner = np.clip(places[rng.integers(len(places))] - rng.integers(0, size, 2), 0, bound)
        window = (slice(None), slice(corner[0], corner[0] + size), slice(corner[1], corner[1] + size))
        frames, mask = frames[window], subject[window]
        if rng.random() < 0.5:
            frames, mask = frames[:, :, ::-1], mask[:, :, ::-1]
        return frames, mask

    def _clip(self, index: int) -> Any:
        if index not in self.pool:
            self.pool[index] = self.dataset.sample(
                index, self.data.num_frames, self.data.size, self.data.size
            )
        return self.pool[index]

    def _forget(self, before: int) -> None:
        for index in [i for i in self.pool if i < before]:
            del self.pool[index]

    def _linear_video(self) -> Tensor:
        """The clips that the linear code is fitted to; rendered once."""
        if self._linear is None:
            size = self.data.size
            shape = (self.data.num_frames, size, size)
            clips = [self.dataset.sample(i, *shape).frames for i in range(LINEAR_CLIPS)]
            self._linear = to_video(np.stack(clips))
        return self._linear

    def _validation_video(self) -> Tensor:
        if self._fixed is None:
            shape = (self.data.num_frames, self.data.size, self.data.size)
            clips = [self.validation.sample(i, *shape).frames for i in range(VALIDATION_CLIPS)]
            self._fixed = to_video(np.stack(clips))
        return self._fixed


def fit_statistics(vae: VideoVAE, video: Tensor) -> None:
    """Measure each latent channel's mean and deviation, fit the linear preview by least squares, and choose
    each channel's target deviation, into the buffers.

    A channel's target deviation is the square root of how far one deviation of it moves the picture, 1 for
    the strongest: halfway between counting all channels alike, which spends a diffusion model on detail that
    no eye sees, and the pixels' own proportions.

    Args:
        vae: the autoencoder, changed in place.
        video: (B, 3, F, H, W) in [-1, 1], a fair sample of the clips the model will see.
    """
    vae.latents_mean.zero_()
    vae.latents_std.fill_(1)
    vae.latents_target_std.fill_(1)
    with torch.inference_mode():
        raw = torch.cat(
            [vae.encode_raw(clip[None].to(vae.dtype)).float() for clip in video]
        )  # (B, C, f, h, w)
    mean, std = raw.mean((0, 2, 3, 4)), raw.std((0, 2, 3, 4))
    vae.latents_mean.copy_(mean)
    vae.latents_std.copy_(std)
    latents = ((raw.movedim(1, -1) - mean) / std).flatten(0, -2)  # (positions, C)
    pixels = fold_time(video, SPACE_STRIDE).permute(0, 2, 3, 1)  # (B * f, h, w, 8 * 8 * 4 * 3)
    pixels = (
        pixels.unflatten(-1, (SPACE_STRIDE, SPACE_STRIDE, TIME_STRIDE, 3))
        .movedim(-2, -4)
        .flatten(-4)
        .flatten(0, -2)
    )
    known = torch.cat([latents, torch.ones(len(latents), 1)], dim=1)
    solution = torch.linalg.lstsq(known, pixels).solution  # (C + 1, pixels)
    strength = solution[:-1].norm(dim=1)  # (C,)
    vae.latents_target_std.copy_((strength / strength.max()).sqrt())
    vae.preview_weight.copy_(solution[:-1].T / vae.latents_target_std)
    vae.preview_bias.copy_(solution[-1])


def _squared_error(vae: VideoVAE, video: Tensor) -> Tensor:
    device = next(vae.parameters()).device
    made = vae.decode_raw(vae.encode_raw(video.to(device))).float().clamp(-1, 1)
    return (made.cpu() - video).square()
