"""The stages of a pipeline as functions of plain tensors with fixed shapes: what the page has a graph of.

    F, H, W frames and pixels; C, f, h, w latent grid; T text tokens (always the longest prompt's), N video
    tokens A heads, D channels of a head, K coordinate systems, R numbers of a plan's frame

Each stage works on one clip and one guidance pass. Knows nothing about ONNX (convert.py) or files
(export.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from x2vkit.axes import Shape3, latent_shape
from x2vkit.core.attention import MASK_VALUE
from x2vkit.core.conditions import CAMERA_CHANNELS
from x2vkit.core.motion import Correspondence, Correspondences
from x2vkit.core.planner import GROUPS, GUIDANCE, TRACKS, Planner
from x2vkit.core.raster import CONTROL_CHANNELS, SUBJECTS
from x2vkit.core.text import TextEncoder
from x2vkit.core.transformer import Precomputed, VideoTransformer
from x2vkit.core.vae import VideoVAE

Outputs = Mapping[str, Tensor]
TABLES = (
    *("box_features", "angle_features", "previous", "previous_rotation"),
    *("next", "next_rotation", "first", "first_rotation"),
)
"""What boxes and camera of a clip mean, as `Correspondences` has it: the conditions' outputs, the step's
inputs.
"""


@dataclass(frozen=True)
class Stage:
    """One stage at one shape."""

    run: Callable[..., Outputs]
    """Named tensors -> named tensors."""
    inputs: dict[str, Tensor]
    """Numbers to trace it with; their shapes are those of the page."""


def text_stage(encoder: TextEncoder) -> Stage:
    """ids (1, T) int64, 1 where there is no word -> text (1, T, width), zeros there."""

    def run(ids: Tensor) -> Outputs:
        return {"text": encoder(ids) * (ids != 1)[:, :, None].float()}

    ids = torch.zeros(1, encoder.config.max_words + 1, dtype=torch.int64)
    ids[:, 2:] = 1
    return Stage(run, {"ids": ids})


def planner_stage(planner: Planner, frames: int) -> Stage:
    """The guided velocity of a plan (1, F, R) at a level t (1, 1); ids (1, T), 0 where there is no word;
    given (1, F, R) and known (1, groups) as in `Planner.forward`; aspect (1, 1).
    """

    def run(tracks: Tensor, t: Tensor, ids: Tensor, given: Tensor, known: Tensor, aspect: Tensor) -> Outputs:
        conditional, unconditional = (
            planner(tracks, t, each, given, known, aspect) for each in (ids, torch.zeros_like(ids))
        )
        return {"velocity": unconditional + GUIDANCE * (conditional - unconditional)}

    tracks = torch.randn(1, frames, TRACKS)
    ids = torch.zeros(1, planner.config.max_words, dtype=torch.int64)
    ids[:, 0] = 1
    level, known = torch.full((1, 1), 0.7), torch.zeros(1, len(GROUPS))
    inputs = {"tracks": tracks, "t": level, "ids": ids, "given": torch.zeros_like(tracks), "known": known}
    return Stage(run, inputs | {"aspect": torch.zeros(1, 1)})


def conditions_stage(transformer: VideoTransformer, shape: Shape3) -> Stage:
    """What `VideoTransformer.precompute` makes of control (1, 10, f, h, w), camera (1, f, 4) and boxes
    (1, F, 2, 5), zeros where nothing is given: cos and sin (1, A, N, D), and TABLES.
    """
    grid = latent_shape(*shape)

    def run(control: Tensor, camera: Tensor, boxes: Tensor) -> Outputs:
        found = transformer.precompute(grid, 0, control, camera, boxes, control.device, torch.float32)
        cos, sin = (part.reshape(1, -1, *part.shape[-2:]) for part in found.rotary)
        outputs = {"cos": cos, "sin": sin}
        if found.correspondences is not None:
            tables = zip(TABLES, _tables(found.correspondences), strict=True)
            outputs |= {name: table for name, table in tables if table.numel()}  # a still has no other frames
        return outputs

    return Stage(run, _drawn(shape))


def step_stage(transformer: VideoTransformer, shape: Shape3, max_words: int) -> Stage:
    """One guidance pass: latents (1, C, f, h, w) at level t (1, 1), text (1, T, width) and its mask (1, T),
    1 on real words, control, camera and what the conditions made of them -> velocity (1, C, f, h, w), and
    of every layer i the queries q{i} and keys k{i} (A, T + N, D) after norm and rotation.
    """
    config = transformer.config

    def run(latents: Tensor, t: Tensor, text: Tensor, mask: Tensor, **given: Tensor) -> Outputs:
        control, camera, cos, sin = (given[name] for name in ("control", "camera", "cos", "sin"))
        one = torch.ones(1, cos.shape[1], text.shape[1], cos.shape[3])
        cos, sin = torch.cat([one, cos], 2), torch.cat([torch.zeros_like(one), sin], 2)
        known = Precomputed((cos, sin), _correspondences(given))
        seen: list[Tensor] = []
        bias = (1 - mask)[:, None, None, :] * MASK_VALUE
        bias = torch.cat([bias, torch.zeros(1, 1, 1, cos.shape[2] - text.shape[1])], 3)

        def look(_: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
            seen.extend(inputs[:2])
            return (*inputs[:3], bias)

        hooks = [
            block.attention.scaled_dot_product.register_forward_pre_hook(look) for block in transformer.blocks
        ]
        try:
            velocity = transformer(latents, t, text, None, control, camera, precomputed=known)[0]
        finally:
            for hook in hooks:
                hook.remove()
        names = [f"{kind}{i}" for i in range(config.depth) for kind in "qk"]
        return {"velocity": velocity, **{name: x[0] for name, x in zip(names, seen, strict=True)}}

    conditions = conditions_stage(transformer, shape)
    with torch.no_grad():
        found = conditions.run(**conditions.inputs)
    words = max_words + 1
    inputs = {
        "latents": torch.randn(1, config.latent_channels, *latent_shape(*shape)),
        "t": torch.full((1, 1), 0.7),
        "text": torch.randn(1, words, config.text_width),
        "mask": (torch.arange(words) < 3).float()[None],
        "control": conditions.inputs["control"],
        "camera": conditions.inputs["camera"],
    }
    return Stage(run, inputs | dict(found))


def decode_stage(vae: VideoVAE, shape: Shape3) -> Stage:
    """latents (1, C, f, h, w) -> frames (F, H, W, 3) uint8."""

    def run(latents: Tensor) -> Outputs:
        video = vae.decode_raw(vae.unnormalise(latents))[0].clamp(-1, 1)
        return {"frames": ((video + 1) * 127.5).round().permute(1, 2, 3, 0).to(torch.uint8)}

    return Stage(run, {"latents": torch.randn(1, vae.config.latent_channels, *latent_shape(*shape))})


def _drawn(shape: Shape3) -> dict[str, Tensor]:
    """Made-up conditions in which both subjects and the camera move."""
    f, h, w = latent_shape(*shape)
    control = torch.rand(1, CONTROL_CHANNELS, f, h, w)
    boxes = torch.rand(1, shape[0], SUBJECTS, 5)
    boxes[..., 2:4] += boxes[..., :2]
    return {"control": control, "camera": 0.1 * torch.rand(1, f, CAMERA_CHANNELS), "boxes": boxes}


def _tables(found: Correspondences) -> tuple[Tensor, ...]:
    """Correspondences as TABLES, each match's weights and rotation side by side."""
    matches = (found.previous, found.next, found.first)
    return (
        found.box_features,
        found.angle_features,
        *(part for one in matches for part in (one.weights, one.rotation)),
    )


def _correspondences(tables: Mapping[str, Tensor]) -> Correspondences | None:
    """The inverse of `_tables`; None where there are none."""
    if TABLES[0] not in tables:
        return None
    boxes, angles, *parts = (tables.get(name, torch.zeros(0)) for name in TABLES)
    return Correspondences(boxes, angles, *(Correspondence(*parts[i : i + 2]) for i in (0, 2, 4)))
