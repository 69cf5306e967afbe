"""Training the video autoencoder on rendered clips.

The clips are rendered once, before training begins. Each step sees small crops of them, most of them around a
subject: flat sky teaches nothing twice. The network is convolutional and has no normalisation over space, so
what it learns on crops holds for any size. It is causal in time, so the first frame of every clip is also a
lesson about stills.

With `adversarial` the decoder also learns to look real to a small discriminator (discriminator.py), on the
latents as they are: for the end, when what squared errors can teach is learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from x2vkit.axes import SPACE_STRIDE, TIME_STRIDE, check_shape
from x2vkit.core.vae import VideoVAE, fold_time
from x2vkit.errors import X2VError
from x2vkit.training.dataset import VALIDATION_SEED, VideoDataset, to_video, world_dataset
from x2vkit.training.discriminator import (
    Discriminator,
    adversarial_losses,
    moving_weight,
    relative_gradient,
)
from x2vkit.training.init_weights import init_weights, read_weights
from x2vkit.training.latent_cache import Side
from x2vkit.training.prefetch import prefetch
from x2vkit.training.recipe import Recipe
from x2vkit.training.schema import Part, Range, Weight, read_arguments, read_table
from x2vkit.training.task import Batch, Task
from x2vkit.world.grammar import MOST_ACTORS

LINEAR_CLIPS, STATISTICS_CLIPS = 150, 96
"""Clips that the linear code is fitted to, and the statistics of the latents."""


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
    clips: Annotated[int, Range(1, 1e6)] = 2000
    """Clips rendered before training begins and held in memory; every batch draws from them."""
    subject_crops: Part = 0.7
    """Part of the crops that are placed over a subject."""
    subject_weight: Weight = 2.0
    """Extra weight of a subject's pixels in the loss."""
    init_from: str = ""
    """Folder of a trained autoencoder to go on from; its decoder may have fewer blocks than this recipe's."""
    decoder_only: bool = False
    """Train the decoder alone. Latents stay what they were, so a transformer trained on them still fits."""
    adversarial: Weight = 0.0
    """How hard the discriminator pulls at the decoder's last layer, in parts of how hard the squared errors do; 0 is
    no discriminator.
    """

    def __post_init__(self) -> None:
        for name in ("size", "crop", "final_crop"):
            check_shape(self.num_frames, getattr(self, name), getattr(self, name), (1, 1, 1))
        if max(self.crop, self.final_crop) > self.size:
            got = f"[data] crop = {self.crop}, final_crop = {self.final_crop}"
            raise X2VError(got, f"crops lie inside clips of size = {self.size}", "use a larger size")


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

    def __init__(self, vae: VideoVAE, data: VAEData):
        super().__init__()
        self.vae, self.data = vae, data
        self.discriminator = Discriminator() if data.adversarial else None
        if data.decoder_only:
            vae.encoder.requires_grad_(False)

    def forward(self, video: Tensor, subject: Tensor) -> dict[str, Tensor]:
        """video (B, 3, F, H, W) in [-1, 1]; subject (B, 1, F, H, W), 1 where a subject is."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.data.decoder_only):
            raw = self.vae.encode_raw(video).float()  # (B, C, f, h, w)
        # Noise in units of each channel's own deviation: the encoder cannot escape it by growing its numbers.
        std = raw.detach().std(dim=(0, 2, 3, 4), keepdim=True)
        noisy = raw + self.vae.config.latent_noise * std * torch.randn_like(raw)
        decoded = self.vae.decode_raw(noisy).float()
        error = decoded - video
        mse = error.square()
        weight = moving_weight(video, subject, self.data.subject_weight)
        loss = (weight * (error.abs() + 2 * mse)).mean() / weight.mean()
        # Keeps the latents near unit size and centred; a diffusion model wants them so.
        loss = loss + 1e-4 * raw.square().mean()
        if self.discriminator is None:
            return {"loss": loss, "psnr": psnr(mse)}
        fool, match, judged = adversarial_losses(self.discriminator, video, decoded, weight)
        total = loss + judged
        if decoded.requires_grad:
            balance = relative_gradient(loss, fool + match, self.vae.decoder.conv_out.weight)
            total = total + self.data.adversarial * balance * (fool + match)
        return {"loss": total, "psnr": psnr(mse), "fool": fool, "match": match, "discriminator": judged}


def psnr(squared_error: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB from squared errors on the [-1, 1] scale (peak to peak 2)."""
    return 10 * torch.log10(4 / squared_error.mean())


class VAETask(Task):
    """Autoencode crops of rendered clips."""

    can_prefetch = True

    def __init__(self, recipe: Recipe, dataset: VideoDataset | None = None):
        """`dataset` defaults to the world, with the recipe's seed."""
        self.recipe, self.data = recipe, read_table(VAEData, recipe.data, "[data]")
        self.model = read_arguments(VideoVAE, recipe.model, "[model]", MODEL_RANGES)
        self.dataset = dataset or world_dataset(recipe.seed)
        self.validation = dataset or world_dataset(VALIDATION_SEED)
        self.frames, self.subjects = self._render()
        self._flops: dict[tuple[int, ...], float] = {}
        self._fixed: tuple[Tensor, Tensor] | None = None

    def build(self) -> nn.Module:
        vae = VideoVAE(**self.model)
        known = 0
        if self.data.init_from:
            init_weights(vae, self.data.init_from)
            known = read_weights(self.data.init_from)[0]["latent_channels"]
        vae.linear.fit(to_video(self.frames[:LINEAR_CLIPS]), keep=known)
        return VAEModule(vae, self.data)

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        data, config = self.data, self.recipe.engine
        final = step >= (1 - data.final_part) * config.steps
        crop = data.final_crop if final else data.crop
        count = max(world_size, round(config.batch * (data.crop / crop) ** 2))
        rng = np.random.default_rng((self.recipe.seed, step))
        picks = [(int(rng.integers(len(self.frames))), int(rng.integers(2**31))) for _ in range(count)]
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
        """On validation clips: mean PSNR over whole clips, over first frames and over the subjects; and the part of
        the fine detail that is given back (each pixel less the mean of its neighbours, squared), whole and on
        the subjects.
        """
        video, subject = self._validation_video(24)
        made = torch.cat([_decoded(model.vae, clip[None]) for clip in video])
        errors = (made - video).square().mean(1)  #                                  (n, F, H, W)
        detail, want = fine_detail(made), fine_detail(video)  #                       (n, F, H - 2, W - 2)
        inner = subject[:, :, 1:-1, 1:-1]
        return {
            "psnr_validation": float((10 * torch.log10(4 / errors.flatten(1).mean(1))).mean()),
            "psnr_still": float((10 * torch.log10(4 / errors[:, 0].flatten(1).mean(1))).mean()),
            "psnr_subject": float(10 * torch.log10(4 / errors[subject].mean())),
            "detail": float(detail.mean() / want.mean()),
            "detail_subject": float(detail[inner].mean() / want[inner].mean()),
        }

    def sample_grid(self, model: nn.Module) -> np.ndarray:
        """Six validation clips, five frames each, above what the autoencoder makes of them."""
        video = self._validation_video(24)[0][:6]
        made = torch.cat([model.vae.decode(model.vae.encode(clip[None])).float() for clip in video])
        rows = [torch.cat([v[:, ::4], m[:, ::4]], dim=2) for v, m in zip(video, made, strict=True)]
        picture = torch.cat([row.permute(2, 1, 3, 0).flatten(1, 2) for row in rows])  # (rows H, frames W, 3)
        return ((picture.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu().numpy()

    def export(self, model: nn.Module, folder: Path) -> None:
        """Fit the latent statistics and the preview, and save the autoencoder in bf16 as `folder`/vae.

        They stay as they are where only the decoder was trained: latents must mean the same as before.
        """
        vae = model.vae
        nn.Module.to(vae, 'cpu')
        if not self.data.decoder_only:
            fit_statistics(vae, to_video(self.frames[-STATISTICS_CLIPS:]))
        nn.Module.to(vae, torch.bfloat16).save_pretrained(folder / "vae")

    def _crop(self, index: int, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """One crop of a clip: uint8 (F, size, size, 3), and where its subjects are, bool (F, size, size)."""
        frames, subject = self.frames[index], self.subjects[index]
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

    def _render(self) -> tuple[np.ndarray, np.ndarray]:
        """All clips: uint8 (n, F, H, W, 3), and where their subjects are, bool (n, F, H, W)."""
        data = self.data
        shape = (data.clips, data.num_frames, data.size, data.size)
        frames, subjects = np.empty((*shape, 3), np.uint8), np.zeros(shape, bool)

        def make(index: int) -> tuple[Tensor, Tensor]:
            clip = self.dataset.sample(index, *shape[1:])
            return torch.from_numpy(np.ascontiguousarray(clip.frames)), torch.from_numpy(subject_mask(clip))

        for index, (clip, where) in enumerate(prefetch(make, range(data.clips))):
            frames[index], subjects[index] = clip.numpy(), where.numpy()
        return frames, subjects

    def _validation_video(self, count: int) -> tuple[Tensor, Tensor]:
        """Clips (n, 3, F, H, W) that are only ever measured on, and where their subjects are (n, F, H, W)."""
        if self._fixed is None:
            shape = (self.data.num_frames, self.data.size, self.data.size)
            clips = [self.validation.sample(i, *shape) for i in range(count)]
            self._fixed = (
                to_video(np.stack([clip.frames for clip in clips])),
                torch.from_numpy(np.stack([subject_mask(clip) for clip in clips])),
            )
        return self._fixed


def subject_mask(clip: Any) -> np.ndarray:
    """Where a clip's subjects are, bool (F, H, W); nowhere if that is unknown."""
    if clip.ids is None:
        return np.zeros(clip.frames.shape[:3], bool)
    return (clip.ids > 0) & (clip.ids <= MOST_ACTORS)


def fine_detail(video: Tensor) -> Tensor:
    """(B, 3, F, H, W) -> (B, F, H - 2, W - 2): how much each grey pixel differs from the mean of its four
    neighbours, squared.
    """
    gray = video.mean(1)
    around = gray[:, :, :-2, 1:-1] + gray[:, :, 2:, 1:-1] + gray[:, :, 1:-1, :-2] + gray[:, :, 1:-1, 2:]
    return (gray[:, :, 1:-1, 1:-1] - around / 4).square()


def fit_statistics(vae: VideoVAE, video: Tensor) -> None:
    """Measure each latent channel's mean and deviation, fit the linear preview by least squares, and choose
    each channel's target deviation, into the buffers.

    A channel's target deviation is the square root of how far one deviation of it moves the picture, 1 for
    the strongest: halfway between counting all channels alike, which spends a diffusion model on detail that
    no eye sees, and the pixels' own proportions.

    video: (B, 3, F, H, W) in [-1, 1], a fair sample of the clips the model will see.
    """
    vae.latents_mean.zero_()
    vae.latents_std.fill_(1)
    vae.latents_target_std.fill_(1)
    with torch.inference_mode():
        raw = torch.cat(
            [vae.encode_raw(clip[None].to(vae.device, vae.dtype)).float().cpu() for clip in video]
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


def _decoded(vae: VideoVAE, video: Tensor) -> Tensor:
    device = next(vae.parameters()).device
    return vae.decode_raw(vae.encode_raw(video.to(device))).float().clamp(-1, 1).cpu()
