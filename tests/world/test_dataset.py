"""A user's folder of videos stands in the world's place; what is broken in it is named and left out."""

from __future__ import annotations

import imageio_ffmpeg
import mediapy
import numpy as np
import pytest

from x2vkit.errors import X2VError
from x2vkit.world.dataset import VideoFolder


def ramp(frames: int = 24, height: int = 40, width: int = 64) -> np.ndarray:
    """Frame i is grey of brightness 8 * i: a frame's time can be read off its colour."""
    video = np.zeros((frames, height, width, 3), np.uint8)
    return video + 8 * np.arange(frames, dtype=np.uint8)[:, None, None, None]


@pytest.fixture
def folder(tmp_path):
    mediapy.set_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe())
    (tmp_path / "videos").mkdir()
    mediapy.write_video(tmp_path / "videos" / "ramp.mp4", ramp(), fps=24, qp=5)
    (tmp_path / "captions.csv").write_text("video,caption\nramp.mp4,a grey Wall\n")
    return tmp_path


def test_a_clip_has_the_asked_shape_and_rate(folder):
    clip = VideoFolder(folder).sample(0, num_frames=5, height=32, width=48, fps=12)
    assert clip.frames.shape == (5, 32, 48, 3) and clip.frames.dtype == np.uint8
    assert clip.caption == "a grey Wall" and clip.truth is None
    # 24 frames a second cut at 12: every second frame, so brightness climbs by 16.
    np.testing.assert_allclose(np.diff(clip.frames.mean((1, 2, 3))), 16, atol=3)


def test_clips_are_fixed_and_differ(folder):
    first, again = VideoFolder(folder), VideoFolder(folder)
    np.testing.assert_array_equal(first.sample(3, 5, 32, 32).frames, again.sample(3, 5, 32, 32).frames)
    starts = {float(first.sample(i, 5, 32, 32).frames[0].mean()) for i in range(8)}
    assert len(starts) > 1


def test_a_short_video_stands_still_at_its_end(folder):
    frames = VideoFolder(folder).sample(0, num_frames=33, height=32, width=32, fps=24).frames
    np.testing.assert_array_equal(frames[24], frames[32])


def test_the_aspect_ratio_is_kept_by_cropping(tmp_path, folder):
    video = np.zeros((5, 40, 64, 3), np.uint8)
    video[:, :, 12:52] = 255  # the central 40 x 40
    mediapy.write_video(folder / "videos" / "ramp.mp4", video, fps=12, qp=5)
    assert VideoFolder(folder).sample(0, 5, 32, 32).frames.mean() > 240


def test_a_broken_video_is_named_and_skipped(folder):
    (folder / "videos" / "broken.mp4").write_bytes(b"not a video")
    whole = (folder / "videos" / "ramp.mp4").read_bytes()
    (folder / "videos" / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "captions.csv").write_text("video,caption\nbroken.mp4,x\ncut.mp4,y\nramp.mp4,z\n")
    videos = VideoFolder(folder)
    with pytest.warns(UserWarning) as told:
        assert {videos.sample(i, 5, 32, 32).caption for i in range(6)} == {"z"}
    assert {str(each.message).split()[0] for each in told} == {"broken.mp4", "cut.mp4"}


def test_only_broken_videos_are_an_error(folder):
    (folder / "videos" / "ramp.mp4").write_bytes(b"")
    with pytest.raises(X2VError, match="none of its videos can be read"), pytest.warns(UserWarning):
        VideoFolder(folder).sample(0)


def test_a_missing_video_is_named(folder):
    (folder / "captions.csv").write_text("video,caption\ngone.mp4,x\nramp.mp4,z\n")
    with pytest.warns(UserWarning, match="gone.mp4"):
        assert VideoFolder(folder).rows == [("ramp.mp4", "z")]


@pytest.mark.parametrize("text", ["", "name,text\nramp.mp4,z\n", "video,caption\n"])
def test_captions_that_cannot_be_used_are_refused(folder, text):
    (folder / "captions.csv").write_text(text)
    with pytest.raises(X2VError):
        VideoFolder(folder)


def test_evaluation_videos_are_never_trained_on(folder):
    (folder / "captions.csv").write_text(
        "video,caption\n" + "".join(f"ramp.mp4,clip {i}\n" for i in range(20))
    )
    videos = VideoFolder(folder)
    trained = {videos.sample(i, 1, 16, 16).caption for i in range(60)}
    kept = {videos.sample(i, 1, 16, 16, held_out=True).caption for i in range(20)}
    assert len(kept) == 2 and not trained & kept


def test_the_name_changes_with_the_captions(folder):
    before = VideoFolder(folder).name
    (folder / "captions.csv").write_text("video,caption\nramp.mp4,another\n")
    assert VideoFolder(folder).name != before
