"""What a visitor asks, checked: plain values and files from anywhere -> `Asked`, or an X2VError to read.

A page limits its sliders, an API client limits nothing: numbers may be missing, NaN or a million, a picture
may be a text file or forty megapixels, a video two hours or a playlist that points at other files. Whatever
passes here is safe to compute. Knows nothing about pages or models; never imports torch.
"""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from x2vkit.config import RunRequest
from x2vkit.errors import X2VError
from x2vkit.media import Frames

FPS = 12
"""Frames a second of every clip that x2vkit's own models make."""
MAX_CHARACTERS = 1_000
MAX_MEGAPIXELS = 24
MAX_FILE_BYTES = 100_000_000
MAX_VIDEO_SECONDS = 60
READ_SECONDS = 20
"""Wall time that reading a video may take."""


@dataclass(frozen=True)
class Shape:
    """A size that the models were trained on."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    frames: int | None = None
    """Frames, where the shape decides; None where the seconds do."""


SHAPES: dict[str, Shape] = {
    "square": Shape(128, 128),
    "wide": Shape(160, 96),
    "tall": Shape(96, 160),
    "still": Shape(128, 128, frames=1),
    "long": Shape(128, 128, frames=33),
}
SECONDS = (0.1, 33 / FPS)
STEPS = (1, 50)
GUIDANCE = (1.0, 12.0)
STRENGTH = (0.1, 1.0)
SEEDS = (0, 2**32 - 1)
RANDOM_SEED = -1

VIDEOS = {
    "mp4 or mov": (4, b"ftyp"),
    "webm or mkv": (0, b"\x1a\x45\xdf\xa3"),
    "gif": (0, b"GIF8"),
    "avi": (8, b"AVI "),
}
"""Kind of video -> where its file says so, and how. Nothing else reaches ffmpeg: it also reads playlists,
which name other files and hosts.
"""
DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,gif,avi"


@dataclass(frozen=True)
class Asked:
    """One clip to make."""

    request: RunRequest
    """Everything that is words or numbers."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """As in `x2vkit.record`: `image` uint8 (H, W, 3), or `video` uint8 (F, H, W, 3) and its `strength`."""
    notes: tuple[str, ...] = ()
    """What was changed, in words."""


def ask(
    prompt: Any,
    *,
    negative_prompt: Any = "",
    image: Any = None,
    video: Any = None,
    strength: Any = 0.6,
    shape: Any = "square",
    seconds: Any = 17 / FPS,
    steps: Any = 20,
    guidance: Any = 4.0,
    seed: Any = RANDOM_SEED,
    model: str = "small",
) -> Asked:
    """Check everything and read the files. Raises X2VError on the first thing that cannot be.

    image, video: a path, or nothing; not both. shape: a name in SHAPES. seconds: rounded to 1 + 4k frames.
    seed: -1 draws one. The other ranges are this module's constants.
    """
    if image and video:
        raise X2VError("a picture and a clip", "a run starts from one of them", "take one away")
    if not isinstance(shape, str) or shape not in SHAPES:
        raise X2VError(f"shape={short(shape)}", f"shapes are {', '.join(SHAPES)}", 'use "square"')
    size = SHAPES[shape]
    frames = size.frames or frame_count(number("seconds", seconds, *SECONDS))
    seed = whole("seed", seed, RANDOM_SEED, SEEDS[1])
    notes: list[str] = []
    inputs: dict[str, Any] = {}
    words = text("prompt", prompt), text("negative_prompt", negative_prompt)
    numbers = whole("steps", steps, *STEPS), number("guidance", guidance, *GUIDANCE)
    strength = number("strength", strength, *STRENGTH)
    if image:
        inputs["image"] = read_picture(image, size.height, size.width)
    if video:
        clip = read_video(video, frames, size.height, size.width)
        if len(clip) < frames:
            frames = 1 + (len(clip) - 1) // 4 * 4
            notes.append(f"the clip given has {len(clip)} frames, so the new one has {frames}")
        inputs |= {"video": clip[:frames], "strength": strength}
    request = RunRequest(
        prompt=words[0],
        negative_prompt=words[1],
        seed=secrets.randbelow(SEEDS[1]) if seed == RANDOM_SEED else seed,
        steps=numbers[0],
        guidance=numbers[1],
        num_frames=frames,
        height=size.height,
        width=size.width,
        fps=FPS,
        model=model,
    )
    return Asked(request, inputs, tuple(notes))


def frame_count(seconds: float) -> int:
    """Seconds -> the nearest 1 + 4k frames."""
    return 1 + 4 * max(0, round((seconds * FPS - 1) / 4))


def text(name: str, value: Any) -> str:
    """Words on one line, at most MAX_CHARACTERS of them; None is no words."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise X2VError(f"{name}={short(value)}", f"{name} is text", 'use "a dog in the snow"')
    if len(value) > MAX_CHARACTERS:
        rule = f"{name} has at most {MAX_CHARACTERS:,}"
        raise X2VError(f"{name} of {len(value):,} characters", rule, "say it in a sentence or two")
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())


def number(name: str, value: Any, low: float, high: float) -> float:
    """A finite number inside its range, ends included."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not good or not isfinite(value) or not low <= value <= high:
        rule = f"{name} is a number from {low:g} to {high:.3g}"
        raise X2VError(f"{name}={short(value)}", rule, "stay inside")
    return float(value)


def whole(name: str, value: Any, low: int, high: int) -> int:
    """A whole number inside its range, ends included."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not good or not isfinite(value) or value != int(value) or not low <= value <= high:
        rule = f"{name} is a whole number from {low} to {high}"
        raise X2VError(f"{name}={short(value)}", rule, "stay inside")
    return int(value)


def read_picture(path: Any, height: int, width: int) -> NDArray[np.uint8]:
    """A picture file, the right way up, scaled and cropped about its centre -> uint8 (height, width, 3)."""
    file = _file("picture", path)
    name = f"picture {file.name!r}"
    try:
        with Image.open(file) as image:
            pixels = image.width * image.height
            if pixels > MAX_MEGAPIXELS * 1e6:
                rule = f"a picture has at most {MAX_MEGAPIXELS} megapixels"
                raise X2VError(f"{name} of {pixels / 1e6:.0f} megapixels", rule, "make it smaller first")
            image.draft("RGB", (4 * width, 4 * height))  # jpeg: decode no more than is needed
            upright = ImageOps.exif_transpose(image).convert("RGB")
            fitted = ImageOps.fit(upright, (width, height), Image.Resampling.LANCZOS)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        if isinstance(error, X2VError):
            raise
        rule = "it cannot be read as a picture"
        raise X2VError(name, rule, "use a png, jpeg or webp that a browser shows") from error
    return np.asarray(fitted)


def read_video(path: Any, frames: int, height: int, width: int) -> Frames:
    """At most `frames` frames of a video's start, FPS a second, scaled, cropped -> uint8 (F, H, W, 3)."""
    file = _file("video", path)
    name = f"video {file.name!r}"
    with file.open("rb") as opened:
        head = opened.read(16)
    if not any(head[at : at + len(magic)] == magic for at, magic in VIDEOS.values()):
        raise X2VError(name, f"it is not a video ({', '.join(VIDEOS)})", "use an mp4 that a browser plays")
    fit = f"scale={width}:{height}:force_original_aspect_ratio=increase:flags=area,crop={width}:{height}"
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-threads", "1",
        "-protocol_whitelist", "file", "-format_whitelist", DEMUXERS, "-i", f"file:{file}",
        "-an", "-sn", "-dn", "-vf", f"fps={FPS},{fit}", "-frames:v", str(frames),
        "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, timeout=READ_SECONDS)
    except subprocess.TimeoutExpired as error:
        rule = f"reading its beginning took over {READ_SECONDS} s"
        raise X2VError(name, rule, "cut and shrink it first") from error
    length = re.search(rb"Duration: (\d+):(\d+):([\d.]+)", done.stderr)
    seconds = sum(60**i * float(part) for i, part in enumerate(reversed(length.groups()))) if length else 0.0
    if seconds > MAX_VIDEO_SECONDS:
        rule = f"a clip to remake has at most {MAX_VIDEO_SECONDS} s, and only its first 3 are looked at"
        raise X2VError(f"{name} of {seconds / 60:.0f} minutes", rule, "cut out the part that you mean")
    picture = height * width * 3
    count = len(done.stdout) // picture
    if done.returncode or not count:
        raise X2VError(name, "it cannot be read as a video", "use an mp4 that a browser plays")
    return np.frombuffer(done.stdout[: count * picture], np.uint8).reshape(count, height, width, 3)


def short(value: Any, length: int = 60) -> str:
    """Any value as a few characters, to quote it back."""
    said = repr(value)
    return said if len(said) <= length else f"{said[: length - 1]}…"


def _file(kind: str, path: Any) -> Path:
    """A path of a file that is neither empty nor huge. Messages name the file, not its folder."""
    if not isinstance(path, (str, Path)):
        raise X2VError(f"{kind}={short(path)}", f"a {kind} is a file", "upload one")
    file = Path(path)
    name = f"{kind} {file.name!r}"
    if not file.is_file():
        raise X2VError(name, "there is no such file any more", "upload it again")
    size = file.stat().st_size
    if not size:
        raise X2VError(name, "the file is empty", "upload it again")
    if size > MAX_FILE_BYTES:
        rule = f"a file has at most {MAX_FILE_BYTES / 1e6:.0f} MB"
        raise X2VError(f"{name} of {size / 1e6:.0f} MB", rule, "make it smaller first")
    return file.resolve()
