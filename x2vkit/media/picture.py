"""The one reader of pictures: upright, in 8 bits of RGB, whatever the file or the PIL image holds.

- EXIF orientation is followed; of an animation the first picture is taken, and that is said.
- What is transparent lies over a fill colour, so that hidden colours stay hidden.
- Grey of 16 bits is divided by 257. Whole numbers of 32 bits are read as 8 bits where none is above 255, as
  16 bits where none is above 65535; floats as 0 .. 1 where none is above 1, as 0 .. 255 where none is above
  255. Anything else is refused, since nobody can tell what is white in it.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from x2vkit.errors import X2VError
from x2vkit.media.colour import WHITE, Colour
from x2vkit.media.path import check_path

Source: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | Image.Image"
MAX_MEGAPIXELS = 24
MAX_SIDE = 16_384
"""Pixels of a side that a picture may be made to fill."""
MAX_FILE_BYTES = 100_000_000
MIN_SIDE = 8
"""Pixels of a picture's shorter side."""


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=3)


def read_image(
    source: Source,
    height: int | None = None,
    width: int | None = None,
    fill: Colour = WHITE,
    longest: int | None = None,
    say: Callable[[str], None] = _warn,
) -> NDArray[np.uint8]:
    """A picture, upright -> uint8 (H, W, 3).

    Args:
        source: a path, the bytes of a file, or a PIL image.
        height, width: pixels to fill, scaled and cropped about the centre; None: as it is.
        fill: RGB that lies under transparent parts.
        longest: without a size, made smaller where a side is longer.
        say: is told what was left out.

    Raises:
        X2VError: there is no such file, or it is no picture, too small or too large, or nobody can tell how
            bright its numbers are.
    """
    for side, value in (("height", height), ("width", width)):
        if value is not None and (not isinstance(value, int) or not 0 < value <= MAX_SIDE):
            rule = f"{side} is a whole number of pixels from 1 to {MAX_SIDE:,}"
            raise X2VError(f"{side}={value!r:.60}", rule, "use 128")
    name, opened = _opened(source)
    limit = (longest or 0, longest or 0) if height is None or width is None else (width, height)
    try:
        with Image.open(opened) if not isinstance(opened, Image.Image) else opened.copy() as image:
            _check_size(name, image)
            if limit[0]:
                image.draft("RGB", (4 * limit[0], 4 * limit[1]))  # jpeg: decode no more than is needed
            if getattr(image, "n_frames", 1) > 1:
                say(f"{name} is an animation; its first picture is taken")
            rgb = to_rgb(image, fill)
    except X2VError:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        rule = "it cannot be read as a picture"
        raise X2VError(name, rule, "use a png, jpeg or webp that a browser shows") from error
    if height is not None and width is not None:
        rgb = ImageOps.fit(rgb, (width, height), Image.Resampling.LANCZOS)
    elif longest:
        rgb.thumbnail((longest, longest))
    return np.array(rgb)  # a copy that may be written to, as torch wants it


def to_rgb(image: Image.Image, fill: Colour = WHITE) -> Image.Image:
    """Any PIL image upright, as 8 bits of RGB. Raises X2VError where its brightness cannot be told."""
    _check_pixels("the picture", image.width * image.height)
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_eight_bits(image)).convert("RGB")
    if image.has_transparency_data:
        ground = Image.new("RGBA", image.size, (*fill, 255))
        return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> NDArray[np.uint8]:
    """Grey of more than 8 bits -> uint8 (H, W), by the rule that the module states."""
    grey = np.asarray(image).astype(np.float64)
    low, high = float(grey.min()), float(grey.max())
    if image.mode.startswith("I;16"):
        white = 65535
    elif image.mode == "F":
        white = 1 if high <= 1 else 255
    else:
        white = 255 if high <= 255 else 65535
    if not (low >= 0 and high <= white):  # NaN is neither
        got = f"a picture of mode {image.mode} from {low:g} to {high:g}"
        rule = "grey goes from 0 to 1, 255 or 65535"
        raise X2VError(got, rule, "scale it to one of them, and write not-a-number as 0")
    return np.round(grey * (255 / white)).astype(np.uint8)


def _check_size(name: str, image: Image.Image) -> None:
    _check_pixels(name, image.width * image.height)
    if min(image.size) < MIN_SIDE:
        rule = f"it has at least {MIN_SIDE} pixels a side"
        raise X2VError(f"{name} of {image.width} x {image.height}", rule, "use a larger one")


def _check_pixels(name: str, pixels: int) -> None:
    if pixels > MAX_MEGAPIXELS * 1e6:
        rule = f"a picture has at most {MAX_MEGAPIXELS} megapixels"
        raise X2VError(f"{name} of {pixels / 1e6:.0f} megapixels", rule, "make it smaller first")


def _opened(source: Any) -> tuple[str, Any]:
    """A name for messages, and what PIL opens."""
    if isinstance(source, Image.Image):
        return "the picture", source
    if isinstance(source, (bytes, bytearray)):
        check_bytes("the picture", len(source))
        return "the picture", io.BytesIO(source)
    file = check_file("picture", source)
    return f"picture {file.name!r}", file


def check_file(kind: str, path: Any) -> Path:
    """A path of an ordinary file that is neither empty nor huge. Messages name the file, not its folder."""
    file = check_path(kind, path)
    name = f"{kind} {file.name!r}"
    if not file.is_file():
        there = file.exists()  # a FIFO would be waited for for ever
        rule = "it is no ordinary file" if there else "there is no such file"
        raise X2VError(name, rule, "check its name, or upload it again")
    check_bytes(name, file.stat().st_size)
    return file.resolve()


def check_bytes(name: str, size: int) -> None:
    """Raise X2VError for a file of no bytes, or of too many."""
    if not size:
        raise X2VError(name, "the file is empty", "choose another, or upload it again")
    if size > MAX_FILE_BYTES:
        rule = f"a file has at most {MAX_FILE_BYTES / 1e6:.0f} MB"
        raise X2VError(f"{name} of {size / 1e6:.0f} MB", rule, "make it smaller first")
