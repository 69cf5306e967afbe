"""A new mouth for a clip that is there (as Flawless and others dub films): all but the mouth is kept. It is
guided and given more than is asked for, as in `speak`.
"""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.errors import X2VError
from x2vkit.media import SOUND_RATE
from x2vkit.pipeline.x2v import X2VPipeline
from x2vkit.studio.edit.masks import mask_of
from x2vkit.studio.edit.paint import repaint
from x2vkit.studio.edit.source import source_of
from x2vkit.studio.speak import MOUTH_GUIDANCE, SPEAKERS, emphasised
from x2vkit.studio.voice import heard, openness, source_of_sound
from x2vkit.trace import Trace


def dub(
    clip: Any,
    audio: str | PathLike[str] | tuple[NDArray[Any], float] | None = None,
    *,
    text: str | None = None,
    voice: str = "en",
    strength: float = 1.0,
    seed: int = 0,
    pipeline: X2VPipeline | None = None,
    **options: Any,
) -> Trace:
    """Let the face of a clip say something else.

    >>> dubbed = x2v.dub(trace, "speech.wav")

    Args:
        clip: a Trace, frames uint8 (F, H, W, 3), or a path; a face or a robot is its first subject.
        audio: a sound file, or samples and their rate (see `media.read_sound`), no longer than the clip. A
            shorter one leaves the mouth closed after it.
        text: what espeak-ng says, in place of audio.
        voice: its language or voice.
        strength, seed, pipeline, options: as in `inpaint`; without another `mouth_guidance`, that of `speak`.

    Returns:
        The clip with its new sound; pixels around the mouth are the source's own. `plan["mouth"]` is the
        openness that was asked for.

    Raises:
        X2VError: no face in the clip; a silent sound, or one longer than the clip; what `inpaint` refuses.
    """
    source, sound = source_of(clip), heard(audio, text, voice)
    if source.spec.subject not in SPEAKERS or not np.isfinite(source.tracks["boxes"][:, 0]).any():
        rule = f"the mouth of a face or a robot is dubbed, and this clip shows a {source.spec.subject}"
        raise X2VError("a clip without a face", rule, 'make one: x2v.speak("a happy face", ...)')
    frames, seconds = len(source.frames), len(source.frames) / source.fps
    if len(sound) / SOUND_RATE > seconds + 0.05:
        rule = f"the clip has {seconds:.2f} s"
        cure = "cut the sound, or make a clip of its length: x2v.speak(...)"
        raise X2VError(f"a sound of {len(sound) / SOUND_RATE:.2f} s", rule, cure)
    track = openness(sound, frames, source.fps)
    spec = replace(source.spec, action="talk")
    call = {"call": "dub", **source_of_sound(audio, text, voice)}
    options = {"mouth_guidance": MOUTH_GUIDANCE} | options
    how: dict[str, Any] = {"strength": strength, "seed": seed, "pipeline": pipeline, "options": options}
    made = repaint(source, mask_of(source, "mouth"), spec, call, mouth=emphasised(track), **how)
    return replace(made, sound=sound, plan={**made.plan, "mouth": track})
