"""The flags of `x2vkit generate` that say where things go: boxes, strokes, a camera, a plan, as numbers.

    --boxes 0.1,0.4,0.4,0.8                          a subject that stays
    --boxes 0.1,0.4,0.4,0.8:0.6,0.4,0.9,0.8          one that goes from the first box to the second
    --strokes 0.2,0.6:0.8,0.6@0.15                   a path and its radius
    --camera "pan left, then zoom in slowly"         moves in words (`studio.direct.camera`)
    --camera 0.2,0,1.3                               where it is at the end: x, y, zoom
    --plan other.x2v           --plan plan.json      another clip's plan, or tracks by name

Points are parted by ":" and spread evenly over the clip. Instead of points, each flag takes JSON, or a file
of it (.json). Everything is checked here, without torch.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from x2vkit import media
from x2vkit.axes import Shape3
from x2vkit.core.raster import box_track, camera_track, checked_boxes, control_raster
from x2vkit.errors import X2VError
from x2vkit.studio.direct.camera import CameraPath
from x2vkit.trace import Trace
from x2vkit.trace.checks import PLAN
from x2vkit.trace.file import SUFFIX

RADIUS = 0.1
"""Of a stroke that says none, in fractions of the shorter side."""
BOX = (
    "a box is x0,y0,x1,y1 with x0 < x1 and y0 < y1, in fractions of width and height",
    "write 0.1,0.4,0.5,0.9",
)
STROKE = ("a stroke is x,y:x,y and perhaps more points, then @radius", "write 0.2,0.6:0.8,0.6@0.15")
CAMERA = ("a camera is moves in words, or x,y,zoom at the end of the clip", 'write "pan left, then zoom in"')
TRACKS = (
    f'a plan is on, off, a trace ({SUFFIX}), or JSON of tracks: {{"boxes": [[[x0, y0, x1, y1], null], ...]}}',
    f"write --plan clip{SUFFIX}",
)
BROKEN = (TypeError, ValueError, OverflowError, RecursionError)
"""What numpy and Python say of values that are no numbers, too large or too deep."""


def read_controls(
    boxes: Sequence[str], strokes: Sequence[str], camera: str | None, plan: str, shape: Shape3, fps: float
) -> dict[str, Any]:
    """The flags' values as `record` takes them: `boxes`, `conditions` and `plan`, as far as they are given.

    `conditions` are the arguments of `Conditions.draw` after the shape, which needs torch.

    Raises:
        X2VError: a value that cannot be read, or that does not fit a clip of `shape` (frames, height, width).
    """
    frames = shape[0]
    given: dict[str, Any] = {}
    tracks = [_over(frames, _points("--boxes", text, 4, BOX), "--boxes", BOX) for text in boxes]
    if len(tracks) > 2:
        raise X2VError(f"{len(tracks)} boxes", "one box for each of two subjects", "give two at most")
    for text, track in zip(boxes, tracks, strict=True):
        there = track[np.isfinite(track).all(1)]
        if not (there[:, :2] < there[:, 2:]).all():
            raise X2VError(f"--boxes {text}"[:200], *BOX)
        checked_boxes("box", track, frames)
        if len(there) and not ((there[:, :2] < 1) & (there[:, 2:] > 0)).all(1).any():
            raise X2VError(
                f"--boxes {text}"[:200], "it is never in the picture", "give fractions from 0 to 1"
            )
    box_track(frames, tracks, None)
    drawn = [stroke for text in strokes for stroke in _strokes(text, shape)]
    conditions: dict[str, Any] = {"strokes": drawn} if drawn else {}
    if camera is not None:
        conditions["camera"] = _camera(camera, frames, fps)
        camera_track(conditions["camera"], frames)
    if tracks:
        (conditions if drawn else given)["boxes"] = tracks
    if conditions:
        given["conditions"] = conditions
    if plan not in ("on", "off"):
        given["plan"] = _plan(plan, frames)
    return given


def _strokes(text: str, shape: Shape3) -> list[tuple[NDArray[np.float64], float]]:
    """One stroke, or those of a JSON list; each touches the picture."""
    value = _json("--strokes", text)
    if value is None:
        path, _, radius = text.partition("@")
        value = [{"path": _points("--strokes", path, 2, STROKE), "radius": _number(radius or RADIUS, text)}]
    elif not isinstance(value, list) or not value or not isinstance(value[0], dict):
        value = [value]
    found = []
    for each in value:
        whole = each if isinstance(each, dict) else {"path": each}
        points = _array(whole.get("path"), "--strokes", text, 2, STROKE)
        found.append((points, _number(whole.get("radius", RADIUS), text)))
        if not control_raster(shape, (), found[-1:], None).any():
            rule = "it is outside the picture, or too thin to be seen"
            raise X2VError(f"--strokes {text}"[:200], rule, "give fractions from 0 to 1, or a larger radius")
    return found


def _camera(text: str, frames: int, fps: float) -> NDArray[np.float64]:
    """(F, 3) as x, y and zoom of every frame."""
    if text.lstrip()[:1].isalpha() and not text.lower().endswith(".json"):
        path = CameraPath.of(text, frames, fps)
        if path.follows.any():
            rule = "whom a camera follows is known once the clip is planned"
            raise X2VError(f"--camera {text}"[:200], rule, "use x2v.direct(...) in Python")
        return path.track
    points = _points("--camera", text, 3, CAMERA)
    if len(points) == 1:
        points = np.stack([np.array((0.0, 0.0, 1.0)), points[0]])
    return _over(frames, points, "--camera", CAMERA)


def _plan(text: str, frames: int) -> dict[str, NDArray[np.float32]]:
    """Tracks by name, of another clip or of JSON."""
    if text.lower().endswith(SUFFIX):
        tracks: Any = dict(Trace.load(text).plan)
        if not tracks:
            raise X2VError(f"--plan {text}", "that clip was made without a plan", "use one that has one")
    else:
        tracks = _json("--plan", text)
    try:
        tracks = {name: _numbers(track, (frames, *PLAN[name])) for name, track in dict(tracks).items()}
    except (*BROKEN, KeyError) as error:
        raise X2VError(f"--plan {text}"[:200], *TRACKS) from error
    if not tracks or any(np.isinf(track).any() for track in tracks.values()):
        raise X2VError(f"--plan {text}"[:200], *TRACKS)
    for name, track in tracks.items():
        if track.shape != (frames, *PLAN[name]):
            rule = f"for {frames} frames it is {(frames, *PLAN[name])}"
            raise X2VError(f"--plan with {name} of shape {track.shape}", rule, "make a clip as long")
    return tracks


def _numbers(values: Any, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Nested lists as an array; a null in them, at any depth, is NaN for all that it stands for."""

    def filled(value: Any, shape: tuple[int, ...]) -> Any:
        if value is None:
            return np.full(shape, np.nan)
        return [filled(each, shape[1:]) for each in value] if isinstance(value, list) else value

    with np.errstate(over="ignore"):  # infinite, then
        return np.asarray(filled(values, shape), np.float32)


def _over(frames: int, points: NDArray[np.float64], flag: str, say: tuple[str, str]) -> NDArray[np.float64]:
    """Points (K, n) evenly over the clip -> (F, n); as many as frames stay as they are, NaN among them."""
    if len(points) == frames:
        return points
    if not np.isfinite(points).all():
        raise X2VError(
            f"{flag} with {len(points)} rows, some null",
            f"then there is one for each of {frames} frames",
            say[1],
        )
    when = np.linspace(0, len(points) - 1, frames)
    return np.stack([np.interp(when, np.arange(len(points)), column) for column in points.T], axis=1)


def _points(flag: str, text: str, size: int, say: tuple[str, str]) -> NDArray[np.float64]:
    """(K, size) from "a,b:c,d", JSON, or a file of JSON."""
    value = _json(flag, text)
    if value is None:
        value = [part.split(",") for part in text.split(":")]
    return _array(value, flag, text, size, say)


def _array(value: Any, flag: str, text: str, size: int, say: tuple[str, str]) -> NDArray[np.float64]:
    """Rows of `size` numbers; a row of nulls is NaN."""
    try:
        array = np.asarray(_numbers(value, (1, size)), np.float64)
    except BROKEN:
        array = np.zeros(0)
    array = array[None] if array.shape == (size,) else array
    if array.ndim != 2 or array.shape[1] != size or not len(array):
        raise X2VError(f"{flag} {text}"[:200], *say)
    if not (np.isfinite(array).all(1) | (np.isnan(array).all(1) & (len(array) > 1))).all():
        raise X2VError(f"{flag} {text}"[:200], *say)
    return array


def _number(value: Any, text: str) -> float:
    try:
        return float(value)
    except BROKEN as error:
        raise X2VError(f"--strokes {text}"[:200], *STROKE) from error


def _json(flag: str, text: str) -> Any:
    """The value of a flag as JSON, or of the .json file that it names; None where it is neither."""
    named = text.lower().endswith(".json")
    if not named and not text.lstrip().startswith(("[", "{")):
        return None
    try:
        return json.loads(media.check_file(flag, text).read_text() if named else text)
    except X2VError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise X2VError(
            f"{flag} {text}"[:200], f"it cannot be read as JSON ({error})", "see --help"
        ) from error
