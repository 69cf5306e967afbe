"""The judge's motion model: what the frame model read from each frame -> action, direction, camera, relation.

    n  clips        F  frames        D  numbers that describe one frame (see `describe`)

Two things are exact and need no learning: where the subjects are (from the kind map) and how the background
moves (the least-squares flow of Lucas and Kanade 1981, in a 4 x 4 grid of windows, without the pixels of
subjects). A small network over time reads them together with the frame model's features; it works at any
number of frames, at 12 frames a second.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as nnf
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from x2vkit.config import FORMAT_VERSION, check_format
from x2vkit.judge.frame import CELL
from x2vkit.world.grammar import ACTIONS, CAMERAS, RELATIONS

MOVES: dict[str, tuple[str, ...]] = {
    "action": ACTIONS,
    "direction": ("left", "right"),
    "camera": CAMERAS,
    "relation": ("none", *RELATIONS),
}
"""What is read from a clip's motion -> the words it can be."""
WINDOWS = 4
"""The background's flow is measured in WINDOWS x WINDOWS windows."""
CLEAR = 3
"""Cells that are left out around subjects: their soft edges move with them."""
TRACK = 6
"""Numbers of one subject in one frame: centre x, y, width, height, area, and whether it is seen at all."""
DROPPED = 0.3
"""Part of what is read that is hidden in training: thousands of clips are learned by heart otherwise."""
ATTRIBUTES_SEEN = ("pose", "facing", "subject", "scene", "other")
"""Attributes of a frame whose probabilities the network over time sees, and beside them the mouth's openness.
"""


class MotionModel(ModelMixin, ConfigMixin):
    """Descriptions of frames -> action, direction, camera, relation."""

    @register_to_config
    def __init__(
        self,
        features: int = 256,
        attributes: int = 47,
        width: int = 64,
        depth: int = 3,
        format_version: int = FORMAT_VERSION,
    ) -> None:
        """features: the frame model's; attributes: probabilities that come along; width, depth: channels and
        blocks over time.
        """
        super().__init__()
        check_format(format_version)
        self.squeeze = nn.Linear(features, width // 2)
        self.enter = nn.Linear(width // 2 + attributes + 3 * WINDOWS**2 + 4 * TRACK, width)
        self.blocks = nn.ModuleList(_TimeBlock(width, 2**i) for i in range(depth))
        self.heads = nn.ModuleDict({name: nn.Linear(2 * width, len(words)) for name, words in MOVES.items()})

    def forward(self, features: Tensor, attributes: Tensor, flow: Tensor, track: Tensor) -> dict[str, Tensor]:
        """features (n, F, features), attributes (n, F, attributes), flow (n, F, 48), track (n, F, 12).

        Returns logits (n, words) of each of `MOVES`, and `features` (n, 2 * width), what they are read from.
        """
        step = torch.diff(track, dim=1, prepend=track[:, :1]) * 10
        seen = nnf.dropout(nnf.silu(self.squeeze(features)), DROPPED, self.training)
        x = self.enter(torch.cat([seen, attributes, flow, track, step], -1)).transpose(1, 2)
        for block in self.blocks:
            x = block(x)  # (n, width, F)
        pooled = nnf.dropout(torch.cat([x.mean(2), x.amax(2)], 1), DROPPED, self.training)
        return {"features": pooled, **{name: head(pooled).float() for name, head in self.heads.items()}}


class _TimeBlock(nn.Module):
    """A residual block that looks two frames to either side, `apart` frames apart."""

    def __init__(self, width: int, apart: int):
        super().__init__()
        self.around = nn.Conv1d(width, width, 5, padding=2 * apart, dilation=apart)
        self.combine = nn.Conv1d(width, width, 1)
        nn.init.zeros_(self.combine.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, F) -> the same shape."""
        return x + self.combine(nnf.silu(self.around(nnf.silu(x))))


def describe(pixels: Tensor, read: dict[str, Tensor]) -> dict[str, Tensor]:
    """One clip's pixels (F, 3, H, W) and what the frame model read from them -> MotionModel's inputs, without
    the n.
    """
    masks = read["kinds"].float().softmax(1)
    attributes = [read[name].float().softmax(1) for name in ATTRIBUTES_SEEN]
    attributes = torch.cat([*attributes, read["mouth"].float().sigmoid()[:, None]], 1)
    height, width = pixels.shape[2:]
    track = torch.cat([track_of(read["boxes"][:, k], masks[:, k + 1], height, width) for k in (0, 1)], 1)
    flow = background_flow(pixels, masks[:, 0])
    return {"features": read["features"].float(), "attributes": attributes, "flow": flow, "track": track}


# -- the subjects' tracks ------------------------------------------------------------------------------------


def track_of(boxes: Tensor, mask: Tensor, height: int, width: int) -> Tensor:
    """Boxes (F, 4) and probabilities (F, h, w) -> (F, 6) in units of the shorter side, from the middle of the
    frame; a frame without the subject repeats the last one seen.
    """
    side = min(height, width)
    seen = ~boxes[:, 0].isnan()
    filled = hold_last(boxes)
    x0, y0, x1, y1 = filled.nan_to_num(0.5).T
    sx, sy = width / side, height / side
    area = mask.sum((1, 2)) * CELL**2 / side**2
    return torch.stack(
        [
            ((x0 + x1) / 2 - 0.5) * sx,
            ((y0 + y1) / 2 - 0.5) * sy,
            (x1 - x0) * sx,
            (y1 - y0) * sy,
            area,
            seen.float(),
        ],
        1,
    )


def hold_last(boxes: Tensor) -> Tensor:
    """Boxes (F, 4) whose NaN rows are replaced by the last row before that is none (or the first one
    after)."""
    seen = (~boxes[:, 0].isnan()).nonzero()[:, 0].numpy()
    if not len(seen):
        return boxes
    at = np.searchsorted(seen, np.arange(len(boxes)), side="right") - 1
    return boxes[torch.from_numpy(seen[at.clip(min=0)])]


# -- how the background moves --------------------------------------------------------------------------------


def background_flow(pixels: Tensor, background: Tensor) -> Tensor:
    """Frames (F, 3, H, W) and the background's probability (F, H/2, W/2) -> (F, 48): for each window its flow
    x, y in cells of 2 pixels since the frame before, and how much structure it was measured on. Zeros in the
    first frame.
    """
    gray = nnf.avg_pool2d(pixels.float().mean(1, keepdim=True), CELL)
    kernel = torch.tensor([0.25, 0.5, 0.25])
    gray = nnf.conv2d(nnf.pad(gray, (1, 1, 1, 1), mode="replicate"), (kernel[:, None] * kernel)[None, None])[
        :, 0
    ]
    near = 2 * CLEAR + 1
    weight = 1 - nnf.max_pool2d(1 - background[:, None], near, 1, CLEAR)[:, 0]
    weight = weight[1:] * weight[:-1]
    middle = (gray[1:] + gray[:-1]) / 2
    along_x = nnf.pad(middle[:, :, 2:] - middle[:, :, :-2], (1, 1)) / 2
    along_y = nnf.pad(middle[:, 2:] - middle[:, :-2], (0, 0, 1, 1)) / 2
    change = gray[1:] - gray[:-1]

    def windows(values: Tensor) -> Tensor:
        return nnf.adaptive_avg_pool2d((weight * values)[:, None], WINDOWS).flatten(1)

    xx, xy, yy = windows(along_x * along_x), windows(along_x * along_y), windows(along_y * along_y)
    xt, yt = windows(along_x * change), windows(along_y * change)
    calm = 2e-5
    det = (xx + calm) * (yy + calm) - xy**2
    u, v = -((yy + calm) * xt - xy * yt) / det, -((xx + calm) * yt - xy * xt) / det
    structure = (xx + yy + 1e-6).log10() / 2 + 2
    flow = torch.cat([u.clamp(-4, 4), v.clamp(-4, 4), structure], 1)
    return torch.cat([torch.zeros_like(flow[:1]), flow])
