"""Training the video transformer and its text encoder on cached latents.

A clip is mixed with noise, x_t = (1 - t) clip + t noise, and the model learns the velocity, noise - clip,
from the mixture, the level t, the caption and whatever conditions this batch was dealt. Every condition is
often left out, so that one set of weights can do without it, and so that guidance can tell what it changes.

The levels are t = sigmoid(normal + mean) (Esser et al. 2024, arXiv:2403.03206, with more weight on noise,
where layout and motion are decided), a part of them uniformly from 0 to 1, spread over each batch to calm the
gradient.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from x2vkit.axes import Shape3, latent_shape, pixel_shape
from x2vkit.config import ModelConfig
from x2vkit.core.patches import patchify
from x2vkit.core.raster import CAMERA_CHANNELS, CONTROL_CHANNELS
from x2vkit.core.sampler import make_scheduler
from x2vkit.core.text import TextEncoder
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.flops import train_flops
from x2vkit.pipeline.x2v import X2VPipeline
from x2vkit.registry import weights_folder
from x2vkit.training.dataset import (
    VALIDATION_SEED,
    VideoDataset,
    Vocabulary,
    is_world,
    tell_long_captions,
    vocabulary_of,
    world_dataset,
)
from x2vkit.training.diffusion.config import MODEL_RANGES, DiffusionData, check_size
from x2vkit.training.diffusion.data import (
    draw_camera,
    draw_control,
    draw_known_frames,
    latent_truth,
    planned_control,
)
from x2vkit.training.diffusion.evaluate import level_losses, validation_batch
from x2vkit.training.diffusion.losses import PerceptualLoss
from x2vkit.training.diffusion.module import DiffusionModule
from x2vkit.training.identity import RunIdentity, identity_of
from x2vkit.training.init_weights import init_weights
from x2vkit.training.latent_cache import Bucket, LatentCache, fill_latent_cache, fingerprint
from x2vkit.training.noise import stratified_levels, validation_levels
from x2vkit.training.recipe import Recipe
from x2vkit.training.schema import read_table
from x2vkit.training.task import Batch, Task, write_origin
from x2vkit.world.grammar import SUBJECTS

SAMPLE_PROMPTS = (
    "a brown dog walking right in the snow",
    "a red ball bouncing on the beach",
    "a white cat wearing a blue hat jumping in the city",
    "a green fish swimming left underwater",
    "a blue car driving right in the desert, zoom in",
    "a happy yellow face talking at night",
)


class DiffusionTask(Task):
    """Denoise cached latents."""

    can_prefetch = True
    grid_steps = 16
    """Steps of the clips of a sample grid."""

    def __init__(
        self,
        recipe: Recipe,
        cache_folder: Path,
        vae: VideoVAE,
        dataset: VideoDataset | None = None,
        quiet: bool = False,
        vocabulary: Vocabulary | None = None,
    ):
        """cache_folder: folder of the latents, filled where needed. `dataset` defaults to the world, and
        `vocabulary` to the world's words and then the dataset's.
        """
        self.recipe, self.vae = recipe, vae
        self.data = self.read_data(recipe)
        self.config = self.read_model(recipe)
        check_size(self.config)
        self.data.check(self.config)
        if self.config.latent_channels != vae.config.latent_channels:
            got = f"latent_channels={self.config.latent_channels}"
            rule = f"the autoencoder has {vae.config.latent_channels}"
            raise X2VError(got, rule, "set the recipe's [model] latent_channels to that")
        self.dataset = dataset or world_dataset(recipe.seed)
        self.cache_folder, self.quiet = cache_folder, quiet
        self.buckets = self.data.buckets
        self.vocabulary = vocabulary or self.usual_vocabulary()
        self.reader = TextEncoder(*self.vocabulary, width=8, depth=0, max_words=self.data.max_words - 1)
        tell_long_captions(self.dataset, self.reader.lexicon)
        self.caches = [self._latent_cache(bucket) for bucket in self.buckets]
        self.probabilities = [cache.balanced(self.data.sampling_weight) for cache in self.caches]
        weight = self.data.perceptual_loss
        self.perceptual_loss = PerceptualLoss(vae, weight) if weight else None
        self._validation: dict[str, Batch] = {}

    def usual_vocabulary(self) -> Vocabulary:
        """The words that are known where none are given: the world's, and then the dataset's."""
        return vocabulary_of(self.dataset)

    def read_data(self, recipe: Recipe) -> DiffusionData:
        """The recipe's `[data]`. Raises X2VError for what it may not hold."""
        return read_table(DiffusionData, recipe.data, "[data]")

    def read_model(self, recipe: Recipe) -> ModelConfig:
        """The recipe's `[model]`. Raises X2VError for what it may not hold."""
        return read_table(ModelConfig, recipe.model, "[model]", MODEL_RANGES)

    def build(self) -> nn.Module:
        """Text encoder and transformer, untrained or with the weights that the recipe starts from."""
        latent_std = self.vae.latents_target_std.float().tolist()
        losses = self.data.auxiliary_loss, self.perceptual_loss
        model = DiffusionModule(self.config, *self.vocabulary, latent_std, *losses)
        if self.data.init_from:
            start = weights_folder(self.data.init_from)
            init_weights(model.text_encoder, start / "text_encoder")
            init_weights(model.transformer, start / "transformer")
        return model

    def identity(self) -> RunIdentity:
        """With the dataset, the words and the autoencoder."""
        return identity_of(self.recipe, self.dataset, self.reader.words, self.vae)

    def batches(self, step: int, rank: int = 0, world_size: int = 1) -> list[Batch]:
        """A batch of stills, and after the first `stills_steps` one of clips beside it."""
        stills = any(bucket.frames == 1 for bucket in self.buckets)
        clips = any(bucket.frames > 1 for bucket in self.buckets)
        moving = [False] * stills + [True] * (clips and (step >= self.data.stills_steps or not stills))
        return [self.batch(step, rank, world_size, moves) for moves in moving]

    def batch(self, step: int, rank: int = 0, world_size: int = 1, moving: bool = True) -> Batch:
        """The batch of clips of a step, or of stills."""
        rng = np.random.default_rng((self.recipe.seed, step, moving))
        shares = np.array([bucket.share * ((bucket.frames > 1) == moving) for bucket in self.buckets])
        which = int(rng.choice(len(shares), p=shares / shares.sum()))
        kept = 1 - self.data.token_dropping if moving and step % 2 else 1.0
        # Beside clips, a quarter of a batch of stills will do.
        fewer = not moving and step >= self.data.stills_steps and any(b.frames > 1 for b in self.buckets)
        size = self._batch_size(which, world_size, 4.0 if fewer else kept)
        picks = rng.choice(len(self.caches[which]), size, p=self.probabilities[which])
        latent_frames = latent_shape(self.buckets[which].frames, 8, 8)[0]
        mean = self.data.noise_mean + np.log(latent_frames) / 3
        levels = stratified_levels(rng, size, mean, self.data.noise_uniform)
        with_known = bool(rng.random() < self.data.known_frames)
        seeds = rng.integers(0, 2**31, size)
        mine = slice(rank, None, world_size)
        batch = self._clips(self.caches[which], picks[mine], seeds[mine], with_known)
        batch["t"] = torch.from_numpy(levels[mine, None].astype(np.float32))
        if kept < 1:
            seen = patchify(batch["truth"][:, 1:3], self.config.patch).amax(2).numpy()  # (B, N), 1: a subject
            chance = seen + rng.random((size, seen.shape[1]))[mine]
            order = np.argsort(-chance, axis=1)[:, : round(kept * seen.shape[1])]
            batch["kept_tokens"] = torch.from_numpy(np.sort(order, axis=1))
        return batch

    def flops(self, batch: Batch) -> float:
        """By the formula of flops.py, and for the perceptual loss by count."""
        count, _, f, h, w = batch["latents"].shape
        known, words = "known" in batch, batch["ids"].shape[1]
        kept = batch["kept_tokens"].shape[1] if "kept_tokens" in batch else None
        options = {"batch": count, "per_token_levels": known, "control": True, "camera": True, "kept": kept}
        seen = self.perceptual_loss.flops(count, (f, h, w)) if self.perceptual_loss and kept is None else 0
        return float(train_flops(self.config, *pixel_shape(f, h, w), words, **options) + seen)

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Velocity loss on fixed clips, noise and levels, so that runs compare. Of the user's own clips that
        are kept for it: validation alone. Of the world:

        validation: new clips of trained combinations; held_out: combinations that are never trained on;
        planned: the first with everything that a planner says; validation_t06 ... validation_t94: by noise
        level, in hundredths.
        """
        scores: dict[str, float] = {}
        kinds = ("validation", "held_out") + ("planned",) * (self.data.planned > 0)
        for name in kinds if is_world(self.dataset) else ("validation",):
            batch = self.fixed(name)
            losses = level_losses(model, batch)
            scores[name] = float(np.mean(losses))
            if name == "validation":
                by_level = zip(validation_levels(), losses, strict=True)
                scores |= {f"validation_t{round(100 * t):02d}": loss for t, loss in by_level}
        return scores

    def sample_grid(self, model: nn.Module) -> np.ndarray:
        """Clips of six prompts of the dataset in the shape of the first bucket, from fixed noise: every
        fourth frame.
        """
        pipe = self.make_pipeline(self.vae, model)
        pipe.set_progress_bar_config(disable=True)
        noise, first = torch.Generator().manual_seed(0), self.buckets[0]
        shape = {"num_frames": first.frames, "height": first.height, "width": first.width}
        prompts = self.sample_prompts()
        frames = pipe(
            prompts, **shape, num_inference_steps=self.grid_steps, generator=noise, plan=False
        ).frames
        return np.concatenate([np.concatenate(clip[::4], axis=1) for clip in frames])

    def make_pipeline(self, vae: VideoVAE, model: nn.Module) -> Any:
        """An X2VPipeline of an autoencoder and a trained DiffusionModule."""
        return X2VPipeline(vae, model.text_encoder, model.transformer, make_scheduler("euler"))

    def sample_prompts(self) -> list[str]:
        """Six captions of the user's own, spread over all that there are; of the world six fixed ones."""
        own = list(dict.fromkeys(caption for _, caption in getattr(self.dataset, "rows", ())))
        places = np.linspace(0, len(own) - 1, min(6, len(own))).round().astype(int)
        return [own[i] for i in places] or list(SAMPLE_PROMPTS)

    def export(self, model: nn.Module, folder: Path) -> None:
        """Write `folder`/pipeline: everything needed to make clips, in bf16, with how it was made beside
        it.
        """
        target = folder / "pipeline"
        vae = deepcopy(self.vae)  # training goes on with its own
        for part in (vae, model.text_encoder, model.transformer):
            nn.Module.to(part, torch.bfloat16)
        self.make_pipeline(vae, model).save_pretrained(target)
        dataset = type(self.dataset).__name__
        write_origin(self.recipe, folder, target, vae=fingerprint(self.vae), dataset=dataset)

    def _latent_cache(self, bucket: Bucket) -> LatentCache:
        # Buckets take far-apart clips, so that no clip is in two of them.
        first = 1_000_000 * (1 + self.buckets.index(bucket))
        folder = self.cache_folder / bucket.name
        return fill_latent_cache(folder, self.dataset, self.vae, bucket, first, quiet=self.quiet)

    def _batch_size(self, which: int, world_size: int, kept: float) -> int:
        """Clips of a batch: every bucket's batch costs about the same, and each process has one at least."""
        scale = self.buckets[0].positions / self.buckets[which].positions / kept
        return max(world_size, round(self.recipe.engine.batch * scale))

    def _clips(self, cache: LatentCache, picks: np.ndarray, seeds: np.ndarray, with_known: bool) -> Batch:
        """Clips as tensors, each with its own caption, conditions and noise drawn from its own seed."""
        rows = [
            self._clip(cache, int(i), np.random.default_rng(int(seed)), with_known)
            for i, seed in zip(picks, seeds, strict=True)
        ]
        kept = [key for key in rows[0] if key != "known" or with_known]
        batch = {key: np.stack([row[key] for row in rows]) for key in kept}
        fields = (cache.kinds, cache.boxes, cache.motion, cache.camera)
        batch["truth"] = latent_truth(*(np.asarray(field[picks]) for field in fields))
        return {key: torch.from_numpy(value) for key, value in batch.items()}

    def _clip(
        self, cache: LatentCache, index: int, rng: np.random.Generator, with_known: bool
    ) -> dict[str, np.ndarray]:
        data = self.data
        latents = np.array(cache.latents[index])
        grid: Shape3 = (latents.shape[1], latents.shape[2], latents.shape[3])
        camera, tracked = np.zeros((grid[0], CAMERA_CHANNELS), np.float32), False
        known_truth = bool(np.isfinite(cache.camera[index]).all())
        planned = known_truth and rng.random() < data.planned
        if known_truth and (planned or rng.random() < data.camera):
            camera, tracked = draw_camera(cache.camera[index]), True
        # Words that say the same as a track would make it worth little to learn to read tracks.
        telling = not tracked or rng.random() < (0.7 if planned else 0.3)
        prompt = "" if rng.random() < data.drop_prompt else cache.caption(index, rng, camera=telling)
        control = np.zeros((CONTROL_CHANNELS, *grid), np.float32)
        drawn = np.zeros((cache.boxes.shape[1], 2, 5), np.float32)
        talks = np.nansum(cache.mouth[index]) > 0  # one clip in ten: a mouth's track is dealt twice as often
        if planned:
            control, drawn = planned_control(cache, index, grid)
        elif rng.random() < (2 if talks else 1) * data.control:
            control, drawn = draw_control(cache, index, grid, rng)
        known = np.zeros(grid, bool)
        if with_known:
            known[draw_known_frames(grid[0], rng)] = True
        cast = cache.cast(index)
        weights = [1 + data.subject_weight * (data.face_weight if name == "face" else 1) for name in cast]
        return {
            "latents": latents,
            "ids": self._read(prompt),
            "control": control,
            "camera": camera,
            "boxes": drawn,
            "known": known,
            "subject_ids": np.array([SUBJECTS.index(name) if name in SUBJECTS else -1 for name in cast]),
            "loss_weight": np.array([1, *weights, 1], np.float32)[cache.kinds[index]],
            "noise": rng.standard_normal(latents.shape, dtype=np.float32),
        }

    def _read(self, prompt: str) -> np.ndarray:
        ids = self.reader.tokenize(prompt).ids
        return np.array([*ids, *[1] * (self.data.max_words - len(ids))])

    def fixed(self, name: str) -> Batch:
        """The validation clips of a name, made once."""
        if name not in self._validation:
            first = self.buckets[0]
            bucket = Bucket(first.frames, first.height, first.width, self.data.validation)
            dataset = world_dataset(VALIDATION_SEED) if is_world(self.dataset) else self.dataset
            held_out = name == "held_out" or not is_world(self.dataset)
            folder = self.cache_folder / ("validation" if name == "planned" else name)
            cache = fill_latent_cache(folder, dataset, self.vae, bucket, 0, held_out, self.quiet)
            self._validation[name] = validation_batch(cache, self._read, planned=name == "planned")
        return self._validation[name]
