"""What is heard with a film: the place, by filtered noise, and soft chords under it; made of numbers alone.

n samples at `media.SOUND_RATE`
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from x2vkit.media import SOUND_RATE, Sound

Wave = NDArray[np.float64]
"""(n,) from -1 to 1."""
BANDS: dict[str, tuple[float, float, float]] = {
    "snow": (200, 900, 0.11), "grass": (500, 2500, 0.05), "beach": (150, 1800, 0.16),
    "night": (80, 300, 0.06),
    "city": (60, 500, 0.12), "desert": (250, 1200, 0.09), "underwater": (40, 220, 0.28),
    "space": (40, 120, 0.2),
}  # fmt: skip
"""Place -> the band of noise that it hums in, from and to Hz, and how loud."""
SWELLS = {"beach": 0.18, "snow": 0.11, "desert": 0.09, "underwater": 0.3}
"""Places whose noise comes and goes, so many times a second: waves, gusts."""
CHORDS = ((220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (196.0, 246.9, 293.7), (164.8, 196.0, 246.9))
"""Hz: A minor, F, G, E minor."""
CHORD_SECONDS = 2.5
FADE_SECONDS = 0.25


def soundtrack(scenes: Sequence[str], seconds: Sequence[float], seed: int = 0) -> Sound:
    """A film's ambience and music.

    Args:
        scenes: of each shot, in the world's words; one that there is none of is quiet.
        seconds: of each shot.
        seed: another seed, other noise.
    """
    total = round(sum(seconds) * SOUND_RATE)
    track, at = np.zeros(total), 0.0
    for number, (scene, length) in enumerate(zip(scenes, seconds, strict=True)):
        begin, n = round(at * SOUND_RATE), round(length * SOUND_RATE)
        part = ambience(scene, n, np.random.default_rng([seed, number]), at)[: max(0, total - begin)]
        track[begin : begin + len(part)] += _faded(part)
        at += length
    return as_sound(track + 0.5 * _faded(music(total), 1.0))


def ambience(scene: str, n: int, rng: np.random.Generator, at: float = 0.0) -> Wave:
    """The noise of a place (n,), from second `at` of a film on."""
    if scene not in BANDS or n < 2:
        return np.zeros(n)
    low, high, loud = BANDS[scene]
    spectrum = np.fft.rfft(rng.normal(size=n))
    hertz = np.fft.rfftfreq(n, 1 / SOUND_RATE)
    spectrum *= np.exp(
        -(((np.log(np.maximum(hertz, 1)) - np.log((low * high) ** 0.5)) / np.log(high / low)) ** 2) * 4
    )
    noise = np.fft.irfft(spectrum, n)
    noise *= loud / max(np.abs(noise).max(), 1e-9)
    time = at + np.arange(n) / SOUND_RATE
    if scene in SWELLS:
        noise *= 0.55 + 0.45 * np.sin(2 * np.pi * SWELLS[scene] * time)
    if scene == "night":  # crickets: a high tone in short bursts
        noise += (
            0.02 * np.sin(2 * np.pi * 4200 * time) * (np.sin(2 * np.pi * 28 * time) > 0) * (time % 1.3 < 0.4)
        )
    return noise


def music(n: int) -> Wave:
    """Soft chords (n,), one after another."""
    time = np.arange(n) / SOUND_RATE
    which = (time / CHORD_SECONDS).astype(int) % len(CHORDS)
    swell = np.sin(np.pi * (time % CHORD_SECONDS) / CHORD_SECONDS) ** 0.7
    found = np.zeros(n)
    for place in range(3):
        hertz = np.array([chord[place] for chord in CHORDS])[which]
        found += np.sin(2 * np.pi * hertz * time) + 0.3 * np.sin(4 * np.pi * hertz * time)
    return 0.05 * swell * found


def mixed(track: Sound, spoken: Sequence[tuple[float, Sound]]) -> Sound:
    """A track with voices in it, each from its second on; under a voice the rest is softer."""
    found = track.astype(np.float64) / 32767
    for second, voice in spoken:
        begin = round(second * SOUND_RATE)
        voice = voice[: max(0, len(found) - begin)]
        found[begin : begin + len(voice)] *= 0.4
        found[begin : begin + len(voice)] += voice / 32767
    return as_sound(found)


def as_sound(track: Wave) -> Sound:
    """-1 .. 1 as int16, what is louder cut."""
    return (np.clip(track, -1, 1) * 32767).round().astype(np.int16)


def _faded(part: Wave, seconds: float = FADE_SECONDS) -> Wave:
    """The same with a soft beginning and end."""
    n = min(len(part) // 2, round(seconds * SOUND_RATE))
    if n:
        ramp = np.linspace(0, 1, n)
        part = part.copy()
        part[:n] *= ramp
        part[-n:] *= ramp[::-1]
    return part
