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
    ACTOR_ATTRIBUTES,
    ATTRIBUTES,
    CUT,
    LEAST,
    SCENE_ATTRIBUTES,
    FrameModel,
    boxes_of,
    cut_out,
    looked_at,
)
from x2vkit.training.dataset import VALIDATION_SEED
from x2vkit.training.judge.labels import IGNORED, spoil
from x2vkit.training.judge.pools import Pool, coded, joined, rendered
from x2vkit.training.recipe import Recipe
from x2vkit.training.schema import Count, Part, Range, read_arguments, read_table
from x2vkit.training.task import Batch, Task, write_origin
from x2vkit.world import World
from x2vkit.world.grammar import OCCLUDER

RARE = {"mood": 6, "wearing": 2, "wearing_color": 2, "garment": 2, "weather": 2}
"""Weights in the loss of what few frames tell (others: 1)."""
AT_ONCE = 64
"""Validation frames that are read together."""
MODEL_RANGES = {"widths": Range(1, 4096), "blocks": Range(0, 64), "cut_widths": Range(1, 4096)}
MODEL_RANGES |= {"cut_blocks": Range(0, 64), "hidden": Range(1, 8192)}
"""What a recipe's `[model]` table may say."""
Pixels = Annotated[int, Range(16, 1024)]
"""Height or width of a frame."""


@dataclass(frozen=True)
class FrameData:
    """The `[data]` table of a judge-frames recipe."""

    rendered: Count = 24000
    """Clips rendered for training; three moments of each are kept, of 64 KB at 128 x 128."""
    coded: Count = 4000
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

    def forward(
        self, pixels: Tensor, kinds: Tensor, frame: Tensor, kind: Tensor, mouth: Tensor, **labels: Tensor
    ) -> dict[str, Tensor]:
        """pixels (n, 3, H, W); kinds (n, H/2, W/2) int64; frame and kind (m,), the cut-outs to look at;
        mouth (m,), NaN where unknown; labels int64 (n,) for each of `SCENE_ATTRIBUTES` and (m,) of
        `ACTOR_ATTRIBUTES`.
        """
        n, half, losses = len(pixels), (len(pixels) + 1) // 2, {}
        scene = self.frame_model.scene_net(pixels[:half])
        area = nnf.cross_entropy(scene["kinds"].float(), kinds[:half], ignore_index=IGNORED)
        for name in SCENE_ATTRIBUTES:
            losses[name] = _cross_entropy(scene[name], labels[name][:half])
        turn = 0.3 * torch.randn(len(frame), device=pixels.device)
        whirled = (labels["mood"] >= 0) & (torch.rand_like(turn) < 0.5)
        turn = torch.where(whirled, pi * (2 * torch.rand_like(turn) - 1), turn)
        for name in ("pose", "facing"):  # cannot be told of what was turned any way
            labels[name] = labels[name].masked_fill(whirled, IGNORED)
        true = (kinds[frame] == kind[:, None, None]).float()
        guessed = scene["kinds"].detach().float().softmax(1)[frame.clamp(max=half - 1), kind]
        mask = torch.where((frame < half)[:, None, None], guessed, true)
        predicted = self.frame_model.actor_net(cut_out(pixels[frame], mask, _shaken(boxes_of(true)), turn))
        for name in ACTOR_ATTRIBUTES:
            losses[name] = _cross_entropy(predicted[name], labels[name])
        known = mouth.isfinite()
        spoken = nnf.binary_cross_entropy_with_logits(
            predicted["mouth"], mouth.nan_to_num(0), weight=known.float(), reduction="sum"
        )
        total = (sum(RARE.get(name, 1) * loss for name, loss in losses.items()) + 4 * spoken) / n + 4 * area
        right = (predicted["subject"].argmax(1) == labels["subject"]).float().mean()
        return {"loss": total, "area": area, "mouth": spoken / n, "subject_accuracy": right}


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    return nnf.cross_entropy(logits, target, ignore_index=IGNORED, reduction="sum")


def _shaken(boxes: Tensor) -> Tensor:
    """Boxes (n, 4), each side moved by a few percent of its length: a judge's boxes are not exact either."""
    size = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    return boxes + 0.06 * size * torch.randn_like(boxes)


class FrameTask(Task):
    """Read single frames. They are rendered before the first step and kept on the device."""

    def __init__(self, recipe: Recipe, vae: VideoVAE):
        self.recipe, self.vae = recipe, vae
        self.data = read_table(FrameData, recipe.data, "[data]")
        self.model = read_arguments(FrameModel, recipe.model, "[model]", MODEL_RANGES)
        if not self.data.shapes:
            raise X2VError("[data] shapes = []", "training needs at least one shape", "add one")
        self._pools: dict[tuple[Any, ...], Pool] = {}
        self._flops: dict[tuple[int, ...], tuple[int, int]] = {}

    def build(self) -> nn.Module:
        """An untrained frame model."""
        return FrameModule(FrameModel(**self.model))

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        """Frames of one shape, of both kinds, each spoilt a little."""
        rng = np.random.default_rng((self.recipe.seed, step, rank))
        shape = self.data.shapes[step % len(self.data.shapes)]
        count = round(self.recipe.engine.batch * 128 * 128 / np.prod(looked_at(*shape)) / world_size)
        parts = []
        for half in (count - count // 2, count // 2):  # the first network sees the first half
            few = round(self.data.coded_share * half)
            for kind, part in (("coded", few), ("rendered", half - few)):
                if part:
                    parts.append(self.pool(shape, kind).draw(rng, part))
        batch = joined(parts)
        batch["pixels"] = spoil(batch["pixels"], rng)
        return batch

    def flops(self, batch: Batch) -> float:
        """Counted once per shape by running it without numbers; backward costs twice the forward."""
        shape = tuple(batch["pixels"].shape)
        if shape not in self._flops:
            with torch.device("meta"):
                model, pixels = FrameModel(**self.model), torch.empty(1, *shape[1:])
                scene, actor = (
                    _flops(net, each)
                    for net, each in (
                        (model.scene_net, pixels),
                        (model.actor_net, torch.empty(1, 4, CUT, CUT)),
                    )
                )
            self._flops[shape] = scene, actor
        scene, actor = self._flops[shape]
        return 3.0 * (scene * (shape[0] + 1) // 2 + actor * len(batch["frame"]))

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Share of validation frames read right, for each attribute; of actors, where one is in the
        right place."""
        pool = self.pool((128, 128), "validation")
        right: dict[str, list[Tensor]] = {name: [] for name in (*ATTRIBUTES, "kinds", "count")}
        for start in range(0, len(pool), AT_ONCE):
            rows = np.arange(start, min(start + AT_ONCE, len(pool)))
            batch = pool.batch(rows, np.zeros(len(rows), bool))
            predicted = model.frame_model(batch["pixels"])
            for name in SCENE_ATTRIBUTES:
                right[name].append(_right(predicted[name], batch[name]))
            for name in ACTOR_ATTRIBUTES:
                right[name].append(_right(predicted[name][batch["frame"], batch["kind"] - 1], batch[name]))
            right["kinds"].append(_right(predicted["kinds"].movedim(1, -1), batch["kinds"]))
            found = (~predicted["boxes"][..., 0].isnan()).sum(1)
            true = sum(((batch["kinds"] == kind).sum((1, 2)) >= LEAST).int() for kind in range(1, OCCLUDER))
            right["count"].append((found == true).float())
        return {name: float(torch.cat(parts).mean()) for name, parts in right.items()}

    def export(self, model: nn.Module, folder: Path) -> None:
        """Save the frame model in fp16 as `folder`/frame, with its recipe and log beside it."""
        nn.Module.to(model.frame_model, torch.float16).save_pretrained(folder / "frame")
        write_origin(self.recipe, folder, folder / "frame")

    def pool(self, shape: tuple[int, int], kind: str) -> Pool:
        """Frames of one shape, rendered once: "rendered", "coded" or "validation"."""
        if (shape, kind) not in self._pools:
            data, seed = self.data, self.recipe.seed
            share = sum(tuple(each) == tuple(shape) for each in data.shapes) / len(data.shapes)
            if kind == "coded":
                count = max(1, round(share * data.coded))
                made = coded(World(seed + 1), count, shape, self.vae, data.latent_noise)
            elif kind == "rendered":
                made = rendered(World(seed), max(1, round(share * data.rendered)), shape, self.vae.device)
            else:
                made = rendered(World(VALIDATION_SEED), data.validation, shape, self.vae.device)
            self._pools[shape, kind] = made
        return self._pools[shape, kind]


def _flops(net: nn.Module, inputs: Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        net(inputs)
    return counter.get_total_flops()


def _right(logits: Tensor, target: Tensor) -> Tensor:
    """1 or 0 for each known target."""
    return (logits.argmax(-1) == target)[target >= 0].float()
