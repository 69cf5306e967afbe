"""Training the video transformer and its text encoder on cached latents.

A clip is mixed with noise, x_t = (1 - t) clip + t noise, and the model learns the velocity, noise - clip,
from the mixture, the level t, the caption and whatever conditions this batch was dealt. Every condition is
often left out, so that one set of weights can do without it, and so that guidance can tell what it changes.

The levels are t = sigmoid(normal + mean) (Esser et al. 2024, arXiv:2403.03206, with more weight on noise,
where layout and motion are decided), a part of them evenly from 0 to 1, spread over each batch to calm the
gradient.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as nnf
from torch.utils.flop_counter import FlopCounterMode

from x2vkit.axes import SPACE_STRIDE, TIME_STRIDE, Shape3, latent_shape, pixel_shape
from x2vkit.config import ModelConfig
from x2vkit.core.conditions import (
    CAMERA_CHANNELS,
    CONTROL_CHANNELS,
    box_track,
    camera_track,
    control_raster,
    token_levels,
)
from x2vkit.core.patches import patchify, unpatchify
from x2vkit.core.planner import Plan
from x2vkit.core.sampler import make_scheduler
from x2vkit.core.text import TextEncoder
from x2vkit.core.transformer import VideoTransformer
from x2vkit.core.vae import Decoder, VideoVAE
from x2vkit.errors import X2VError
from x2vkit.flops import train_flops
from x2vkit.training.engine import Batch, Task, write_origin
from x2vkit.training.latent_cache import KINDS, Bucket, Shelf, fill_latent_cache, fingerprint
from x2vkit.training.latent_cache import SUBJECTS as SUBJECTS_KEPT
from x2vkit.training.recipe import Recipe
from x2vkit.training.vae import EVALUATION_SEED, VideoDataset, world_dataset
from x2vkit.world.grammar import SUBJECTS

TRUTH = KINDS + 4
"""Numbers that say what a latent cell shows: its kind, its place in the subject's box, its motion."""
PERCEIVED, PERCEIVED_LEVELS = 0.6, 2
"""Below which noise level, and by how many levels of the decoder, errors are seen as it sees them
(`PerceptualLoss`).
"""
WINDOW = 8
"""Rows and columns of cells of a clip that are seen so.
"""
LEVELS = 8
"""Noise levels at which the held-out loss is measured: the middles of as many equal parts of [0, 1]."""
SHEET_PROMPTS = (
    "a brown dog walking right in the snow",
    "a red ball bouncing on the beach",
    "a white cat wearing a blue hat jumping in the city",
    "a green fish swimming left underwater",
    "a blue car driving right in the desert, zoom in",
    "a happy yellow face talking at night",
)


@dataclass(frozen=True)
class DiffusionData:
    """The `[data]` table of a transformer recipe."""

    buckets: Sequence[dict[str, Any]]
    """Shapes to train on; the fields of `latents.Bucket`. The first one sets what a full batch is."""
    stills_steps: int = 0
    """First steps, that see stills only: they cost a fifth of a clip, and what words look like is learned
    there before how things move. From then on every step learns from stills and from clips together: a few
    clips hold too few different words to learn from alone.
    """
    drop_tokens: float = 0.0
    """Part of a clip's tokens left out in every second batch of clips, which then holds so many more clips
    (MicroDiT, Sehwag et al. 2024, arXiv:2407.15811). Background goes first: there is most of it, and it is
    learned soonest.
    """
    max_words: int = 24
    """Text tokens of a training prompt; longer captions lose their end, shorter ones are padded."""
    drop_prompt: float = 0.1
    """Part of the clips whose prompt is empty: the unconditional model that guidance needs."""
    clean: float = 0.25
    """Part of the batches in which some latent frames are given."""
    control: float = 0.35
    """Part of the clips with a control raster."""
    camera: float = 0.25
    """Part of the clips with a camera track."""
    planned: float = 0.0
    """Part of the clips that come with all that a planner says (core/planner.py): every subject's boxes, the
    openness of a mouth, and the camera. The two parts above are of the others.
    """
    noise_mean: float = 0.3
    """Mean of the normal behind a still's noise levels; above 0 favours noisy ones. A clip of f latent frames
    shows most things f times, so that more noise is needed to hide them: its mean is higher by log(f) / 3
    (as Esser et al. 2024, section 5.3.2, shift the levels of larger pictures).
    """
    noise_even: float = 0.0
    """Part of the noise levels that are drawn evenly from 0 to 1 instead: sigmoid(normal) hardly ever shows a
    model the low levels, at which detail is drawn.
    """
    align: float = 0.3
    """Weight of guessing from an inner layer what every token shows (0: off)."""
    subject: float = 3.0
    """Extra weight of the cells that a subject fills: a tenth of the picture, and all that the eye looks
    at.
    """
    face: float = 1.0
    """Times so much for the cells of a face: its mood and its mouth are a few pixels each."""
    often: Mapping[str, float] = field(default_factory=dict)
    """Actions that are dealt so many times as often as the others: those that are hardest to draw."""
    perception: float = 0.0
    """Weight of errors as the decoder sees them (`PerceptualLoss`; 0: off)."""
    start: str = ""
    """Folder of a trained pipeline whose text encoder and transformer training starts from; parts of the
    model that it does not have start as they always do. Empty: start from nothing.
    """
    unseen: int = 32
    """Held-out clips of the evaluation, of each kind: new clips, and combinations of parts that are never
    trained on.
    """


class DiffusionModule(nn.Module):
    """Text encoder and transformer, whose forward mixes noise into the clips and returns the loss."""

    def __init__(
        self,
        config: ModelConfig,
        vocab: list[str],
        synonyms: dict[str, str],
        spread: Sequence[float] = (),
        align: float = 0.3,
        perception: PerceptualLoss | None = None,
    ):
        super().__init__()
        self.text_encoder = TextEncoder(
            vocab, synonyms, config.text_width, config.text_depth, config.max_words
        )
        self.transformer = VideoTransformer.from_model_config(config, spread)
        self.align, self.perception = align, perception
        self.truth_head = AuxiliaryHead(config, len(SUBJECTS)) if align else None

    def forward(
        self,
        latents: Tensor,
        t: Tensor,
        ids: Tensor,
        control: Tensor,
        camera: Tensor,
        boxes: Tensor,
        noise: Tensor | None = None,
        clean: Tensor | None = None,
        truth: Tensor | None = None,
        who: Tensor | None = None,
        worth: Tensor | None = None,
        keep: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Velocity loss of one batch.

        latents (B, C, f, h, w); t (B, 1); ids (B, T); control (B, 10, f, h, w); camera (B, f, 4); boxes (B,
        F, 2, 5); noise as latents, drawn where it is left out; clean (B, f, h, w) bool, True where the frame
        is given. In training also truth (B, TRUTH, f, h, w) and who (B, 2), see `AuxiliaryHead`, worth (B, f, h,
        w), the weight of every cell, and keep (B, M), the video tokens to work on (all, where it is left
        out).
        """
        patch, latents = self.transformer.patch, latents.float()
        noise = torch.randn_like(latents) if noise is None else noise

        def tokens(grid: Tensor) -> Tensor:
            """(B, X, f, h, w) -> (B, M, X, cells), the kept tokens."""
            cut = patchify(grid, patch).unflatten(2, (grid.shape[1], -1))
            if keep is None:
                return cut
            return cut.gather(1, keep[:, :, None, None].expand(-1, -1, *cut.shape[2:]))

        level = t[:, :, None, None, None]  #                              (B, 1, 1, 1, 1)
        mixed = torch.lerp(latents, noise, level)  #                      (B, C, f, h, w)
        levels = t
        if clean is not None:
            mixed = torch.where(clean[:, None], latents, mixed)  #        (B, C, f, h, w)
            levels = token_levels(t, clean, patch)  #                     (B, N)
        text = self.text_encoder(ids)  #                                  (B, T, Dt)
        with self.truth_head.listen(self.transformer) if self.truth_head else nullcontext():
            velocity = self.transformer(mixed, levels, text, ids != 1, control, camera, boxes, keep=keep)
        wanted = tokens(noise - latents)  #                               (B, M, C, cells)
        velocity = tokens(velocity) if keep is None else velocity.unflatten(2, wanted.shape[2:])
        error = (velocity - wanted).square().mean(2)  #                   (B, M, cells)
        counted = torch.ones_like(error)
        if clean is not None:
            counted = tokens(~clean[:, None])[:, :, 0].to(error.dtype)
        plain = _weighted_mean(error, counted)
        if worth is None:
            return {"loss": plain, "velocity_loss": plain.detach()}
        loss = _weighted_mean(error, counted * tokens(worth[:, None])[:, :, 0])
        parts = {"velocity_loss": plain.detach()}
        if self.truth_head is not None and truth is not None and who is not None:
            guess = self.truth_head(tokens(truth), who)
            loss = loss + self.align * guess
            parts["truth_loss"] = guess.detach()
        if self.perception is not None and keep is None:
            clip = mixed - level * unpatchify(velocity.flatten(2), patch, latents.shape[2:])
            clip = clip if clean is None else torch.where(clean[:, None], latents, clip)
            seen = self.perception(clip, latents, t, worth)
            loss = loss + self.perception.weight * seen
            parts["seen_loss"] = seen.detach()
        return {"loss": loss, **parts}


def _weighted_mean(x: Tensor, weights: Tensor) -> Tensor:
    return (x * weights).sum() / weights.sum().clamp(min=1e-6)


class PerceptualLoss:
    """How much a predicted clip differs from the true one to the eye of the decoder.

    To the velocity loss all errors of a size are alike; but of some the decoder makes colour at an edge that
    nobody can miss, of others nothing. So what its levels make of both is compared, too (the latent
    perceptual loss of Berrada et al. 2024, arXiv:2411.04873), in the window of each clip that is worth most.
    Only less noisy clips are: of much noise a prediction is a mean of many clips, which looks like none.
    """

    def __init__(self, vae: VideoVAE, weight: float):
        self.decoder, self.unnormalise, self.weight = vae.decoder, vae.unnormalise, weight
        self._flops: dict[Shape3, int] = {}

    def __call__(self, guess: Tensor, latents: Tensor, t: Tensor, worth: Tensor) -> Tensor:
        """guess and latents (B, C, f, h, w), t (B, 1), worth (B, f, h, w): the weight of every cell."""
        some = slice(perceived_clips(len(t)))
        guess, latents, t, worth = guess[some], latents[some], t[some], worth[some, None]
        window = best_window(worth[:, 0])
        guess, latents, worth = (cut(each, *window) for each in (guess, latents, worth))
        worth = worth * (t < PERCEIVED)[..., None, None, None]  #                   (b, 1, f, WINDOW, WINDOW)
        # An error of the velocity is one of the clip over t: in it clips of all levels count alike.
        scale = t.clamp_min(0.1).square().repeat_interleave(latents.shape[2], 0)[:, :, None]  # (N, 1, 1)
        total = guess.new_zeros(())
        with torch.no_grad():
            true = list(islice(self.levels(latents), PERCEIVED_LEVELS))
        for wanted, mine in zip(true, self.levels(guess), strict=False):
            usual = wanted.float().var((0, 2, 3), keepdim=True)  #                 (1, c, 1, 1)
            error = ((mine - wanted).float().square() / (usual + 1e-6)).mean(1)  # (N, h', w')
            large = nnf.interpolate(worth.transpose(1, 2).flatten(0, 1), error.shape[1:])[:, 0]
            total = total + _weighted_mean(error / scale, large)
        return total

    def levels(self, latents: Tensor) -> Iterator[Tensor]:
        """What the levels of the decoder make of normalised latents (b, C, f, h, w)."""
        decoder = self.decoder.to(latents.device)  # training moves the model there, and not the autoencoder
        return decoder.features(self.unnormalise(latents).to(decoder.enter.weight.dtype))

    def flops(self, clips: int, latent_shape: Shape3) -> int:
        """FLOPs of a batch of so many: both clips forward, the predicted one back to itself."""
        f, h, w = latent_shape
        window = f, min(h, WINDOW), min(w, WINDOW)
        if window not in self._flops:
            self._flops[window] = levels_flops(self.decoder, *window)
        return 3 * perceived_clips(clips) * self._flops[window]


def levels_flops(decoder: Decoder, frames: int, height: int, width: int) -> int:
    """FLOPs of the levels of the decoder that `PerceptualLoss` asks, for one clip of so many latent cells."""
    weight = decoder.enter.weight
    latents = weight.new_zeros(1, weight.shape[1] // 9, frames, height, width)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        list(islice(decoder.features(latents), PERCEIVED_LEVELS))
    return int(counter.get_total_flops())


def perceived_clips(count: int) -> int:
    """Clips of a batch of so many whose errors are seen as the decoder sees them: the first half."""
    return (count + 1) // 2


def best_window(worth: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns (B, WINDOW each) of the cells of every clip that together are worth most, worth (B, f,
    h, w); fewer where there are not as many.
    """
    high, wide = (min(WINDOW, side) for side in worth.shape[2:])
    sums = nnf.avg_pool2d(worth.sum(1, keepdim=True), (high, wide), stride=1)  #    (B, 1, rows, columns)
    best = sums.flatten(1).argmax(1, keepdim=True)  #                               (B, 1)
    row, column = best // sums.shape[3], best % sums.shape[3]
    return row + torch.arange(high, device=row.device), column + torch.arange(wide, device=row.device)


def cut(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The cells of x (B, c, f, h, w) in rows (B, r) and columns (B, s) -> (B, c, f, r, s)."""
    x = x.gather(3, rows[:, None, None, :, None].expand(-1, *x.shape[1:3], -1, x.shape[4]))
    return x.gather(4, columns[:, None, None, None].expand(-1, *x.shape[1:4], -1))


class AuxiliaryHead(nn.Module):
    """Guesses what each token shows from a middle layer, in training only: the kind of every cell, where in
    its subject's box a cell lies, how it moves, and which subject it is.

    A model that has to know *what is where* draws better sooner (REPA, Yu et al. 2024, arXiv:2410.06940,
    aligns with a pretrained network's features; here the truth itself is at hand).
    """

    def __init__(self, config: ModelConfig, subjects: int):
        super().__init__()
        self.layer = config.depth // 2
        self.cells = config.patch[0] * config.patch[1] * config.patch[2]
        outputs = self.cells * TRUTH + subjects
        self.mlp = nn.Sequential(nn.Linear(config.width, 128), nn.SiLU(), nn.Linear(128, outputs))
        self.heard: list[Tensor] = []

    def listen(self, transformer: VideoTransformer) -> Any:
        """A context in which the middle layer's output is kept for `forward`."""
        self.heard.clear()
        block = transformer.blocks[self.layer - 1]
        return block.register_forward_hook(lambda module, inputs, output: self.heard.append(output))

    def forward(self, truth: Tensor, who: Tensor) -> Tensor:
        """Cross-entropy of kinds and names plus squared error of place, where a subject is, and motion.

        truth (B, N, TRUTH, cells): a 1 for the cell's kind among KINDS, its place x, y in the subject's box
        from -1 to 1, its motion x, y in tenths of the frame (NaN: unknown); who (B, 2): numbers of the first
        and second subject, -1 where there is none.
        """
        guess = self.mlp(self.heard.pop()[:, -truth.shape[1] :]).float()  #   (B, N, cells * TRUTH + subjects)
        names = guess[..., self.cells * TRUTH :]  #                           (B, N, subjects)
        guess = guess[..., : self.cells * TRUTH].unflatten(-1, (TRUTH, -1))
        kind = -(truth[:, :, :KINDS] * guess[:, :, :KINDS].log_softmax(2)).sum(2).mean()
        subject = truth[:, :, 1:3].sum(2)  #                                  (B, N, cells), 1 where one is
        told, said = truth[:, :, KINDS:], guess[:, :, KINDS:]
        miss = (torch.where(told.isnan(), said.detach(), told) - said).square()  # (B, N, 4, cells)
        place = (miss.sum(2) * subject).sum() / (1 + subject.sum())
        still = truth[:, :, 0]  #                                             (B, N, cells), 1 where none is
        place = place + (miss[:, :, 2:].sum(2) * still).sum() / (1 + still.sum())
        shares = truth[:, :, 1:3].mean(3)  #                                  (B, N, 2)
        name = who.gather(1, shares.argmax(2))  #                             (B, N)
        unsure = nnf.cross_entropy(names.transpose(1, 2), name, reduction="none", ignore_index=-1)
        some = shares.sum(2)
        return kind + place + 0.3 * (unsure * some).sum() / (1 + some.sum())


class DiffusionTask(Task):
    """Denoise cached latents."""

    made_ahead = True

    def __init__(
        self, recipe: Recipe, cache: Path, vae: VideoVAE, dataset: VideoDataset | None = None, quiet: bool = False
    ):
        """`cache`: folder of the latents, filled where needed. `dataset` defaults to the world."""
        self.recipe, self.data, self.vae = recipe, DiffusionData(**recipe.data), vae
        self.config = ModelConfig(**recipe.model)
        if self.config.latent_channels != vae.config.latent_channels:
            got = f"latent_channels={self.config.latent_channels}"
            rule = f"the autoencoder has {vae.config.latent_channels}"
            raise X2VError(got, rule, "set the recipe's [model] latent_channels to that")
        self.dataset = dataset or world_dataset(recipe.seed)
        self.cache, self.quiet = cache, quiet
        self.buckets = [Bucket(**values) for values in self.data.buckets]
        self.vocabulary = _vocabulary(self.dataset)
        self.reader = TextEncoder(*self.vocabulary, width=8, depth=0, max_words=self.data.max_words - 1)
        self.shelves = [self._shelf(bucket) for bucket in self.buckets]
        self.chances = [shelf.evenly(self.data.often) for shelf in self.shelves]
        self.perception = PerceptualLoss(vae, self.data.perception) if self.data.perception else None
        self._unseen: dict[str, Batch] = {}

    def build(self) -> nn.Module:
        spread = self.vae.latents_target_std.float().tolist()
        model = DiffusionModule(self.config, *self.vocabulary, spread, self.data.align, self.perception)
        if self.data.start:
            _take(model.text_encoder, Path(self.data.start) / "text_encoder")
            _take(model.transformer, Path(self.data.start) / "transformer")
        return model

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
        kept = 1 - self.data.drop_tokens if moving and step % 2 else 1.0
        # Beside clips, a quarter of a batch of stills will do.
        fewer = not moving and step >= self.data.stills_steps and any(b.frames > 1 for b in self.buckets)
        size = self._batch_size(which, world_size, 4.0 if fewer else kept)
        picks = rng.choice(len(self.shelves[which]), size, p=self.chances[which])
        latent_frames = latent_shape(self.buckets[which].frames, 8, 8)[0]
        mean = self.data.noise_mean + np.log(latent_frames) / 3
        levels = stratified_levels(rng, size, mean, self.data.noise_even)
        with_clean = bool(rng.random() < self.data.clean)
        seeds = rng.integers(0, 2**31, size)
        mine = slice(rank, None, world_size)
        batch = self._clips(self.shelves[which], picks[mine], seeds[mine], with_clean)
        batch["t"] = torch.from_numpy(levels[mine, None].astype(np.float32))
        if kept < 1:
            seen = patchify(batch["truth"][:, 1:3], self.config.patch).amax(2).numpy()  # (B, N), 1: a subject
            chance = seen + rng.random((size, seen.shape[1]))[mine]
            order = np.argsort(-chance, axis=1)[:, : round(kept * seen.shape[1])]
            batch["keep"] = torch.from_numpy(np.sort(order, axis=1))
        return batch

    def flops(self, batch: Batch) -> float:
        count, _, f, h, w = batch["latents"].shape
        clean, words = "clean" in batch, batch["ids"].shape[1]
        kept = batch["keep"].shape[1] if "keep" in batch else None
        options = {"batch": count, "per_token_levels": clean, "control": True, "camera": True, "kept": kept}
        seen = self.perception.flops(count, (f, h, w)) if self.perception and kept is None else 0
        return float(train_flops(self.config, *pixel_shape(f, h, w), words, **options) + seen)

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Velocity loss on fixed clips, noise and levels, so that runs compare.

        unseen: new clips of trained combinations; held_out: combinations that are never trained on; planned:
        the first with everything that a planner says; unseen_t06 ... unseen_t94: by noise level, in
        hundredths.
        """
        scores: dict[str, float] = {}
        for name in ("unseen", "held_out") + ("planned",) * (self.data.planned > 0):
            batch = self._fixed(name)
            losses = level_losses(model, batch)
            scores[name] = float(np.mean(losses))
            if name == "unseen":
                scores |= {
                    f"unseen_t{round(100 * t):02d}": loss for t, loss in zip(levels_of(), losses, strict=True)
                }
        return scores

    def sheet(self, model: nn.Module) -> np.ndarray:
        """Clips of six fixed prompts from fixed noise, five frames each."""
        pipe = make_pipeline(self.vae, model)
        pipe.set_progress_bar_config(disable=True)
        noise = torch.Generator().manual_seed(0)
        frames = pipe(SHEET_PROMPTS, num_inference_steps=16, generator=noise).frames  # (6, F, H, W, 3)
        return np.concatenate([np.concatenate(list(clip[::4]), axis=1) for clip in frames])

    def export(self, model: nn.Module, folder: Path) -> None:
        """Write `folder`/pipeline: everything needed to make clips, in bf16, with how it was made beside
        it.
        """
        target = folder / "pipeline"
        for part in (self.vae, model.text_encoder, model.transformer):
            nn.Module.to(part, torch.bfloat16)
        make_pipeline(self.vae, model).save_pretrained(target)
        dataset = type(self.dataset).__name__
        write_origin(self.recipe, folder, target, vae=fingerprint(self.vae), dataset=dataset)

    def _shelf(self, bucket: Bucket) -> Shelf:
        # Buckets take far-apart clips, so that no clip is in two of them.
        first = 1_000_000 * (1 + self.buckets.index(bucket))
        return fill_latent_cache(self.cache / bucket.name, self.dataset, self.vae, bucket, first, quiet=self.quiet)

    def _batch_size(self, which: int, world_size: int, kept: float) -> int:
        """Clips of a batch, so that every bucket's batch costs about the same."""
        scale = self.buckets[0].cells / self.buckets[which].cells / kept
        return world_size * max(1, round(self.recipe.engine.batch * scale / world_size))

    def _clips(self, shelf: Shelf, picks: np.ndarray, seeds: np.ndarray, with_clean: bool) -> Batch:
        """Clips as tensors, each with its own caption and conditions drawn from its own seed."""
        rows = [
            self._clip(shelf, int(i), np.random.default_rng(int(seed)), with_clean)
            for i, seed in zip(picks, seeds, strict=True)
        ]
        kept = [key for key in rows[0] if key != "clean" or with_clean]
        batch = {key: np.stack([row[key] for row in rows]) for key in kept}
        known = (shelf.ids, shelf.boxes, shelf.motion, shelf.camera)
        batch["truth"] = cell_truth(*(np.asarray(field[picks]) for field in known))
        return {key: torch.from_numpy(value) for key, value in batch.items()}

    def _clip(
        self, shelf: Shelf, index: int, rng: np.random.Generator, with_clean: bool
    ) -> dict[str, np.ndarray]:
        data = self.data
        latents = np.array(shelf.latents[index])
        grid: Shape3 = (latents.shape[1], latents.shape[2], latents.shape[3])
        camera, tracked = np.zeros((grid[0], CAMERA_CHANNELS), np.float32), False
        planned = bool(data.planned) and rng.random() < data.planned
        if (planned or rng.random() < data.camera) and np.isfinite(shelf.camera[index]).all():
            camera, tracked = camera_track(shelf.camera[index]), True
        # Words that say the same as a track would make it worth little to learn to read tracks.
        telling = not tracked or rng.random() < (0.7 if planned else 0.3)
        prompt = "" if rng.random() < data.drop_prompt else shelf.caption(index, rng, camera=telling)
        control, drawn = np.zeros((CONTROL_CHANNELS, *grid), np.float32), box_track(shelf.boxes.shape[1])
        talks = np.nansum(shelf.mouth[index]) > 0  # one clip in ten: a mouth's track is dealt twice as often
        if planned:
            control, drawn = planned_control(shelf, index, grid)
        elif rng.random() < (2 if talks else 1) * data.control:
            control, drawn = deal_control(shelf, index, grid, rng)
        clean = np.zeros(grid, bool)
        if with_clean:
            clean[deal_clean(grid[0], rng)] = True
        cast = shelf.cast(index)
        worth = [1 + data.subject * (data.face if name == "face" else 1) for name in cast]
        return {
            "latents": latents,
            "ids": self._read(prompt),
            "control": control,
            "camera": camera,
            "boxes": drawn,
            "clean": clean,
            "who": np.array([SUBJECTS.index(name) if name in SUBJECTS else -1 for name in cast]),
            "worth": np.array([1, *worth, 1], np.float32)[shelf.ids[index]],
        }

    def _read(self, prompt: str) -> np.ndarray:
        ids = self.reader.tokenize(prompt).ids
        return np.array([*ids, *[1] * (self.data.max_words - len(ids))])

    def _fixed(self, name: str) -> Batch:
        """The evaluation's clips, made once: full captions, and no conditions but in "planned"."""
        if name not in self._unseen:
            first = self.buckets[0]
            bucket = Bucket(first.frames, first.height, first.width, self.data.unseen)
            dataset = world_dataset(EVALUATION_SEED) if _is_world(self.dataset) else self.dataset
            held_out = name == "held_out" or not _is_world(self.dataset)
            folder = self.cache / ("unseen" if name == "planned" else name)
            shelf = fill_latent_cache(folder, dataset, self.vae, bucket, 0, held_out, self.quiet)
            rng = np.random.default_rng(EVALUATION_SEED)
            picks = range(len(shelf))
            latents = np.stack([shelf.latents[i] for i in picks]).astype(np.float32)
            ids = np.stack([self._read(shelf.caption(i, rng)) for i in picks])
            noise = rng.standard_normal(latents.shape, dtype=np.float32)
            f, h, w = latents.shape[2:]
            control = np.zeros((len(ids), CONTROL_CHANNELS, f, h, w), np.float32)
            camera = np.zeros((len(ids), f, CAMERA_CHANNELS), np.float32)
            boxes = np.zeros((len(ids), bucket.frames, 2, 5), np.float32)
            if name == "planned":
                planned = [planned_control(shelf, i, (f, h, w)) for i in picks]
                control, boxes = (np.stack(each) for each in zip(*planned, strict=True))
                camera = np.stack([camera_track(shelf.camera[i]) for i in picks])
            made = {"latents": latents, "noise": noise, "ids": ids}
            made |= {"control": control, "camera": camera, "boxes": boxes}
            self._unseen[name] = {key: torch.from_numpy(value) for key, value in made.items()}
        return self._unseen[name]


def stratified_levels(rng: np.random.Generator, count: int, mean: float, even: float = 0.0) -> np.ndarray:
    """`count` noise levels distributed as sigmoid(normal + mean), one from each of `count` equally likely
    parts; a part `even` of them, taken at random, is spread over [0, 1] in the same way instead.
    """
    places = (rng.permutation(count) + rng.random(count)) / count
    normal = torch.special.ndtri(torch.from_numpy(places.clip(1e-6, 1 - 1e-6)))
    levels = torch.sigmoid(normal + mean).numpy()
    return np.where(rng.random(count) < even, places.clip(1e-3, 1), levels) if even else levels


def deal_clean(frames: int, rng: np.random.Generator) -> list[int]:
    """Latent frames to give to a clip of `frames`: the first (an image), or what extending, looping and
    filling need.
    """
    if frames == 1:
        return []
    kind = rng.choice(["image", "start", "end", "ends", "any"], p=[0.5, 0.15, 0.1, 0.1, 0.15])
    count = int(rng.integers(1, frames))
    any_frames = rng.permutation(frames)[:count]
    chosen: dict[str, Sequence[int]] = {
        "image": [0],
        "start": range(count),
        "end": range(frames - count, frames),
        "ends": [0, frames - 1] if frames > 2 else [0],
        "any": any_frames.tolist(),
    }
    return [int(i) for i in chosen[str(kind)]]


def deal_control(
    shelf: Shelf, index: int, grid: Shape3, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A control raster and its boxes from the truth, with boxes, strokes and mouths each left out at
    random.
    """
    boxes = np.array(shelf.boxes[index])  # (F, 2, 4)
    frames = len(boxes)
    known = [o for o in range(boxes.shape[1]) if np.isfinite(boxes[:, o]).any()]
    wishes: dict[str, Any] = {}
    for o in known:
        if rng.random() < 0.6:
            wishes["box_a" if o == 0 else "box_b"] = boxes[:, o]
    seen = [o for o in known if np.isfinite(boxes[:, o]).all()]
    wishes["strokes"] = [_stroke(boxes[:, o], grid) for o in seen if frames > 1 and rng.random() < 0.4]
    talks = [o for o in known if np.nanmax(shelf.mouth[index][:, o], initial=0) > 0]
    if talks and rng.random() < 0.8:
        wishes["mouth_box"], wishes["mouth"] = boxes[:, talks[0]], np.array(shelf.mouth[index][:, talks[0]])
    drawn = box_track(frames, wishes.get("box_a"), wishes.get("box_b"))
    return control_raster(frames, grid[1] * 8, grid[2] * 8, **wishes), drawn


def planned_control(shelf: Shelf, index: int, grid: Shape3) -> tuple[np.ndarray, np.ndarray]:
    """Control raster and boxes of a whole plan: the boxes of all subjects, how the first one is turned, and a
    mouth that talks.
    """
    tracks = (shelf.boxes, shelf.mouth, shelf.camera, shelf.turn)
    boxes, mouth, camera, turn = (np.array(each[index]) for each in tracks)
    plan = Plan.of_truth(boxes, mouth[:, 0], camera, turn[:, 0])
    drawn = plan.conditions(grid[1] * SPACE_STRIDE, grid[2] * SPACE_STRIDE)
    assert drawn.control is not None and drawn.boxes is not None
    return drawn.control[0].numpy(), drawn.boxes[0].numpy()


def _stroke(box: np.ndarray, grid: Shape3) -> tuple[np.ndarray, float]:
    """The path of a box's centre, as wide as a third of the box."""
    path = (box[:, :2] + box[:, 2:]) / 2
    sides = (box[:, 2:] - box[:, :2]).mean(0) * (grid[2], grid[1]) / min(grid[1], grid[2])
    return path, float(sides.min()) / 3


def cell_truth(kinds: np.ndarray, boxes: np.ndarray, motion: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """What every cell shows, for `AuxiliaryHead`.

    kinds (B, f, h, w); per frame: boxes (B, F, 2, 4) and motion (B, F, 2, 2) of the subjects, camera (B, F,
    3) -> (B, TRUTH, f, h, w): a 1 for the cell's kind; where in its subject's box it lies, x and y from -1 to
    1; how far it moves in the latent frame, x and y in tenths of the frame, which for the background is the
    camera's doing (`camera_flow`). Places are 0 where no subject is, motions NaN where the camera is unknown.
    """
    B, f, h, w = kinds.shape
    kind = np.eye(KINDS, dtype=np.float32)[kinds].transpose(0, 4, 1, 2, 3)  #         (B, KINDS, f, h, w)
    steps = motion[:, 1:].reshape(B, f - 1, TIME_STRIDE, SUBJECTS_KEPT, 2).sum(2)  #  (B, f - 1, 2, 2)
    later = boxes[:, 1:].reshape(B, f - 1, TIME_STRIDE, SUBJECTS_KEPT, 4).mean(2)
    middles = np.concatenate([boxes[:, :1], later], axis=1)  #                        (B, f, 2, 4)
    rows, columns = np.meshgrid((np.arange(h) + 0.5) / h, (np.arange(w) + 0.5) / w, indexing="ij")
    found = np.zeros((B, 2, f, h, w), np.float32)
    moves = 10 * camera_flow(camera[:, ::TIME_STRIDE], h, w)
    for subject in range(SUBJECTS_KEPT):
        left, top, right, bottom = np.moveaxis(middles[:, :, subject], 2, 0)[..., None, None]
        across, down = (columns - left) / (right - left + 1e-3), (rows - top) / (bottom - top + 1e-3)
        moved = np.concatenate([np.zeros((B, 1, 2), np.float32), 10 * steps[:, :, subject]], axis=1)
        mine = (kinds == subject + 1)[:, None]
        found = np.where(mine, np.stack([2 * across - 1, 2 * down - 1], axis=1), found)
        moves = np.where(mine, np.nan_to_num(moved).transpose(0, 2, 1)[..., None, None], moves)
    places = np.nan_to_num(found).clip(-3, 3)
    return np.concatenate([kind, places, moves.clip(-3, 3)], axis=1).astype(np.float32)


def camera_flow(camera: np.ndarray, h: int, w: int) -> np.ndarray:
    """Where a moving camera makes what stands still at the subject's distance go: since the latent frame
    before, in fractions of the frame.

    camera (B, f, 3): x, y in units of the shorter side and zoom (`world.Truth`) -> (B, 2, f, h, w), x and y.
    """
    shorter = min(h, w)
    before = np.concatenate([camera[:, :1], camera[:, :-1]], axis=1)
    zoom, grown = camera[..., 2], camera[..., 2] / before[..., 2] - 1  #              (B, f)
    pan = (camera[..., :2] - before[..., :2]) * zoom[..., None] * (-shorter / w, shorter / h)
    rows, columns = np.meshgrid((np.arange(h) + 0.5) / h - 0.5, (np.arange(w) + 0.5) / w - 0.5, indexing="ij")
    across = grown[..., None, None] * columns + pan[..., 0, None, None]
    down = grown[..., None, None] * rows + pan[..., 1, None, None]
    return np.stack([across, down], axis=1)


def levels_of() -> list[float]:
    """The noise levels of the evaluation."""
    return [(i + 0.5) / LEVELS for i in range(LEVELS)]


def level_losses(model: nn.Module, batch: Batch) -> list[float]:
    """Velocity loss of a batch at each level of `levels_of`."""
    device = next(model.parameters()).device
    moved = {key: value.to(device) for key, value in batch.items()}
    count = len(batch["latents"])
    return [
        float(model(**moved, t=torch.full((count, 1), t, device=device))["velocity_loss"])
        for t in levels_of()
    ]


def _take(part: nn.Module, folder: Path) -> None:
    """The weights of a saved part of a pipeline, as far as it has them."""
    try:
        left = part.load_state_dict(load_file(folder / SAFETENSORS_WEIGHTS_NAME), strict=False)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        rule = f"it does not hold weights of this recipe's shapes ({reason})"
        cure = "name the folder of a pipeline of the same size"
        raise X2VError(f"start {str(folder)!r}", rule, cure) from error
    if left.unexpected_keys:
        rule = f"this recipe's model has no {left.unexpected_keys[0]}"
        raise X2VError(f"start {str(folder)!r}", rule, "use the recipe's own model, or a larger one")


def make_pipeline(vae: VideoVAE, model: nn.Module) -> Any:
    """An X2VPipeline of an autoencoder and a trained DiffusionModule."""
    from x2vkit.pipeline.x2v import X2VPipeline

    return X2VPipeline(vae, model.text_encoder, model.transformer, make_scheduler("euler"))


def _is_world(dataset: VideoDataset) -> bool:
    return type(dataset).__name__ == "World"


def _vocabulary(dataset: VideoDataset) -> tuple[list[str], dict[str, str]]:
    """The world's words, and those of the captions of a folder of videos."""
    from x2vkit.world import vocabulary

    words, synonyms = vocabulary()
    own = getattr(dataset, "words", [])
    return sorted({*words, *own}), {key: value for key, value in synonyms.items() if key not in own}
