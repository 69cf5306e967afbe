"""Reading sound: any sound that PyAV decodes -> int16 at `SOUND_RATE`, one channel.

A file is told by its first bytes and opened as that kind alone, and decoding stops at the limit, so that an
hour of it costs no more than a minute. Knows nothing about torch, models or traces.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.errors import X2VError
from x2vkit.media.film import SOUND_RATE, Sound
from x2vkit.media.picture import check_file

KINDS = {
    "wav": ("wav", 8, (b"WAVE",)),
    "mp3": ("mp3", 0, (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa")),
    "flac": ("flac", 0, (b"fLaC",)),
    "ogg": ("ogg", 0, (b"OggS",)),
    "mp4 or m4a": ("mov", 4, (b"ftyp",)),
    "webm": ("matroska", 0, (b"\x1a\x45\xdf\xa3",)),
    "aiff": ("aiff", 8, (b"AIFF", b"AIFC")),
}
"""Kind of sound -> ffmpeg's name for it, and where its file says so, and how. Nothing else is opened."""
RATES = (1_000, 768_000)
"""Samples a second that a sound may have."""
SHORTEST = 0.02
"""Seconds below which a sound is a click: nothing follows it."""
LONGEST = 600.0
"""Seconds that are read unless the caller says otherwise."""


def read_sound(sound: str | os.PathLike[str] | tuple[NDArray[Any], float], longest: float = LONGEST) -> Sound:
    """A sound as int16 (samples,) at `SOUND_RATE`, its channels mixed into one.

    Args:
        sound: a file (wav of any rate, 8 to 32 bits or float; mp3, flac, ogg, m4a, mp4, webm, aiff), or
            samples and their rate: (n,) or (n, channels), float in [-1, 1] or integers of their full range.
        longest: seconds that it may have.

    Raises:
        X2VError: no such file, a file that holds no sound, samples that are no numbers, a sound shorter than
            SHORTEST or longer than that.
    """
    if isinstance(sound, tuple) and len(sound) == 2:
        name, parts, rate = "audio", *_given(*sound)
        frames = iter([parts])
    elif isinstance(sound, (str, os.PathLike)):
        path, kind = _check_sound(sound)
        name, rate = f"audio {path.name!r}", SOUND_RATE
        frames = _decoded(path, kind)
    else:
        rule = "a sound is a file, or a pair of samples and their rate"
        raise X2VError(f"audio={sound!r:.60}", rule, 'give audio="speech.wav" or audio=(samples, 24000)')
    kept, count = [], 0
    for part in frames:
        kept.append(part)
        count += len(part)
        if count > longest * rate:
            got = f"{name} of {count / rate:.1f} s" if isinstance(sound, tuple) else name
            rule = f"a sound has at most {longest:.4g} s here"
            raise X2VError(f"{got}, longer than that", rule, "cut it, or take it in parts")
    if not count:
        raise X2VError(name, "it holds no sound", "use a complete file with a sound in it")
    if count < SHORTEST * rate:
        got = f"{name} of {count} sample{'s' * (count > 1)} ({1000 * count / rate:.3g} ms)"
        raise X2VError(got, f"a sound lasts at least {1000 * SHORTEST:.0f} ms", "use a longer one")
    return _resampled(np.concatenate(kept), rate)


def _check_sound(path: str | os.PathLike[str]) -> tuple[Path, str]:
    """The file and ffmpeg's name of its kind."""
    file = check_file("audio", path)
    with file.open("rb") as opened:
        head = opened.read(16)
    for kind, at, magics in KINDS.values():
        if head[at:].startswith(magics):
            return file, kind
    raise X2VError(f"audio {file.name!r}", f"it is not a sound ({', '.join(KINDS)})", "use a wav")


def _decoded(path: Path, kind: str) -> Iterator[NDArray[np.float32]]:
    """The sound of a file in parts, each (n,) float32 at SOUND_RATE."""
    import av

    unreadable = X2VError(f"audio {path.name!r}", "it cannot be read as a sound", "save it as a wav again")
    try:
        with av.open(f"file:{path}", format=kind, options={"protocol_whitelist": "file"}) as container:
            if not container.streams.audio:
                raise X2VError(f"audio {path.name!r}", "it holds no sound", "use a file with a sound in it")
            resampler = av.AudioResampler(
                "fltp", rate=SOUND_RATE
            )  # its own mono would be louder than the mean
            for frame in container.decode(container.streams.audio[0]):
                for part in resampler.resample(frame):
                    yield part.to_ndarray().mean(0)
            for part in resampler.resample(None):
                yield part.to_ndarray().mean(0)
    except (av.FFmpegError, UnicodeError, OSError) as error:
        raise unreadable from error


def _given(samples: NDArray[Any], rate: float) -> tuple[NDArray[np.float32], float]:
    """Samples as float32 (n,) in [-1, 1], and their rate, both checked."""
    array = np.asarray(samples)
    if array.ndim not in (1, 2) or array.dtype.kind not in "fiu" or (array.ndim == 2 and array.shape[1] > 32):
        got = f"samples of {array.dtype} {array.shape}"
        raise X2VError(got, "samples are numbers (n,) or (n, channels)", "give float in [-1, 1], or int16")
    number = isinstance(rate, (int, float, np.number)) and not isinstance(rate, bool)
    if not number or not RATES[0] <= rate <= RATES[1]:
        rule = f"a rate is {RATES[0]:,} to {RATES[1]:,} samples a second"
        raise X2VError(f"a rate of {rate!r:.60}", rule, "give audio=(samples, 24000)")
    if array.dtype.kind == "u":
        half = (np.iinfo(array.dtype).max + 1) / 2
        array = (array.astype(np.float64) - half) / half
    elif array.dtype.kind == "i":
        array = array / -float(np.iinfo(array.dtype).min)
    array = array.astype(np.float32)
    array = array.mean(1) if array.ndim == 2 and array.size else array.reshape(-1)
    if not np.isfinite(array).all():
        raise X2VError("samples with nan or inf", "every sample is a finite number", "use 0 for silence")
    return array, float(rate)


def _resampled(samples: NDArray[Any], rate: float) -> Sound:
    """Samples at any rate as int16 at SOUND_RATE; those beyond [-1, 1] are clipped."""
    if rate != SOUND_RATE:
        count = max(1, round(len(samples) * SOUND_RATE / rate))
        if rate > SOUND_RATE:  # what the new rate cannot hold would fold back
            wide = rate / SOUND_RATE
            taps = np.sinc(np.arange(-16 * wide, 16 * wide + 1) / wide) * np.hanning(2 * round(16 * wide) + 1)
            samples = np.convolve(samples, (taps / taps.sum()).astype(np.float32), "same")
        samples = np.interp(np.arange(count) * rate / SOUND_RATE, np.arange(len(samples)), samples)
    return (np.clip(samples, -1, 1) * 32767).round().astype(np.int16)
