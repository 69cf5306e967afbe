"""The judge's motion model: what the frame model read from each frame -> what each actor does, the camera,
how two actors stand to each other.

    n  clips        F  frames        A  actors

Two things are exact and need no learning: where the actors are (from the kind map) and how the background
moves (the least-squares flow of Lucas and Kanade 1981, in a 4 x 4 grid of windows, without the pixels of
actors). Two small networks over time read them together with the frame model's features: one each actor,
all with the same weights, the other the clip as a whole. They work at any number of frames, at 24 frames a
second.
"""

from __future__ import annotations

import torch
import torch.nn.functional as nnf
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from x2vkit.config import FORMAT_VERSION, check_format
from x2vkit.judge.frame import ACTOR_ATTRIBUTES, CELL, SCENE_ATTRIBUTES
from x2vkit.judge.tracks import held
from x2vkit.world.grammar import ACTIONS, CAMERAS, MOST_ACTORS, PACES

ACTOR_MOVES: dict[str, tuple[str, ...]] = {
    "action": ACTIONS,
    "direction": ("left", "right"),
    "pace": ("usual", *PACES),
}
"""What is read from each actor's motion -> the words it can be."""
CLIP_MOVES: dict[str, tuple[str, ...]] = {
    "camera": CAMERAS,
    "relation": ("none", "beside", "chasing", "jumping over"),
}
"""What is read from a clip's motion -> the words it can be. `beside` is all that stand next to each other,
left or right of each other, or are only said in one breath: which of them it is the boxes tell."""
MOVES = {**ACTOR_MOVES, **CLIP_MOVES}
"""All that is read from motion -> the words it can be."""
WINDOWS = 4
"""The background's flow is measured in WINDOWS x WINDOWS windows."""
LAG = 2
"""Frames over which motion is measured: in one 24th of a second too little moves."""
CLEAR = 3
"""Cells that are left out around actors: their soft edges move with them."""
TRACK = 6
"""Numbers of one actor in one frame: centre x, y, width, height, area, and whether it is seen at all."""
DROPPED = 0.3
"""Part of what is read that is hidden in training: thousands of clips are learned by heart otherwise."""
ACTOR_SEEN = ("pose", "facing", "subject", "garment")
"""Attributes of an actor whose probabilities are seen, and beside them the mouth's openness."""
SCENE_SEEN = ("scene", "shot", "time")
"""Attributes of a frame whose probabilities are seen."""
ACTOR_WIDTH = sum(len(ACTOR_ATTRIBUTES[name]) for name in ACTOR_SEEN) + 1
SCENE_WIDTH = sum(len(SCENE_ATTRIBUTES[name]) for name in SCENE_SEEN)
INPUTS = ("features", "actor_features", "scenery", "attributes", "flow", "track")
"""What `describe` gives and `MotionModel` takes, in order."""
PART = 0.4
"""Part of a clip at its begin and at its end in which actions that follow each other are read."""


class MotionModel(ModelMixin, ConfigMixin):
    """Descriptions of frames -> actions, directions, paces, camera, relation."""

    @register_to_config
    def __init__(
        self,
        features: int = 128,
        actor_features: int = 224,
        width: int = 96,
        depth: int = 4,
        format_version: int = FORMAT_VERSION,
    ) -> None:
        """features, actor_features: the frame model's; width, depth: channels and blocks over time."""
        super().__init__()
        check_format(format_version)
        flow, moving = 3 * WINDOWS**2, 2 * TRACK
        own = ACTOR_WIDTH + moving
        self.squeeze, self.squeeze_actor = (
            nn.Linear(features, width // 3),
            nn.Linear(actor_features, width // 2),
        )
        self.clip = _OverTime(width // 3 + SCENE_WIDTH + flow + MOST_ACTORS * own, width, depth, CLIP_MOVES)
        self.actor = _OverTime(width // 2 + SCENE_WIDTH + flow + own, width, depth, ACTOR_MOVES)

    def forward(
        self,
        features: Tensor,
        actor_features: Tensor,
        scenery: Tensor,
        attributes: Tensor,
        flow: Tensor,
        track: Tensor,
    ) -> dict[str, Tensor]:
        """features (n, F, features), actor_features (n, F, A, actor_features), scenery (n, F,
        SCENE_WIDTH), attributes (n, F, A, ACTOR_WIDTH), flow (n, F, 48), track (n, F, A, TRACK).

        Returns logits (n, A, words) of each of `ACTOR_MOVES` and (n, words) of each of `CLIP_MOVES`, and
        `features` (n, 4 * width), what they are read from: of the clip, and of its first actor.
        """
        n, frames = features.shape[:2]
        before = torch.cat([track[:, :1].expand(-1, min(LAG, frames), -1, -1), track[:, :-LAG]], 1)
        own = torch.cat([attributes, track, 5 * (track - before)], -1)  # (n, F, A, own)
        seen = nnf.dropout(nnf.silu(self.squeeze(features)), DROPPED, self.training)
        clip = self.clip(torch.cat([seen, scenery, flow, own.flatten(2)], -1))
        near = nnf.dropout(nnf.silu(self.squeeze_actor(actor_features)), DROPPED, self.training)
        around = torch.cat([scenery, flow], -1)[:, :, None].expand(-1, -1, MOST_ACTORS, -1)
        each = torch.cat([near, around, own], -1).transpose(1, 2).flatten(0, 1)  # (n * A, F, ...)
        actor = {name: values.unflatten(0, (n, MOST_ACTORS)) for name, values in self.actor(each).items()}
        both = torch.cat([clip.pop("features"), actor.pop("features")[:, 0]], 1)
        return {"features": both, **clip, **actor}


class _OverTime(nn.Module):
    """Sequences (n, F, inputs) -> logits (n, words) of each attribute, and the features (n, 2 * width)
    under them."""

    def __init__(self, inputs: int, width: int, depth: int, words: dict[str, tuple[str, ...]]):
        super().__init__()
        self.enter = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(_TimeBlock(width, 2**i) for i in range(depth))
        self.heads = nn.ModuleDict({name: nn.Linear(2 * width, len(each)) for name, each in words.items()})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.enter(x).transpose(1, 2)
        for block in self.blocks:
            x = block(x)  # (n, width, F)
        pooled = nnf.dropout(torch.cat([x.mean(2), x.amax(2)], 1), DROPPED, self.training)
        return {
            "features": pooled.float(),
            **{name: head(pooled).float() for name, head in self.heads.items()},
        }


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
    """Clips' pixels (n, F, 3, H, W) and what was read from them, with linked actors -> MotionModel's
    inputs."""
    background = read["kinds"].float().softmax(2)[:, :, 0]
    attributes = [read[name].float().softmax(-1) for name in ACTOR_SEEN]
    attributes = torch.cat([*attributes, read["mouth"].float().sigmoid()[..., None]], -1)
    return {
        "features": read["features"].float(),
        "actor_features": read["actor_features"].float(),
        "scenery": torch.cat([read[name].float().softmax(-1) for name in SCENE_SEEN], -1),
        "attributes": attributes,
        "flow": background_flow(pixels, background),
        "track": track_of(read["boxes"], read["area"], *pixels.shape[3:]),
    }


# -- the actors' tracks --------------------------------------------------------------------------------------


def track_of(boxes: Tensor, area: Tensor, height: int, width: int) -> Tensor:
    """Boxes (n, F, A, 4) and areas (n, F, A) -> (n, F, A, 6) in units of the shorter side, from the middle
    of the frame; a frame without the actor repeats the last one seen.
    """
    side = min(height, width)
    seen = ~boxes[..., 0].isnan()
    x0, y0, x1, y1 = held(boxes).nan_to_num(0.5).unbind(-1)
    sx, sy = width / side, height / side
    centre = ((x0 + x1) / 2 - 0.5) * sx, ((y0 + y1) / 2 - 0.5) * sy
    return torch.stack([*centre, (x1 - x0) * sx, (y1 - y0) * sy, area * sx * sy, seen.float()], -1)


# -- how the background moves --------------------------------------------------------------------------------


def background_flow(pixels: Tensor, background: Tensor) -> Tensor:
    """Frames (n, F, 3, H, W) and the background's probability (n, F, H/2, W/2) -> (n, F, 48): for each
    window its flow x, y in cells of 2 pixels over `LAG` frames, and how much structure it was measured on.
    Zeros in the first frames.
    """
    n, frames = pixels.shape[:2]
    gray = nnf.avg_pool2d(pixels.float().mean(2), CELL)
    kernel = torch.tensor([0.25, 0.5, 0.25], device=pixels.device)
    padded = nnf.pad(gray.flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate")
    gray = nnf.conv2d(padded, (kernel[:, None] * kernel)[None, None]).reshape(gray.shape)
    clear = 1 - nnf.max_pool2d(1 - background, 2 * CLEAR + 1, 1, CLEAR)
    weight = clear[:, LAG:] * clear[:, :-LAG]
    middle = (gray[:, LAG:] + gray[:, :-LAG]) / 2
    along_x = nnf.pad(middle[..., 2:] - middle[..., :-2], (1, 1)) / 2
    along_y = nnf.pad(middle[..., 2:, :] - middle[..., :-2, :], (0, 0, 1, 1)) / 2
    change = gray[:, LAG:] - gray[:, :-LAG]

    def windows(values: Tensor) -> Tensor:
        return nnf.adaptive_avg_pool2d(weight * values, WINDOWS).flatten(2)

    xx, xy, yy = windows(along_x * along_x), windows(along_x * along_y), windows(along_y * along_y)
    xt, yt = windows(along_x * change), windows(along_y * change)
    calm = 2e-5
    det = (xx + calm) * (yy + calm) - xy**2
    u, v = -((yy + calm) * xt - xy * yt) / det, -((xx + calm) * yt - xy * xt) / det
    structure = (xx + yy + 1e-6).log10() / 2 + 2
    flow = torch.cat([u.clamp(-4, 4), v.clamp(-4, 4), structure], -1)
    return torch.cat([flow.new_zeros(n, frames - flow.shape[1], flow.shape[2]), flow], 1)
