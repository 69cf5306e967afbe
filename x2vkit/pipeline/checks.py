"""What is refused before it is run: pickles, broken weights, schedulers of another kind of model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from x2vkit.errors import X2VError

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
"""Suffixes of weight files that can run code when they are opened; never loaded."""
LOAD_ERRORS = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, SafetensorError)
"""What diffusers raises for weights that are missing, broken or of another model."""


def refuse_pickles(folder: Path) -> None:
    """Raise X2VError for a folder that has pickles and no safetensors."""
    pickles = [path for path in folder.glob("*") if path.suffix in PICKLES]
    if pickles and not list(folder.glob("*.safetensors")):
        raise pickle_error(pickles[0])


def pickle_error(path: Path | str) -> X2VError:
    """What is said of a pickle."""
    rule = "a pickle can run code and is neither opened nor written"
    return X2VError(f"weights {str(path)!r}", rule, "convert it to safetensors")


@contextmanager
def loading(source: str, variant: str | None = None) -> Iterator[None]:
    """While in it, an error of diffusers' loaders becomes an X2VError that keeps its reason."""
    usual_dtype = torch.get_default_dtype()
    try:
        yield
    except X2VError:
        raise
    except LOAD_ERRORS as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if variant is not None and "variant" in str(error):
            cure = f"leave variant out, or save one with save_pretrained(folder, variant={variant!r})"
            raise X2VError(f"weights {source!r}", str(error).strip().removesuffix("."), cure) from error
        rule = f"it does not hold the weights of an x2vkit pipeline ({reason})"
        raise X2VError(f"weights {source!r}", rule, "train them, or fetch them again") from error
    finally:
        torch.set_default_dtype(usual_dtype)  # diffusers leaves its own behind when a load fails


def check_weights(model: torch.nn.Module, name: str) -> None:
    """Raise X2VError when a weight is missing or is not a finite number.

    Quantised weights (torchao's are tensors of classes of their own) are left to whoever quantised them, and
    weights that lie on disk until they are needed (`hf_device_map`) to accelerate.
    """
    for key, value in model.state_dict().items():
        if value.is_meta and not hasattr(model, "hf_device_map"):
            raise X2VError(f"weights {name!r}", f"{key} is missing", "fetch or train them again")
        if not value.is_meta and _plain(value) and not torch.isfinite(value.float()).all():
            rule = f"{key} holds values that are not numbers"
            raise X2VError(f"weights {name!r}", rule, "use an older checkpoint")


def _plain(value: Tensor) -> bool:
    """Whether a weight is a tensor of floating-point numbers and nothing more."""
    return type(value) in (Tensor, torch.nn.Parameter) and value.is_floating_point()


def check_scheduler(scheduler: Any) -> None:
    """Raise X2VError unless a scheduler follows straight lines from noise to video (flow matching)."""
    name, config = type(scheduler).__name__, scheduler.config
    if name.startswith("Flow"):
        return
    flow = config.get("use_flow_sigmas") and config.get("prediction_type") == "flow_prediction"
    if flow:
        return
    rule = "the model predicts flow-matching velocities"
    if "use_flow_sigmas" in config:
        flags = 'prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=2.0'
        raise X2VError(f"scheduler {name}", rule, f"use {name}.from_config(pipe.scheduler.config, {flags})")
    cure = "use FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler or UniPCMultistepScheduler"
    raise X2VError(f"scheduler {name}", rule, cure)


def check_finite(latents: Tensor, dtype: torch.dtype) -> None:
    """Raise X2VError for a clip of values that are not numbers, which would be black without a word."""
    if not torch.isfinite(latents).all():
        rule = "in this run the model's numbers left its range"
        raise X2VError(f"a clip in {str(dtype).removeprefix('torch.')}", rule, "use bfloat16 or float32")


def check_generators(generator: Any, clips: int) -> None:
    """Raise X2VError for what is no generator, and for a list of another length than there are clips."""
    each = generator if isinstance(generator, (list, tuple)) else [generator]
    if not all(one is None or isinstance(one, torch.Generator) for one in each):
        rule = "a generator is a torch.Generator, or a list of them"
        raise X2VError(f"generator={generator!r}"[:80], rule, "use torch.Generator().manual_seed(0)")
    if isinstance(generator, (list, tuple)) and len(generator) != clips:
        rule = f"there are {clips} clips"
        raise X2VError(f"{len(generator)} generators", rule, "give one, or one for each clip")
