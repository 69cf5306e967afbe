"""Whether a call can be run, asked before anything is computed: kinds of arguments, memory and time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from x2vkit.axes import Shape3, check_shape
from x2vkit.config import ModelConfig
from x2vkit.core.conditions import Conditions
from x2vkit.core.guidance import guided_twice
from x2vkit.core.sampler import check_sampling
from x2vkit.cost import RunSize, check_run
from x2vkit.device import free_gpu_bytes
from x2vkit.errors import X2VError
from x2vkit.pipeline.checks import check_kinds, check_numbers, check_tensor
from x2vkit.pipeline.prompts import prompts_of

KINDS: dict[str, tuple[Any, str]] = {
    "conditions": (Conditions, "a Conditions, as Conditions.draw makes them"),
    "boxes": ((list, tuple, np.ndarray), "a list of boxes"),
    "shared_attention": (bool, "True or False"),
    "num_videos_per_prompt": (int, "a whole number"),
}
"""Argument of `X2VPipeline.stream` -> what it is."""

SCALES = ("guidance_scale", "control_guidance_scale", "mouth_guidance_scale")
"""Guidance scales of a run: of words, of control, of a mouth; each that is not 1 costs a pass."""


def model_config(pipe: Any) -> ModelConfig:
    """The sizes of a pipeline's transformer and text encoder."""
    video, text = pipe.transformer.config, getattr(pipe.text_encoder, "config", None)
    names = {one.name for one in fields(ModelConfig)} & set(video)
    size = {name: video[name] for name in names} | {"patch": pipe.transformer.patch}
    if text is not None:
        size |= {"text_depth": text.depth, "max_words": text.max_words}
    return ModelConfig(**size)


def check_cost(
    pipe: Any,
    shape: Shape3,
    steps: int,
    guidance: float,
    control_guidance: float,
    clips: int = 1,
    shared: bool = False,
    mouth_guidance: float = 1.0,
) -> None:
    """Raise X2VError for a run that needs more memory or time than there is, with what would fit.

    Args:
        pipe: an X2VPipeline.
        shape: frames, height, width.
        steps: denoising steps.
        guidance, control_guidance: guidance scales; each that is not 1 costs a pass.
        clips: clips made together.
        shared: whether they look at each other.
        mouth_guidance: as the other scales.
    """
    config, device = model_config(pipe), pipe._execution_device.type
    passes = 1 + sum(scale != 1 for scale in (guidance, control_guidance, mouth_guidance))
    size = RunSize(
        config, *shape, clips, steps, passes, config.max_words, device,
        pipe.transformer.dtype.itemsize, shared=shared,
    )  # fmt: skip
    check_run(size, free_gpu_bytes() if device == "cuda" else None)


def check_stream(pipe: Any, shape: Shape3, steps: Any, **given: Any) -> None:
    """Raise X2VError for what `X2VPipeline.stream` cannot be called with.

    Args:
        pipe: an X2VPipeline.
        shape: frames, height, width.
        steps: denoising steps.
        **given: the others of its arguments, nothing left open.
    """
    check_shape(*shape, pipe.transformer.patch)
    check_sampling(steps, given["strength"], pipe.sampling.last_level)
    check_kinds(given, KINDS)
    check_numbers(**{name: given[name] for name in SCALES})
    if pipe.transformer.config.flow_map:
        check_unguided(given)
    check_tensor("latents", given["latents"])
    for name in ("prompt_embeds", "negative_prompt_embeds"):
        _check_width(name, given.get(name), pipe.transformer.config.text_width)
    each = given.get("num_videos_per_prompt", 1)
    if isinstance(each, bool) or each < 1:
        raise X2VError(f"num_videos_per_prompt={each}", "every prompt gets 1 clip or more", "use 1")
    embeds = given.get("prompt_embeds")
    prompts = prompts_of(given["prompt"]) if embeds is None else embeds
    clips = max(1, len(prompts)) * each
    guidance, control, mouth = (given[name] for name in SCALES)
    check_cost(pipe, shape, steps, guidance, control, clips, given["shared_attention"], mouth)


def check_unguided(given: Mapping[str, Any]) -> None:
    """Raise X2VError for what would guide a flow map, which has its guidance built in, once more."""
    for name in SCALES:
        if given[name] != 1:
            raise guided_twice(f"{name}={given[name]}")
    for name in ("negative_prompt", "negative_prompt_embeds"):
        value = given.get(name)
        if value is not None and not (isinstance(value, (str, list, tuple)) and not any(value)):
            raise guided_twice(name, "leave it out")


def _check_width(name: str, embeds: Any, width: int) -> None:
    """Raise X2VError for embeddings that the transformer does not read; None passes."""
    check_tensor(name, embeds)
    if embeds is not None and (embeds.ndim != 3 or not embeds.numel() or embeds.shape[2] != width):
        rule = f"embeddings are (prompts, words, {width})"
        raise X2VError(f"{name} of shape {tuple(embeds.shape)}", rule, "make them with encode_prompt")
