"""Whether a recipe can be trained here at all: its tables read, its model counted without being made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import torch
from torch import nn

from x2vkit.axes import latent_shape
from x2vkit.config import ModelConfig
from x2vkit.core.planner import Planner
from x2vkit.core.transformer import VideoTransformer
from x2vkit.core.upscaler import SCALE, Upscaler
from x2vkit.core.vae import VideoVAE
from x2vkit.cost import PIXEL_BYTES, check_memory
from x2vkit.device import free_gpu_bytes
from x2vkit.errors import X2VError
from x2vkit.flops import tokens
from x2vkit.judge.frame import FrameModel
from x2vkit.judge.motion import MotionModel
from x2vkit.training import planner, upscale, vae
from x2vkit.training.diffusion.config import MODEL_RANGES, DiffusionData, check_size
from x2vkit.training.diffusion.tune import TuneData, model_of, start_of
from x2vkit.training.distill import DistillData
from x2vkit.training.judge import frame, motion
from x2vkit.training.recipe import Recipe
from x2vkit.training.schema import read_arguments, read_table

STATE_BYTES = 20
"""Of each weight in training: itself, its average, its gradient, and up to two moments of the optimiser."""
STEP_BYTES = 8
"""Times what decoding a crop holds that a step of the autoencoder holds, forward and backward."""
Made = tuple[nn.Module, int]
"""A model that holds no numbers yet, and the bytes of activations that a step of its training keeps."""


def _diffusion(recipe: Recipe) -> Made:
    data = read_table(DiffusionData, recipe.data, "[data]")
    config = read_table(ModelConfig, recipe.model, "[model]", MODEL_RANGES)
    check_size(config)
    data.check(config)
    first = data.buckets[0]
    length = tokens(config, first.frames, first.height, first.width) + data.max_words
    # A block keeps L E (34 + 5 A L / E) bytes of a clip in 16 bits (Korthikanti et al., arXiv 2205.05198).
    kept = length * config.width * 34 + 5 * config.heads * length**2
    return VideoTransformer.from_model_config(config), recipe.engine.batch * config.depth * kept


def _tune(recipe: Recipe) -> Made:
    config, data = model_of(start_of(recipe)), read_table(TuneData, recipe.data, "[data]")
    model, kept = _of_weights(recipe, config, data, config.max_words)
    return model, kept * (1 + (data.replay > 0))


def _distill(recipe: Recipe) -> Made:
    config, data = model_of(start_of(recipe, DistillData)), read_table(DistillData, recipe.data, "[data]")
    data.check(config)
    return _of_weights(recipe, config, data, data.max_words)


def _of_weights(recipe: Recipe, config: ModelConfig, data: DiffusionData, max_words: int) -> Made:
    """As a diffusion model of the size of weights that are there."""
    table = {"buckets": data.buckets, "max_words": max_words}
    return _diffusion(replace(recipe, task="diffusion", model=asdict(config), data=table))


def _vae(recipe: Recipe) -> Made:
    data = read_table(vae.VAEData, recipe.data, "[data]")
    model = VideoVAE(**read_arguments(VideoVAE, recipe.model, "[model]", vae.MODEL_RANGES))
    wide = max(1, model.config.widths[-1] / 64)  # what PIXEL_BYTES was measured with
    latents = latent_shape(data.num_frames, data.crop, data.crop)[0] * data.crop**2
    return model, round(recipe.engine.batch * latents * PIXEL_BYTES * STEP_BYTES * wide)


def _upscale(recipe: Recipe) -> Made:
    data = read_table(upscale.UpscaleData, recipe.data, "[data]")
    model = Upscaler(**read_arguments(Upscaler, recipe.model, "[model]", upscale.MODEL_RANGES))
    latents = latent_shape(data.num_frames, data.crop, data.crop)[0] * (SCALE * data.crop) ** 2
    return model, round(recipe.engine.batch * latents * PIXEL_BYTES * STEP_BYTES)


def _planner(recipe: Recipe) -> Made:
    data = read_table(planner.PlannerData, recipe.data, "[data]")
    size = read_table(planner.PlannerSize, recipe.model, "[model]")
    length = data.max_words + max(frames for frames, _, _, _ in data.clips)
    kept = length * size.width * 34 + 5 * size.heads * length**2
    return Planner(["a"], max_words=data.max_words, **vars(size)), recipe.engine.batch * size.depth * kept


def _frame(recipe: Recipe) -> Made:
    read_table(frame.FrameData, recipe.data, "[data]")
    return FrameModel(**read_arguments(FrameModel, recipe.model, "[model]", frame.MODEL_RANGES)), 0


def _motion(recipe: Recipe) -> Made:
    read_table(motion.MotionData, recipe.data, "[data]")
    return MotionModel(**read_arguments(MotionModel, recipe.model, "[model]", motion.MODEL_RANGES)), 0


TASKS: dict[str, Callable[[Recipe], Made]] = {
    "vae": _vae,
    "diffusion": _diffusion,
    "tune": _tune,
    "distill": _distill,
    "planner": _planner,
    "upscale": _upscale,
    "judge-frames": _frame,
    "judge-motion": _motion,
}
"""Task -> its tables read, its model made without numbers, and what a step of it keeps."""


def check_recipe(recipe: Recipe) -> None:
    """Raise X2VError for a recipe that cannot be trained here: a value that its task's tables do not allow,
    or a model or a batch that needs more memory than there is.
    """
    if recipe.task not in TASKS:
        raise X2VError(f"task {recipe.task!r}", f"a recipe's task is {', '.join(TASKS)}", "correct it")
    with torch.device("meta"):
        model, kept = TASKS[recipe.task](recipe)
    count = sum(parameter.numel() for parameter in model.parameters())
    got = f"a model of {count:.3g} parameters and a batch of {recipe.engine.batch}"
    free = free_gpu_bytes() if torch.cuda.is_available() else None
    check_memory(got, STATE_BYTES * count + kept, "lower [model] width or depth, or [engine] batch", free)
