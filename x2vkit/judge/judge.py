"""The judge: a clip -> what is in it. It sees pixels and nothing else.

>>> reading = Judge.load().read(frames)          # uint8 (F, H, W, 3)
>>> reading.values["subject"], reading.confidence["subject"]

Its own error on real renders is the *ceiling* that `x2vkit evaluate` prints beside every score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from x2vkit.device import fast_dtype
from x2vkit.errors import X2VError
from x2vkit.judge.frame import ACTOR_ATTRIBUTES, ATTRIBUTES, SCENE_ATTRIBUTES, FrameModel, to_pixels
from x2vkit.judge.motion import ACTOR_MOVES, CLIP_MOVES, MOVES, PART, MotionModel, describe
from x2vkit.judge.tracks import linked
from x2vkit.media import check_clip
from x2vkit.registry import WEIGHTS

SHIPPED = WEIGHTS / "judge"
FPS = 24
"""Frames a second of every clip that is judged; motion is read at this pace."""
HINTS = ("pose", "facing")
"""Attributes of a frame that serve the motion model and are not reported."""
WORDS: dict[str, tuple[str, ...]] = {
    **ATTRIBUTES,
    **MOVES,
    "begins": MOVES["action"],
    "ends": MOVES["action"],
}
"""All that is read of a clip -> the words it can be."""
MOVING = 5
"""Frames from which on motion is read."""
LASTING = 25
"""Frames from which on it is read what is done first and what last."""
AT_ONCE = 34
"""Frames that the frame model reads together on a processor."""


@dataclass(frozen=True)
class Reading:
    """What the judge read from one clip. F frames, A actors (3), ordered as they are numbered: in the
    frame in which they are first seen from left to right, but who jumps over another before that one
    (see frame.py)."""

    values: dict[str, str]
    """Attribute -> word. Of the clip: scene, time, weather, shot, behind, count ("0" to "3"); of its first
    actor what stands in `actors`; of clips of five frames and more also camera and relation."""
    confidence: dict[str, float]
    """Attribute -> probability of that word, 0 .. 1"""
    actors: tuple[dict[str, str], ...]
    """Attribute -> word of each actor that is there: subject, color, wearing, wearing_color, garment,
    mood; of clips of five frames and more also action, direction, pace; of longer ones begins and ends,
    what is done first and last."""
    boxes: NDArray[np.float32]
    """(F, A, 4) x0, y0, x1, y1 of what is seen of each actor, in fractions of the frame; NaN where there
    is none"""
    area: NDArray[np.float32]
    """(F, A) part of the frame that each actor fills"""
    mouth: NDArray[np.float32]
    """(F, A) openness of each mouth, 0 .. 1; means something where it talks"""
    frames: dict[str, NDArray[np.float32]]
    """attribute -> (F, words) probabilities in each frame, in the order of `ATTRIBUTES`; of actors (F,
    A, words)"""
    features: NDArray[np.float32]
    """(D,) what the reading rests on, for distances between sets of clips"""


class Judge:
    """Reads clips. Make one with `Judge.load()`."""

    def __init__(self, frame_model: FrameModel, motion_model: MotionModel) -> None:
        parts = (nn.Module.float(part).eval() for part in (frame_model, motion_model))
        self.frame_model, self.motion_model = parts

    @classmethod
    def load(cls, folder: str | Path = SHIPPED) -> Judge:
        """The judge that ships, or one from a folder that `x2vkit train judge-motion` wrote; the same
        object each time.

        Raises X2VError when the folder holds none.
        """
        return _load(Path(folder))

    def to(self, device: str | torch.device) -> Judge:
        """The same judge, working on another device from now on."""
        self.frame_model.to(device), self.motion_model.to(device)
        return self

    def read(self, frames: NDArray[np.uint8]) -> Reading:
        """A clip, uint8 (F, H, W, 3) at 24 frames a second, of any size; F = 1 is a still.

        Raises X2VError when it is no clip.
        """
        return self.read_all([frames])[0]

    @torch.inference_mode()
    def read_all(self, clips: Sequence[NDArray[np.uint8]]) -> list[Reading]:
        """One Reading a clip; clips of one shape, which are read together. Raises X2VError for what is
        no clip."""
        for frames in clips:
            check_clip(frames, FPS)
        if not len(clips):
            return []
        pixels, read = read_clips(self.frame_model, torch.from_numpy(np.stack(clips)))
        moves = self._moves(pixels, read) if pixels.shape[1] >= MOVING else {}
        read, moves = (
            {name: values.float().cpu() for name, values in each.items()} for each in (read, moves)
        )
        rows = range(len(clips))
        return [
            _reading({k: v[i] for k, v in read.items()}, {k: v[i] for k, v in moves.items()}) for i in rows
        ]

    def _moves(self, pixels: Tensor, read: dict[str, Tensor]) -> dict[str, Tensor]:
        """Logits of all motion, of the whole clips and of their begins and ends."""
        described = describe(pixels, read)
        frames = pixels.shape[1]
        moves = self.motion_model(**described)
        if frames >= LASTING:
            part = ceil(PART * frames)
            for name, where in (("begins", slice(0, part)), ("ends", slice(frames - part, frames))):
                moves[name] = self.motion_model(**{k: v[:, where] for k, v in described.items()})["action"]
        return {**moves, "move_features": moves.pop("features")}


def read_clips(frame_model: FrameModel, clips: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Clips uint8 (n, F, H, W, 3) as pixels (n, F, 3, h, w) on the model's device, and what is read from
    them, as `FrameModel` returns it, each value (n, F, ...), with the actors linked (see `linked`).
    """
    n, frames = clips.shape[:2]
    device = frame_model.device
    pixels = to_pixels(clips.to(device).flatten(0, 1))
    fast = fast_dtype(device) == torch.bfloat16
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=fast):
        parts = [
            frame_model(chunk) for chunk in pixels.split(AT_ONCE if device.type == "cpu" else len(pixels))
        ]
    read = {
        name: torch.cat([part[name] for part in parts]).float().unflatten(0, (n, frames)) for name in parts[0]
    }
    return pixels.unflatten(0, (n, frames)), linked(read)


def _reading(read: dict[str, Tensor], moves: dict[str, Tensor]) -> Reading:
    """One clip's reading from what was read of its frames, (F, ...), and of its motion."""
    present = [i for i, there in enumerate(read["present"].tolist()) if there]
    probabilities = {name: read[name].softmax(-1) for name in ATTRIBUTES}
    clip = {name: probabilities[name].mean(0) for name in SCENE_ATTRIBUTES}
    clip |= {name: moves[name].softmax(-1) for name in CLIP_MOVES if name in moves}
    values, confidence = _best(clip)
    actors, sure = [], []
    for i in present:
        area = read["area"][:, i]
        own = {
            name: _over_time(probabilities[name][:, i], area)
            for name in ACTOR_ATTRIBUTES
            if name not in HINTS
        }
        own |= {
            name: moves[name][i].softmax(-1) for name in (*ACTOR_MOVES, "begins", "ends") if name in moves
        }
        words, probability = _best(own)
        actors.append(words)
        sure.append(probability)
    features = [read["features"].mean(0), read["actor_features"][:, 0].mean(0)]
    if moves:
        features.append(moves["move_features"])
    return Reading(
        values={**values, "count": str(len(present)), **(actors[0] if actors else {})},
        confidence={**confidence, **(sure[0] if sure else {})},
        actors=tuple(actors),
        boxes=read["boxes"].numpy(),
        area=read["area"].numpy(),
        mouth=read["mouth"].sigmoid().numpy(),
        frames={name: p.numpy() for name, p in probabilities.items()},
        features=torch.cat(features).numpy(),
    )


def _best(probabilities: dict[str, Tensor]) -> tuple[dict[str, str], dict[str, float]]:
    """The likeliest word of each attribute, and how likely it is."""
    best = {name: int(p.argmax()) for name, p in probabilities.items()}
    words = {name: WORDS[name][i] for name, i in best.items()}
    return words, {name: min(float(probabilities[name][i]), 1.0) for name, i in best.items()}


def _over_time(probabilities: Tensor, area: Tensor) -> Tensor:
    """(F, words) of each frame -> (words,) of the clip: frames count by how much of the actor they show."""
    weight = area + 1e-4
    return (weight[:, None] * probabilities).sum(0) / weight.sum()


@cache
def _load(folder: Path) -> Judge:
    if not (folder / "frame" / "config.json").is_file() or not (folder / "motion" / "config.json").is_file():
        rule = "a judge is a folder with frame/ and motion/ in it"
        raise X2VError(f"judge {str(folder)!r}", rule, "use the shipped one: Judge.load()")
    return Judge(FrameModel.from_pretrained(folder / "frame"), MotionModel.from_pretrained(folder / "motion"))
