"""Pictures and videos that somebody gives, from a file or as bytes, checked and made small.

A picture may be a text file or forty megapixels, a video two hours or a playlist that points at other files.
Messages name the file and never its folder. Whose file may be read is not asked here (see
`demo.guard.uploaded`).
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from x2vkit import media
from x2vkit.axes import TIME_STRIDE
from x2vkit.config import RunRequest
from x2vkit.errors import X2VError
from x2vkit.media import Frames
from x2vkit.registry import LIMITS
from x2vkit.run.request import FPS, CheckedRequest, check_number, short

MAX_MEGAPIXELS = 24
MAX_FILE_BYTES = 100_000_000
MAX_VIDEO_SECONDS = 60
READ_SECONDS = 20
"""Wall time that reading a video may take."""
MAX_SIDE, MIN_SIDE = 256, 8
"""Pixels of a picture's sides: the longest that is kept where no size is asked for, and the shortest
allowed.
"""


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
        return CheckedRequest(request, {"image": read_picture(image, height, width)})
    if not video:
        return CheckedRequest(request)
    clip = read_video(video, frames, height, width)
    notes: tuple[str, ...] = ()
    if len(clip) < frames:
        frames = 1 + (len(clip) - 1) // TIME_STRIDE * TIME_STRIDE
        notes = (f"the clip given has {len(clip)} frames, so the new one has {frames}",)
    inputs = {"video": clip[:frames], "strength": strength}
    return CheckedRequest(replace(request, num_frames=frames), inputs, notes)


def read_picture(source: Any, height: int | None = None, width: int | None = None) -> NDArray[np.uint8]:
    """A picture, the right way up -> uint8 (H, W, 3).

    Args:
        source: a path, or the bytes of a file.
        height, width: pixels to fill, scaled and cropped about the centre; None: as it is, made smaller
            where a side is above MAX_SIDE.

    Raises:
        X2VError: there is no such file, or it is no picture, too small or too large.
    """
    name, opened = _opened("picture", source)
    limit = (MAX_SIDE, MAX_SIDE) if height is None or width is None else (width, height)
    try:
        with Image.open(opened) as image:
            pixels = image.width * image.height
            if pixels > MAX_MEGAPIXELS * 1e6:
                rule = f"a picture has at most {MAX_MEGAPIXELS} megapixels"
                raise X2VError(f"{name} of {pixels / 1e6:.0f} megapixels", rule, "make it smaller first")
            if min(image.size) < MIN_SIDE:
                rule = f"it has at least {MIN_SIDE} pixels a side"
                raise X2VError(f"{name} of {image.width} x {image.height}", rule, "use a larger one")
            image.draft("RGB", (4 * limit[0], 4 * limit[1]))  # jpeg: decode no more than is needed
            upright = ImageOps.exif_transpose(image).convert("RGB")
            if height is None or width is None:
                upright.thumbnail(limit)
            else:
                upright = ImageOps.fit(upright, limit, Image.Resampling.LANCZOS)
    except X2VError:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        rule = "it cannot be read as a picture"
        raise X2VError(name, rule, "use a png, jpeg or webp that a browser shows") from error
    return np.asarray(upright)


def read_video(path: Any, frames: int, height: int, width: int) -> Frames:
    """At most `frames` frames of a video's start, FPS a second, scaled, cropped -> uint8 (F, H, W, 3).

    The reader is `media.read_video`; this one keeps a stranger's file within bounds.

    Raises:
        X2VError: there is no such file, or it is no video, or too long.
    """
    file = _file("video", path)
    name = f"video {file.name!r}"
    seconds = media.video_info(file).seconds
    if seconds > MAX_VIDEO_SECONDS:
        rule = f"a clip to remake has at most {MAX_VIDEO_SECONDS} s, and only its first 3 are looked at"
        raise X2VError(f"{name} of {seconds / 60:.0f} minutes", rule, "cut out the part that you mean")
    return media.read_video(file, frames, height, width, FPS, time_limit=READ_SECONDS)


def _opened(kind: str, source: Any) -> tuple[str, Any]:
    """A name for messages, and what PIL opens."""
    if isinstance(source, (bytes, bytearray)):
        _check_bytes(f"the {kind}", len(source))
        return f"the {kind}", io.BytesIO(source)
    file = _file(kind, source)
    return f"{kind} {file.name!r}", file


def _file(kind: str, path: Any) -> Path:
    """A path of a file that is neither empty nor huge."""
    if not isinstance(path, (str, Path)):
        raise X2VError(f"{kind}={short(path)}", f"a {kind} is a file", "give one")
    file = Path(path)
    name = f"{kind} {file.name!r}"
    if not file.is_file():
        raise X2VError(name, "there is no such file", "check its name, or upload it again")
    _check_bytes(name, file.stat().st_size)
    return file.resolve()


def _check_bytes(name: str, size: int) -> None:
    if not size:
        raise X2VError(name, "the file is empty", "choose another, or upload it again")
    if size > MAX_FILE_BYTES:
        rule = f"a file has at most {MAX_FILE_BYTES / 1e6:.0f} MB"
        raise X2VError(f"{name} of {size / 1e6:.0f} MB", rule, "make it smaller first")
