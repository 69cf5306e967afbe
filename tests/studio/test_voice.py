"""A mouth opens when something is heard, wider for open vowels, hardly for what hisses, and in time."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from x2vkit.errors import X2VError
from x2vkit.media import SOUND_RATE
from x2vkit.studio import voice


def vowel(first: float, seconds: float = 0.5) -> np.ndarray:
    """A buzz of 120 Hz through one resonance: a vowel whose first formant is there. Float (n,)."""
    t = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    tones = np.arange(120, 4000, 120)
    heights = 1 / (1 + ((tones - first) / 90) ** 2) / tones**0.5
    return 0.3 * (heights[:, None] * np.sin(2 * np.pi * tones[:, None] * t)).sum(0) / heights.sum()


def as_sound(*parts: np.ndarray) -> np.ndarray:
    return (np.concatenate(parts) * 32767).astype(np.int16)


def test_open_vowels_open_the_mouth_wider_than_closed_ones_and_hissing_hardly_does():
    noise = np.random.default_rng(0).normal(size=SOUND_RATE // 2) * 0.1
    hiss = np.diff(noise, prepend=0)
    track = voice.openness(as_sound(vowel(750), vowel(300), hiss, 0 * noise), 24, 12)
    a, i, s, rest = (track[6 * k + 1 : 6 * k + 5].mean() for k in range(4))
    assert a > 0.9
    assert 0.2 < i < 0.5
    assert s < 0.5 * a
    assert rest < 0.02


def test_the_track_is_in_time_with_the_sound():
    """A syllable that fills frame 7 opens the mouth in frame 7."""
    silence = np.zeros(20 * SOUND_RATE // 12)
    silence[7 * SOUND_RATE // 12 : 8 * SOUND_RATE // 12] = vowel(750, 1 / 12)
    track = voice.openness(as_sound(silence), 20, 12)
    assert track[7] == 1
    assert abs(track[6] - track[8]) < 0.03
    assert track[6] < 0.75
    assert max(track[:6].max(), track[9:].max()) < 0.1


def test_loudness_does_not_matter_and_silence_is_refused():
    said = [vowel(750, 0.3), np.zeros(4000), vowel(500, 0.4)]
    loud, quiet = voice.openness(as_sound(*said), 9, 12), voice.openness(as_sound(*said) // 20, 9, 12)
    assert np.abs(loud - quiet).max() < 0.1
    with pytest.raises(X2VError, match="silent sound"):
        voice.openness(np.zeros(9000, np.int16), 5, 12)


FAKE = """#!{python}
import sys, wave
text, path = sys.stdin.read(), sys.argv[sys.argv.index("-w") + 1]
if sys.argv[sys.argv.index("-v") + 1] == "none":
    sys.exit("Error: no such voice")
with wave.open(path, "wb") as file:
    file.setparams((1, 2, 22050, 0, "NONE", ""))
    file.writeframes(b"\\0\\x20" * 2205 * len(text.split()))
open({log!r}, "w").write(repr(sys.argv[1:]))
"""


@pytest.fixture
def espeak(tmp_path, monkeypatch):
    """A program named espeak-ng that says 0.1 s a word; gives the file with its last arguments."""
    program, log = tmp_path / "bin" / "espeak-ng", tmp_path / "arguments"
    program.parent.mkdir()
    program.write_text(FAKE.format(python=sys.executable, log=str(log)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return log


def test_a_text_is_spoken_and_its_words_are_never_options(espeak):
    assert abs(len(voice.spoken("one two three four", "de+f3")) - 0.4 * SOUND_RATE) < 50
    assert abs(len(voice.spoken("-w /tmp/stolen.wav; rm -rf x")) - 0.5 * SOUND_RATE) < 50
    assert "stolen" not in espeak.read_text()


@pytest.mark.parametrize(
    ("text", "kind", "rule"),
    [("", "en", "something to say"), ("a" * 1001, "en", "at most 1,000"), ("a", "-x", "a voice is")]
    + [("a", "none", "espeak-ng says: Error: no such voice")],
)
def test_bad_texts_and_voices_are_refused(espeak, text, kind, rule):
    with pytest.raises(X2VError, match=rule):
        voice.spoken(text, kind)


def test_without_espeak_the_cure_is_told(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(X2VError, match="apt install espeak-ng"):
        voice.spoken("hello")
