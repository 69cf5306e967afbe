"""Odd videos come out as a player shows them: upright, in shape, in time, in colour; or they are refused."""

from __future__ import annotations

import gc
import os
import subprocess
import warnings
from fractions import Fraction

import av
import imageio_ffmpeg
import numpy as np
import pytest

from x2vkit.errors import X2VError
from x2vkit.media import read_video, video_frames, video_info

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)


def corners(height: int = 48, width: int = 80) -> np.ndarray:
    """Red at the top left, green at the top right, blue at the bottom left, grey at the bottom right."""
    picture = np.zeros((height, width, 3), np.uint8)
    h, w = height // 2, width // 2
    picture[:h, :w], picture[:h, w:], picture[h:, :w], picture[h:, w:] = RED, GREEN, BLUE, GREY
    return picture


def write(path, frames, pts=None, rate=24, codec="libx264rgb", pix_fmt="rgb24", form="rgb24", **options):
    """A video of these frames, lossless by default, each shown from its pts (in 1/1000 s) on."""
    with av.open(str(path), "w") as film:
        stream = film.add_stream(codec, rate=rate, options={"crf": "0", "g": "12"} if "264" in codec else {})
        stream.height, stream.width, stream.pix_fmt = frames[0].shape[0], frames[0].shape[1], pix_fmt
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for name, value in options.items():
            setattr(stream.codec_context, name, value)
        for i, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, form)
            frame.pts, frame.time_base = pts[i] if pts else round(1000 * i / rate), Fraction(1, 1000)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return path


def turned(path, *options):
    """The same file, to be shown turned or mirrored."""
    to = path.with_name("turned.mp4")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *options, "-i", path, "-c", "copy", "-y", to]
    subprocess.run(list(map(str, command)), check=True)
    return to


def quarters(picture) -> list[tuple[int, ...]]:
    """The colours of the four corners, each rounded to 0, 128 or 255; from the top left in reading order."""
    h, w = picture.shape[:2]
    points = [picture[y, x] for y in (h // 4, 3 * h // 4) for x in (w // 4, 3 * w // 4)]
    return [
        tuple(int(np.array([0, 128, 255])[np.argmin(np.abs(np.array([0, 128, 255]) - c))]) for c in p)
        for p in points
    ]


@pytest.mark.parametrize(
    ("options", "shape", "seen"),
    [
        (["-display_rotation", "90"], (80, 48), [GREEN, GREY, RED, BLUE]),
        (["-display_rotation", "180"], (48, 80), [GREY, BLUE, GREEN, RED]),
        (["-display_rotation", "270"], (80, 48), [BLUE, RED, GREY, GREEN]),
        (["-display_hflip"], (48, 80), [GREEN, RED, GREY, BLUE]),
        (["-display_vflip"], (48, 80), [BLUE, GREY, RED, GREEN]),
    ],
)
def test_turned_and_mirrored_videos_are_upright(tmp_path, options, shape, seen):
    path = turned(write(tmp_path / "a.mp4", [corners()] * 3), *options)
    assert (video_info(path).height, video_info(path).width) == shape
    frames = read_video(path, fps=24)
    assert frames.shape == (3, *shape, 3)
    assert quarters(frames[1]) == seen


def test_pixels_that_are_not_square_are_stretched_to_the_display(tmp_path):
    path = write(tmp_path / "a.mp4", [corners()] * 2, sample_aspect_ratio=Fraction(2, 1))
    assert read_video(path, 1).shape == (1, 48, 160, 3)
    narrow = np.zeros((48, 80, 3), np.uint8)
    narrow[:, 30:50] = 255  # 40 of 160 as shown: the middle half of the square that 48 x 48 keeps is white
    path = write(tmp_path / "b.mp4", [narrow] * 2, sample_aspect_ratio=Fraction(2, 1))
    assert abs((read_video(path, 1, 48, 48)[0] > 128).mean() - 40 / 48) < 0.05


def test_frames_are_picked_by_their_time(tmp_path):
    levels = [0, 40, 80, 120, 160, 200]
    frames = [np.full((32, 32, 3), level, np.uint8) for level in levels]
    path = write(tmp_path / "a.mkv", frames, pts=[0, 33, 67, 100, 1100, 2100])
    seen = read_video(path, 6, fps=2, start=0.05)[:, 0, 0, 0].tolist()  # at 0.05, 0.55, 1.05, 1.55, 2.05
    assert seen[:5] == [40, 120, 120, 160, 160]


def test_a_cut_deep_in_a_video_is_the_same_as_reading_all(tmp_path):
    frames = [np.full((32, 32, 3), 2 * i, np.uint8) for i in range(120)]
    for name in ("a.mp4", "a.mkv", "a.avi"):
        path = write(tmp_path / name, frames, rate=25)
        assert read_video(path, 5, fps=25, start=3.01)[:, 5, 5, 0].tolist() == [150, 152, 154, 156, 158], name


def test_frames_leave_memory_as_the_next_ones_come(tmp_path):
    """Without the garbage collector, which counts objects and not bytes, and would come late."""
    path = turned(write(tmp_path / "a.mp4", [corners()] * 60), "-display_rotation", "90")
    gc.collect()
    gc.disable()
    try:
        there = [
            sum(isinstance(each, av.VideoFrame) for each in gc.get_objects())
            for _ in video_frames(path, 80, 48, fps=24)
        ]
    finally:
        gc.enable()
    assert len(there) == 60 and max(there) <= 4


def test_odd_sizes_and_one_frame(tmp_path):
    path = write(tmp_path / "a.mp4", [corners(47, 81)])
    frames = read_video(path)
    assert frames.shape == (1, 47, 81, 3) and quarters(frames[0]) == [RED, GREEN, BLUE, GREY]


@pytest.mark.parametrize(("color_range", "white"), [(1, 235), (2, 255)])
def test_the_range_is_the_tagged_one(tmp_path, color_range, white):
    luma = np.full((48, 64), white, np.uint8)
    planes = np.concatenate([luma, np.full((24, 64), 128, np.uint8)])  # yuv420p as one array
    frame = write_yuv(tmp_path / "a.mp4", planes, color_range=color_range)
    assert frame.min() >= 254


@pytest.mark.parametrize(
    ("size", "tag", "matrix"), [(480, 2, 601), (720, 2, 709), (720, 5, 601), (480, 1, 709)]
)
def test_an_untagged_video_is_bt709_from_720_rows_on(tmp_path, size, tag, matrix):
    y, cb, cr = 100, 90, 200
    planes = np.concatenate(
        [np.full((size, 64), y), np.full((size // 4, 64), cb), np.full((size // 4, 64), cr)]
    )
    frame = write_yuv(tmp_path / "a.mp4", planes.astype(np.uint8), colorspace=tag)
    kr, kb = (0.299, 0.114) if matrix == 601 else (0.2126, 0.0722)
    red = (y - 16) / 219 + 2 * (1 - kr) * (cr - 128) / 224
    blue = (y - 16) / 219 + 2 * (1 - kb) * (cb - 128) / 224
    green = ((y - 16) / 219 - kr * red - kb * blue) / (1 - kr - kb)
    want = np.clip(np.array([red, green, blue]) * 255, 0, 255)
    assert np.abs(frame[5, 5] - want).max() < 3


def write_yuv(path, planes, color_range=1, colorspace=2):
    """The first frame of a video of these yuv420p samples with these tags, as it is read."""
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=12, options={"crf": "0"})
        stream.height, stream.width, stream.pix_fmt = planes.shape[0] * 2 // 3, planes.shape[1], "yuv420p"
        stream.codec_context.color_range, stream.codec_context.colorspace = color_range, colorspace
        frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
        frame.color_range, frame.colorspace = color_range, colorspace
        film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return read_video(path, 1)[0].astype(int)


@pytest.mark.parametrize("name", ["a.mov", "a.webm"])
def test_transparent_parts_show_the_fill(tmp_path, name):
    rgba = np.zeros((48, 64, 4), np.uint8)
    rgba[..., 0], rgba[:, 32:, 3] = 255, 255  # red, its left half hidden
    if name == "a.mov":
        path = write(tmp_path / name, [rgba] * 2, codec="qtrle", pix_fmt="argb", form="rgba")
    else:
        path = tmp_path / name
        raw = [
            imageio_ffmpeg.get_ffmpeg_exe(),
            "-v",
            "error",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgba",
            "-s",
            "64x48",
        ]
        raw += ["-i", "-", "-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-y", str(path)]
        subprocess.run(raw, input=rgba.tobytes() * 2, check=True)
    frame = read_video(path, 1, fill=(0, 0, 255))[0].astype(int)
    assert np.abs(frame[24, 8] - BLUE).max() < 12 and np.abs(frame[24, 56] - RED).max() < 12


@pytest.mark.parametrize(("trc", "white", "grey"), [(16, 0.5807, 0.38), (18, 0.75, 0.38)])
def test_hdr_is_brought_to_a_normal_screen(tmp_path, trc, white, grey):
    """Paper white (203 cd/m2: 58 % PQ, 75 % HLG; ITU-R BT.2408) is near white, and steps stay in order."""
    levels = [0.0, grey, white, 0.9 * white + 0.1]
    picture = np.concatenate(
        [np.full((48, 16), round(64 + 876 * level), np.uint16) for level in levels], axis=1
    )
    with av.open(str(tmp_path / "a.mkv"), "w") as film:
        stream = film.add_stream("ffv1", rate=12)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p10le"
        tags = {"color_range": 1, "colorspace": 9, "color_trc": trc, "color_primaries": 9}
        frame = av.VideoFrame(64, 48, "yuv420p10le")
        chroma = np.full((24, 32), 512, np.uint16)
        for plane, samples in zip(frame.planes, (picture, chroma, chroma), strict=True):
            room = np.zeros((plane.height, plane.line_size // 2), np.uint16)
            room[:, : samples.shape[1]] = samples
            plane.update(room.tobytes())
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
            setattr(frame, name, value)
        film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    seen = read_video(tmp_path / "a.mkv", 1)[0][24, 8::16].astype(int)
    assert np.ptp(seen, axis=1).max() <= 2  # grey stays grey
    shades = seen[:, 1].tolist()
    assert shades == sorted(shades) and shades[0] < 5 and 195 < shades[2] < 245 and shades[3] > shades[2]


def test_what_would_hang_or_reach_further_is_refused(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_text("#EXTM3U\nfile:///etc/passwd\n")
    (tmp_path / "c.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(40))
    for name in ("a.mp4", "b.mp4", "c.mp4", "d.mp4"):
        with pytest.raises(X2VError, match=name):
            read_video(tmp_path / name)


def test_more_than_memory_should_hold_is_refused_at_once(tmp_path):
    path = write(tmp_path / "a.mp4", [corners()] * 2)
    with pytest.raises(X2VError, match="num_frames=") as told:
        read_video(path, 4000, 1080, 1920)
    assert "32 or fewer" in str(told.value)


def test_a_file_that_was_cut_off_is_read_with_a_warning(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 255, (48, 64, 64, 3), np.uint8)
    whole = write(tmp_path / "a.webm", list(pictures), rate=24, codec="libvpx-vp9", pix_fmt="yuv420p")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read_video(whole, fps=24)) == 48
        assert len(read_video(whole, 20, fps=24)) == 20
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.warns(
        UserWarning, match=r"'a.webm' says that it is 2 s long, and its pictures end at 0\.\d+ s"
    ):
        frames = read_video(whole, fps=24)
    assert 12 <= len(frames) <= 36
