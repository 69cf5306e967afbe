"""Captions of a clip from what the judge reads in it, short and long: Sora's re-captioning.

    captions = x2v.recaption(trace)        # or frames, or the path of a video
    captions.short, captions.long          # "a red dog walking in the snow", "a video of a red dog ..."

In the words of the world, so that training can use them: `x2vkit caption FOLDER` writes a folder's captions.
What the judge is not sure of is left out. It knows the world alone: of others it says what comes nearest.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit import media
from x2vkit.errors import X2VError
from x2vkit.judge import Judge
from x2vkit.judge.judge import FPS, Reading
from x2vkit.judge.prompts import PLACES, VIEWS, plain
from x2vkit.trace import Trace
from x2vkit.world import SceneSpec, grammar

SURE = 0.5
"""Probability from which on something is said."""
MOST_FRAMES = 240
"""Frames that are read of a clip: 20 seconds."""


@dataclass(frozen=True)
class ClipCaptions:
    """What a clip shows, in the world's words."""

    short: str
    """Who does what, where."""
    long: str
    """Everything that is read: clothes, direction, what it passes, the camera."""
    spec: SceneSpec
    """The same as a scene."""
    confidence: dict[str, float]
    """Attribute -> probability of what was read, 0 .. 1"""


def recaption(
    clip: Trace | NDArray[np.uint8] | str | os.PathLike[str],
    fps: float | None = None,
    judge: Judge | None = None,
) -> ClipCaptions:
    """Say what a clip shows.

    Args:
        clip: a Trace, frames uint8 (F, H, W, 3), or the path of an .x2v or of any video.
        fps: frames a second of `frames`, 12 by default; traces and files know theirs.
        judge: what reads; the one that ships by default.

    Raises:
        X2VError: what is no clip.
    """
    frames = clip_frames(clip, fps)
    return captions_of((judge or Judge.load()).read(frames))


def clip_frames(clip: Any, fps: float | None = None) -> NDArray[np.uint8]:
    """The frames of a Trace, an array or a file at the judge's pace, at most MOST_FRAMES."""
    if isinstance(clip, (str, os.PathLike)):
        path = Path(clip)
        if path.suffix != ".x2v":
            return media.read_video(path, num_frames=MOST_FRAMES, fps=FPS)
        clip = Trace.load(path)
    if hasattr(clip, "frames"):
        clip, fps = clip.frames, clip.fps
    if not isinstance(clip, np.ndarray):
        cure = "give a Trace, uint8 frames (F, H, W, 3) or the path of a video"
        raise X2VError(f"a {type(clip).__name__}", "a caption is of a clip", cure)
    pace = FPS if fps is None else fps
    media.check_clip(clip, pace)
    count = min(max(1, round(len(clip) * FPS / pace)), MOST_FRAMES) if len(clip) > 1 else 1
    rows = (np.arange(count) * pace / FPS).astype(int).clip(0, len(clip) - 1)
    return np.ascontiguousarray(clip[rows])


def captions_of(reading: Reading) -> ClipCaptions:
    """What a reading says, as captions."""
    said = {
        name: word
        for name, word in reading.values.items()
        if word != "none" and reading.confidence[name] >= SURE
    }
    spec, moving = _spec(said), "action" in reading.values
    noun = " ".join(word for word in (spec.mood, spec.color if "color" in said else "", spec.subject) if word)
    who = f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
    place = PLACES[spec.scene] if "scene" in said else ""
    if not moving:
        return _captions(f"{who} {place}", f"a video of {_dressed(spec, who)} {place}", spec, reading)
    does = _deed(spec, said)
    view = f" . {VIEWS[spec.camera]}" if spec.camera != "static" else ""
    long = f"a video of {_dressed(spec, who)} {place} . it is {does}{view}" if does else ""
    short = f"{who} {does} {place}"
    return _captions(short, long or f"a video of {_dressed(spec, who)} {place}{view}", spec, reading)


def _captions(short: str, long: str, spec: SceneSpec, reading: Reading) -> ClipCaptions:
    return ClipCaptions(" ".join(short.split()), " ".join(long.split()), spec, dict(reading.confidence))


def _dressed(spec: SceneSpec, who: str) -> str:
    if not spec.wearing:
        return who
    item, color = spec.wearing
    return f"{who} wearing {'an' if color[0] in 'aeiou' else 'a'} {color} {item}"


def _deed(spec: SceneSpec, said: dict[str, str]) -> str:
    """What it does, as `plain` says it; nothing where that was not read."""
    if "action" not in said and not spec.other:
        return ""
    bare = replace(spec, wearing=None, camera="static", mood="", size="")
    who = plain(replace(bare, action="stand", other=None, relation="", behind="")).split(" standing still")[0]
    return plain(bare).removeprefix(who).removesuffix(PLACES[spec.scene]).strip()


def _spec(said: dict[str, str]) -> SceneSpec:
    """What was read, as a scene; what was not read is as a SceneSpec has it by itself."""
    pick = partial(_known, said)
    subject, action = said.get("subject", "dog"), pick("action", grammar.MOVES, "stand")
    worn = said.get("wearing")
    wearing = (worn, said["wearing_color"]) if worn and "wearing_color" in said else None
    other = (
        (said["other"], said["other_color"]) if {"other", "other_color", "relation"} <= said.keys() else None
    )
    return SceneSpec(
        subject,
        said.get("color", "brown"),
        action,
        pick("direction", ("left", "right"), "right"),
        said.get("scene", "grass"),
        pick("camera", grammar.CAMERAS, "static"),
        wearing,
        mood=said.get("mood", "") if subject == "face" else "",
        behind=said.get("behind", "") if action in grammar.DIRECTED and not other else "",
        other=other,
        relation=said["relation"] if other else "",
    )


def _known(said: dict[str, str], name: str, words: Any, usual: str) -> str:
    return said[name] if said.get(name) in words else usual
