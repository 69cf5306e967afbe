"""Captions say what a clip shows, in words that training knows; a captioned folder is one that it reads."""

from __future__ import annotations

import numpy as np
import pytest

import x2vkit
from x2vkit import media
from x2vkit.cli import main
from x2vkit.errors import X2VError
from x2vkit.studio.phrases import lexicon
from x2vkit.studio.recaption import clip_frames
from x2vkit.world import SceneSpec, World
from x2vkit.world.caption_files import read_captions

SPECS = {
    "a red dog walking to the left in the snow": SceneSpec("dog", "red", "walk", "left", "snow"),
    "a yellow bird flying to the right at night": SceneSpec(
        "bird", "yellow", "fly", "right", "night", "pan left", ("hat", "blue")
    ),
}


def render(spec: SceneSpec, frames: int = 17, fps: float = 12) -> np.ndarray:
    return World(1).render(spec, 4, frames, 128, 128, fps).frames


def test_a_caption_says_what_a_clip_shows():
    said = {short: x2vkit.recaption(render(spec)) for short, spec in SPECS.items()}
    for short, captions in said.items():
        assert captions.short == short
        assert not lexicon().tokenize(captions.long).unknown
    bird = said["a yellow bird flying to the right at night"]
    assert bird.long == (
        "a video of a yellow bird wearing a blue hat at night . it is flying to the right . camera pans left"
    )
    assert (bird.spec.camera, bird.spec.wearing) == ("pan left", ("hat", "blue"))
    assert bird.confidence["subject"] > 0.9


def test_a_still_has_no_movement():
    captions = x2vkit.recaption(render(SceneSpec("cat", "orange", "stand", scene="beach"), frames=1))
    assert captions.short == "an orange cat on the beach" and "it is" not in captions.long


def test_a_clip_is_read_at_the_judges_pace(trace, tmp_path):
    ramp = np.broadcast_to(np.arange(24, dtype=np.uint8)[:, None, None, None], (24, 16, 16, 3))
    assert clip_frames(ramp, fps=24)[:, 0, 0, 0].tolist() == [*range(0, 24, 2)]
    assert len(clip_frames(ramp)) == 24 and len(clip_frames(ramp, fps=6)) == 48
    path = trace.save(tmp_path / "run.x2v")
    assert np.array_equal(clip_frames(path), clip_frames(trace))
    for bad in (3, None, "no.mp4"):
        with pytest.raises(X2VError):
            clip_frames(bad)


def test_a_folder_is_captioned_for_training(tmp_path, capsys):
    videos = tmp_path / "mine" / "videos"
    videos.mkdir(parents=True)
    media.write_clip(videos / "a.mp4", render(SPECS["a red dog walking to the left in the snow"]), 12)
    (videos / "0.mp4").write_bytes(b"no video")
    assert main(["caption", str(tmp_path / "mine"), "--short"]) == 1  # one is left out
    rows = read_captions(tmp_path / "mine").rows
    assert rows == [("a.mp4", "a red dog walking to the left in the snow")]
    told = capsys.readouterr()
    assert "a.mp4: a red dog" in told.out and "without 1 of 2" in told.out and "left out 0.mp4" in told.err
    for folder in (tmp_path / "mine", tmp_path / "none", tmp_path):  # there already; no folder; no video
        assert main(["caption", str(folder)]) == 2
    assert "new .csv" in capsys.readouterr().err
