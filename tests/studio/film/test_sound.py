"""What is heard: places differ, voices stand out, any wav of 16 bits is read."""

from __future__ import annotations

import wave

import numpy as np
import pytest

from x2vkit import X2VError
from x2vkit.media import SOUND_RATE
from x2vkit.studio.film.sound import ambience, mixed, read_wav, soundtrack


def pitch(heard):
    """Hz about which a sound's energy lies."""
    energy = np.abs(np.fft.rfft(heard.astype(float))) ** 2
    return float((energy * np.fft.rfftfreq(len(heard), 1 / SOUND_RATE)).sum() / energy.sum())


def test_places_sound_as_they_are():
    sounds = {
        place: ambience(place, SOUND_RATE, np.random.default_rng(0)) for place in ("underwater", "grass")
    }
    assert pitch(sounds["underwater"]) < 300 < 800 < pitch(sounds["grass"])
    assert not ambience("nowhere", 9, np.random.default_rng(0)).any()


def test_a_soundtrack_is_as_long_as_the_film_and_the_same_each_time():
    track = soundtrack(["snow", ""], [1.0, 0.5])
    assert track.dtype == np.int16 and len(track) == round(1.5 * SOUND_RATE)
    assert 1000 < np.abs(track).max() < 32767
    assert np.array_equal(track, soundtrack(["snow", ""], [1.0, 0.5]))


def test_a_voice_is_heard_above_the_rest():
    track = np.full(SOUND_RATE, 1000, np.int16)
    voice = np.full(100, 8000, np.int16)
    found = mixed(track, [(0.5, voice), (2.0, voice)])  # one after the film's end
    assert (found[0], found[SOUND_RATE // 2], len(found)) == (1000, 8400, SOUND_RATE)


def test_any_wav_of_16_bits_is_read(tmp_path):
    path = tmp_path / "a.wav"
    tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100) * 20000
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 44100, 0, "NONE", ""))
        file.writeframes(np.repeat(tone.astype("<i2"), 2).tobytes())
    read = read_wav(path)
    assert len(read) == SOUND_RATE and abs(pitch(read) - 440) < 2
    path.write_bytes(b"RIFF no wav")
    with pytest.raises(X2VError, match="it is no wav file"):
        read_wav(path)
