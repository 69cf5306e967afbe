"""The judge: a clip -> what is in it. It sees pixels and nothing else.

>>> reading = Judge.load().read(frames)          # uint8 (F, H, W, 3)
>>> reading.values["subject"], reading.confidence["subject"]

Its own error on real renders is the *ceiling* that `x2vkit evaluate` prints beside every score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from x2vkit.device import fast_dtype
from x2vkit.errors import X2VError
from x2vkit.judge.camera import camera_path
from x2vkit.judge.frame import ATTRIBUTES, FrameModel, to_pixels
from x2vkit.judge.motion import MOVES, MotionModel, describe
from x2vkit.media import check_clip
from x2vkit.registry import WEIGHTS

SHIPPED = WEIGHTS / "judge"
FPS = 12
"""Frames a second of every clip that is judged; motion is read at this pace."""
HINTS = ("pose", "facing")
"""Attributes of a frame that serve the motion model and are not reported."""
AT_ONCE = 34
"""Frames that the frame model reads together."""


@dataclass(frozen=True)
class Reading:
    """What the judge read from one clip. F frames."""

    values: dict[str, str]
    """Attribute -> word: subject, color, scene, wearing, wearing_color, other, other_color, behind, mood; of
    clips of five frames and more also action, direction, camera, relation."""
    confidence: dict[str, float]
    """Attribute -> probability of that word, 0 .. 1"""
    boxes: NDArray[np.float32]
    """(F, 2, 4) x0, y0, x1, y1 of what is seen of the first and the second subject, in fractions of the
    frame; NaN where there is none"""
    area: NDArray[np.float32]
    """(F, 2) part of the frame that each subject fills"""
    mouth: NDArray[np.float32]
    """(F,) openness of the first subject's mouth, 0 .. 1; means something where it talks"""
    frames: dict[str, NDArray[np.float32]]
    """attribute -> (F, words) probabilities in each frame, in the order of `ATTRIBUTES`"""
    camera: NDArray[np.float64]
    """(F, 3) where the camera went: x, y in fractions of the shorter side and zoom since the first frame"""
    features: NDArray[np.float32]
    """(D,) what the reading rests on, for distances between sets of clips"""


class Judge:
    """Reads clips. Make one with `Judge.load()`."""

    def __init__(self, frame_model: FrameModel, motion_model: MotionModel) -> None:
        parts = (nn.Module.float(part).eval() for part in (frame_model, motion_model))
        self.frame_model, self.motion_model = parts

    @classmethod
    def load(cls, folder: str | Path = SHIPPED) -> Judge:
        """The judge that ships, or one from a folder that `x2vkit train judge` wrote; the same object each
        time.

        Raises X2VError when the folder holds none.
        """
        return _load(Path(folder))

    @torch.inference_mode()
    def read(self, frames: NDArray[np.uint8]) -> Reading:
        """A clip, uint8 (F, H, W, 3) at 12 frames a second, of any size; F = 1 is a still.

        Raises X2VError when it is no clip.
        """
        check_clip(frames, FPS)
        pixels, read = read_frames(self.frame_model, frames)
        probabilities = {name: read[name].softmax(1) for name in ATTRIBUTES}
        masks = read["kinds"].softmax(1)
        area = torch.stack([(masks[:, kind] > 0.5).float().mean((1, 2)) for kind in (1, 2)], 1)

        clip = {name: _over_time(p, area[:, 0]) for name, p in probabilities.items() if name not in HINTS}
        features = read["features"].mean(0)
        words: dict[str, tuple[str, ...]] = dict(ATTRIBUTES)
        if len(frames) >= 5:
            described = describe(pixels, read)
            moves = self.motion_model(**{name: value[None] for name, value in described.items()})
            features = torch.cat([features, moves.pop("features")[0]])
            clip |= {name: logits[0].softmax(0) for name, logits in moves.items()}
            words |= MOVES
        best = {name: int(p.argmax()) for name, p in clip.items()}
        return Reading(
            values={name: words[name][i] for name, i in best.items()},
            confidence={name: min(float(clip[name][i]), 1.0) for name, i in best.items()},
            boxes=read["boxes"].numpy(),
            area=area.numpy(),
            mouth=read["mouth"].sigmoid().numpy(),
            frames={name: p.numpy() for name, p in probabilities.items()},
            camera=camera_path(pixels, masks[:, 0]),
            features=features.numpy(),
        )

    def read_all(self, clips: Sequence[NDArray[np.uint8]]) -> list[Reading]:
        """One Reading a clip."""
        return [self.read(frames) for frames in clips]


def read_frames(frame_model: FrameModel, frames: NDArray[np.uint8]) -> tuple[Tensor, dict[str, Tensor]]:
    """Frames (F, H, W, 3) as pixels (F, 3, h, w), and what is read from them, as `FrameModel` returns
    it."""
    pixels = to_pixels(frames)
    with (
        torch.inference_mode(),
        torch.autocast("cpu", torch.bfloat16, enabled=fast_dtype() == torch.bfloat16),
    ):
        parts = [frame_model(chunk) for chunk in pixels.split(AT_ONCE)]
    return pixels, {name: torch.cat([part[name] for part in parts]).float() for name in parts[0]}


def _over_time(probabilities: Tensor, area: Tensor) -> Tensor:
    """(F, words) of each frame -> (words,) of the clip: frames count by how much of the subject they show."""
    weight = area + 0.02
    return (weight[:, None] * probabilities).sum(0) / weight.sum()


@cache
def _load(folder: Path) -> Judge:
    if not (folder / "frame" / "config.json").is_file() or not (folder / "motion" / "config.json").is_file():
        rule = "a judge is a folder with frame/ and motion/ in it"
        raise X2VError(f"judge {str(folder)!r}", rule, "use the shipped one: Judge.load()")
    return Judge(FrameModel.from_pretrained(folder / "frame"), MotionModel.from_pretrained(folder / "motion"))
