"""What is heard: places differ, and voices stand out."""

from __future__ import annotations

import numpy as np

from x2vkit.media import SOUND_RATE
from x2vkit.studio.film.sound import ambience, mixed, soundtrack


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
