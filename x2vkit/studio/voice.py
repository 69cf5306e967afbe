"""A sound -> how far the mouth that makes it is open, frame by frame; and text as sound.

    n samples at SOUND_RATE, m windows of WINDOW seconds, F frames

Two things open a mouth. It lets sound out, so the *loudness* (in dB, from the sound's own quiet to its own
loud) says when. And it shapes the vowel: the first formant lies near 300 Hz in "ee" and "oo", whose mouth is
nearly closed, and near 800 Hz in "ah", whose mouth is open (Peterson and Barney 1952), so where the energy
below 1,100 Hz lies says how far. What hisses ("s", "f") is loud above 3 kHz and made with closed teeth.

Frame k of a clip is on the screen from k / fps to (k + 1) / fps: its openness is the mean over that time, so
that sound and mouth meet; then a little of its neighbours, to both sides alike. Knows nothing about models.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.axes import TIME_STRIDE
from x2vkit.errors import X2VError
from x2vkit.media import SOUND_RATE, Sound, read_sound

LONGEST = 30.0
"""Seconds of a sound that a clip speaks."""
WINDOW, HOP = 0.03, 0.005
"""Seconds of a window, and from one to the next."""
SILENT = 3e-4
"""Root mean square (1 is full scale, so -70 dB) below which nothing is heard."""
RANGE = 30.0
"""dB from a sound's loud parts down to where the mouth is closed."""
FIRST_FORMANT = (330.0, 700.0)
"""Hz: the middle of the energy from 150 to 1,100 Hz of the most closed and of the most open vowels."""
CLOSED_VOWEL = 0.35
"""Openness of a loud closed vowel, where a loud open one has 1."""
MAX_CHARACTERS = 1_000
"""Of a text that is spoken."""
SPEED = 140
"""Words a minute, slower than espeak-ng's own 175: a frame is a twelfth of a second."""
JAW = (0.25, 0.5, 0.25)
"""How a frame's openness is spread over the frames beside it: a jaw does not jump, and what changes faster
than that is lost in the latent frames of four (measured: mouths follow a track so smoothed at a correlation
of 0.74, and the raw one at 0.64).
"""


def heard(audio: Any, text: str | None, voice: str = "en") -> Sound:
    """The sound that was given, or what espeak-ng makes of a text."""
    if (audio is None) == (text is None):
        got = "neither audio nor text" if audio is None else "audio and text"
        raise X2VError(got, "one of them says what is heard", 'give audio="speech.wav", or text="hello"')
    sound = spoken(str(text), voice) if audio is None else read_sound(audio, LONGEST)
    if (seconds := len(sound) / SOUND_RATE) > LONGEST:
        rule = f"a clip speaks for at most {LONGEST:.0f} s"
        raise X2VError(f"text that takes {seconds:.0f} s to say", rule, "say it in parts")
    return sound


def source_of_sound(audio: Any, text: str | None, voice: str) -> dict[str, str]:
    """What is heard, as `Trace.made_by` tells it."""
    if text is not None:
        return {"text": text, "voice": voice}
    return {"audio": str(audio) if isinstance(audio, (str, PathLike)) else "samples"}


def frames_for(sound: Sound, fps: float) -> int:
    """The fewest frames, 1 + 4k and five or more, that last as long as a sound."""
    needed = np.ceil(len(sound) / SOUND_RATE * fps)
    return 1 + TIME_STRIDE * max(1, int(np.ceil((needed - 1) / TIME_STRIDE)))


def openness(sound: Sound, frames: int, fps: float) -> NDArray[np.float32]:
    """How far a mouth opens for a sound -> (F,) from 0 (closed) to 1.

    Raises:
        X2VError: a sound in which nothing is heard.
    """
    loud, height, hiss = _windows(sound)
    if loud.max() < SILENT:
        got = f"a silent sound (loudest {20 * np.log10(max(loud.max(), 1e-6)):.0f} dB)"
        rule = f"a mouth follows what is heard, above {20 * np.log10(SILENT):.0f} dB"
        raise X2VError(got, rule, "give a louder one, or check the microphone")
    heard = loud > SILENT
    level = 20 * np.log10(np.maximum(loud, 1e-6))
    top = np.percentile(level[heard], 90)
    voice = np.clip((level - top + RANGE) / RANGE, 0, 1) * heard
    low, high = FIRST_FORMANT
    vowel = np.clip((height - low) / (high - low), 0, 1)
    track = voice**1.5 * (CLOSED_VOWEL + (1 - CLOSED_VOWEL) * vowel) * (1 - 0.8 * hiss)
    return _per_frame(track, frames, fps)


def _windows(sound: Sound) -> tuple[NDArray, NDArray, NDArray]:
    """Of each window: root mean square (m,); the middle, in Hz, of the energy around the first formant (m,);
    the share of the energy that hisses (m,).
    """
    size, hop = round(WINDOW * SOUND_RATE), round(HOP * SOUND_RATE)
    padded = np.pad(sound.astype(np.float32) / 32768, (size // 2, size // 2 + hop))  # window i is about i HOP
    parts = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]  #     (m, size)
    power = np.abs(np.fft.rfft(parts * np.hanning(size).astype(np.float32), 1024)) ** 2
    hertz = np.fft.rfftfreq(1024, 1 / SOUND_RATE)
    formant = (hertz >= 150) & (hertz <= 1100)
    # pitch falls off by about 6 dB an octave: without that, what is left is where the throat resonates
    flat = power[:, formant] * hertz[formant]
    middle = (flat * hertz[formant]).sum(1) / np.maximum(flat.sum(1), 1e-12)
    total = np.maximum(power[:, hertz >= 100].sum(1), 1e-12)
    return np.sqrt((parts**2).mean(1)), middle, power[:, hertz > 3000].sum(1) / total


def _per_frame(track: NDArray, frames: int, fps: float) -> NDArray[np.float32]:
    """Windows (m,) -> the mean over each frame's time (F,), stretched so that the widest frames are at 1."""
    edges = np.arange(frames + 1) / fps / HOP + 0.5  # window i stands for half a HOP to both sides of it
    whole = np.concatenate([[0.0], np.cumsum(track)])
    at = np.interp(np.minimum(edges, len(track)), np.arange(len(whole)), whole)
    mean = np.convolve(np.pad(np.diff(at) * fps * HOP, 1, mode="edge"), JAW, "valid")
    widest = max(np.percentile(mean, 95), 0.8 * mean.max(), 1e-6)
    return np.clip(mean / widest, 0, 1).astype(np.float32)


def spoken(text: str, voice: str = "en") -> Sound:
    """A text as espeak-ng says it.

    Args:
        text: up to MAX_CHARACTERS characters.
        voice: a language or voice of espeak-ng ("en", "de", "en-us+f3"); `espeak-ng --voices` lists them.

    Raises:
        X2VError: no text, too much of it, no such voice, or no espeak-ng on this machine.
    """
    text = _checked_text(text)
    if not isinstance(voice, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+-]{0,40}", voice):
        raise X2VError(f"voice={voice!r:.60}", "a voice is a name of espeak-ng", 'use "en", or "en+f3"')
    program = shutil.which("espeak-ng")
    if program is None:
        rule = "text is spoken by the program espeak-ng, which is not installed here"
        cure = "install it (apt install espeak-ng, brew install espeak-ng), or give audio= a sound"
        raise X2VError(f"text={text!r:.60}", rule, cure)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        command = [program, "-v", voice, "-s", str(SPEED), "-b", "1", "-w", str(path), "--stdin"]
        try:
            done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise X2VError(f"text={text!r:.60}", f"espeak-ng says: {error}", "give audio= a sound") from error
        if done.returncode or not path.is_file():
            said = done.stderr.decode(errors="replace").strip().splitlines()
            rule = f"espeak-ng says: {(said or ['nothing'])[-1]:.120}"
            raise X2VError(f"voice={voice!r}", rule, "see espeak-ng --voices")
        try:
            return read_sound(path)
        except X2VError as error:
            rule = f"espeak-ng makes no sound of it that can be heard ({voice})"
            raise X2VError(f"text={text!r:.60}", rule, 'use words of its language: text="hello"') from error


def _checked_text(text: object) -> str:
    if not isinstance(text, str) or not text.strip():
        raise X2VError(f"text={text!r:.60}", "a text has something to say", 'use text="hello"')
    if len(text) > MAX_CHARACTERS:
        rule = f"a text has at most {MAX_CHARACTERS:,}"
        raise X2VError(f"text of {len(text):,} characters", rule, "say it in parts")
    return "".join(c if c.isprintable() else " " for c in text).strip()
