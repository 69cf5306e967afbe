"""The latent grid of a run: which axis is which, by comparing what the scheduler and the VAE were given.

C channels    f, h, w latent frames, rows, columns    F, H, W pixels
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit.axes import Geometry, Shape3
from x2vkit.errors import X2VError

Array = NDArray[Any]
LAYOUTS = {"CFHW": (0, 1, 2, 3), "FCHW": (1, 0, 2, 3), "FHWC": (3, 0, 1, 2)}
"""Axes of latents without their batch, as pipelines lay them out -> their places for (C, f, h, w)."""
ALIKE = 0.9
"""Correlation, channel by channel, that says two arrays hold the same latents up to scale and offset."""


@dataclass(frozen=True)
class Layout:
    """How a pipeline lays out the latents of one clip."""

    axes: str
    """One of LAYOUTS, or "NC" for rows of tokens, in the order frame, row, column."""
    channels: int
    shape: Shape3
    """(f, h, w)"""
    before: int = 0
    """Latent frames in front that are no part of the clip: a reference."""
    after: int = 0
    """Latent frames at the end that are no part of it: filler."""
    offset: int = 0
    """Where the clip begins in what was decoded, in latent frames."""

    def arrange(self, latents: Array) -> Array:
        """Latents of one clip as the scheduler has them -> (C, f, h, w)."""
        whole = self.whole(latents)
        return whole[:, self.before : whole.shape[1] - self.after]

    def whole(self, latents: Array) -> Array:
        """The same with the frames that are no part of the clip."""
        if self.axes == "NC":
            _, h, w = self.shape
            return latents.reshape(-1, h, w, self.channels).transpose(3, 0, 1, 2)
        return latents.transpose(LAYOUTS[self.axes])

    def of_decoded(self, decoded: Array) -> Array:
        """The part of what was decoded (C, f, h, w) that is the clip."""
        return decoded[:, self.offset : self.offset + self.shape[0]]

    def cell(self, place: int, shape: Sequence[int]) -> Shape3:
        """Which latent position of the clip an element of a model's input is of, laid out as latents, or as
        rows of tokens, or, where the latents are those, as (C, f, h, w).
        """
        at = [int(i) for i in np.unravel_index(place, tuple(shape))]
        _, h, w = self.shape
        if len(shape) == 2:
            return at[0] // (h * w) - self.before, at[0] // w % h, at[0] % w
        axes = self.axes if self.axes != "NC" else next(iter(LAYOUTS))
        _, f, y, x = (at[i] for i in LAYOUTS[axes])
        return f - self.before, y, x


def find_layout(latents: Array, decoded: Array | None, expected: Sequence[int], told: str) -> Layout:
    """How latents lie, of the ways in which they can.

    Args:
        latents: the last ones of a clip, without batch.
        decoded: (C, f, h, w) what the VAE was given to decode, where that is known.
        expected: (C, f, h, w) by the configs, for where it is not.
        told: what the family says, one of LAYOUTS or "NC" or "".

    Raises:
        X2VError: no way fits, or several do and nothing tells which.
    """
    goal = decoded.shape if decoded is not None else tuple(expected)
    ways = list(_ways(latents, goal))
    if decoded is not None:
        ends = decoded.shape[1] + 1
        ways = [replace(way, offset=i) for way in ways for i in range(ends - way.shape[0])]
        scored = [(alike(way.arrange(latents), way.of_decoded(decoded)), way) for way in ways]
        ways = [way for score, way in sorted(scored, key=lambda one: -one[0]) if score > ALIKE][:1]
    if told and len(ways) > 1:
        ways = [way for way in ways if way.axes == told]
    if len(ways) == 1:
        return ways[0]
    how = "no layout" if not ways else f"{len(ways)} layouts"
    rule = f"{how} of latents {latents.shape} fit {tuple(goal)} channels, frames, rows and columns"
    raise X2VError(
        "the latents of this pipeline", rule, "make a clip of another length, and let it be decoded"
    )


def _ways(latents: Array, goal: Sequence[int]) -> Iterator[Layout]:
    channels, f, h, w = goal
    if latents.ndim == 2 and latents.shape[1] == channels and latents.shape[0] % (h * w) == 0:
        extra = latents.shape[0] // (h * w) - f
        if extra >= 0:
            yield from _padded("NC", channels, (f, h, w), extra)
    if latents.ndim == 4:
        for axes, places in LAYOUTS.items():
            c, frames, rows, columns = (latents.shape[i] for i in places)
            if (c, rows, columns) == (channels, h, w):
                yield from _padded(axes, channels, (min(f, frames), h, w), max(frames - f, 0))


def _padded(axes: str, channels: int, shape: Shape3, extra: int) -> Iterator[Layout]:
    yield Layout(axes, channels, shape, extra, 0)
    if extra:
        yield Layout(axes, channels, shape, 0, extra)


def alike(one: Array, other: Array) -> float:
    """Mean correlation over channels (C, ...) of two arrays: 1 where one is the other, scaled and shifted."""
    a, b = (x.reshape(len(x), -1).astype(np.float64) for x in (one, other))
    a, b = (x - x.mean(1, keepdims=True) for x in (a, b))
    size = np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return float(((a * b).sum(1) / np.maximum(size, 1e-12)).mean())


def find_geometry(latent: Shape3, frames: Shape3, stride: int | None) -> tuple[Geometry, int]:
    """Strides by latent grid and decoded clip -> (geometry without patch and tokens, frames that it holds).

    stride: frames in a latent frame as the pipeline says it, where one frame alone does not tell. Frames
    beyond those that the latents stand for, as some pipelines repeat the last, are left out.

    Raises:
        X2VError: rows, columns or frames are no whole multiple.
    """
    (f, h, w), (F, H, W) = latent, frames
    if H % h or W % w or H // h != W // w:
        rule = f"{h} x {w} latent positions do not divide {H} x {W} pixels alike"
        raise X2VError("the clip of this pipeline", rule, "use sizes that the model was made for")
    side = H // h
    guesses = [stride] if stride else [(F - 1) // (f - 1) if f > 1 else F, F // f]
    for long, causal in product(guesses, (True, False)):
        if long and long >= 1:
            geometry = Geometry(long, side, (1, 1, 1), (), causal)
            if geometry.pixel_shape(f, h, w)[0] == F:
                return geometry, F
    if stride and F > (held := f * stride - stride + 1):
        return Geometry(stride, side, (1, 1, 1), (), True), held
    rule = f"{f} latent frames do not stand for {F} frames"
    raise X2VError("the clip of this pipeline", rule, "use a length that the model was made for")


def patches(config: Any) -> Iterator[Shape3]:
    """Patches that a denoising model's config can mean, likeliest first."""
    size, time = config.get("patch_size", 1), config.get("patch_size_t")
    if isinstance(size, (tuple, list)) and len(size) == 3:
        yield size[0], size[1], size[2]
    elif isinstance(size, int):
        yield (time or config.get("patch_size_temporal") or 1), size, size
        yield 1, size, size
    side = config.get("latent_patch_size")
    if isinstance(side, int):
        yield 1, side, side
    yield 1, 1, 1
    yield 1, 2, 2


def frames_of(result: Any, output_type: Any) -> NDArray[np.uint8] | None:
    """The first clip of what a pipeline returned, as (F, H, W, 3) uint8; None for latents, whose shape may
    look like a clip's.
    """
    if output_type == "latent":
        return None
    clip = result[0] if isinstance(result, tuple) else None
    for name in ("frames", "video", "videos", "images"):
        clip = getattr(result, name, None) if clip is None else clip
    while isinstance(clip, (list, tuple)) and clip and isinstance(clip[0], (list, tuple)):
        clip = clip[0]
    if isinstance(clip, (list, tuple)):
        clip = np.stack([np.asarray(one) for one in clip]) if clip else None
    if clip is not None and hasattr(clip, "detach"):
        clip = clip.detach().float().cpu().numpy()
        clip = np.moveaxis(clip, -3, -1) if clip.shape[-1] != 3 else clip
    if not isinstance(clip, np.ndarray) or clip.ndim not in (4, 5) or clip.shape[-1] != 3:
        return None
    clip = clip[0] if clip.ndim == 5 else clip
    return clip if clip.dtype == np.uint8 else np.rint(np.clip(clip, 0, 1) * 255).astype(np.uint8)
