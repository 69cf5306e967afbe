"""Pictures as the image file that they were read from, unpacked when somebody first asks for their numbers.

A view sends the same image on to the browser, so that opening a trace unpacks and packs nothing.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from x2vkit.errors import X2VError
from x2vkit.media import contact_sheet, cut_sheet, square_columns

LARGEST = 500_000_000
"""What an image of a file may hold, in bytes unpacked: a small file can say that it holds any number."""
MIMES = {"PNG": "image/png", "WEBP": "image/webp"}


@dataclass(frozen=True)
class EncodedPictures:
    """Pictures (..., H, W, 3) in one image, a grid row by row without gaps. X2VError where it is none of that
    shape.
    """

    name: str
    """What they are, for messages."""
    data: bytes
    """The image file: PNG or WebP."""
    shape: tuple[int, ...]
    """Of the pictures as an array."""

    dtype = np.dtype(np.uint8)

    def __post_init__(self) -> None:
        size = self.shape
        if len(size) < 4 or size[-1] != 3 or min(size) < 1 or prod(size) > LARGEST:
            rule = f"its {self.name} of shape {size} are no pictures of up to {LARGEST:,} bytes"
            raise X2VError("trace", rule, "copy or record it again")
        height, width = size[-3:-1]
        with self._opened() as image:
            if image.size != (self.columns * width, -(-self.count // self.columns) * height):
                rule = f"an image of {image.size} holds no {self.count} {self.name} of {height} x {width}"
                raise X2VError("trace", rule, "copy or record it again")

    @property
    def ndim(self) -> int:
        """Axes of the array."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Numbers of the array."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return self.size

    @property
    def count(self) -> int:
        """How many pictures there are."""
        return prod(self.shape[:-3])

    @property
    def columns(self) -> int:
        """Pictures in a row of the image."""
        return square_columns(self.count, *self.shape[-3:-1])

    @cached_property
    def mime(self) -> str:
        """The image's media type."""
        with self._opened() as image:
            return MIMES[str(image.format)]

    def decode(self) -> NDArray[np.uint8]:
        """The pictures as an array. X2VError where the image is damaged."""
        try:
            with self._opened() as image:
                sheet = np.asarray(image.convert("RGB"))
        except Exception as error:  # decoders raise what they like: SyntaxError, EOFError, struct.error ...
            raise self._damaged(error) from error
        return cut_sheet(sheet, self.count, self.columns).reshape(self.shape)

    @classmethod
    def encode(cls, name: str, pictures: NDArray[np.uint8], kind: str, **options: Any) -> EncodedPictures:
        """Pictures (..., H, W, 3) as an image of a kind, PNG or WEBP, with what Pillow takes for it."""
        stream = io.BytesIO()
        sheet = contact_sheet(pictures.reshape(-1, *pictures.shape[-3:]), gap=0)
        Image.fromarray(sheet).save(stream, kind, **options)
        return cls(name, stream.getvalue(), pictures.shape)

    def _opened(self) -> Image.Image:
        try:
            return Image.open(io.BytesIO(self.data), formats=tuple(MIMES))
        except Exception as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> X2VError:
        return X2VError("trace", f"its {self.name} are damaged ({error})", "copy or record it again")
