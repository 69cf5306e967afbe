"""Weights on disk -> a pipeline that can run. Knows nothing about traces."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import diffusers

from x2vkit.core.vae import VideoVAE
from x2vkit.device import fast_dtype
from x2vkit.errors import X2VError
from x2vkit.pipeline.x2v import X2VPipeline
from x2vkit.registry import DEFAULT_MODEL, is_lora, shipped, weights_folder


def load(name: str = DEFAULT_MODEL, lora: str | Path | Sequence[str | Path] = ()) -> X2VPipeline:
    """A new pipeline with the weights that ship under `name`, or from a folder that `save_pretrained` wrote.

    Args:
        name: a name of `registry.shipped()`, or a folder; that of a LoRA brings the weights that it is for.
        lora: folder or file of a LoRA to add, or several.

    Raises:
        X2VError: there are no such weights, or they are damaged, of another version or model, or a pickle.
    """
    loras = [lora] if isinstance(lora, (str, Path)) else list(lora)
    pipe = _pipeline(name)
    for each in [name] * is_lora(name) + loras:
        pipe.load_lora_weights(each)
    return pipe


def _pipeline(name: str) -> X2VPipeline:
    folder = weights_folder(name)
    parts = {}
    if folder in shipped().values() and not (folder / "vae").is_dir():
        # Models that differ in training compute alone share one autoencoder: its weights ship once.
        parts["vae"] = VideoVAE.from_pretrained(shipped()[DEFAULT_MODEL] / "vae", dtype=fast_dtype())
    shown = diffusers.utils.logging.is_progress_bar_enabled()
    diffusers.utils.logging.disable_progress_bar()  # four small files: its bar would only clutter a notebook
    try:
        return X2VPipeline.from_pretrained(folder, dtype=fast_dtype(), **parts)
    finally:
        if shown:
            diffusers.utils.logging.enable_progress_bar()


@cache
def loaded(name: str) -> X2VPipeline:
    """The pipeline that `generate` and `record` use for a model name, loaded once. Errors as `load`."""
    return load(name)


def chosen(pipeline: Any, name: str) -> X2VPipeline:
    """A pipeline that was given; without one, what `loaded` has under a name. X2VError for anything else."""
    if pipeline is None:
        return loaded(name)
    if not isinstance(pipeline, X2VPipeline):
        cure = 'make one: x2v.load("small"), or name the weights: model="small"'
        raise X2VError(f"pipeline={pipeline!r:.60}", "a pipeline is an X2VPipeline", cure)
    return pipeline


def quiet() -> None:
    """Keep diffusers' own progress bars and notes off the terminal, for a program that has its own."""
    diffusers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity_error()
