"""Requests as numbers on the latent grid: the control raster, the boxes' track and the camera's.

    F frames, H, W pixels; f, h, w latent grid

Only `Conditions.draw` calls these, so that raster and numbers always say the same. Positions are fractions:
x of the width, y of the height, from the top left. Movements are per latent frame, since the latent frame
before (so 0 in the first), in fractions of min(H, W) times `MOTION_SCALE`. Knows nothing about torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from x2vkit.axes import Shape3, frames_of, latent_frame_of, latent_shape
from x2vkit.config import is_number
from x2vkit.errors import X2VError

BOX_A, BOX_B, STROKE, STROKE_DX, STROKE_DY, MOUTH, OPENNESS = range(7)
"""Channels of the control raster; OPENNESS is the first of four, one for each frame of a latent frame."""
CONTROL_CHANNELS = 10
CAMERA_X, CAMERA_Y, CAMERA_ZOOM, CAMERA_GIVEN = range(4)
"""Channels of the camera track: movement in x and y, change of log zoom, and 1 where a track is given."""
CAMERA_CHANNELS = 4
SUBJECTS = 2
"""Subjects that can have a box."""
FARTHEST = 8.0
"""Fractions of the frame beyond which a corner can only be meant in pixels."""
ZOOM = 1000.0
"""Largest zoom, and one over the smallest."""
LARGEST = 1e6
"""No fraction and no angle is larger."""
MOTION_SCALE = 10.0
"""Movements are this many times larger inside the model, so that a usual one is about 1."""


def control_raster(
    shape: Shape3,
    boxes: Sequence[NDArray | None],
    strokes: Sequence[tuple[ArrayLike, float]],
    mouth: tuple[ArrayLike, ArrayLike] | None,
) -> NDArray[np.float32]:
    """Control raster (10, f, h, w) of checked boxes and of strokes and a mouth as in `Conditions.draw`."""
    grid = latent_shape(*shape)
    raster = np.zeros((CONTROL_CHANNELS, *grid), np.float32)
    mouth_box = None if mouth is None else checked_boxes("mouth", mouth[0], shape[0])
    for channel, box in [*zip((BOX_A, BOX_B), boxes, strict=False), (MOUTH, mouth_box)]:
        if box is not None:
            raster[channel] = per_latent_frame(occupancy(box, grid[1], grid[2]))
    for path, radius in strokes:
        _draw_stroke(raster, numbers("stroke", path), radius, *shape)
    if mouth is not None:
        openness = np.nan_to_num(_track("mouth", numbers("mouth", mouth[1])[..., None], shape[0], 1)[:, 0])
        if not ((openness >= 0) & (openness <= 1)).all():
            got = f"mouth with openness from {openness.min():g} to {openness.max():g}"
            raise X2VError(got, "openness goes from 0 (closed) to 1", "divide by its largest")
        for i in range(grid[0]):
            frames = frames_of(i)
            values = openness[frames.start : frames.stop] if i else np.repeat(openness[:1], 4)
            raster[OPENNESS:, i] = values[:, None, None] * (raster[MOUTH, i] > 0)
    return raster


def box_track(
    num_frames: int, boxes: Sequence[NDArray | None], angle: ArrayLike | None
) -> NDArray[np.float32]:
    """Checked boxes as (F, 2, 5) for `Conditions.boxes`, with the angle of the first one."""
    track = np.zeros((num_frames, SUBJECTS, 5), np.float32)
    for i, box in enumerate(boxes):
        if box is not None:
            track[:, i, :4] = np.nan_to_num(box)
    if angle is not None:
        turns = _track("angle", numbers("angle", angle)[..., None], num_frames, 1)[:, 0]
        track[:, 0, 4] = np.nan_to_num(turns)
    return track


def camera_track(camera: ArrayLike, num_frames: int) -> NDArray[np.float32]:
    """Camera (F, 3) as in `Conditions.draw` -> (f, 4) movements."""
    camera = _track("camera", camera, num_frames, 3)
    if not np.isfinite(camera).all():
        rule = "every frame's x, y and zoom is finite"
        raise X2VError("camera with nan or inf", rule, "use 0, 0 and 1 for none")
    if not ((camera[:, 2] >= 1 / ZOOM) & (camera[:, 2] <= ZOOM)).all():
        odd = camera[np.argmax(np.abs(np.log(np.maximum(camera[:, 2], 1e-300)))), 2]
        rule = (
            f"a zoom is a factor above 0, {1 / ZOOM:g} to {ZOOM:g} (1 is none, 2 shows things twice as large)"
        )
        raise X2VError(f"camera with a zoom of {odd:g}", rule, "use 1")
    path = per_latent_frame(np.concatenate([camera[:, :2], np.log(camera[:, 2:3])], axis=1))
    moves = np.diff(path, axis=0, prepend=path[:1]) * MOTION_SCALE
    return np.concatenate([moves, np.ones((len(moves), 1))], axis=1).astype(np.float32)


def checked_boxes(name: str, box: ArrayLike, num_frames: int) -> NDArray[np.float64]:
    """One subject's boxes (F, 4), checked: each row finite, or NaN as a whole."""
    rows = _track(name, box, num_frames, 4)
    if not (np.isfinite(rows).all(1) | np.isnan(rows).all(1)).all():
        rule = "a row is four finite numbers, or four NaN where the subject is out of sight"
        raise X2VError(f"{name} with nan or inf among numbers", rule, "give x0, y0, x1, y1 in fractions")
    if (rows[:, 2:] < rows[:, :2]).any():
        rule = "x0, y0 is the upper left corner and x1, y1 the lower right one"
        raise X2VError(f"{name} whose corners are swapped", rule, "give x0, y0, x1, y1")
    if (np.abs(rows) > FARTHEST).any():
        rule = "corners are fractions of the frame: 0 to 1 inside it"
        raise X2VError(
            f"{name} that reaches to {np.nanmax(np.abs(rows)):g}", rule, "divide pixels by the size"
        )
    return rows


def occupancy(boxes: NDArray, h: int, w: int) -> NDArray:
    """Boxes (F, 4) in fractions -> the share (F, h, w) of each latent position that the box covers; NaN
    covers nothing.
    """
    x0, y0, x1, y1 = np.nan_to_num(boxes).T[..., None]
    columns, rows = np.arange(w) / w, np.arange(h) / h
    wide = np.clip(np.minimum(x1, columns + 1 / w) - np.maximum(x0, columns), 0, None) * w  # (F, w)
    tall = np.clip(np.minimum(y1, rows + 1 / h) - np.maximum(y0, rows), 0, None) * h  # (F, h)
    return tall[:, :, None] * wide[:, None, :]


def per_latent_frame(values: NDArray) -> NDArray:
    """(F, ...) -> (f, ...): the mean over the frames of each latent frame."""
    count = latent_frame_of(len(values) - 1) + 1
    groups = [frames_of(i) for i in range(count)]
    return np.stack([values[g.start : g.stop].mean(axis=0) for g in groups])


def numbers(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Anything array-like as numbers. X2VError for what holds others, or rows of unequal length."""
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            raise TypeError
        return array.astype(np.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise X2VError(
            f"{name}={repr(values):.60}", "it is an array of numbers", "give one, or leave it out"
        ) from error


def _track(name: str, values: ArrayLike, num_frames: int, size: int) -> NDArray[np.float64]:
    """(F, size), or one row for all frames, as (F, size); infinite and huge values are refused, NaN is the
    caller's.
    """
    values = numbers(name, values)
    if values.shape == (size,):
        values = np.repeat(values[None], num_frames, axis=0)
    if values.shape != (num_frames, size):
        rule = f"one row of {size} numbers for each of the {num_frames} frames, or one row for all"
        raise X2VError(f"{name} of shape {values.shape}", rule, "give as many rows as frames")
    if (np.abs(values) > LARGEST).any():
        rule = f"every number is finite, and below {LARGEST:,.0f}"
        raise X2VError(f"{name} with inf or a huge number", rule, "use NaN where there is none")
    return values


def _draw_stroke(
    raster: NDArray, path: NDArray, radius: float, num_frames: int, height: int, width: int
) -> None:
    """A disc that follows the path; inside it, mask 1 and the path's movement since the latent frame
    before.
    """
    finite = np.isfinite(path).all() and (np.abs(path) <= LARGEST).all()
    if path.ndim != 2 or path.shape[1] != 2 or len(path) < 2 or not finite:
        got = f"stroke of shape {path.shape}" if finite else "stroke with nan or inf, or a huge number"
        raise X2VError(got, "a stroke is two or more points (x, y), all finite", "draw a longer line")
    if not is_number(radius) or radius <= 0:
        raise X2VError(f"stroke of radius {radius!r:.60}", "a radius is finite and above 0", "use 0.1")
    when = np.linspace(0, len(path) - 1, num_frames)
    points = np.stack([np.interp(when, np.arange(len(path)), path[:, axis]) for axis in (0, 1)], axis=1)
    side = min(height, width)
    centres = per_latent_frame(points) * (width / side, height / side)  #           (f, 2)
    moves = np.diff(centres, axis=0, prepend=centres[:1]) * MOTION_SCALE
    f, h, w = raster.shape[1:]
    x = (np.arange(w) + 0.5) / w * width / side
    y = (np.arange(h) + 0.5) / h * height / side
    for i in range(f):
        near = np.hypot(x[None, :] - centres[i, 0], y[:, None] - centres[i, 1]) <= radius
        raster[STROKE, i][near] = 1.0
        raster[STROKE_DX, i][near], raster[STROKE_DY, i][near] = moves[i]
