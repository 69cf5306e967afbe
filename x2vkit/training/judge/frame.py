"""Training the judge's frame model on single rendered frames.

Many of the clips go through the autoencoder, with noise on their latents, and all frames are blurred, noised
and tinted a little and half of them mirrored: it shall know what is there, not how it was drawn. Held-out
combinations are shown as often as all others, for a judge must read what a model was never taught.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as nnf
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.judge.frame import (
    ATTRIBUTES,
    CUT,
    SCENE_ATTRIBUTES,
    SUBJECT_ATTRIBUTES,
    FrameModel,
    boxes_of,
    cut_out,
    looked_at,
    to_pixels,
)
from x2vkit.processes import over_all
from x2vkit.training.dataset import VALIDATION_SEED
from x2vkit.training.judge.labels import IGNORED, Pool, choose, make_pool, recode, spoil
from x2vkit.training.recipe import Recipe
from x2vkit.training.schema import Count, Part, Range, read_arguments, read_table
from x2vkit.training.task import Batch, Task
from x2vkit.world import World

RARE = {"mood": 8, "wearing": 2, "wearing_color": 2, "other": 2, "other_color": 2}
"""Weights in the loss of what few frames tell (others: 1)."""


MODEL_RANGES = {"widths": Range(1, 4096), "blocks": Range(0, 64), "cut_widths": Range(1, 4096)}
MODEL_RANGES |= {"cut_blocks": Range(0, 64), "hidden": Range(1, 8192)}
"""What a recipe's `[model]` table may say."""
Pixels = Annotated[int, Range(16, 1024)]
"""Height or width of a frame."""


@dataclass(frozen=True)
class FrameData:
    """The `[data]` table of a judge-frames recipe."""

    rendered: Count = 24000
    """Clips rendered for training; three moments of each are kept."""
    coded: Count = 2500
    """Clips that go through the autoencoder; two frames of each are kept."""
    latent_noise: Annotated[float, Range(0, 10)] = 0.5
    """Largest noise on their latents, in standard deviations."""
    coded_share: Part = 0.3
    """Part of a batch that comes from these."""
    shapes: tuple[tuple[Pixels, Pixels], ...] = ((128, 128),) * 4 + ((96, 160), (160, 96))
    """Heights and widths, in turn."""
    validation: Annotated[int, Range(1, 1e6)] = 200
    """Clips for evaluation, of a seed that training never uses."""


class FrameModule(nn.Module):
    """A FrameModel whose forward returns the loss.

    The first network sees half of the frames, the second the cut-outs of all. Those are taken at the true
    boxes, moved, scaled and turned a little; their mask is the predicted one in the first half and the true
    one in the other. Every second face is turned any way: a smile upside down is no frown.
    """

    def __init__(self, frame_model: FrameModel):
        super().__init__()
        self.frame_model = frame_model

    def forward(self, pixels: Tensor, ids: Tensor, mouth: Tensor, **labels: Tensor) -> dict[str, Tensor]:
        """pixels (n, 3, H, W); ids (n, H/2, W/2) int64; mouth (n,), NaN where unknown; labels int64 (n,)."""
        n, half, losses = len(pixels), (len(pixels) + 1) // 2, {}
        scene = self.frame_model.scene_net(pixels[:half])
        unlike = nnf.cross_entropy(scene["kinds"].float(), ids[:half], reduction="sum")
        area = unlike / over_all(ids.new_tensor(ids[:half].numel()))
        for name in SCENE_ATTRIBUTES:
            losses[name] = _cross_entropy(scene[name], labels[name][:half])
        predicted_kinds = scene["kinds"].detach().float().softmax(1)
        turn = 0.3 * torch.randn(n, device=pixels.device)
        whirled = (labels["mood"] >= 0) & (torch.rand_like(turn) < 0.5)
        turn = torch.where(whirled, pi * (2 * torch.rand_like(turn) - 1), turn)
        for name in ("pose", "facing"):  # cannot be told of what was turned any way
            labels[name] = labels[name].masked_fill(whirled, IGNORED)
        cuts, rows = [], []
        for kind in (1, 2):
            there = (ids == kind).flatten(1).sum(1) >= 24
            true = (ids == kind).float()
            mask = torch.cat([predicted_kinds[:, kind], true[half:]])
            cuts.append(cut_out(pixels[there], mask[there], _shaken(boxes_of(true[there])), turn[there]))
            rows.append(there)
        predicted = self.frame_model.subject_net(torch.cat(cuts))
        count = len(cuts[0])
        for name in SUBJECT_ATTRIBUTES:
            losses[name] = _cross_entropy(predicted[name][:count], labels[name][rows[0]])
        for name, own in (("other", "subject"), ("other_color", "color")):
            target = labels[name][rows[1]]
            target = torch.where(target > 0, target - 1, IGNORED) if name == "other" else target
            losses[name] = _cross_entropy(predicted[own][count:], target)
        openness = mouth[rows[0]]
        known = openness.isfinite()
        spoken = nnf.binary_cross_entropy_with_logits(
            predicted["mouth"][:count], openness.nan_to_num(0), weight=known.float(), reduction="sum"
        )
        everywhere = over_all(ids.new_tensor(n))
        summed = sum(RARE.get(name, 1) * loss for name, loss in losses.items()) + 4 * spoken
        total = summed / everywhere + 4 * area
        right = (predicted["subject"][:count].argmax(1) == labels["subject"][rows[0]]).float().mean()
        return {"loss": total, "area": area, "mouth": spoken / everywhere, "subject_accuracy": right}


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    return nnf.cross_entropy(logits, target, ignore_index=IGNORED, reduction="sum")


def _shaken(boxes: Tensor) -> Tensor:
    """Boxes (n, 4), each side moved by a few percent of its length: a judge's boxes are not exact either."""
    size = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    return boxes + 0.06 * size * torch.randn_like(boxes)


class FrameTask(Task):
    """Read single frames."""

    def __init__(self, recipe: Recipe, vae: VideoVAE):
        self.recipe, self.vae = recipe, vae
        self.data = read_table(FrameData, recipe.data, "[data]")
        self.model = read_arguments(FrameModel, recipe.model, "[model]", MODEL_RANGES)
        if not self.data.shapes:
            raise X2VError("[data] shapes = []", "training needs at least one shape", "add one")
        self._pools: dict[tuple[Any, ...], Pool] = {}
        self._flops: dict[tuple[int, ...], float] = {}

    def build(self) -> nn.Module:
        """An untrained frame model."""
        return FrameModule(FrameModel(**self.model))

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        """Frames of one shape, of both kinds, each spoilt a little."""
        rng = np.random.default_rng((self.recipe.seed, step))
        height, width = self.data.shapes[step % len(self.data.shapes)]
        count = max(
            2 * world_size, round(self.recipe.engine.batch * 128 * 128 / np.prod(looked_at(height, width)))
        )
        coded = round(self.data.coded_share * count)
        parts = [
            self._draw(rng, self.pool((height, width), "coded"), coded),
            self._draw(rng, self.pool((height, width), "rendered"), count - coded),
        ]
        order = torch.from_numpy(rng.permutation(count))
        batch = {key: torch.cat([part[key] for part in parts])[order] for key in parts[0]}
        batch["pixels"] = spoil(batch["pixels"], rng)
        return {key: values[rank::world_size] for key, values in batch.items()}

    def flops(self, batch: Batch) -> float:
        """Counted once per shape by running it without numbers; backward costs twice the forward."""
        shape = tuple(batch["pixels"].shape)
        if shape not in self._flops:
            with torch.device("meta"):
                frame_model, pixels = FrameModel(**self.model), torch.empty(shape)
                cuts = torch.empty(shape[0], 4, CUT, CUT)
            with FlopCounterMode(display=False) as counter:
                frame_model.scene_net(pixels[: shape[0] // 2]), frame_model.subject_net(cuts)
            self._flops[shape] = 3.0 * counter.get_total_flops()
        return self._flops[shape]

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Share of validation frames read right, for each attribute."""
        pool = self.pool((128, 128), "validation")
        right: dict[str, list[Tensor]] = {name: [] for name in ATTRIBUTES}
        kinds = []
        for start in range(0, len(pool.frames), 64):
            rows = slice(start, start + 64)
            predicted = model.frame_model(to_pixels(pool.frames[rows]))
            for name in ATTRIBUTES:
                target = torch.from_numpy(pool.labels[name][rows])
                right[name].append((predicted[name].argmax(1) == target)[target >= 0])
            kinds.append(
                (predicted["kinds"].argmax(1) == torch.from_numpy(pool.ids[rows])).float().flatten(1).mean(1)
            )
        scores = {name: float(torch.cat(parts).float().mean()) for name, parts in right.items()}
        return {**scores, "kinds": float(torch.cat(kinds).mean())}

    def export(self, model: nn.Module, folder: Path) -> None:
        """Save the frame model in fp16 as `folder`/frame."""
        nn.Module.to(model.frame_model, torch.float16).save_pretrained(folder / "frame")

    def pool(self, shape: tuple[int, int], kind: str) -> Pool:
        """Frames of one shape, rendered once: "rendered", "coded" or "validation"."""
        if (shape, kind) not in self._pools:
            share = sum(tuple(each) == shape for each in self.data.shapes) / len(self.data.shapes)
            make = {"rendered": self._rendered, "coded": self._coded, "validation": self._validation}[kind]
            self._pools[shape, kind] = make(shape, share)
        return self._pools[shape, kind]

    def _rendered(self, shape: tuple[int, int], share: float) -> Pool:
        """Three moments of each clip, spread over the time that a clip of 17 frames lasts."""
        world = World(self.recipe.seed)
        chosen = choose(world, max(1, round(share * self.data.rendered)))
        return make_pool(
            (world.sample(i, 3, *shape, fps=1.5, held_out=odd) for i, odd in chosen), np.arange(3)
        )

    def _coded(self, shape: tuple[int, int], share: float) -> Pool:
        world, rng = World(self.recipe.seed + 1), np.random.default_rng(self.recipe.seed)

        def clips() -> Any:
            for i, odd in choose(world, max(1, round(share * self.data.coded))):
                clip = world.sample(i, 5, *shape, fps=3 + 9 * (i % 4 > 0), held_out=odd)
                noise = self.data.latent_noise * rng.random() ** 2
                yield clip, recode(self.vae, clip.frames, noise, seed=i)

        return make_pool(clips(), np.array([0, 3]))

    def _validation(self, shape: tuple[int, int], share: float) -> Pool:
        world = World(VALIDATION_SEED)
        clips = (
            world.sample(i, 3, *shape, fps=1.5, held_out=i % 2 == 1) for i in range(self.data.validation)
        )
        return make_pool(clips, np.arange(3))

    def _draw(self, rng: np.random.Generator, pool: Pool, count: int) -> Batch:
        rows = rng.integers(0, len(pool.frames), count)
        labels = {name: torch.from_numpy(values[rows]) for name, values in pool.labels.items()}
        ids = torch.from_numpy(pool.ids[rows].astype(np.int64))
        pixels, mirrored = to_pixels(pool.frames[rows]), torch.from_numpy(rng.random(count) < 0.5)
        mirrored &= labels["other"] <= 0  # of two that stand side by side the first is the left one
        pixels[mirrored], ids[mirrored] = pixels[mirrored].flip(-1), ids[mirrored].flip(-1)
        faces = labels["facing"]
        labels["facing"] = torch.where(mirrored & (faces >= 0), 1 - faces, faces)
        return {
            "pixels": pixels,
            "ids": ids,
            "mouth": torch.from_numpy(pool.mouth[rows]),
            **labels,
        }
