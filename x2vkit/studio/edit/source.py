"""The clip that is edited: its frames, what it shows, and where everything in it is.

    F frames, H, W pixels

A trace brings its words and its plan; of frames and files the judge reads what they show.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as nnf

from x2vkit import media
from x2vkit.axes import TIME_STRIDE, check_shape
from x2vkit.core.conditions import Conditions
from x2vkit.core.planner import Plan
from x2vkit.errors import X2VError
from x2vkit.judge import Judge
from x2vkit.judge.judge import Reading, read_frames
from x2vkit.media import Frames, Sound
from x2vkit.registry import SHAPES
from x2vkit.studio.reading import read
from x2vkit.studio.recaption import captions_of
from x2vkit.trace import Trace
from x2vkit.world import SceneSpec, grammar

FIRST, SECOND, IN_FRONT = 1, 2, 3
"""Kinds of pixel, as the judge tells them: the first and the second subject, what they pass behind."""
LONGEST_SOUND = 600.0
"""Seconds of a file's sound that are read; a clip keeps what it is as long as."""
STILL = 0.03
"""Standard deviation over time of the openness of a mouth that does not talk, but smiles."""


@dataclass(frozen=True)
class Source:
    """A clip to edit."""

    frames: Frames
    fps: float
    words: str = ""
    """What it was asked for with; empty of frames and files."""
    plan: Mapping[str, NDArray] | None = None
    """Its tracks, as `Trace.plan`; None where nobody planned it."""
    sound: Sound | None = None

    @cached_property
    def reading(self) -> Reading:
        """What the judge sees."""
        return Judge.load().read(self.frames)

    @cached_property
    def spec(self) -> SceneSpec:
        """What it shows: as the judge reads it, and where there are words, as they say."""
        read_ = captions_of(self.reading).spec
        if read_.action == "talk" and self.reading.mouth.std() < STILL:
            read_ = replace(read_, action="stand")
        return changed(read_, self.words)

    @cached_property
    def kinds(self) -> NDArray[np.intp]:
        """(F, H, W) what each pixel belongs to: 0 the place, else FIRST, SECOND or IN_FRONT."""
        _, seen = read_frames(Judge.load().frame_model, self.frames)
        large = nnf.interpolate(seen["kinds"].softmax(1), self.frames.shape[1:3], mode="bilinear")
        return large.argmax(1).numpy()

    @cached_property
    def tracks(self) -> dict[str, NDArray[np.float32]]:
        """Its plan; where nobody planned it, the boxes that the judge sees, and the mouth of who talks."""
        if self.plan:
            return {name: np.array(track) for name, track in self.plan.items()}
        tracks = {"boxes": self.reading.boxes}
        return tracks | {"mouth": self.reading.mouth} if self.spec.action == "talk" else tracks

    def control(self, **tracks: NDArray) -> Conditions:
        """Its plan, some tracks of it changed, as conditions. What moves the camera of a clip that nobody
        planned is left to the words.
        """
        drawn = Plan.of_tracks(self.tracks | tracks).conditions(*self.frames.shape[1:3])
        return drawn if self.plan or self.spec.camera == "static" else replace(drawn, camera=None)


def source_of(clip: Any) -> Source:
    """A Trace, frames uint8 (F, H, W, 3), or the path of an .x2v or a video.

    Raises:
        X2VError: what is no clip; a number of frames or a size that the model does not make.
    """
    if isinstance(clip, (str, os.PathLike)):
        return source_of(Trace.load(clip)) if str(clip).endswith(".x2v") else _of_file(clip)
    if isinstance(clip, Trace):
        frames, height, width = clip.frames.shape[:3]
        check_shape(frames, height, width)
        return Source(clip.frames, clip.fps, clip.prompt, clip.plan or None, clip.sound)
    if isinstance(clip, np.ndarray):
        media.check_clip(clip, 12)
        check_shape(*clip.shape[:3])
        return Source(np.ascontiguousarray(clip), 12)
    got, rule = f"a clip of type {type(clip).__name__}", "a clip is a Trace, frames or a file"
    raise X2VError(got, rule, "give a Trace, uint8 frames (F, H, W, 3) or a path")


def _of_file(path: str | os.PathLike[str]) -> Source:
    """A video at the nearest of the shapes that the model was trained on, its last frames left out where
    they are not 1 + 4k.
    """
    info = media.video_info(path)
    usual = ("square", "wide", "tall")
    ratio = np.log(info.width / info.height)
    name = min(usual, key=lambda shape: abs(ratio - np.log(SHAPES[shape][2] / SHAPES[shape][1])))
    frames = media.read_video(path, SHAPES["long"][0], *SHAPES[name][1:])
    frames = frames[: 1 + (len(frames) - 1) // TIME_STRIDE * TIME_STRIDE]
    return Source(frames, 12, sound=_heard(path, len(frames) / 12))


def _heard(path: str | os.PathLike[str], seconds: float) -> Sound | None:
    """So much of what a video sounds like; None of a silent file, or of a picture."""
    try:
        return media.read_sound(path, LONGEST_SOUND)[: round(seconds * media.SOUND_RATE)]
    except X2VError:
        return None


def check_words(name: str, words: Any) -> str:
    """Words that say something of the world. X2VError for others."""
    if not isinstance(words, str):
        raise X2VError(f"{name}={words!r:.60}", f"{name} is text", 'use "a red hat"')
    said = read(words)
    if not said.parts and not any(said.never.values()):
        rule = "none of its words says who, what or where of the world"
        raise X2VError(f"{name}={words!r:.60}", rule, 'use "a red hat", or "on the beach"')
    return words


def changed(spec: SceneSpec, words: str) -> SceneSpec:
    """A scene with what some words say in its place."""
    said = read(words)
    parts = said.parts
    names = ("subject", "color", "action", "direction", "scene", "camera", "size", "mood", "behind")
    new: dict[str, Any] = {name: parts[name] for name in names if name in parts}
    spec = replace(spec, **new)
    if spec.wearing and spec.wearing[0] in said.never.get("wearing", ()):
        spec = replace(spec, wearing=None)
    if "wearing" in parts:
        own = spec.wearing[1] if spec.wearing else spec.color
        spec = replace(spec, wearing=(parts["wearing"], parts.get("wearing_color", own)))
    elif "wearing_color" in parts and spec.wearing:
        spec = replace(spec, wearing=(spec.wearing[0], parts["wearing_color"]))
    if "other" in parts:
        own = spec.other[1] if spec.other else "red"
        spec = replace(
            spec, other=(parts["other"], parts.get("other_color", own)), relation=parts["relation"]
        )
    if spec.wearing and spec.wearing[0] == "scarf" and spec.subject in grammar.NO_SCARF:
        spec = replace(spec, wearing=None)
    return spec if spec.subject == "face" else replace(spec, mood="")


def grown(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """A mask (F, H, W) with an edge of so many pixels around it; below 0, without its own edge."""
    side = 2 * abs(pixels) + 1
    flat = torch.from_numpy(mask if pixels >= 0 else ~mask).float()[:, None]
    wide = nnf.max_pool2d(flat, side, 1, abs(pixels))[:, 0].numpy() > 0
    return wide if pixels >= 0 else ~wide
