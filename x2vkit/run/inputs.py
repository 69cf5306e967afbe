"""What is given to a run beside its request, as the named arrays that a trace keeps, and back.

    F frames; C, f, h, w latent grid

A picture, a video with its strength, boxes, conditions on the latent grid, a plan changed by hand, and the
noise itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from x2vkit import media
from x2vkit.core.conditions import Conditions
from x2vkit.core.planner import Plan
from x2vkit.core.raster import numbers
from x2vkit.errors import X2VError
from x2vkit.pipeline.inputs import check_amount
from x2vkit.run.edit import Edit


def as_arrays(
    image: Any = None,
    video: Any = None,
    strength: float = 0.6,
    boxes: Sequence[NDArray] = (),
    conditions: Conditions | None = None,
    plan: Plan | None = None,
    latents: Tensor | None = None,
) -> dict[str, NDArray]:
    """What was given, as named arrays; the inverse of `as_arguments`.

    Args: those of `X2VPipeline.stream`.

    Raises:
        X2VError: a plan of several clips.
    """
    if plan is not None and len(plan.boxes) != 1:
        raise X2VError(f"a plan of {len(plan.boxes)} clips", "a trace is of one clip", "give the plan of one")
    for name, pictures in (("image", image), ("video", video)):
        check_amount(name, pictures)
    named: dict[str, Any] = {"image": image, "video": video, "latents": latents}
    named |= {"strength": strength} if video is not None else {}
    named |= {f"boxes.{i}": box if box is None else numbers("a box", box) for i, box in enumerate(boxes)}
    named |= {f"conditions.{name}": value for name, value in vars(conditions or Conditions()).items()}
    named |= {f"plan.{name}": tracks for name, tracks in (vars(plan) if plan else {}).items()}
    return {name: _as_array(value) for name, value in named.items() if value is not None}


def as_arguments(arrays: Mapping[str, NDArray]) -> dict[str, Any]:
    """Named arrays as the arguments of `record`: those of `X2VPipeline.stream`, and an edit."""
    given: dict[str, Any] = {name: arrays[name] for name in ("image", "video") if name in arrays}
    if "latents" in arrays:
        given["latents"] = torch.tensor(arrays["latents"])
    if "strength" in arrays:
        given["strength"] = float(arrays["strength"].item())  # a file keeps one number as an array of one
    if boxes := [arrays[name] for name in sorted(arrays) if name.startswith("boxes.")]:
        given["boxes"] = boxes
    if grids := _under("conditions", arrays):
        given["conditions"] = Conditions(**{name: torch.tensor(grid) for name, grid in grids.items()})
    if "edit" in arrays:
        given["edit"] = Edit.from_array(arrays["edit"])
    if tracks := _under("plan", arrays):
        given["plan"] = Plan(**{name: np.array(track) for name, track in tracks.items()})
    return given


def _under(kind: str, arrays: Mapping[str, NDArray]) -> dict[str, NDArray]:
    start = f"{kind}."
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def _as_array(value: Any) -> NDArray:
    if isinstance(value, Image.Image):
        value = media.to_rgb(value)
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.is_floating_point() else value).numpy()
    return np.array(value)
