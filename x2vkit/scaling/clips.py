"""The clips that runs are shown by: what every checkpoint was asked for, and how a clip is kept."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from x2vkit.media import Frames
from x2vkit.scaling.points import Point

PROMPTS = {
    "dog": "a dog wearing a blue hat playing in the snow",
    "ball": "a red ball bouncing on the beach",
}
"""Name -> what every snapshot is asked for."""
MODEL_PROMPTS = {
    "car": "a blue car driving left in the city",
    "boat": "a red boat sailing right on the beach",
    "robot": "a purple robot dancing in space",
    "person": "a person wearing a red hat walking in the grass",
    "dog": PROMPTS["dog"],
}
"""What the models that ship are asked for: prompts on which their difference is plain."""
MODELS = {"base": ("base", 836), "4x": ("4x", 3328), "small": ("small", 27_739)}
"""The models that ship: name -> the folder of `points.SHIPPED` that holds their run, and its step."""
SEED, STEPS, GUIDANCE, FPS = 0, 20, 4.0, 12
"""The same for every clip."""
QUALITY = 60
"""Of the WebP that a clip is kept as."""


def encode(frames: Frames) -> bytes:
    """A clip as one WebP, its frames side by side."""
    stream = io.BytesIO()
    Image.fromarray(np.concatenate(list(frames), axis=1)).save(stream, "WEBP", quality=QUALITY, method=6)
    return stream.getvalue()


def decode(path: Path) -> Frames:
    """The frames of a clip that `encode` wrote; they are square."""
    strip = np.asarray(Image.open(path).convert("RGB"))
    return np.stack(np.split(strip, strip.shape[1] // strip.shape[0], axis=1))


def trio(points: Sequence[Point], ratios: Sequence[float] = (32, 8, 1)) -> list[Point]:
    """Snapshots with clips at about C/32, C/8 and C of the largest-compute run: base, 4x and 32x compute.

    The same model where its run has snapshots within a factor of 1.5 of each, else the best of any size.
    Fewer than three where runs are short.
    """
    filmed = [p for p in points if p.clips]
    if not filmed:
        return []
    last = max(filmed, key=lambda p: p.flops)

    def off(point: Point, goal: float) -> float:
        return abs(float(np.log(point.flops / goal)))

    goals = [last.flops / ratio for ratio in ratios]
    near = [[p for p in filmed if off(p, goal) < np.log(1.5)] for goal in goals]
    same = [[p for p in group if p.run == last.run] for group in near]
    if all(same):
        picks = [min(group, key=lambda p: off(p, goal)) for group, goal in zip(same, goals, strict=True)]
    else:
        picks = [min(group, key=lambda p: p.loss) for group in near if group]
    return list({id(p): p for p in picks}.values())
