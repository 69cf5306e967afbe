"""What of a trace a page can hold: pictures made smaller, fewer steps, latents of fewer numbers; and what was
left out, in sentences.

    S steps; F, H, W frames and pixels; C, f, h, w latents

A clip of 81 frames of 832 x 480 is 97 MB of pixels, and its latents of 50 steps are 220 MB at 8 bits. Small
runs are sent as they are.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from x2vkit.axes import Geometry
from x2vkit.media import Frames
from x2vkit.trace import Trace
from x2vkit.trace.differences import Stack
from x2vkit.trace.linear import LinearPicture
from x2vkit.views import buffer
from x2vkit.views.base import pictures_of
from x2vkit.views.buffer import Array, Packable, SpriteSheet

SHOWN_PIXELS = 110_000
"""Pixels of one picture, at most: views draw it a few hundred wide."""
SHEET_SHARE = 0.3
"""The share of a page that the clip takes at most, as one JPEG."""
QUALITIES = (85, 70, 50, 30)
"""JPEG qualities to choose from for that."""
RANK = 4
"""Numbers a latent position, where all channels would be too many: those that move the picture most."""
FEWEST_STEPS = 2


class Shown:
    """One trace at the size of a page; `left_out` fills while it is packed."""

    def __init__(self, trace: Trace, budget: int) -> None:
        self.trace = trace
        self.shrink = shrink_of(trace)
        """How many times smaller the sides of pictures are."""
        self.linear: LinearPicture = trace.linear_picture.shrunk(self.shrink)
        """The linear decoder of such pictures."""
        self.left_out: list[str] = []
        F, H, W = trace_shape(trace)
        _, height, width = self.size
        if self.shrink > 1:
            self.left_out.append(f"pictures are {width} × {height}, the clip is {W} × {H}")
        self._pictures: Frames | None = None
        self._quality, sheet = 0, F * height * width * 3
        self.room = buffer.LIMIT_BYTES - sheet
        """Bytes that are left beside the clip, which counts unpacked there, and packed here."""
        if sheet > buffer.LOSSLESS_BYTES:
            self._pictures = smaller(trace.frames, self.shrink)
            self._quality, sheet = quality_for(self._pictures, budget * SHEET_SHARE)
        self.room = min(self.room, budget - sheet)
        self._project: NDArray[np.float32] = np.eye(trace.latents.shape[1], dtype=np.float32)
        """(channels that are sent, C)."""

    @property
    def size(self) -> tuple[int, int, int]:
        """Frames, height and width of the pictures."""
        F, H, W = trace_shape(self.trace)
        return F, H // self.shrink, W // self.shrink

    @property
    def geometry(self) -> Geometry:
        """The geometry with pixels as large as those of the pictures."""
        return self.linear.geometry

    @property
    def decoder(self) -> str:
        """What draws latents, in words."""
        explained = self.linear.explained
        if explained is None:
            return "linear decoder"
        return f"linear fit to this clip, {100 * explained:.0f} % of its variance"

    def frames(self, quality: int = 0) -> SpriteSheet:
        """The clip; see `SpriteSheet` for the quality of a small one."""
        if self._pictures is not None:
            return SpriteSheet(self._pictures, self._quality)
        return SpriteSheet(self.trace.frames, quality) if quality else pictures_of(self.trace, "frames")

    def fits(self, names: Sequence[str]) -> bool:
        """Whether such latents of all steps can be sent as they are."""
        return self.trace.pred_x0.size * len(names) <= self.room

    def latents(
        self, names: Sequence[str], among: Sequence[int] | None = None, share: float = 1.0
    ) -> tuple[dict[str, Packable], list[int]]:
        """Latents of each step, with what draws them -> (arrays: each name (steps, C or RANK, f, h, w),
        weight, bias; the steps that are there).

        All channels of all steps where they fit into a share of the room, which they then take; else the RANK
        directions that move pixels most; else also fewer steps. among: steps to choose from, by default all.
        """
        trace, linear = self.trace, self.linear
        S, C, *cells = trace.pred_x0.shape
        each = len(names) * prod(cells)
        weight, self._project = linear.weight, np.eye(C, dtype=np.float32)
        wanted, room = range(S) if among is None else among, int(share * self.room)
        if C > RANK and len(wanted) * C * each > room:
            self._project, weight, part = directions(trace, linear, RANK)
            self.left_out.append(
                f"latents are {RANK} numbers a cell of {C} ({100 * part:.0f} % of the picture)"
            )
        most = max(FEWEST_STEPS, room // (len(self._project) * each))
        steps = [wanted[i] for i in evenly(len(wanted), most)]
        if len(steps) < len(wanted):
            self.left_out.append(f"latents of {len(steps)} of {len(wanted)} steps")
        self.room -= len(steps) * len(self._project) * each
        arrays: dict[str, Packable] = {"weight": _half(weight), "bias": _half(linear.bias)}
        for name in names:
            stored = trace.stored(name) if len(self._project) == C else None
            if stored is None or list(steps) != list(range(stored.shape[0])):
                some = [self.drawn(getattr(trace, name)[step]) for step in steps]
                stored = Stack.eight_bits(np.stack(some))
            arrays[name] = stored
        return arrays, steps

    def drawn(self, latents: Array) -> Array:
        """Latents (C, f, h, w) as `latents` sends them: as they are, or along RANK directions."""
        if len(self._project) == len(latents):
            return latents
        return np.tensordot(self._project, latents.astype(np.float32), 1)


def trace_shape(trace: Trace) -> tuple[int, int, int]:
    """Frames, height and width of a trace's clip, without unpacking it."""
    F, H, W, _ = (trace.encoded("frames") or trace.frames).shape
    return F, H, W


def shrink_of(trace: Trace) -> int:
    """By how much pictures are made smaller: the least divisor of the spatial stride that is enough."""
    _, H, W = trace_shape(trace)
    stride = trace.geometry.spatial_stride
    divisors = [by for by in range(1, stride + 1) if stride % by == 0]
    return next((by for by in divisors if H * W <= SHOWN_PIXELS * by * by), stride)


def smaller(frames: Frames, by: int) -> Frames:
    """Pictures (..., H, W, 3) with sides `by` times smaller, each pixel the mean of those it stands for."""
    if by == 1:
        return frames
    *lead, H, W, _ = frames.shape
    flat = frames.reshape(-1, H, W, 3)
    out = np.empty((len(flat), H // by, W // by, 3), np.uint8)
    for i, frame in enumerate(flat):
        out[i] = np.asarray(Image.fromarray(frame).reduce(by))
    return out.reshape(*lead, H // by, W // by, 3)


def quality_for(frames: Frames, most: float) -> tuple[int, int]:
    """The best JPEG quality with which pictures take at most so many bytes, and what they take, judged by
    some of them.
    """
    some = frames[:: max(1, len(frames) // 6)]
    for quality in QUALITIES:
        stream = io.BytesIO()
        image = Image.fromarray(some.reshape(-1, *some.shape[2:]))
        image.save(stream, "JPEG", quality=quality, subsampling=0)
        size = round(len(stream.getvalue()) * frames.size / some.size)
        if size <= most:
            break
    return quality, size


def evenly(count: int, most: int) -> list[int]:
    """At most so many of 0..count-1, with the first and the last."""
    if count <= most:
        return list(range(count))
    return sorted({round(i * (count - 1) / max(most - 1, 1)) for i in range(most)})


def nearest_of(kept: Sequence[int], wanted: int) -> int:
    """The place in `kept` of what lies next to `wanted`, the earlier of two."""
    return min(range(len(kept)), key=lambda i: abs(kept[i] - wanted))


def directions(
    trace: Trace, linear: LinearPicture, rank: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """The directions of latent space that move pixels most -> (project (rank, C), weight (P, rank), share).

    W = U S V^T for latents of the last step's spread: weight = U S of the first `rank`, project = V^T over
    the spread.
    share: of the picture's variance, by the singular values.
    """
    last = trace.latents[-1].astype(np.float32).reshape(trace.latents.shape[1], -1)
    spread = np.maximum(last.std(axis=1), 1e-4)
    gram = linear.weight.T @ linear.weight * np.outer(spread, spread)  # (C, C), in place of all pixels
    values, vectors = np.linalg.eigh(gram.astype(np.float64))
    first = vectors[:, ::-1][:, :rank].astype(np.float32)  # (C, rank)
    share = float(values[::-1][:rank].sum() / max(values.sum(), 1e-12))
    return (first / spread[:, None]).T, (linear.weight * spread) @ first, share


def _half(values: NDArray[Any]) -> NDArray[np.float16]:
    return values.astype(np.float16)
