"""The one reader of videos: only the frames that are asked for, by their time stamps, upright, as RGB.

Reads through PyAV: seeks to the keyframe before, decodes on from there, and scales each kept frame at once,
so that memory does not grow with the video. What it sees to, since no library does it by itself:

- a frame is picked by its time stamp, so variable rates keep their speed;
- turned and mirrored videos (phones) come upright, pixels that are not square in the shape of the display;
- colours follow the video's own tags (matrix, range). A video without a matrix tag is read as BT.709 from
  720 rows or 1280 columns on, and as BT.601 below, as players do;
- HDR (PQ, HLG) is tone-mapped to what a normal screen shows; alpha lies over a fill colour.

A video is told by its first bytes and opened as that kind alone: a playlist, which names other files and
hosts, is never followed.
"""

from __future__ import annotations

import gc
import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.errors import X2VError
from x2vkit.media.clips import Frames, check_fps
from x2vkit.media.colour import WHITE, Colour, over, tone_mapped
from x2vkit.media.path import check_path

KINDS = {
    "mp4 or mov": ("mov", 4, (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),
    "webm or mkv": ("matroska", 0, (b"\x1a\x45\xdf\xa3",)),
    "gif": ("gif", 0, (b"GIF8",)),
    "avi": ("avi", 8, (b"AVI ",)),
}
"""Kind of video -> ffmpeg's name for it, and where its file says so, and how. Nothing else is opened."""
MAX_PIXELS = 4096 * 2304
"""Of one frame of a video: a decoder holds about twenty of them."""
MAX_BYTES = 200_000_000
"""Of all frames that one call returns."""
CUT_OFF = 0.5
"""Seconds by which pictures may end before the file does without a word: sound is often longer."""
EARLY = 0.006
"""Seconds that a frame may come late and still be the one for a time: gif counts in 1/100 s."""
HDR = {16: "pq", 18: "hlg"}
"""Transfer characteristics (ITU-T H.273) of more light than a normal screen has."""
BT709, UNTAGGED = 1, 2


@dataclass(frozen=True)
class VideoInfo:
    """What a video is, as it is shown: upright, with square pixels."""

    seconds: float
    """From the first frame to the end of the last."""
    height: int
    width: int
    fps: float
    """Frames a second on average."""


def read_video(
    path: str | os.PathLike[str],
    num_frames: int | None = None,
    height: int | None = None,
    width: int | None = None,
    fps: float = 12,
    start: float = 0,
    fill: Colour = WHITE,
    time_limit: float | None = None,
) -> Frames:
    """Frames of a video file at `fps`, from `start` on -> uint8 (F, H, W, 3).

    Args:
        path: mp4, mov, webm, mkv, gif or avi.
        num_frames: how many at most; fewer where the video ends. None: all up to its end.
        height, width: pixels to fill, scaled and cropped about the centre. None: as the video is shown.
        fps: frames a second to read at; the frame on the screen at each time is the one that is taken.
        start: seconds after the video's beginning.
        fill: RGB that lies under transparent parts.
        time_limit: seconds that reading may take.

    Warns where the pictures end long before the file says that it does.

    Raises:
        X2VError: no such file, no video, more than `MAX_BYTES` of frames, or over the time limit.
    """
    check_fps(fps)
    if num_frames is not None and num_frames < 1:
        raise X2VError(f"num_frames={num_frames}", "a clip has at least one frame", "use 17")
    deadline = None if time_limit is None else time.monotonic() + time_limit
    with _Opened(path) as video:
        info = video.info()
        size = (height or info.height, width or info.width)
        most = MAX_BYTES // (3 * size[0] * size[1])
        count = num_frames or max(1, int((info.seconds - start) * fps) + 1)
        if count > most:
            got = f"{count:,} frames of {size[1]} x {size[0]} of {video.name}"
            cure = f"use num_frames={most} or fewer, or a smaller height and width"
            raise X2VError(got, f"at most {MAX_BYTES / 1e6:.0f} MB are read at once", cure)
        times = start + np.arange(count) / fps
        frames = np.empty((count, *size, 3), np.uint8)
        found = 0
        for frame in video.frames(times, size, fill, deadline):
            frames[found] = frame
            found += 1
    if not found:
        raise X2VError(video.name, f"it has no frame at {start:g} s", f"it is {info.seconds:.3g} s long")
    missed = min(info.seconds, times[-1]) - times[found - 1] if found < count else 0
    if missed > CUT_OFF:
        warnings.warn(
            f"{video.name} says that it is {info.seconds:.3g} s long, and its pictures end at"
            f" {times[found - 1]:.3g} s: it may have been cut off; what is there is read",
            stacklevel=2,
        )
    return frames[:found]


def video_frames(
    path: str | os.PathLike[str], height: int, width: int, fps: float = 12, fill: Colour = WHITE
) -> Iterator[Frames]:
    """All frames of a video file that `read_video` would return, one by one -> uint8 (H, W, 3) each.

    Raises X2VError as `read_video` does, but never for their number.
    """
    check_fps(fps)
    with _Opened(path) as video:
        count = max(1, int(video.info().seconds * fps) + 1)
        yield from video.frames(np.arange(count) / fps, (height, width), fill)


def video_info(path: str | os.PathLike[str]) -> VideoInfo:
    """Length and display shape of a video file. Raises X2VError when it cannot be read as a video."""
    with _Opened(path) as video:
        return video.info()


def check_video(path: str | os.PathLike[str]) -> tuple[Path, str]:
    """The file and ffmpeg's name of its kind. Raises X2VError for anything that is no video's file."""
    file = check_path("video", path)
    name = f"video {file.name!r}"
    if not file.exists():
        raise X2VError(name, "there is no such file", "check its name, or upload it again")
    if not file.is_file():  # a FIFO would be waited for for ever
        raise X2VError(name, "it is no ordinary file", "give the path of a video's file")
    try:
        with file.open("rb") as opened:
            head = opened.read(16)
    except OSError as error:
        raise X2VError(name, f"it cannot be read ({error.strerror})", "choose another") from error
    if not head:
        raise X2VError(name, "the file is empty", "choose another, or upload it again")
    for kind, at, magics in KINDS.values():
        if head[at : at + 4] in magics:
            return file.resolve(), kind
    raise X2VError(name, f"it is not a video ({', '.join(KINDS)})", "use an mp4 that a browser plays")


class _Opened:
    """A video file while it is read."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file, self.kind = check_video(path)
        self.name = f"video {self.file.name!r}"
        self.begin, self.turn = 0, (False, False, False)

    def __enter__(self) -> _Opened:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self.container.close()
        # a container and its streams name each other, and hold a decoder's frames until they are collected
        del self.container, self.stream, self.codec
        gc.collect(1)

    def _open(self) -> None:
        import av

        self.wrong = av.FFmpegError
        try:
            own = {"protocol_whitelist": "file"}  # a file that names a host reaches none
            self.container = av.open(f"file:{self.file}", format=self.kind, options=own)
        except (self.wrong, X2VError, UnicodeError, ValueError) as error:
            raise self._unreadable(error) from error
        try:
            if not self.container.streams.video:
                raise X2VError(self.name, "it holds no pictures", "use a file with a video in it")
            self.stream: Any = self.container.streams.video[0]
            self.codec = self._decoder()
            self._check_size(self.stream.codec_context.width, self.stream.codec_context.height)
        except BaseException:
            self.container.close()
            raise

    def info(self) -> VideoInfo:
        """Shape and length; the first frame is decoded, since the turn stands there."""
        first = next(self._decoded(None), None)
        if first is None:
            raise X2VError(self.name, "it holds no frame", "use a complete file")
        self.begin = first.pts  # not every kind of file begins at 0, or says where it does
        # Of the first frame alone: one whose side data was looked at is in a ring, and stays until collected.
        self.turn = _turn(first)
        height, width = self._display(first)
        seconds = self._seconds()
        rate = self.stream.average_rate or self.stream.guessed_rate
        return VideoInfo(seconds, height, width, float(rate or 12))

    def frames(
        self, times: NDArray[np.floating], size: tuple[int, int], fill: Colour, deadline: float | None = None
    ) -> Iterator[Frames]:
        """The frame on the screen at each time (rising, in seconds), fitted to `size` -> uint8 (H, W, 3)."""
        at, held, shown = 0, None, None
        length = 0.0
        for frame in self._from(float(times[0])):
            if deadline is not None and time.monotonic() > deadline:
                raise X2VError(self.name, "reading it took too long", "cut and shrink it first")
            if held is not None:
                begins = self._time(frame)
                length = begins - self._time(held)
                while at < len(times) and times[at] < begins - EARLY:
                    shown = self._rgb(held, size, fill) if shown is None else shown
                    yield shown
                    at += 1
            if at == len(times):
                return
            held, shown = frame, None
        if held is None:
            return
        if held.duration:
            length = float(held.duration * held.time_base)
        ends = self._time(held) + (length or 1 / 12)
        for moment in times[at:]:
            if moment >= ends - EARLY:
                return
            shown = self._rgb(held, size, fill) if shown is None else shown
            yield shown

    def _from(self, moment: float) -> Iterator[Any]:
        """Frames from the last keyframe before a moment on."""
        if moment > 0.5:
            frames = self._decoded(moment)
            first = next(frames, None)
            if first is not None and self._time(first) <= moment + EARLY:
                yield first
                yield from frames
                return
        yield from self._decoded(None)  # the beginning, or a file that cannot seek

    def _decoded(self, moment: float | None) -> Iterator[Any]:
        """Decoded frames with a time, from a moment's keyframe on; None: from the beginning."""
        base = float(self.stream.time_base)
        target = self.begin + round(moment / base) if moment else self.stream.start_time or 0
        try:
            self.container.seek(target, stream=self.stream)
        except self.wrong:
            if moment is not None:
                return
            self.container.close()
            self._open()
        if self.codec.is_open:
            self.codec.flush_buffers()
        try:
            for packet in self.container.demux(self.stream):
                for frame in self.codec.decode(packet):
                    if frame.pts is not None:
                        self._check_size(frame.width, frame.height)
                        yield frame
        except self.wrong as error:
            raise self._unreadable(error) from error

    def _decoder(self) -> Any:
        """The stream's decoder; for VP8 and VP9 with alpha, the one that gives alpha."""
        import av

        codec = self.stream.codec_context
        if self.stream.metadata.get("alpha_mode") == "1" and codec.name in ("vp8", "vp9"):
            try:
                return av.CodecContext.create("libvpx-vp9" if codec.name == "vp9" else "libvpx", "r")
            except (ValueError, av.FFmpegError) as error:
                raise X2VError(self.name, "its transparency cannot be read here", "flatten it") from error
        codec.thread_type, codec.thread_count = "AUTO", 2  # more threads hold more frames
        return codec

    def _seconds(self) -> float:
        """Length in seconds; where the file does not say, by a look at every packet, none decoded."""
        if self.stream.duration:
            return float(self.stream.duration * self.stream.time_base)
        if self.container.duration:
            return self.container.duration / 1e6
        self.container.seek(0)
        ends = [
            (p.pts + (p.duration or 0)) * p.time_base
            for p in self.container.demux(self.stream)
            if p.pts is not None
        ]
        return float(max(ends, default=0)) - self._origin()

    def _origin(self) -> float:
        return float(self.begin * self.stream.time_base)

    def _time(self, frame: Any) -> float:
        """Seconds after the video's beginning."""
        return float(frame.pts * (frame.time_base or self.stream.time_base)) - self._origin()

    def _display(self, frame: Any) -> tuple[int, int]:
        """Height and width of a frame as it is shown."""
        ratio = self.stream.sample_aspect_ratio or self.stream.codec_context.sample_aspect_ratio
        width = max(1, round(frame.width * float(ratio))) if ratio and 0.1 <= ratio <= 10 else frame.width
        turned = self.turn[0]
        return (width, frame.height) if turned else (frame.height, width)

    def _rgb(self, frame: Any, size: tuple[int, int], fill: Colour) -> Frames:
        """One frame scaled to cover `size`, turned upright, and cropped about its centre."""
        tall, wide = self._display(frame)
        scale = max(size[0] / tall, size[1] / wide)
        tall, wide = max(size[0], round(tall * scale)), max(size[1], round(wide * scale))
        swap, mirror_x, mirror_y = self.turn
        stored = (tall, wide) if swap else (wide, tall)  # width first, as ffmpeg has it
        picture = _converted(frame, *stored, fill)
        picture = picture.swapaxes(0, 1) if swap else picture
        picture = picture[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1]
        y, x = (tall - size[0]) // 2, (wide - size[1]) // 2
        return np.ascontiguousarray(picture[y : y + size[0], x : x + size[1]])

    def _check_size(self, width: int, height: int) -> None:
        if width * height > MAX_PIXELS:
            rule = f"a video's frame has at most {MAX_PIXELS / 1e6:.1f} megapixels"
            raise X2VError(f"{self.name} of {width} x {height}", rule, "make it smaller first")

    def _unreadable(self, error: BaseException) -> X2VError:
        return X2VError(self.name, "it cannot be read as a video", "use an mp4 that a browser plays")


def _turn(frame: Any) -> tuple[bool, bool, bool]:
    """From a frame's display matrix: whether rows and columns change places, then whether x and y run back.

    The matrix has nine numbers of 16.16 bits, a b u c d v x y w; a point goes to (a x + c y, b x + d y).
    """
    data = next((bytes(each) for each in frame.side_data if each.type.name == "DISPLAYMATRIX"), None)
    if data is None:
        return False, False, False
    a, b, _, c, d = np.frombuffer(data, np.int32)[:5].tolist()
    if abs(a) >= abs(b):
        return False, a < 0, d < 0
    return True, c < 0, b < 0


def _converted(frame: Any, width: int, height: int, fill: Colour) -> Frames:
    """A frame in its stored orientation at another size -> uint8 (H, W, 3)."""
    from av.video.reformatter import Interpolation

    shrinks = width < frame.width
    how: dict[str, Any] = {
        "width": width,
        "height": height,
        "interpolation": Interpolation.AREA if shrinks else Interpolation.BICUBIC,
        "threads": 1,
    }
    if frame.colorspace == UNTAGGED and (frame.height >= 720 or frame.width >= 1280):
        frame.colorspace = BT709
    if hdr := HDR.get(int(frame.color_trc)):
        wide = frame.reformat(format="rgb48le", **how).to_ndarray()
        return tone_mapped(wide / 65535, hdr)
    if frame.format.name == "pal8" or any(part.is_alpha for part in frame.format.components):
        return over(frame.reformat(format="rgba", **how).to_ndarray(), fill)
    return frame.reformat(format="rgb24", **how).to_ndarray()
