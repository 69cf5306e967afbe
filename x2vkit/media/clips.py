"""Writing a clip: frames -> mp4, gif, webp, a png contact sheet.

A clip is uint8 (F, H, W, 3) with its fps beside it. Knows nothing about torch, models or traces.
"""

from __future__ import annotations

import errno
import io
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from x2vkit.errors import X2VError
from x2vkit.media.comment import KEY, as_xmp, clean
from x2vkit.media.film import Sound, encode
from x2vkit.media.path import check_path

Frames = NDArray[np.uint8]
"""A clip: (F, H, W, 3), 0..255."""

DISPLAY_PIXELS = 512
"""Smaller clips are enlarged to this, since H.264 halves the colour resolution and players smear."""
GIF_FPS = 50
"""Players slow down gifs whose frames are shorter than 2/100 s."""


def check_clip(frames: Frames, fps: float) -> None:
    """Raise X2VError unless `frames` is a clip, and `fps` can be shown."""
    array = np.asarray(frames)
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[3] != 3:
        got = f"frames of {array.dtype} {array.shape}"
        raise X2VError(got, "a clip is uint8 (F, H, W, 3)", "convert with (x * 255).astype('uint8')")
    if not len(frames):
        raise X2VError("a clip of 0 frames", "a clip has at least one frame", "pass frames")
    if not array.size:
        raise X2VError(f"frames of {array.shape}", "a frame has pixels", "pass frames that show something")
    check_fps(fps)


def check_fps(fps: float) -> None:
    """Raise X2VError unless a player can show so many frames a second."""
    if not isinstance(fps, (int, float)) or isinstance(fps, bool) or not 0 < fps <= 240:
        raise X2VError(f"fps={fps!r:.60}", "frames a second lie above 0 and up to 240", "use 12")


def check_output(path: str | os.PathLike[str], suffixes: tuple[str, ...] | None = None) -> Path:
    """The path, if a file with this name could be written now, else X2VError: ask before a long computation.

    suffixes: the endings allowed, with their dot; those of `write_clip` by default.
    """
    path = check_path("output", path)
    folder = path.parent
    got = f"output {str(path)!r}"
    allowed = suffixes or tuple(WRITERS)
    if path.suffix.lower() not in allowed:
        raise X2VError(got, "the suffix picks the format", f"use one of {', '.join(allowed)}")
    if path.is_dir():
        raise X2VError(got, "this is a folder", "name a file")
    if not folder.is_dir():
        raise X2VError(got, f"the folder {str(folder)!r} does not exist", "make it first")
    try:  # root may write anywhere, says os.access, and not into /proc
        tempfile.NamedTemporaryFile(dir=folder, prefix=f".{path.name}.").close()  # as `write_atomic` has it
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise X2VError(got, "no file can have a name so long", "use a shorter one") from error
        raise X2VError(got, f"the folder {str(folder)!r} cannot be written", "use another") from error
    return path


def write_atomic(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write all of `data` or nothing: nobody meets half a file, and an older file outlives a full disk."""
    path = Path(path)
    part: str | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            part = file.name
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(part, 0o644)
        os.replace(part, path)
    except OSError as error:
        raise X2VError(f"writing {str(path)!r}", str(error), "free space or use another folder") from error
    finally:
        if part is not None and os.path.exists(part):
            os.unlink(part)
    return path


def write_clip(
    path: str | os.PathLike[str], frames: Frames, fps: float, comment: str = "", sound: Sound | None = None
) -> Path:
    """Write a clip in the format of the suffix: .mp4, .gif, .webp (looping) or .png (contact sheet).

    frames: uint8 (F, H, W, 3); fps: frames a second; comment: kept in the file (see `read_comment`); sound:
    heard with an mp4, the other formats have none. Raises X2VError before anything is encoded. Warns where a
    gif cannot play so fast.
    """
    path = check_output(path)
    check_clip(frames, fps)
    if path.suffix.lower() == ".gif" and fps > GIF_FPS:
        warnings.warn(f"players show at most {GIF_FPS} frames a second of a gif, not {fps:g}", stacklevel=2)
    if sound is not None and path.suffix.lower() == ".mp4":
        return write_atomic(path, mp4(frames, fps, comment, sound))
    return write_atomic(path, WRITERS[path.suffix.lower()](frames, fps, comment))


def mp4(frames: Frames, fps: float, comment: str = "", sound: Sound | None = None) -> bytes:
    """A clip as H.264 in mp4, enlarged to `DISPLAY_PIXELS`, playable in browsers from its first byte; its
    sound, cut or filled with silence to the clip's length, as AAC.
    """
    height, width = _even(enlarge(frames[:1])).shape[1:3]
    large = (_even(enlarge(frame[None]))[0] for frame in frames)
    return encode(large, (height, width), len(frames), fps, comment, sound)


def gif(frames: Frames, fps: float, comment: str = "") -> bytes:
    """A clip as a looping gif (256 colours a clip, times in 1/100 s, at most GIF_FPS frames a second)."""
    images = [Image.fromarray(frame) for frame in enlarge(frames, DISPLAY_PIXELS // 2)]
    # one palette from all frames: a palette per frame makes still backgrounds shimmer
    strip = Image.fromarray(np.concatenate(frames[:: max(1, len(frames) // 8)], axis=1))
    palette = strip.quantize(256, method=Image.Quantize.MEDIANCUT)
    images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    said = {"comment": clean(comment).encode()} if comment else {}
    return _animation(images, "GIF", min(fps, GIF_FPS), disposal=1, optimize=False, **said)


def webp(frames: Frames, fps: float, comment: str = "") -> bytes:
    """A clip as a looping webp in full colour."""
    images = [Image.fromarray(frame) for frame in enlarge(frames)]
    said = {"xmp": as_xmp(clean(comment))} if comment else {}
    return _animation(images, "WEBP", fps, quality=90, method=2, **said)


def png_sheet(frames: Frames, fps: float = 0, comment: str = "", columns: int | None = None) -> bytes:
    """All frames of a clip in a grid, as a png. `fps` plays no part in a still picture."""
    stream = io.BytesIO()
    said = PngInfo()
    if comment:
        said.add_itxt(KEY, clean(comment))
    Image.fromarray(contact_sheet(frames, columns)).save(stream, "PNG", pnginfo=said)
    return stream.getvalue()


Writer = Callable[[Frames, float, str], bytes]
WRITERS: dict[str, Writer] = {".mp4": mp4, ".gif": gif, ".webp": webp, ".png": png_sheet}
"""Suffix -> encoder."""


def contact_sheet(pictures: Frames, columns: int | None = None, gap: int = 4) -> Frames:
    """Pictures (n, H, W, 3) in a grid of `columns` (about square by default), on white -> (Y, X, 3).

    gap: pixels between pictures.
    """
    count, height, width, _ = pictures.shape
    columns = min(count, columns or square_columns(count, height, width))
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for i, picture in enumerate(pictures):
        y, x = i // columns * (height + gap), i % columns * (width + gap)
        sheet[y : y + height, x : x + width] = picture
    return sheet


def square_columns(count: int, height: int, width: int) -> int:
    """Columns that make a grid of `count` pictures about as wide as tall."""
    return max(1, min(count, int(np.ceil(np.sqrt(count * height / width)))))


def cut_sheet(sheet: NDArray[np.uint8], count: int, columns: int) -> Frames:
    """Undo `contact_sheet(pictures, columns, gap=0)` -> (count, H, W, 3)."""
    rows = -(-count // columns)
    height, width = sheet.shape[0] // rows, sheet.shape[1] // columns
    grid = sheet.reshape(rows, height, columns, width, 3).swapaxes(1, 2)
    return grid.reshape(rows * columns, height, width, 3)[:count]


def enlarge(frames: Frames, pixels: int = DISPLAY_PIXELS) -> Frames:
    """Enlarge a small clip by a whole factor (Lanczos), so that its longer side has at least `pixels`."""
    _, height, width, _ = frames.shape
    factor = -(-pixels // max(height, width))
    if factor <= 1:
        return frames
    size = (width * factor, height * factor)
    return np.stack([np.asarray(Image.fromarray(f).resize(size, Image.Resampling.LANCZOS)) for f in frames])


def _animation(images: list[Image.Image], kind: str, fps: float, **options: object) -> bytes:
    stream = io.BytesIO()
    step = 1000 / fps
    # rounding the times of frames, not their lengths, keeps a long clip from drifting
    unit = 10 if kind == "GIF" else 1
    times = [round(i * step / unit) * unit for i in range(len(images) + 1)]
    lengths = [b - a for a, b in zip(times[:-1], times[1:], strict=True)]
    images[0].save(stream, kind, save_all=True, append_images=images[1:], duration=lengths, loop=0, **options)
    return stream.getvalue()


def _even(frames: Frames) -> Frames:
    """Repeat the last row or column where a side is odd: H.264 stores colour for pairs of pixels."""
    odd_h, odd_w = frames.shape[1] % 2, frames.shape[2] % 2
    return np.pad(frames, ((0, 0), (0, odd_h), (0, odd_w), (0, 0)), mode="edge")
