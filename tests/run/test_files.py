"""Pictures and videos from strangers: read small and the right way up, or refused in words."""

from __future__ import annotations

import io
import math
import subprocess

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from x2vkit import media
from x2vkit.errors import X2VError
from x2vkit.run.files import read_picture, read_video, with_files
from x2vkit.run.request import read_request


def test_a_picture_is_the_right_way_up_and_fills_the_frame(tmp_path):
    wide = np.zeros((60, 200, 3), np.uint8)
    wide[:, :100] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera turned: left is up
    Image.fromarray(wide).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    picture = read_picture(tmp_path / "turned.jpg", 128, 96)
    assert picture.shape == (128, 96, 3)
    assert picture[:40].mean(axis=(0, 1))[0] > 200 and picture[-40:].mean() < 30


def test_files_that_are_no_pictures_are_told(tmp_path):
    (tmp_path / "notes.png").write_text("hello")
    (tmp_path / "empty.png").touch()
    Image.new("L", (8000, 5000)).save(tmp_path / "large.png")  # 40 megapixels, in a few kilobytes
    (tmp_path / "cut.png").write_bytes((tmp_path / "large.png").read_bytes()[:90])
    for name, message in {
        "notes.png": "cannot be read as a picture",
        "empty.png": "the file is empty",
        "large.png": "40 megapixels",
        "cut.png": "picture",
        "../missing.png": "no such file",
    }.items():
        with pytest.raises(X2VError, match=message) as told:
            read_picture(tmp_path / name, 128, 128)
        assert str(tmp_path) not in str(told.value)  # folders of this machine are nobody's business


def test_a_bomb_of_pixels_is_told_before_it_is_unpacked(tmp_path):
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    with pytest.raises(X2VError, match=r"picture 'bomb.png'"):
        read_picture(tmp_path / "bomb.png", 128, 128)


def test_a_picture_as_bytes_keeps_its_shape_and_is_made_small():
    stream = io.BytesIO()
    Image.new("RGB", (600, 300), "red").save(stream, "PNG")
    assert read_picture(stream.getvalue()).shape == (128, 256, 3)


def test_a_tiny_picture_is_refused():
    stream = io.BytesIO()
    Image.new("RGB", (4, 4)).save(stream, "PNG")
    with pytest.raises(X2VError, match="at least 8 pixels"):
        read_picture(stream.getvalue())


@pytest.mark.parametrize("source", [b"", b"no picture", None, 3, "nowhere.png"])
def test_what_is_no_picture_at_all_is_told(source):
    with pytest.raises(X2VError, match="picture"):
        read_picture(source)


@pytest.fixture
def video(tmp_path, clip):
    """A video of 9 frames at 12 a second, 64 x 48, shown at 512 x 384."""
    return media.write_clip(tmp_path / "clip.mp4", clip, 12)


def test_a_video_keeps_its_frames(video, clip):
    frames = read_video(video, 17, 96, 128)
    assert frames.shape == (9, 96, 128, 3) and frames.dtype == np.uint8
    x = [np.nonzero(frame[48, :, 0] > 150)[0].mean() for frame in frames]  # the yellow square's middle
    assert x == sorted(x) and x[-1] > x[0] + 40  # goes right


def test_a_short_video_makes_a_short_clip_and_says_so(video):
    wanted = with_files(read_request({"prompt": "a ball"}), video=str(video), strength=0.5)
    assert wanted.request.num_frames == 9 and wanted.inputs["video"].shape == (9, 128, 128, 3)
    assert wanted.inputs["strength"] == 0.5 and "9 frames" in wanted.notes[0]


def test_a_picture_fills_the_clip_and_a_video_beside_it_is_one_too_many(video, tmp_path):
    Image.new("RGB", (300, 100), "red").save(tmp_path / "red.png")
    request = read_request({"shape": "wide"})
    assert with_files(request, image=tmp_path / "red.png").inputs["image"].shape == (96, 160, 3)
    assert with_files(request).inputs == {}
    with pytest.raises(X2VError, match="one of them"):
        with_files(request, image=tmp_path / "red.png", video=str(video))


@pytest.mark.parametrize("strength", [0, math.nan, 7, "0.5", True])
def test_a_strength_that_cannot_be_is_told(strength, video):
    with pytest.raises(X2VError, match="strength"):
        with_files(read_request({}), video=str(video), strength=strength)


def test_a_video_of_two_hours_is_told_at_once(tmp_path):
    path = tmp_path / "long.mp4"
    make = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi"]
    make += ["-i", "color=c=red:s=16x16:r=0.02", "-t", "7200", "-y", str(path)]
    subprocess.run(make, check=True)
    with pytest.raises(X2VError, match="of 120 minutes"):
        read_video(path, 17, 128, 128)


def test_files_that_are_no_videos_are_told(tmp_path, video):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "notes.mp4").write_text("hello")
    (tmp_path / "cut.mp4").write_bytes(video.read_bytes()[:64])
    for name in ("empty.mp4", "notes.mp4", "cut.mp4", "gone.mp4"):
        with pytest.raises(X2VError, match=name):
            read_video(tmp_path / name, 17, 128, 128)


@pytest.mark.parametrize(
    "text", ["#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "ffconcat version 1.0\nfile '/etc/passwd'\n"]
)
def test_a_playlist_never_reaches_ffmpeg(tmp_path, text, monkeypatch):
    (tmp_path / "list.mp4").write_text(text)
    monkeypatch.setattr("av.open", lambda *a, **k: pytest.fail("the file was opened as a video"))
    with pytest.raises(X2VError, match="not a video"):
        read_video(tmp_path / "list.mp4", 17, 128, 128)


def test_a_name_that_looks_like_an_option_is_only_a_name(tmp_path, video, monkeypatch):
    path = tmp_path / "-vf crop; rm -rf $(echo) &.mp4"
    path.write_bytes(video.read_bytes())
    assert len(read_video(path, 5, 128, 128)) == 5
