"""Any sound comes out as one channel at one rate, as loud and as long as it was; anything else is refused."""

from __future__ import annotations

import wave

import av
import numpy as np
import pytest

from x2vkit.errors import X2VError
from x2vkit.media import SOUND_RATE, read_sound


def tone(rate: int, seconds: float = 0.5, hertz: float = 440) -> np.ndarray:
    """A tone at half of full scale, float (n,)."""
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def write_wav(path, samples, rate, width, channels=1):
    """A wav of integers, `width` bytes a sample; 1 byte is unsigned."""
    scaled = np.round(samples * (2 ** (8 * width - 1) - 1)).astype(np.int64)
    data = b"".join(int(x + 128 * (width == 1)).to_bytes(width, "little", signed=width > 1) for x in scaled)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)
    return path


def pitch(sound) -> float:
    """Where its spectrum is highest, in Hz."""
    power = np.abs(np.fft.rfft(sound.astype(float)))
    return float(power.argmax() * SOUND_RATE / len(sound))


@pytest.mark.parametrize(("rate", "width"), [(8_000, 1), (44_100, 2), (48_000, 3), (24_000, 4)])
def test_a_wav_keeps_its_length_pitch_and_loudness(tmp_path, rate, width):
    sound = read_sound(write_wav(tmp_path / "tone.wav", tone(rate), rate, width))
    assert sound.dtype == np.int16
    assert abs(len(sound) - SOUND_RATE / 2) < 200
    assert abs(pitch(sound) - 440) < 5
    assert abs(np.abs(sound[500:-500]).max() / 32768 - 0.5) < 0.02


def test_two_channels_are_mixed_and_floats_are_read(tmp_path):
    left, right = tone(24_000), np.zeros(12_000)
    both = np.stack([left, right], 1)
    path = tmp_path / "float.wav"
    with av.open(str(path), "w", format="wav") as file:
        stream = file.add_stream("pcm_f32le", rate=24_000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(both.astype(np.float32).reshape(1, -1), "flt", "stereo")
        frame.rate = 24_000
        file.mux([*stream.encode(frame), *stream.encode(None)])
    from_file, given = read_sound(path), read_sound((both, 24_000))
    for sound in (from_file, given, read_sound(((both * 32767).astype(np.int16), 24_000))):
        assert len(sound) == 12_000
        assert abs(np.abs(sound).max() / 32768 - 0.25) < 0.01


def test_samples_at_another_rate_keep_their_pitch_and_do_not_fold():
    for rate in (8_000, 96_000):
        assert abs(pitch(read_sound((tone(rate), rate))) - 440) < 5
    high = read_sound((tone(96_000, hertz=20_000), 96_000))  # above what 24,000 samples a second hold
    assert np.abs(high[600:-600]).max() < 600


BAD = {
    "no sound": (7, "a file, or a pair"),
    "no numbers": ((np.array(["a"]), 24_000), "samples are numbers"),
    "nan": ((np.array([0.0, np.nan]), 24_000), "finite"),
    "a rate of 3": ((np.zeros(9), 3), "rate is"),
    "nothing": ((np.zeros(0), 24_000), "no sound"),
    "a sample": ((np.zeros(1), 24_000), "of 1 sample .*at least 20 ms"),
    "an hour": ((np.zeros(3600 * 1000, np.int16), 1_000), "at most 600 s"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_samples_are_refused_in_a_sentence(name):
    given, rule = BAD[name]
    with pytest.raises(X2VError, match=rule):
        read_sound(given)


def test_bad_files_are_refused_in_a_sentence(tmp_path):
    (tmp_path / "text.wav").write_text("#EXTM3U\nhttp://example.org/a.wav\n")
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "cut.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVE")
    for name, rule in (("text", "not a sound"), ("empty", "empty"), ("cut", "sound"), ("gone", "no such")):
        with pytest.raises(X2VError, match=rule):
            read_sound(tmp_path / f"{name}.wav")
    with pytest.raises(X2VError, match="at most 0.2 s"):
        read_sound(write_wav(tmp_path / "long.wav", tone(8_000), 8_000, 2), longest=0.2)
