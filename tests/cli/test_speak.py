"""`x2vkit speak`: bad input ends with a sentence before a model loads; good input is a clip with sound."""

from __future__ import annotations

import sys
import wave

import numpy as np
import pytest

from x2vkit.cli import main
from x2vkit.media import read_sound, video_info


@pytest.fixture
def wav(tmp_path):
    """0.4 s of a tone."""
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes((9000 * np.sin(np.arange(3200) / 2)).astype("<i2").tobytes())
    return path


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "neither audio nor text"),
        (["--audio", "no.wav"], "no such file"),
        (["--audio", "tone.wav", "--text", "hello"], "one of them"),
        (["--audio", "tone.wav", "-o", "a.gif"], ".mp4, .x2v"),
        (["--audio", "tone.wav", "--steps", "0"], "steps"),
        (["--audio", "tone.wav", "--model", "nobody"], "no such weights"),
        (["--audio", "silent.wav"], "silent sound"),
    ],
)
def test_bad_input_is_a_sentence(argv, said, capsys, tmp_path, monkeypatch, wav):
    monkeypatch.chdir(tmp_path)
    data = bytearray(wav.read_bytes())
    data[44:] = bytes(len(data) - 44)
    (tmp_path / "silent.wav").write_bytes(data)
    before = "torch" in sys.modules
    assert main(["speak", "a face", *argv]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert ("torch" in sys.modules) == before


def test_a_sound_becomes_a_clip_with_it(tmp_path, wav, capsys):
    path = tmp_path / "said.mp4"
    argv = ["speak", "a yellow face", "--audio", str(wav), "-o", str(path), "--steps", "1"]
    assert main(argv) == 0
    assert "5 frames" in capsys.readouterr().out
    assert abs(video_info(path).seconds - 5 / 12) < 0.05
    assert np.abs(read_sound(path)).max() > 5000
    assert main(["speak", "a red dog", *argv[2:]]) == 2
    assert "a face or a robot" in capsys.readouterr().err
