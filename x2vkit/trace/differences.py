"""`Stack`: numbers of all steps of a run in few bytes: 8 bits each, as deflated differences.

    S steps, or whatever the first axis counts

From one step to the next little changes: of the bundled dog, queries and keys take 3 bits a number so, and
latents 2.9, where each step for itself would take 7.5. views/static/lib/unpack.js undoes the same.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.errors import X2VError

BYTES_A_BYTE = 8
"""What a byte of a file can hold at most, with a code of a bit or more for each: small files stay small."""
LARGEST = 500_000_000
"""What one array of a file may take, in bytes."""
SMALLEST = 1e-12
"""The least magnitude that a scale is worked out for."""


def eight_bits(array: NDArray[Any], lead: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Numbers as int8 times a scale: one scale for each index of the first `lead` axes -> (int8, scale).

    No number is off by more than half a scale, which is the largest magnitude under that index / 127.
    """
    rows = array.astype(np.float32)
    inner = tuple(range(lead, array.ndim))
    scale = np.maximum(np.abs(rows).max(axis=inner, initial=0), SMALLEST) / 127
    return np.rint(rows / np.expand_dims(scale, inner)).astype(np.int8), scale.astype(np.float32)


@dataclass(frozen=True)
class Stack:
    """Whole numbers of all steps (S, ...), packed: what a compact file and a page hold of them."""

    data: bytes
    """The first step, then differences, which wrap around as the numbers do; little-endian, deflated."""
    shape: tuple[int, ...]
    """Of the numbers."""
    dtype: np.dtype[Any]
    """int8 or int16."""
    scale: NDArray[np.float32] | None = None
    """One for each index of the first axes after S, the same for all steps: number x scale is the value."""

    @classmethod
    def of(cls, numbers: NDArray[Any], scale: NDArray[np.float32] | None = None) -> Stack:
        """Numbers of 8 or 16 bits, packed."""
        steps = np.diff(numbers, axis=0, prepend=numbers.dtype.type(0))
        packer = zlib.compressobj(9, strategy=zlib.Z_HUFFMAN_ONLY)  # nothing repeats
        data = packer.compress(steps.astype(steps.dtype.newbyteorder("<")).tobytes()) + packer.flush()
        return cls(data, numbers.shape, numbers.dtype, scale)

    @classmethod
    def eight_bits(cls, array: NDArray[Any], lead: int = 1) -> Stack:
        """Floating-point numbers (S, ...) at 8 bits, with scales for the `lead` axes after the first: off by
        at most half a scale, which is the largest magnitude that any step has there / 127.
        """
        numbers, scale = eight_bits(np.moveaxis(array, 0, lead), lead)
        return cls.of(np.ascontiguousarray(np.moveaxis(numbers, lead, 0)), scale)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that they take unpacked."""
        return self.size * self.dtype.itemsize

    def numbers(self) -> NDArray[Any]:
        """The whole numbers. X2VError where the bytes hold none of this shape, before they are inflated to
        more than that takes.
        """
        most = min(LARGEST, BYTES_A_BYTE * len(self.data))
        if not self.shape or min(self.shape) < 1 or self.nbytes > most:
            rule = f"{len(self.data):,} bytes hold no numbers of shape {self.shape}"
            raise X2VError("trace", rule, "copy or record it again")
        try:
            reader = zlib.decompressobj()
            flat = reader.decompress(self.data, self.nbytes + 1)
        except zlib.error as error:
            raise X2VError("trace", f"it is damaged ({error})", "copy or record it again") from error
        if len(flat) != self.nbytes or not reader.eof or reader.unused_data:
            rule = f"its bytes hold no numbers of shape {self.shape}"
            raise X2VError("trace", rule, "copy or record it again")
        steps = np.frombuffer(flat, self.dtype.newbyteorder("<")).reshape(self.shape)
        return np.cumsum(steps, axis=0, dtype=self.dtype)

    def values(self) -> NDArray[np.float32]:
        """Numbers x scales -> float32 (S, ...). X2VError as `numbers`."""
        numbers = self.numbers().astype(np.float32)
        if self.scale is not None:
            numbers *= np.expand_dims(self.scale, (0, *range(self.scale.ndim + 1, numbers.ndim)))
        return numbers
