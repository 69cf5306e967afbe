"""The judge's frame model: one frame -> what is where, who it is, what it wears, and in which scene.

It looks at single frames, so it reads stills and clips alike and knows nothing of motion (see motion.py). It
sees pixels and nothing else: neither prompt nor seed nor latents.

    n  frames        H, W  pixels, the shorter side 128        K  kinds of pixel (background, first, second,
    in front)

It looks twice. A first network sees the whole frame and says for every 2 x 2 pixels what they belong to: that
gives the boxes, and the scene. A second one sees each subject cut out and brought to one size: there a dog
looks much like every other dog, so that little training suffices.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as nnf
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from x2vkit.config import FORMAT_VERSION, check_format
from x2vkit.core.layers import Conv, Upsample, depth_to_space
from x2vkit.world.grammar import ACTIONS, COLOR_NAMES, MOODS, SCENES, SUBJECTS, WEARABLES

KINDS = 4
"""Kinds of pixel: background, first subject, second subject, what they pass behind."""
SIDE = 128
"""Pixels of the shorter side that the first network looks at."""
CELL = 2
"""Pixels of a cell of the kind map."""
PATCH = 4
"""Pixels that are stacked into the channels of a first layer."""
CUT = 64
"""Height and width of a cut-out, pixels."""
GLIMPSES = 6
"""Spots of a cut-out that are attended to, for small things: a scarf, a mouth."""
MARGIN = 1.12
"""Side of what is cut out, in longer sides of the subject's box."""

SCENE_ATTRIBUTES: dict[str, tuple[str, ...]] = {"scene": SCENES, "behind": ("none", "tree", "rock")}
"""What is read from the whole frame -> the words it can be."""
SUBJECT_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "subject": SUBJECTS,
    "color": COLOR_NAMES,
    "wearing": ("none", *WEARABLES),
    "wearing_color": COLOR_NAMES,
    "mood": MOODS,
    "pose": ACTIONS,
    "facing": ("left", "right"),
}
"""What is read from a cut-out. `pose` is what one frame tells about the action, a hint only."""
OTHER_ATTRIBUTES: dict[str, tuple[str, ...]] = {"other": ("none", *SUBJECTS), "other_color": COLOR_NAMES}
"""What is read from the second subject's cut-out."""
ATTRIBUTES = {**SCENE_ATTRIBUTES, **SUBJECT_ATTRIBUTES, **OTHER_ATTRIBUTES}
"""All that is read from a frame -> the words it can be."""


class ResidualBlock(nn.Module):
    """A residual block of two 3 x 3 convolutions; it starts as the identity."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.GroupNorm(1, width)
        self.around, self.combine = Conv(width, width), Conv(width, width, zero=True)

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, h, w) -> the same shape."""
        return x + self.combine(nnf.silu(self.around(nnf.silu(self.norm(x)))))


class FrameModel(ModelMixin, ConfigMixin):
    """Frames -> kinds of pixel and attributes."""

    @register_to_config
    def __init__(
        self,
        widths: tuple[int, int, int] = (32, 64, 96),
        blocks: int = 2,
        cut_widths: tuple[int, int] = (48, 96),
        cut_blocks: tuple[int, int] = (1, 2),
        hidden: int = 160,
        format_version: int = FORMAT_VERSION,
    ) -> None:
        """widths: channels at 1/4, 1/8 and 1/16 of the frame; blocks: at 1/16 of it; cut_widths, cut_blocks:
        at 1/4 and 1/8 of a cut-out; hidden: width of the layer before a subject's attributes.
        """
        super().__init__()
        check_format(format_version)
        self.scene_net, self.subject_net = (
            SceneNet(widths, blocks),
            SubjectNet(cut_widths, cut_blocks, hidden),
        )

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """pixels (n, 3, H, W) in [-1, 1], sides multiples of 16.

        Returns `kinds` logits (n, K, H/2, W/2), `boxes` (n, 2, 4), logits (n, words) of each of `ATTRIBUTES`,
        `mouth` (n,) openness as a logit, and `features` (n, D), what they are read from.
        """
        predicted = self.scene_net(pixels)
        masks = predicted["kinds"].float().softmax(1)
        boxes = torch.stack([boxes_of(masks[:, kind]) for kind in (1, 2)], 1)
        first = self.subject_net(cut_out(pixels, masks[:, 1], boxes[:, 0]))
        second = {name: torch.zeros_like(first[name]) for name in ("subject", "color")}
        there = ~boxes[:, 1, 0].isnan()
        if there.any():
            found = self.subject_net(cut_out(pixels[there], masks[there, 2], boxes[there, 1]))
            for name in second:
                second[name][there] = found[name]
        nobody = torch.where(there, -20.0, 20.0)[:, None]
        predicted["features"] = torch.cat([first.pop("features"), predicted["features"]], 1)
        other = torch.cat([nobody, second["subject"].log_softmax(1)], 1)
        return {**predicted, **first, "boxes": boxes, "other": other, "other_color": second["color"]}


class SceneNet(nn.Module):
    """The whole frame -> what each pixel belongs to, and the scene."""

    def __init__(self, widths: tuple[int, int, int], blocks: int):
        super().__init__()
        fine, middle, coarse = widths
        self.stem = Conv(3 * PATCH**2, fine, kernel=1)
        self.down = nn.ModuleList([Conv(4 * fine, middle, 1), Conv(4 * middle, coarse, 1)])
        self.near, self.far = (
            ResidualBlock(middle),
            nn.Sequential(*(ResidualBlock(coarse) for _ in range(blocks))),
        )
        self.up = nn.ModuleList([Upsample(coarse, middle), Upsample(middle, fine)])
        self.mend = ResidualBlock(middle)
        self.kinds = Conv(fine, KINDS * (PATCH // CELL) ** 2)
        self.level = nn.LayerNorm(coarse)
        self.heads = nn.ModuleDict(
            {name: nn.Linear(coarse, len(words)) for name, words in SCENE_ATTRIBUTES.items()}
        )

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """pixels (n, 3, H, W) -> `kinds`, `features` and the logits of `SCENE_ATTRIBUTES`."""
        fine = self.stem(_fold(pixels, PATCH))  # (n, fine, H/4, W/4)
        middle = self.near(self.down[0](_fold(fine)))  # (n, middle, H/8, W/8)
        coarse = self.far(self.down[1](_fold(middle)))  # (n, coarse, H/16, W/16)
        whole = self.mend(middle + self.up[0](coarse))  # (n, middle, H/8, W/8)
        kinds = self.kinds(nnf.silu(fine + self.up[1](whole)))
        features = self.level(nnf.silu(coarse).mean((2, 3)))  # (n, coarse)
        logits = {name: head(features).float() for name, head in self.heads.items()}
        return {"kinds": depth_to_space(kinds, PATCH // CELL), "features": features.float(), **logits}


class SubjectNet(nn.Module):
    """Cut-outs -> who it is."""

    def __init__(self, widths: tuple[int, int], blocks: tuple[int, int], hidden: int):
        super().__init__()
        fine, coarse = widths
        self.stem = Conv(4 * PATCH**2, fine, kernel=1)
        self.near = nn.Sequential(*(ResidualBlock(fine) for _ in range(blocks[0])))
        self.down = Conv(4 * fine, coarse, kernel=1)
        self.far = nn.Sequential(*(ResidualBlock(coarse) for _ in range(blocks[1])))
        self.thin, self.attend = Conv(coarse, 24, kernel=1), Conv(fine + coarse, GLIMPSES, kernel=1)
        size = 24 * (CUT // PATCH // 2) ** 2 + GLIMPSES * (fine + 3)
        self.level, self.mix = nn.LayerNorm(size), nn.Linear(size, hidden)
        self.heads = nn.ModuleDict(
            {name: nn.Linear(hidden, len(words)) for name, words in SUBJECT_ATTRIBUTES.items()}
        )
        self.mouth = nn.Linear(hidden, 1)

    def forward(self, cuts: Tensor) -> dict[str, Tensor]:
        """cuts (n, 4, CUT, CUT): pixels, and how much each belongs to the subject."""
        fine = self.near(self.stem(_fold(cuts, PATCH)))  # (n, fine, 16, 16)
        coarse = self.far(self.down(_fold(fine)))  # (n, coarse, 8, 8)
        shape = self.thin(nnf.silu(coarse)).flatten(1)  # (n, 24 * 8 * 8)
        both = torch.cat([fine, nnf.interpolate(coarse, scale_factor=2.0)], 1)
        attention = self.attend(nnf.silu(both)).float().flatten(2).softmax(-1)  # (n, GLIMPSES, 16 * 16)
        shown = torch.cat([fine, nnf.avg_pool2d(cuts[:, :3], PATCH)], 1)  # (n, fine + 3, 16, 16)
        shown = shown.float().flatten(2).transpose(1, 2)  # (n, 16 * 16, fine + 3)
        close = (attention @ shown).flatten(1)  # (n, GLIMPSES * (fine + 3))
        features = nnf.silu(self.mix(self.level(torch.cat([shape, close], 1))))  # (n, hidden)
        logits = {name: head(features).float() for name, head in self.heads.items()}
        return {"mouth": self.mouth(features)[:, 0].float(), "features": features.float(), **logits}


def _fold(x: Tensor, size: int = 2) -> Tensor:
    """(n, c, h, w) -> (n, size * size * c, h / size, w / size)"""
    return nnf.pixel_unshuffle(x, size).contiguous(memory_format=torch.channels_last)


# -- where the subjects are ----------------------------------------------------------------------------------


def boxes_of(mask: Tensor, least: float = 6.0) -> Tensor:
    """Boxes of one kind of pixel.

    An edge lies where the probability, taken at its second largest along the edge, falls through one half (to
    a part of a cell). Specks apart from the rest are left out.

    Args:
        mask: (n, h, w) probabilities of the kind.
        least: cells that a subject fills at least.

    Returns:
        (n, 4) x0, y0, x1, y1 in fractions; NaN where it is not seen.
    """
    _, h, w = mask.shape
    seen = (mask > 0.5).sum((1, 2)) >= least
    x0, x1, columns = _span(mask.topk(2, dim=1).values[:, 1], mask.sum(1))
    mask = mask * columns[:, None, :]
    y0, y1, _ = _span(mask.topk(2, dim=2).values[:, :, 1], mask.sum(2))
    boxes = torch.stack([x0 / w, y0 / h, x1 / w, y1 / h], 1)
    boxes[~(seen & (x1 > x0) & (y1 > y0))] = torch.nan
    return boxes


SPECK = 0.15
"""Runs of rows or columns that hold less of a subject than this are no part of it."""


def _span(profile: Tensor, mass: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where profiles (n, cells) first rise through one half and last fall through it, in cells from 0, and
    the cells (n, cells) between. Runs of cells with little of the mass (n, cells) are passed over.
    """
    n, cells = profile.shape
    inside = profile > 0.5
    run = (inside & ~nnf.pad(inside, (1, 0))[:, :-1]).cumsum(
        1
    ) * inside  # each run's number from 1; 0 outside
    weight = torch.zeros(n, cells + 1, dtype=mass.dtype, device=mass.device).scatter_add(1, run, mass)
    weight[:, 0] = 0
    inside = inside & (weight.gather(1, run) >= SPECK * weight.sum(1, keepdim=True))
    first = inside.int().argmax(1)
    last = cells - 1 - inside.flip(1).int().argmax(1)
    padded = nnf.pad(profile, (1, 1))

    def part(edge: Tensor, outer: Tensor) -> Tensor:
        """How far the half-way point lies from the inner cell's centre towards the outer one's, 0 .. 1."""
        a = padded.gather(1, edge[:, None] + 1)[:, 0]
        b = padded.gather(1, outer[:, None] + 1)[:, 0]
        return ((a - 0.5) / (a - b).clamp(min=1e-3)).clamp(0, 1)

    low = first + 0.5 - part(first, first - 1)
    high = last + 0.5 + part(last, last + 1)
    low = torch.where(first == 0, torch.zeros_like(low), low)  # cut by the frame's edge
    high = torch.where(last == cells - 1, torch.full_like(high, cells), high)
    index = torch.arange(cells, device=profile.device)
    return low, high, (index >= first[:, None] - 1) & (index <= last[:, None] + 1)


def cut_out(pixels: Tensor, mask: Tensor, boxes: Tensor, turn: Tensor | None = None) -> Tensor:
    """The square around each box, brought to one size.

    Args:
        pixels: (n, 3, H, W).
        mask: (n, h, w) of the subject.
        boxes: (n, 4) in fractions, NaN for the whole frame.
        turn: (n,) in radians, for training.

    Returns:
        (n, 4, CUT, CUT), pixels and mask; what lies outside the frame is 0.
    """
    n, _, height, width = pixels.shape
    if n == 0:
        return pixels.new_zeros(0, 4, CUT, CUT)
    whole = torch.tensor([0.0, 0.0, 1.0, 1.0])
    x0, y0, x1, y1 = torch.where(boxes.isnan(), whole.to(boxes), boxes).T
    side = MARGIN * torch.maximum((x1 - x0) * width, (y1 - y0) * height).clamp(min=8.0)
    theta = torch.zeros(n, 2, 3, dtype=pixels.dtype, device=pixels.device)
    theta[:, 0, 0], theta[:, 1, 1] = side / width, side / height
    if turn is not None:
        theta[:, 0, 1], theta[:, 1, 0] = -turn.sin() * side / width, turn.sin() * side / height
        theta[:, 0, 0], theta[:, 1, 1] = turn.cos() * side / width, turn.cos() * side / height
    theta[:, 0, 2], theta[:, 1, 2] = x0 + x1 - 1, y0 + y1 - 1
    large = nnf.interpolate(mask[:, None].to(pixels), (height, width), mode="bilinear")
    grid = nnf.affine_grid(theta, [n, 4, CUT, CUT], align_corners=False)
    return nnf.grid_sample(torch.cat([pixels, large], 1), grid, align_corners=False)


# -- frames --------------------------------------------------------------------------------------------------


def looked_at(height: int, width: int) -> tuple[int, int]:
    """The size that a frame is looked at: shorter side 128, both multiples of 16."""
    scale = SIDE / min(height, width)
    return max(16, round(height * scale / 16) * 16), max(16, round(width * scale / 16) * 16)


def to_pixels(frames: np.ndarray) -> Tensor:
    """uint8 (n, H, W, 3) -> float (n, 3, h, w) in [-1, 1], at the size that the network looks at."""
    pixels = torch.from_numpy(np.array(frames)).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
    size = looked_at(*frames.shape[1:3])
    if pixels.shape[2:] != size:
        pixels = nnf.interpolate(pixels, size, mode="bilinear", antialias=True, align_corners=False)
    return pixels
