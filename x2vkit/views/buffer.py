"""How arrays and pictures travel to the browser: one buffer, and a table of what lies where in it.

The browser's half is static/lib/unpack.js.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from x2vkit.errors import X2VError
from x2vkit.media import Frames, contact_sheet, square_columns
from x2vkit.trace.differences import Stack, eight_bits
from x2vkit.trace.pictures import EncodedPictures

Array = NDArray[Any]

LIMIT_BYTES = 64_000_000
"""What a view sends to the browser at most, pictures counted unpacked."""
ALIGN = 8
"""Every array begins at a multiple of so many bytes."""
DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32")
"""What the browser has typed arrays for; float16 arrives there as float32."""
LOSSLESS_BYTES, JPEG_QUALITY = 2_000_000, 85
"""How a SpriteSheet is sent: without loss where it is small, and at this quality (full colour resolution)
above.
"""


@dataclass(frozen=True)
class Eight:
    """An array sent at 8 bits a number with one scale for each index of its first `lead` axes.

    The browser sees float32, off by at most 1/254 of the largest magnitude under that index.
    """

    array: Array
    """Any floating-point array."""
    lead: int = 1
    """Axes that have a scale of their own for each index."""


@dataclass(frozen=True)
class SpriteSheet:
    """Pictures sent as one image, a grid row by row; `await view.image(name)` in the browser."""

    frames: Frames | EncodedPictures
    """(..., H, W, 3) uint8; or the image that they were read from, which is sent as it is."""
    quality: int = 0
    """JPEG quality, 1..100; 0 is without loss up to LOSSLESS_BYTES unpacked, else JPEG_QUALITY."""


Packable = Array | Eight | Stack | SpriteSheet
"""What a view may send under a name."""


def pack(arrays: Mapping[str, Packable]) -> tuple[list[dict[str, Any]], bytes]:
    """All arrays in one buffer -> (how it is packed, the bytes). X2VError above `LIMIT_BYTES`.

    One entry an array: name, shape, dtype (one of DTYPES, or "image"), offset and bytes; with "scale" (offset
    and count of its float32 scales, one for each index of the leading axes) where it was an Eight; the same,
    for the axes after the first, and "deflated" where it was a Stack; "columns" and "mime" where it was a
    SpriteSheet. Row-major, little-endian, each at a multiple of ALIGN.
    """
    plain = [(_plain(value), isinstance(value, Eight)) for value in arrays.values()]
    check_size(sum(array.size if eight else array.nbytes for array, eight in plain))
    entries: list[dict[str, Any]] = []
    parts: list[bytes] = []
    length = 0

    def append(data: bytes) -> int:
        nonlocal length
        offset = length
        padded = data + bytes(-len(data) % ALIGN)
        parts.append(padded)
        length += len(padded)
        return offset

    for name, value in arrays.items():
        entry: dict[str, Any] = {"name": name, "shape": list(_plain(value).shape)}
        if isinstance(value, SpriteSheet):
            *lead, height, width, colours = entry["shape"]
            entry |= {"dtype": "image", "shape": [prod(lead), height, width, colours], **_image(value)}
            data = entry.pop("data")
        elif isinstance(value, Eight):
            small, scale = eight_bits(value.array, value.lead)
            entry |= {"dtype": "int8", "scale": [append(scale.astype("<f4").tobytes()), scale.size]}
            data = small.tobytes()
        elif isinstance(value, Stack):
            entry |= {"dtype": value.dtype.name, "deflated": True}
            if value.scale is not None:
                entry["scale"] = [append(value.scale.astype("<f4").tobytes()), value.scale.size]
            data = value.data
        else:
            array = _typed(name, value)
            entry["dtype"] = array.dtype.name
            data = array.astype(array.dtype.newbyteorder("<")).tobytes()
        entries.append(entry | {"offset": append(data), "bytes": len(data)})
    return entries, b"".join(parts)


def check_size(size: int) -> None:
    """Raise X2VError when a view would send more than `LIMIT_BYTES`; ask before a long computation."""
    if size > LIMIT_BYTES:
        cure = "record fewer steps or layers, or a smaller or shorter clip"
        rule = f"a view sends at most {LIMIT_BYTES / 1e6:.0f} MB to the browser"
        raise X2VError(f"a trace that needs {size / 1e6:.0f} MB", rule, cure)


def _plain(value: Packable) -> Array | EncodedPictures | Stack:
    if isinstance(value, SpriteSheet):
        return value.frames
    return value.array if isinstance(value, Eight) else value


def _typed(name: str, array: Array) -> Array:
    """The same numbers in a dtype that the browser has."""
    if array.dtype == bool:
        return array.astype(np.uint8)
    if array.dtype == np.float64:
        return array.astype(np.float32)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8 and np.abs(array).max(initial=0) < 2**31:
        return array.astype(np.int32)
    if array.dtype.name not in DTYPES:
        raise TypeError(f"{name}: a browser has no array of {array.dtype}; use one of {', '.join(DTYPES)}")
    return array


def _image(sheet: SpriteSheet) -> dict[str, Any]:
    """Pictures in one image, about as wide as tall (formats end at some 16,000 pixels a side)."""
    frames = sheet.frames
    if isinstance(frames, EncodedPictures):
        return {"mime": frames.mime, "columns": frames.columns, "data": frames.data}
    frames = frames.reshape(-1, *frames.shape[-3:])
    columns = square_columns(*frames.shape[:3])
    image = Image.fromarray(contact_sheet(frames, columns, gap=0))
    stream = io.BytesIO()
    if sheet.quality == 0 and frames.nbytes <= LOSSLESS_BYTES:  # a better method takes three times as long
        image.save(stream, kind := "WEBP", lossless=True, method=0)
    else:  # as many pictures again would take WebP ten times as long to write
        image.save(stream, kind := "JPEG", quality=sheet.quality or JPEG_QUALITY, subsampling=0)
    return {"mime": f"image/{kind.lower()}", "columns": columns, "data": stream.getvalue()}
