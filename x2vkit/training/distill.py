"""`x2vkit train distill`: a flow map of the model that is there, its guidance built in.

A diffusion model says where a noisy clip is going *now*, and a sampler follows in twenty small steps of two
passes each. A flow map says where it will have *arrived* at any lower noise level r: what it predicts is the
mean velocity u(x, t, r) on the way, x_r = x_t - (t - r) u. One step may then be as long as one likes, and
what guidance does is part of what was learned. Along the teacher's path the end of the way stays where it is,
so

    d/dt of (t - r) u(x_t, t, r) = v(x_t, t),  hence  u = v - (t - r) du/dt,

which is the target (MeanFlow, Geng et al. 2025, arXiv:2505.13447; a trained model becomes one by telling its
last blocks r: Decoupled MeanFlow, Lee et al. 2025, arXiv:2510.24474). du/dt is a central difference of the
student along v, in float32: of numbers in bfloat16 it would be noise.

The path is the one that the default sampler follows (core/sampler.py): v is guided as the weights'
sampling.json says, in two passes of which one has neither words nor plan, and from `last_level` on the
prediction is taken as it is. So where r is 0, u at `last_level` is v, and no lower level is ever asked for.

    B clips; C, f, h, w latent grid; N tokens
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from x2vkit.axes import pixel_shape
from x2vkit.config import ModelConfig
from x2vkit.core.conditions import Conditions, token_levels
from x2vkit.core.guidance import GuidedVelocity, passes
from x2vkit.core.sampler import Prediction, make_scheduler, sample
from x2vkit.core.text import TextEncoder
from x2vkit.core.transformer import VideoTransformer
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.flops import forward_flops, text_flops, train_flops
from x2vkit.registry import SamplingDefaults, sampling_defaults
from x2vkit.training.dataset import Vocabulary, is_world
from x2vkit.training.diffusion.config import DiffusionData
from x2vkit.training.diffusion.module import DiffusionModule
from x2vkit.training.diffusion.task import DiffusionTask
from x2vkit.training.diffusion.tune import beside, model_of, start_of
from x2vkit.training.init_weights import init_weights, read_config
from x2vkit.training.recipe import Recipe
from x2vkit.training.schema import Weight, read_table
from x2vkit.training.task import Batch

EPSILON = 0.02
"""Half the difference of noise levels by which du/dt is taken. A trained model is a little rough in t: slopes
by 0.02 differ from those by 0.01 by 6 to 28 %, those by 0.002 by 29 to 76 % (measured with `small`).
"""
SAME, TO_CLIP = 0.5, 0.25
"""Part of the clips that learn the velocity itself (r = t), and part that learn to arrive at the clip (r =
0); the others arrive anywhere between the last level and t.
"""
AT_LAST, AT_START = 0.25, 0.125
"""Of those that arrive at the clip, the part whose t is the last level: the end of every run of two steps or
more, and what all longer ways to the clip are anchored by. And of all others the part whose t is 1, where
every run begins.
"""
ROBUST = 1e-2
"""Squared errors well above this count by their size alone: a few clips would drown the others."""
COMPARED, CLIPS = (1, 2, 4), 16
"""Steps whose clips are compared with the teacher's, and how many of the validation clips are at most."""
STEPS = 4
"""Steps of the pipeline that is exported."""


@dataclass(frozen=True)
class DistillData(DiffusionData):
    """The `[data]` table of a flow map's recipe. Its model, words and guidance are those of `init_from`."""

    init_from: str = "small"
    """Name or folder of the trained pipeline that is teacher and start."""
    auxiliary_loss: Weight = 0.0
    """Is 0, as are `perceptual_loss` and `token_dropping`: a flow map learns from one loss, of all tokens."""

    def check(self, model: ModelConfig) -> None:
        """Raise X2VError where a flow map cannot be trained on it."""
        super().check(model)
        for name in ("auxiliary_loss", "perceptual_loss", "token_dropping"):
            if value := getattr(self, name):
                rule = "a flow map learns from one loss, of all tokens"
                raise X2VError(f"[data] {name} = {value}", rule, "leave it out")


class Teacher:
    """The model that is followed: its guided velocity. No module, so that neither optimiser nor average nor
    checkpoint holds it; and never copied, for it does not change.
    """

    def __init__(self, transformer: VideoTransformer, sampling: SamplingDefaults):
        self.transformer, self.sampling = transformer.eval().requires_grad_(False), sampling

    def __deepcopy__(self, memo: dict[int, Any]) -> Teacher:
        return self

    def to(self, device: torch.device) -> Teacher:
        """Itself, on a device."""
        self.transformer.to(device)
        return self

    @torch.no_grad()
    def velocity(
        self,
        x: Tensor,
        t: Tensor,
        levels: Tensor,
        texts: tuple[Tensor, Tensor],
        masks: tuple[Tensor, Tensor],
        conditions: dict[str, Tensor],
    ) -> Tensor:
        """Guided velocity of x, as `GuidedVelocity` has it, but for clips of different levels.

        Args:
            x: (B, C, f, h, w).
            t: the clips' levels (B, 1).
            levels: what the model is told of them, (B, 1 or N).
            texts: the prompts' text tokens and those of no prompt, (B, T, D) each.
            masks: (B, T) each.
            conditions: control, camera, boxes; the pass without words has none.

        Returns:
            (B, C, f, h, w), float32.
        """
        told = {name: torch.cat([each, torch.zeros_like(each)]) for name, each in conditions.items()}
        both = x.repeat(2, 1, 1, 1, 1), levels.repeat(2, 1), torch.cat(texts), torch.cat(masks)
        prompted, free = self.transformer(*both, **told, return_dict=False)[0].float().chunk(2)
        pull = (self.sampling.guidance - 1) * (t / self.sampling.guidance_ramp).clamp(max=1)
        return prompted + wide(pull) * (prompted - free)


class FlowMapModule(nn.Module):
    """A text encoder, which stays as it is, and a transformer that is told where to arrive; forward returns
    the loss.
    """

    def __init__(self, text_encoder: TextEncoder, transformer: VideoTransformer, teacher: Teacher):
        super().__init__()
        self.text_encoder, self.transformer = text_encoder.requires_grad_(False), transformer
        self.teacher = teacher

    def forward(
        self,
        latents: Tensor,
        t: Tensor,
        r: Tensor,
        ids: Tensor,
        control: Tensor,
        camera: Tensor,
        boxes: Tensor,
        loss_weight: Tensor,
        noise: Tensor,
        known: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Flow-map loss of one batch.

        Args: as in `DiffusionModule.forward`, and
            r: (B, 1) levels to arrive at, at most t.

        Returns:
            `loss` to learn from; `velocity_loss` where r is t and `flow_loss` where it is not.
        """
        patch, latents = self.transformer.patch, latents.float()
        conditions = {"control": control, "camera": camera, "boxes": boxes}
        texts, masks = self.read(ids)
        x = torch.lerp(latents, noise, wide(t))  #                               (B, C, f, h, w)
        levels, arrival = (token_levels(each, known, patch) for each in (t, r))  # (B, 1 or N) twice
        weight = loss_weight[:, None].expand_as(x[:, :1])  #                     (B, 1, f, h, w)
        if known is not None:  # given frames stay where they are, and count nothing
            x, weight = torch.where(known[:, None], latents, x), weight.masked_fill(known[:, None], 0.0)
        velocity = self.teacher.to(x.device).velocity(x, t, levels, texts, masks, conditions)
        if known is not None:
            velocity = velocity.masked_fill(known[:, None], 0.0)
        target = self._target(x, velocity, t, r, known, texts[0], masks[0], conditions)
        u = self.transformer(x, levels, texts[0], masks[0], **conditions, r=arrival, return_dict=False)[0]
        error = ((u.float() - target).square() * weight).mean((1, 2, 3, 4))
        error = error / weight.mean((1, 2, 3, 4)).clamp(min=1e-6)  #             (B,)
        same = (t == r)[:, 0]
        parts = {"velocity_loss": error[same].mean(), "flow_loss": error[~same].mean()}
        loss = (error / (error.detach() + ROBUST).sqrt()).mean()
        return {"loss": loss, **{name: each.detach().nan_to_num() for name, each in parts.items()}}

    @torch.no_grad()
    def read(self, ids: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Text tokens of prompts (B, T) and of no prompt, and where real words are: two pairs."""
        nothing = torch.ones_like(ids)  # padding
        nothing[:, 0] = ids[:, 0]
        with torch.autocast(ids.device.type, enabled=False):
            return (self.text_encoder(ids), self.text_encoder(nothing)), (ids != 1, nothing != 1)

    @torch.no_grad()
    def _target(
        self,
        x: Tensor,
        velocity: Tensor,
        t: Tensor,
        r: Tensor,
        known: Tensor | None,
        text: Tensor,
        mask: Tensor,
        conditions: dict[str, Tensor],
    ) -> Tensor:
        """The mean velocity that u is to be, v - (t - r) du/dt; du/dt of those clips alone that need it."""
        last = self.teacher.sampling.last_level
        rows = ((r < t) & (t > last))[:, 0].nonzero()[:, 0]
        if not len(rows):
            return velocity
        x, v, t, r, text, mask = (each[rows] for each in (x, velocity, t, r, text, mask))
        given = None if known is None else known[rows]
        told: dict[str, Any] = {name: each[rows] for name, each in conditions.items()}
        patch, grid = self.transformer.patch, (x.shape[2], x.shape[3], x.shape[4])
        arrival = token_levels(r, given, patch)
        with torch.autocast(x.device.type, enabled=False):
            told["precomputed"] = self.transformer.precompute(
                grid, text.shape[1], **told, device=x.device, dtype=x.dtype
            )

            def side(level: Tensor) -> Tensor:
                moved = x + wide(level - t) * v
                levels = token_levels(level, given, patch)
                return self.transformer(moved, levels, text, mask, **told, r=arrival, return_dict=False)[0]

            above, below = ((t + step).clamp(last, 1) for step in (EPSILON, -EPSILON))
            slope = (side(above) - side(below)) / wide(above - below)
        return velocity.index_copy(0, rows, v - wide(t - r) * slope)


def wide(level: Tensor) -> Tensor:
    """(B, 1) -> (B, 1, 1, 1, 1)"""
    return level[:, :, None, None, None]


def draw_levels(rng: np.random.Generator, t: Tensor, last: float) -> tuple[Tensor, Tensor]:
    """Levels to start from and to arrive at, (B, 1) each, from levels t (B, 1) that are spread over [0, 1];
    see `SAME` and `AT_LAST`.
    """

    def chance() -> Tensor:
        return torch.from_numpy(rng.random(len(t)).astype(np.float32))[:, None]

    places = (rng.permutation(len(t)) + rng.random(len(t))) / len(t)  # one in each of so many equal parts
    kind = torch.from_numpy(places)[:, None]
    to_clip = (kind >= SAME) & (kind < SAME + TO_CLIP)
    t = torch.where(chance() < AT_START, torch.ones_like(t), last + (1 - last) * t)
    t = torch.where(to_clip & (kind < SAME + AT_LAST * TO_CLIP), torch.full_like(t, last), t)
    between = last + chance() * (t - last)
    return t, torch.where(kind < SAME, t, torch.where(to_clip, torch.zeros_like(t), between))


class DistillTask(DiffusionTask):
    """Teach a flow map."""

    data: DistillData
    evaluate_first = True
    grid_steps = STEPS

    _arrived: Tensor | None = None
    """Where the teacher ends, once it was followed."""

    @cached_property
    def start(self) -> Path:
        """The teacher's folder. Raises X2VError for a flow map."""
        return start_of(self.recipe, DistillData)

    @cached_property
    def sampling(self) -> SamplingDefaults:
        """How the teacher is sampled."""
        return sampling_defaults(self.start)

    def usual_vocabulary(self) -> Vocabulary:
        """The teacher's."""
        text = read_config(self.start / "text_encoder")
        return text["vocab"], text["synonyms"]

    def read_data(self, recipe: Recipe) -> DistillData:
        """The recipe's `[data]`. Raises X2VError for what it may not hold."""
        return read_table(DistillData, recipe.data, "[data]")

    def read_model(self, recipe: Recipe) -> ModelConfig:
        """The teacher's size."""
        return model_of(self.start)

    def build(self) -> nn.Module:
        """Teacher and student, of the same weights."""
        latent_std = read_config(self.start / "transformer").get("latent_std", ())
        made = DiffusionModule(self.config, *self.vocabulary, latent_std, 0.0)
        init_weights(made.text_encoder, self.start / "text_encoder")
        init_weights(made.transformer, self.start / "transformer")
        student = VideoTransformer.from_model_config(self.config, latent_std, flow_map=True)
        student.load_state_dict(made.transformer.state_dict())
        return FlowMapModule(made.text_encoder, student, Teacher(made.transformer, self.sampling))

    def batch(self, step: int, rank: int = 0, world_size: int = 1, moving: bool = True) -> Batch:
        """As for diffusion, with levels to arrive at."""
        batch = super().batch(step, rank, world_size, moving)
        rng = np.random.default_rng((self.recipe.seed, step, moving, 1, rank))
        batch["t"], batch["r"] = draw_levels(rng, batch["t"], self.sampling.last_level)
        return {name: each for name, each in batch.items() if name not in ("truth", "subject_ids")}

    def flops(self, batch: Batch) -> float:
        """By the formulas of flops.py: what is learned from, the teacher's two passes, and two more of the
        clips whose target needs a slope.
        """
        count, _, f, h, w = batch["latents"].shape
        words, shape = batch["ids"].shape[1], pixel_shape(f, h, w)
        how = {"per_token_levels": "known" in batch, "control": True, "camera": True}
        slopes = int(((batch["r"] < batch["t"]) & (batch["t"] > self.sampling.last_level)).sum())
        learned = train_flops(self.config, *shape, words, batch=count, **how)
        learned -= text_flops(self.config, words, batch=count)  # which is not trained
        return float(learned + forward_flops(self.config, *shape, words, batch=2 * (count + slopes), **how))

    @torch.no_grad()
    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """How far from where the teacher's steps end, as many as its weights are sampled in, the student's 1,
        2 and 4 (`COMPARED`) do from the same noise: the mean squared difference of latents, as a part of the
        variance of the teacher's.
        """
        world = is_world(self.dataset)
        batch = self.fixed("planned" if world and self.data.planned else "validation")
        device = next(model.parameters()).device
        moved = {key: value[:CLIPS].to(device) for key, value in batch.items()}
        if self._arrived is None:
            teacher = model.teacher.to(device).transformer
            self._arrived = self._follow(teacher, model, moved, self.sampling)
        wanted = self._arrived.to(device)
        scale = wanted.var()
        gaps = {}
        for steps in COMPARED:
            jumps = replace(self.sampling, steps=steps, guidance=1.0)
            made = self._follow(model.transformer, model, moved, jumps)
            gaps[f"gap_{steps}"] = float((made - wanted).square().mean() / scale)
        return gaps

    def _follow(
        self, transformer: VideoTransformer, model: nn.Module, batch: Batch, sampling: SamplingDefaults
    ) -> Tensor:
        """Where the sampler ends from a batch's noise (B, C, f, h, w)."""
        given = Conditions(control=batch["control"], camera=batch["camera"], boxes=batch["boxes"])
        needed = passes(sampling.guidance, 1.0, given)
        texts, masks = model.read(batch["ids"])
        text, mask = torch.cat(texts[: len(needed)]), torch.cat(masks[: len(needed)])
        grid = batch["latents"].shape[2:]
        ramp, jumps = sampling.guidance_ramp, transformer.config.flow_map
        velocity: Callable[..., Prediction] = GuidedVelocity(
            transformer, needed, text, mask, given, grid, ramp=ramp
        )
        run = sample(
            velocity, batch["noise"].float(), make_scheduler("euler", sampling.shift), sampling.steps,
            last_level=sampling.last_level, flow_map=jumps,
        )  # fmt: skip
        *_, end = run
        return end.next_latents.float()

    def make_pipeline(self, vae: VideoVAE, model: nn.Module) -> Any:
        """With the teacher's planner, sampled in `STEPS` jumps without guidance."""
        pipe = beside(super().make_pipeline(vae, model), self.start)
        pipe.register_modules(scheduler=make_scheduler("euler", self.sampling.shift))
        pipe.sampling = replace(self.sampling, steps=STEPS, guidance=1.0, quick_steps=None)
        return pipe
