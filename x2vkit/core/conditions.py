"""What a clip is asked to hold besides its words: frames that are given, a control raster, and a camera
track.

    B batch; F frames, H, W pixels; C, f, h, w latent grid; N tokens

`Conditions` is what sampler and training pass along. The functions below draw human-sized wishes (boxes,
strokes, mouth openness, camera positions; plain numpy) into it. Zeros everywhere mean "not given". Knows
nothing about where the wishes come from: the world's ground truth in training, a user's drawing later.

Positions are fractions: x of the width, y of the height, from the top left. Movements are per latent frame,
since the latent frame before (so 0 in the first), in fractions of min(H, W) times `MOTION_SCALE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from x2vkit.axes import Shape3, frames_of, latent_frame_of, latent_shape
from x2vkit.errors import X2VError

BOX_A, BOX_B, STROKE, STROKE_DX, STROKE_DY, MOUTH, OPENNESS = range(7)
"""Channels of the control raster; OPENNESS is the first of four, one for each frame of a latent frame."""
CONTROL_CHANNELS = 10
CAMERA_X, CAMERA_Y, CAMERA_ZOOM, CAMERA_GIVEN = range(4)
"""Channels of the camera track: movement in x and y, change of log zoom, and 1 where a track is given."""
CAMERA_CHANNELS = 4
MOTION_SCALE = 10.0
"""Movements are this many times larger inside the model, so that a usual one is about 1."""


@dataclass(frozen=True)
class Conditions:
    """All fields are optional; None is "not given"."""

    known_latents: Tensor | None = None
    """Latents (B, C, f, h, w) that hold the given frames; anything where `known_mask` is False."""
    known_mask: Tensor | None = None
    """(B, f, h, w) bool, True where `known_latents` is given: those tokens have t = 0 and are never changed."""
    control: Tensor | None = None
    """Control raster (B, 10, f, h, w)."""
    camera: Tensor | None = None
    """Camera track (B, f, 4)."""
    boxes: Tensor | None = None
    """(B, F, 2, 5): boxes of the first and the second subject in the control raster, as x0, y0, x1, y1, and
    the angle by which what is in them is turned, in radians, counter-clockwise; all 0 where out of sight or
    not given."""

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Conditions:
        """The same conditions on a device, floats in a dtype."""

        def move(x: Tensor | None) -> Tensor | None:
            return x if x is None else x.to(device, None if x.dtype == torch.bool else dtype)

        return Conditions(*(move(part) for part in vars(self).values()))

    def without_control(self) -> Conditions:
        """The same clean frames, with neither boxes, control raster nor camera: the other side of control
        guidance.
        """
        return replace(self, control=None, camera=None, boxes=None)


def reimpose_known(latents: Tensor, given: Conditions) -> Tensor:
    """Latents with the given frames put back in."""
    if given.known_latents is None or given.known_mask is None:
        return latents
    return torch.where(given.known_mask[:, None], given.known_latents.to(latents.dtype), latents)


def token_mask(known_mask: Tensor, patch: Shape3) -> Tensor:
    """(B, f, h, w) bool -> (B, N) bool: True where every cell of a token is known."""
    B, f, h, w = known_mask.shape
    pt, ph, pw = patch
    cells = known_mask.reshape(B, f // pt, pt, h // ph, ph, w // pw, pw)
    return cells.permute(0, 1, 3, 5, 2, 4, 6).reshape(B, -1, pt * ph * pw).all(-1)


def token_levels(t: Tensor, known_mask: Tensor | None, patch: Shape3) -> Tensor:
    """A clip's noise level (B, 1) -> (B, N), 0 on clean tokens; (B, 1) as it came when no token is known."""
    if known_mask is None:
        return t
    return t.masked_fill(token_mask(known_mask, patch), 0.0)


def known_frames(latents: Tensor, latent_frames: Sequence[int]) -> Conditions:
    """Conditions that hold the named latent frames of latents (B, C, f, h, w); negative numbers count from
    the end.

    Image-to-video is [0]; extend, loop, connect and in-between are other lists.
    """
    mask = torch.zeros(latents.shape[0], *latents.shape[2:], dtype=torch.bool, device=latents.device)
    mask[:, list(latent_frames)] = True
    return Conditions(known_latents=latents, known_mask=mask)


def control_raster(
    num_frames: int,
    height: int,
    width: int,
    box_a: np.ndarray | None = None,
    box_b: np.ndarray | None = None,
    strokes: Sequence[tuple[np.ndarray, float]] = (),
    mouth_box: np.ndarray | None = None,
    mouth: np.ndarray | None = None,
) -> np.ndarray:
    """Draw wishes into a control raster (10, f, h, w) float32.

    box_a, box_b, mouth_box: (F, 4) or (4,) as x0, y0, x1, y1; a row of NaN is "out of sight". mouth: openness
    (F,) from 0 to 1. strokes: (path, radius) pairs, path (K, 2) as x, y, spread evenly over the clip; radius
    in fractions of min(H, W). Raises X2VError on a wrong shape.
    """
    grid = latent_shape(num_frames, height, width)
    raster = np.zeros((CONTROL_CHANNELS, *grid), np.float32)
    for channel, box in ((BOX_A, box_a), (BOX_B, box_b), (MOUTH, mouth_box)):
        if box is not None:
            raster[channel] = per_latent_frame(occupancy(_track("box", box, num_frames, 4), grid[1], grid[2]))
    for path, radius in strokes:
        _draw_stroke(raster, np.asarray(path, np.float64), radius, num_frames, height, width)
    if mouth is not None:
        if mouth_box is None:
            raise X2VError(
                "mouth without mouth_box", "openness belongs to a place in the frame", "give mouth_box too"
            )
        openness = np.nan_to_num(_track("mouth", np.asarray(mouth)[..., None], num_frames, 1)[:, 0])
        for i in range(grid[0]):
            frames = frames_of(i)
            values = openness[frames.start : frames.stop] if i else np.repeat(openness[:1], 4)
            raster[OPENNESS:, i] = values[:, None, None] * (raster[MOUTH, i] > 0)
    return raster


def box_track(num_frames: int, *boxes: np.ndarray | None, turn: np.ndarray | None = None) -> np.ndarray:
    """Boxes of up to two subjects, each (F, 4) or (4,) with rows of NaN where out of sight, as (F, 2, 5)
    float32 for `Conditions.boxes`; turn (F,): of the first one. Raises X2VError on a wrong shape.
    """
    track = np.zeros((num_frames, 2, 5), np.float32)
    for i, box in enumerate(boxes):
        if box is not None:
            track[:, i, :4] = np.nan_to_num(_track("box", box, num_frames, 4))
    if turn is not None:
        track[:, 0, 4] = np.nan_to_num(_track("turn", np.asarray(turn)[..., None], num_frames, 1)[:, 0])
    return track


def camera_track(camera: np.ndarray) -> np.ndarray:
    """Camera (F, 3) as x, y (fractions of min(H, W)) and zoom (1 is none) -> (f, 4) float32 movements."""
    camera = np.asarray(camera, np.float64)
    place = np.concatenate([camera[:, :2], np.log(camera[:, 2:3])], axis=1)
    place = per_latent_frame(place)
    moves = np.diff(place, axis=0, prepend=place[:1]) * MOTION_SCALE
    return np.concatenate([moves, np.ones((len(moves), 1))], axis=1).astype(np.float32)


def occupancy(boxes: np.ndarray, h: int, w: int) -> np.ndarray:
    """Boxes (F, 4) in fractions -> the share (F, h, w) of each cell that the box covers; NaN covers nothing.
    """
    x0, y0, x1, y1 = np.nan_to_num(boxes).T[..., None]
    columns, rows = np.arange(w) / w, np.arange(h) / h
    wide = np.clip(np.minimum(x1, columns + 1 / w) - np.maximum(x0, columns), 0, None) * w  # (F, w)
    tall = np.clip(np.minimum(y1, rows + 1 / h) - np.maximum(y0, rows), 0, None) * h  # (F, h)
    return tall[:, :, None] * wide[:, None, :]


def per_latent_frame(values: np.ndarray) -> np.ndarray:
    """(F, ...) -> (f, ...): the mean over the frames of each latent frame."""
    count = latent_frame_of(len(values) - 1) + 1
    groups = [frames_of(i) for i in range(count)]
    return np.stack([values[g.start : g.stop].mean(axis=0) for g in groups])


def _track(name: str, values: np.ndarray, num_frames: int, size: int) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.shape == (size,):
        values = np.repeat(values[None], num_frames, axis=0)
    if values.shape != (num_frames, size):
        rule = f"one row of {size} numbers for each of the {num_frames} frames, or one row for all"
        raise X2VError(f"{name} of shape {values.shape}", rule, "give as many rows as frames")
    return values


def _draw_stroke(
    raster: np.ndarray, path: np.ndarray, radius: float, num_frames: int, height: int, width: int
) -> None:
    """A disc that follows the path; inside it, mask 1 and the path's movement since the latent frame before.
    """
    if path.ndim != 2 or path.shape[1] != 2 or len(path) < 2:
        raise X2VError(
            f"stroke of shape {path.shape}", "a stroke is two or more points (x, y)", "draw a longer line"
        )
    when = np.linspace(0, len(path) - 1, num_frames)
    points = np.stack([np.interp(when, np.arange(len(path)), path[:, axis]) for axis in (0, 1)], axis=1)
    side = min(height, width)
    centres = per_latent_frame(points) * (width / side, height / side)            # (f, 2)
    moves = np.diff(centres, axis=0, prepend=centres[:1]) * MOTION_SCALE
    f, h, w = raster.shape[1:]
    x = (np.arange(w) + 0.5) / w * width / side
    y = (np.arange(h) + 0.5) / h * height / side
    for i in range(f):
        near = np.hypot(x[None, :] - centres[i, 0], y[:, None] - centres[i, 1]) <= radius
        raster[STROKE, i][near] = 1.0
        raster[STROKE_DX, i][near], raster[STROKE_DY, i][near] = moves[i]
