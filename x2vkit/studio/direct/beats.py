"""Beats of a sound: where it sets in, and a camera that is pushed in by each.

An onset is where the loudness rises quickly (the energy-based detection function of Bello et al. 2005, "A
Tutorial on Onset Detection in Music Signals"). Plain numpy; knows nothing about models.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from x2vkit.errors import X2VError
from x2vkit.media import SOUND_RATE, Sound

HOP = 240
"""Samples between two measurements of loudness: 10 ms."""
FLOOR = 50.0
"""dB below the loudest moment, under which nothing is heard."""
RISE = 9.0
"""dB that the loudness rises by within 30 ms at an onset."""
APART = 0.12
"""Seconds between two onsets, at least."""
SILENT = 100
"""A sound whose samples all stay below this (of 32,767) is silence."""
PUSH = 0.2
"""Log zoom of the strongest beat: things are drawn 22 % larger."""
FADE = 0.28
"""Seconds in which a push falls to a third."""


def beats(sound: Sound) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Onsets of a sound: their times in seconds, and how strong each is, above 0 and up to 1.

    Raises X2VError for silence, and for a sound without any onset.
    """
    if not len(sound) or np.abs(sound.astype(np.int32)).max() < SILENT:
        raise X2VError(f"audio of {len(sound) / SOUND_RATE:.3g} s", "it is silent", "use a sound with beats")
    power = np.square(np.pad(sound.astype(np.float64), (HOP, HOP)))
    count = len(sound) // HOP + 1
    total = np.concatenate([[0.0], np.cumsum(power)])
    at = np.arange(count) * HOP
    loud = 10 * np.log10((total[np.minimum(at + 2 * HOP, len(power))] - total[at]) / (2 * HOP) + 1e-3)
    loud = np.maximum(loud, loud.max() - FLOOR)
    before = np.concatenate([np.full(3, loud.min()), loud])[:count]
    rise = np.maximum(loud - before, 0)
    near = round(APART * SOUND_RATE / HOP)
    padded = np.pad(rise, near)
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * near + 1).max(1)
    peaks = np.flatnonzero((rise >= RISE) & (rise == highest))
    peaks = peaks[np.diff(peaks, prepend=-near - 1) > near]  # of equal ones the first
    if not len(peaks):
        raise X2VError("audio without beats", "nothing in it sets in suddenly", "use music or a drum")
    strength = np.array([loud[i : i + 6].max() for i in peaks])
    return peaks * HOP / SOUND_RATE, np.clip(1 + (strength - strength.max()) / 30, 0.1, 1)


def pushes(sound: Sound, frames: int, fps: float) -> NDArray[np.float64]:
    """Zoom of every frame (F,), 1 where nothing is heard: each beat pushes in at once and fades.

    Raises X2VError as `beats` does.
    """
    when, strength = beats(sound)
    since = (np.arange(frames) / fps)[:, None] - when  # (F, beats)
    shape = np.where(since >= -0.5 / fps, np.exp(-np.maximum(since, 0) / FADE), 0.0)
    return np.exp(PUSH * (shape * strength).max(1))
