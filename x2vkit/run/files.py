"""Pictures and videos that somebody gives, from a file or as bytes, checked and made small.

A picture may be a text file or forty megapixels, a video two hours or a playlist that points at other files.
Messages name the file and never its folder. Whose file may be read is not asked here (see
`demo.guard.uploaded`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit import media
from x2vkit.axes import TIME_STRIDE
from x2vkit.config import RunRequest
from x2vkit.errors import X2VError
from x2vkit.media import Frames
from x2vkit.registry import LIMITS
from x2vkit.run.request import FPS, CheckedRequest, check_number

MAX_VIDEO_SECONDS = 60
READ_SECONDS = 20
"""Wall time that reading a video may take."""
MAX_SIDE = 256
"""Pixels of a picture's longer side, where no size is asked for."""


def with_files(
    request: RunRequest, image: Any = None, video: Any = None, strength: Any = None
) -> CheckedRequest:
    """A request with the files that it starts from, read.

    Args:
        request: what to make; a video that is shorter makes the clip shorter, too.
        image, video: a path each, or nothing; not both.
        strength: how much of the video is made anew.

    Raises:
        X2VError: both are given, or one cannot be read.
    """
    if image and video:
        raise X2VError("a picture and a clip", "a run starts from one of them", "take one away")
    strength = LIMITS["strength"].default if strength is None else check_number("strength", strength)
    height, width, frames = request.height, request.width, request.num_frames
    if image:
        said: list[str] = []
        picture = read_picture(image, height, width, said.append)
        return CheckedRequest(request, {"image": picture}, tuple(said))
    if not video:
        return CheckedRequest(request)
    clip = read_video(video, frames, height, width)
    notes: tuple[str, ...] = ()
    if len(clip) < frames:
        frames = 1 + (len(clip) - 1) // TIME_STRIDE * TIME_STRIDE
        notes = (f"the clip given has {len(clip)} frames, so the new one has {frames}",)
    inputs = {"video": clip[:frames], "strength": strength}
    return CheckedRequest(replace(request, num_frames=frames), inputs, notes)


def read_picture(
    source: Any,
    height: int | None = None,
    width: int | None = None,
    say: Callable[[str], None] = warnings.warn,
) -> NDArray[np.uint8]:
    """A picture, the right way up -> uint8 (H, W, 3).

    Args:
        source: a path, or the bytes of a file.
        height, width: pixels to fill, scaled and cropped about the centre; None: as it is, made smaller
            where a side is above MAX_SIDE.
        say: is told what was left out.

    Raises:
        X2VError: there is no such file, or it is no picture, too small or too large.
    """
    return media.read_image(source, height, width, longest=MAX_SIDE, say=say)


def read_video(path: Any, frames: int, height: int, width: int) -> Frames:
    """At most `frames` frames of a video's start, FPS a second, scaled, cropped -> uint8 (F, H, W, 3).

    The reader is `media.read_video`; this one keeps a stranger's file within bounds.

    Raises:
        X2VError: there is no such file, or it is no video, or too long.
    """
    file = media.check_file("video", path)
    name = f"video {file.name!r}"
    seconds = media.video_info(file).seconds
    if seconds > MAX_VIDEO_SECONDS:
        rule = f"a clip to remake has at most {MAX_VIDEO_SECONDS} s, and only its first 3 are looked at"
        raise X2VError(f"{name} of {seconds / 60:.0f} minutes", rule, "cut out the part that you mean")
    return media.read_video(file, frames, height, width, FPS, time_limit=READ_SECONDS)
