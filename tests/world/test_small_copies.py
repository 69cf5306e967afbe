"""A cut from a small copy has the pixels of the cut that is decoded."""

from __future__ import annotations

import gc

import av
import numpy as np
import pytest

from x2vkit.errors import X2VError
from x2vkit.media import read_video
from x2vkit.world import small_copies
from x2vkit.world.small_copies import SmallCopies

SECONDS, SIZE = 12, (32, 48)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """12 s at 25 frames a second with one keyframe, every frame another."""
    path = tmp_path_factory.mktemp("videos") / "long.mp4"
    with av.open(path, "w") as film:
        stream = film.add_stream("libx264", rate=25, options={"g": "400", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for i in range(25 * SECONDS):
            picture = np.full((64, 96, 3), 40, np.uint8)
            picture[:, : 1 + i * 95 // 300] = (200, i % 250, 90)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        film.mux(stream.encode(None))
    return path


def cut(copies: SmallCopies, video, first: int) -> np.ndarray:
    return copies.cut(video, SECONDS, first, 9, *SIZE, 12)


def kept(copies: SmallCopies) -> list[int]:
    return [file.stat().st_size for file in copies.folder.iterdir()]


def test_the_pixels_are_those_of_a_decoded_cut(video, monkeypatch):
    copies = SmallCopies()
    whole = read_video(video, None, *SIZE, 12)
    cut(copies, video, 30)
    assert kept(copies) == []  # one cut is no reason to decode it all
    cut(copies, video, 30)
    assert kept(copies) == [whole.nbytes]
    monkeypatch.setattr(small_copies, "read_video", None)  # from here on nothing is decoded
    monkeypatch.setattr(small_copies, "video_frames", None)
    for first in (0, 1, 77, 135):
        np.testing.assert_array_equal(cut(copies, video, first), whole[first : first + 9])
    assert len(cut(copies, video, len(whole) - 4)) == 4
    np.testing.assert_array_equal(cut(copies, video, 135), read_video(video, 9, *SIZE, 12, 135 / 12))
    with pytest.raises(X2VError, match="no frame at"):
        cut(copies, video, 400)


def test_copies_take_no_more_room_than_they_may_and_go_with_the_program(video, monkeypatch):
    copies = SmallCopies()
    monkeypatch.setattr(small_copies, "MAX_BYTES", 100_000)
    for _ in range(4):
        np.testing.assert_array_equal(cut(copies, video, 60), read_video(video, 9, *SIZE, 12, 5.0))
    assert kept(copies) == []
    folder = copies.folder
    del copies
    gc.collect()
    assert not folder.exists()


def test_of_a_video_that_breaks_what_comes_before_is_cut(video, tmp_path, monkeypatch):
    def breaks(*args):
        yield np.zeros((*SIZE, 3), np.uint8)
        raise X2VError("video 'long.mp4'", "it cannot be read as a video", "use another")

    copies = SmallCopies()
    monkeypatch.setattr(small_copies, "video_frames", breaks)
    for _ in range(3):
        assert len(cut(copies, video, 0)) == 9
    assert kept(copies) == []
