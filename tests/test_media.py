"""What is written can be read back as the same clip, and what cannot be is refused before any work."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from x2vkit import media
from x2vkit.errors import X2VError


def decoded(path) -> tuple[np.ndarray, float]:
    """Frames and fps of a written animation."""
    if path.suffix == ".mp4":
        import imageio_ffmpeg
        import mediapy

        mediapy.set_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe())
        video = mediapy.read_video(path)
        return np.asarray(video), video.metadata.fps
    with Image.open(path) as image:
        frames, lengths = [], []
        for frame in ImageSequence.Iterator(image):
            frames.append(np.asarray(frame.convert("RGB")))
            lengths.append(frame.info["duration"])
        assert image.info["loop"] == 0  # for ever
    return np.stack(frames), 1000 * len(frames) / sum(lengths)


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp"])
def test_a_clip_reads_back_as_it_was(clip, tmp_path, suffix):
    path = media.write_clip(tmp_path / f"clip{suffix}", clip, fps=12)
    frames, fps = decoded(path)
    assert len(frames) == len(clip)
    assert fps == pytest.approx(12, rel=0.02)
    height, width = frames.shape[1:3]
    assert height / width == 48 / 64 and width >= 256
    factor = width // 64
    small = frames.reshape(len(frames), 48, factor, 64, factor, 3).mean(axis=(2, 4))
    assert np.abs(small - clip).mean() < 4  # of 255


def test_mp4_is_large_enough_not_to_blur(clip, tmp_path):
    frames, _ = decoded(media.write_clip(tmp_path / "clip.mp4", clip, fps=12))
    assert frames.shape[2] >= 512


def test_one_frame_and_odd_sizes(tmp_path):
    still = np.full((1, 33, 515, 3), 200, np.uint8)
    for suffix in media.WRITERS:
        path = media.write_clip(tmp_path / f"still{suffix}", still, fps=12)
        assert path.stat().st_size > 0


def test_png_is_a_sheet_of_all_frames(clip, tmp_path):
    path = media.write_clip(tmp_path / "sheet.png", clip, fps=12)
    sheet = np.asarray(Image.open(path))
    assert sheet.shape == (3 * 52 - 4, 3 * 68 - 4, 3)
    np.testing.assert_array_equal(sheet[52 : 52 + 48, 68 : 68 + 64], clip[4])


@pytest.mark.parametrize("name", ["clip.avi", "clip", "no/clip.mp4", "."])
def test_impossible_outputs(clip, tmp_path, name):
    with pytest.raises(X2VError):
        media.check_output(tmp_path / name)


def test_a_folder_with_a_suffix(tmp_path):
    (tmp_path / "clip.mp4").mkdir()
    with pytest.raises(X2VError, match="folder"):
        media.check_output(tmp_path / "clip.mp4")


def test_an_unwritable_folder(tmp_path, monkeypatch):
    def refuse(dir, prefix):
        raise PermissionError(dir)

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)  # root may write anywhere
    with pytest.raises(X2VError, match="cannot be written"):
        media.check_output(tmp_path / "clip.mp4")


@pytest.mark.parametrize("name", ["a\0.mp4", "x" * 300 + ".mp4", "x" * 250 + ".mp4", b"clip.mp4", None, 3])
def test_a_name_that_no_file_can_have_is_told_before_the_work(name, tmp_path):
    path = tmp_path / name if isinstance(name, str) else name
    with pytest.raises(X2VError, match="no file can have|output is a path"):
        media.check_output(path)
    if name is not None and not str(name).startswith("x" * 250 + "."):  # that one could be read
        with pytest.raises(X2VError, match="no file can have|picture is a path"):
            media.check_file("picture", path)


@pytest.mark.parametrize(
    "frames", [np.zeros((3, 8, 8, 3)), np.zeros((8, 8, 3), np.uint8), np.zeros((0, 8, 8, 3), np.uint8), [1]]
)
def test_what_is_no_clip(frames, tmp_path):
    with pytest.raises(X2VError):
        media.write_clip(tmp_path / "clip.gif", frames, fps=12)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), 1e9])
def test_impossible_fps(clip, tmp_path, fps):
    with pytest.raises(X2VError, match="fps"):
        media.write_clip(tmp_path / "clip.gif", clip, fps)


def test_reading_an_image_fills_the_frame_about_its_centre(tmp_path):
    wide = np.zeros((100, 300, 3), np.uint8)
    wide[:, 100:200] = (255, 0, 0)  # the middle square is red
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert media.read_image(tmp_path / "wide.png").shape == (100, 300, 3)
    square = media.read_image(tmp_path / "wide.png", height=64, width=64)
    assert square.shape == (64, 64, 3)
    assert np.abs(square[:, 2:-2].astype(int) - (255, 0, 0)).max() <= 2


def test_broken_images(tmp_path):
    stream = io.BytesIO()
    Image.new("RGB", (64, 64)).save(stream, "PNG")
    for name, data in {"cut.png": stream.getvalue()[:60], "text.png": b"hello", "empty.png": b""}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(X2VError, match=r"cannot be read|is empty"):
            media.read_image(tmp_path / name)
    with pytest.raises(X2VError, match="no such file"):
        media.read_image(tmp_path / "none.png")


def test_sound_goes_into_an_mp4_as_long_as_the_clip(clip, tmp_path):
    import av

    tone = (8000 * np.sin(np.arange(10 * media.SOUND_RATE) * 2 * np.pi * 440 / media.SOUND_RATE)).astype(
        np.int16
    )
    path = media.write_clip(tmp_path / "clip.mp4", clip, fps=12, sound=tone)
    with av.open(str(path)) as file:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
        assert file.streams.audio[0].rate == media.SOUND_RATE
    seconds = len(clip) / 12
    assert abs(len(heard) / media.SOUND_RATE - seconds) < 0.1
    spectrum = np.abs(np.fft.rfft(heard))
    assert abs(np.argmax(spectrum) * media.SOUND_RATE / len(heard) - 440) < 5
