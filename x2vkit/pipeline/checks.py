"""What is refused before it is run: pickles, broken weights, schedulers of another kind of model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import inf, prod
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from x2vkit.config import is_number
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


def check_claims(folder: Path) -> None:
    """Raise X2VError for a component whose config says that it is far larger than its weights: making it
    first would take gigabytes. What cannot be read is left to the loader.
    """
    try:
        config = (
            json.loads((folder / "config.json").read_text()) if (folder / "config.json").is_file() else {}
        )
        held = sum(_numbers(path) for path in folder.glob("*.safetensors") if path.is_file())
    except (OSError, ValueError, RecursionError, SafetensorError):
        return
    if not isinstance(config, dict) or not held:
        return
    sizes = {name: value for name, value in config.items() if name != "format_version"}
    whole = {name: _whole(value) for name, value in sizes.items()}
    widths = whole.get("width") or whole.get("widths") or [1]
    depths = sum(sum(values) for name, values in whole.items() if name.endswith(("depth", "depths")))
    claims = {name: max(values, default=0) * min(widths) for name, values in whole.items()}
    claims["depth"] = depths * min(widths) ** 2  # a block has more than a matrix of its width
    claims["width"] = max(widths) ** 2
    name = max(claims, key=lambda one: claims[one])
    if claims[name] > held:
        rule = (
            f"its config.json asks for {claims[name]:.3g} numbers and more ({name}), its file holds {held:,}"
        )
        raise X2VError(f"weights {str(folder)!r}", rule, "fetch them again")


def _numbers(path: Path) -> float:
    """How many numbers a file of weights holds, by its header; no end of them where they are packed."""
    with safe_open(path, framework="numpy") as file:
        parts = [file.get_slice(key) for key in file.keys()]
        if any(part.get_dtype() in ("U8", "I8") for part in parts):
            return inf
        return sum(prod(part.get_shape()) for part in parts)


def _whole(value: Any) -> list[int]:
    """The whole numbers above 0 of a config's value: itself, or those of its list."""
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, int) and not isinstance(one, bool) and one > 0]


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


WRECKED = 30.0
"""Times the standard deviation of a video's latents that a clip's never has."""


def check_latents(latents: Tensor, dtype: torch.dtype) -> None:
    """Raise X2VError for a clip whose latents (B, C, f, h, w) no model means: a picture of them would be
    black or a mush, without a word. They are not numbers, or far larger than a video's.
    """
    got = f"a clip in {str(dtype).removeprefix('torch.')}"
    size = latents.float().square().mean(dim=(1, 2, 3, 4)).sqrt()  # (B,)
    if not torch.isfinite(size).all():
        rule = "in this run the model's numbers left its range"
        raise X2VError(got, rule, "use bfloat16 or float32, and guidance of 1 to 20")
    if (size > WRECKED).any():
        rule = f"its latents are {size.max():.3g} times as large as a video's"
        raise X2VError(got, rule, "use guidance of 1 to 20; if it is that already, the weights are broken")


def check_video(video: Tensor) -> None:
    """Raise X2VError for clips (B, 3, F, H, W) in [-1, 1] of which one is a single colour from end to end."""
    pixels = video.flatten(2)  # (B, 3, F * H * W)
    if not torch.isfinite(pixels).all():
        rule = "the decoder made values of its latents that are not numbers"
        raise X2VError("a clip", rule, "its weights are broken: fetch or train them again")
    if bool(((pixels.amax(2) - pixels.amin(2)).amax(1) < 1 / 255).any()):
        cure = "use guidance of 1 to 20; if it is that already, the weights are broken"
        raise X2VError("a clip", "every pixel of every frame has one colour", cure)


def check_numbers(**values: Any) -> None:
    """Raise X2VError for a value, by its argument's name, that is no finite number."""
    for name, value in values.items():
        if not is_number(value):
            raise X2VError(f"{name}={value!r:.60}", f"{name} is a finite number", "use 1 for none, or 4")


def check_kinds(values: Mapping[str, Any], kinds: Mapping[str, tuple[Any, str]]) -> None:
    """Raise X2VError for a value that is neither None nor of its kind.

    kinds: argument -> its types, and what it is in words.
    """
    for name, (types, said) in kinds.items():
        value = values.get(name)
        if value is not None and not isinstance(value, types):
            got = f"{name}={repr(value):.60}"
            raise X2VError(got, f"{name} is {said}", "leave it out, or give one")


def check_tensor(name: str, value: Any) -> None:
    """Raise X2VError for what is no tensor of finite floating-point numbers; None passes."""
    if value is None:
        return
    if not isinstance(value, Tensor) or not value.is_floating_point():
        kind = f"{value.dtype} tensor" if isinstance(value, Tensor) else type(value).__name__
        raise X2VError(f"{name} of {kind}", "it is a tensor of floating-point numbers", "leave it out")
    if not torch.isfinite(value).all():
        raise X2VError(f"{name} with nan or inf", "every number is finite", "leave it out")


def check_generators(generator: Any, clips: int) -> None:
    """Raise X2VError for what is no generator, and for a list of another length than there are clips."""
    each = generator if isinstance(generator, (list, tuple)) else [generator]
    if not all(one is None or isinstance(one, torch.Generator) for one in each):
        rule = "a generator is a torch.Generator, or a list of them"
        raise X2VError(f"generator={generator!r}"[:80], rule, "use torch.Generator().manual_seed(0)")
    if isinstance(generator, (list, tuple)) and len(generator) != clips:
        rule = f"there are {clips} clips"
        raise X2VError(f"{len(generator)} generators", rule, "give one, or one for each clip")
