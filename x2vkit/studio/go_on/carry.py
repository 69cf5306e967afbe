"""A plan carried on beyond its clip: same speed, same size, same rhythm, and the subject kept in sight.

    F frames of the clip, n new ones

A clip's plan is two things laid over each other: where the subjects go in the world, and where the camera
looks. They are told apart, each goes on as it did, and are put together again. What goes steadily (a walk, a
pan, a roll) keeps its speed to the end, so that nothing drifts however long it gets; what comes and goes (a
jump, a wing's beat, a mouth) comes again. A walk leaves the picture after two seconds, so the camera goes
along as soon as the subject nears the edge, and what would grow or be zoomed beyond the picture comes to a
stop there. Lengths are in units of the frame's shorter side, times in frames. Knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from x2vkit.core.planner import Plan

Array = NDArray[np.float64]

RECENT = 33
"""Frames of the clip that say how it goes on."""
DIRECTED, TURNING, SIZING, PANNING = 0.12, 0.9, 0.12, 0.05
"""Ways (shorter sides), angles (radians), changes of log size and ways of the camera over the clip from which
on they go steadily on; less is taken for a jitter.
"""
LARGEST, SMALLEST = 0.85, 0.25
"""To which part of the frame's width or height, whichever it fills more, a subject is grown or zoomed."""
ZOOM = 0.7
"""Log zoom after which a camera that looks at no subject stops."""
EASE = 6.0
"""Frames in which a camera takes up another speed."""
BACK = 12
"""Frames in which it brings a subject back that is too near the edge."""
MARGIN = 0.06
"""What a subject that the camera keeps in sight stays away from the frame's edge."""


@dataclass(frozen=True)
class Track:
    """One subject in the world, frame by frame."""

    foot: Array
    """(F, 2) the middle of its lower edge: x to the right, y up; what grows keeps it"""
    size: Array
    """(F, 2) log width and log height at zoom 1"""
    turn: Array
    """(F,) radians"""
    mouth: Array
    """(F,) openness; NaN where it does not talk"""


def carry_on(plan: Plan, before: int, after: int, height: int, width: int, *, follow: bool = True) -> Plan:
    """One clip's plan with new frames before and after it; those that it had are as they were.

    Args:
        plan: of one clip, F frames.
        before, after: new frames, 0 or more.
        height, width: of the clip in pixels; their ratio counts.
        follow: the camera goes with the first subject where that would leave the picture.
    """
    if before:
        turned = carry_on(reversed_plan(plan), 0, before, height, width, follow=follow)
        plan = reversed_plan(turned)
        return rebased(carry_on(plan, 0, after, height, width, follow=follow)) if after else rebased(plan)
    if not after:
        return plan
    sides = np.array([width, height]) / min(width, height)
    camera = camera_path(plan.camera[0])
    tracks = [_subject(plan, i, camera, sides) for i in (0, 1)]
    ways = [None if track is None else _go_on(track, after, camera, sides) for track in tracks]
    lead = ways[0] if follow else None
    path = _camera_on(camera, after, lead, sides)
    boxes = [_boxes(way, path, sides) for way in ways]
    new = {
        "boxes": np.stack(boxes, 1),
        "mouth": np.full(after, np.nan) if ways[0] is None else ways[0].mouth,
        "camera": np.concatenate([path[:, :2], np.exp(path[:, 2:])], 1),
        "turn": np.zeros(after) if ways[0] is None else ways[0].turn,
    }
    joined = {name: np.concatenate([getattr(plan, name), new[name][None]], 1) for name in new}
    return Plan(**{name: track.astype(np.float32) for name, track in joined.items()})


def reversed_plan(plan: Plan) -> Plan:
    """The same in the other direction of time."""
    return Plan(*(np.ascontiguousarray(track[:, ::-1]) for track in vars(plan).values()))


def rebased(plan: Plan, start: int = 0, stop: int | None = None) -> Plan:
    """Frames of a plan as a plan of their own, with the camera since the first of them."""
    tracks = {name: track[:, start:stop] for name, track in vars(plan).items()}
    camera = tracks["camera"].astype(np.float64)
    zoom = camera[:, :1, 2:]
    moved = np.concatenate([camera[..., :2] - camera[:, :1, :2], camera[..., 2:] / zoom], 2)
    return Plan(**tracks | {"camera": moved.astype(np.float32)})


# -- screen and world ---------------------------------------------------------------------------------------


def camera_path(camera: NDArray) -> Array:
    """A plan's camera (F, 3) as x, y and log zoom."""
    path = camera.astype(np.float64)
    return np.concatenate([path[:, :2], np.log(path[:, 2:])], 1)


def _subject(plan: Plan, i: int, camera: Array, sides: Array) -> Track | None:
    """A subject in the world; None where it is in sight in fewer than three of the recent frames."""
    boxes = plan.boxes[0, :, i].astype(np.float64)
    seen = np.flatnonzero(np.isfinite(boxes[:, 0]))
    if np.sum(seen >= len(boxes) - RECENT) < 3:
        return None
    foot = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], 1)
    foot = (foot - 0.5) * sides * (1, -1) / np.exp(camera[:, 2:]) + camera[:, :2]
    size = np.log(np.maximum((boxes[:, 2:] - boxes[:, :2]) * sides, 1e-3)) - camera[:, 2:]
    known = np.concatenate([foot, size], 1)
    frames = np.arange(len(boxes))
    filled = np.stack([_filled(frames, seen, column) for column in known.T], 1)
    turn = np.unwrap(plan.turn[0].astype(np.float64)) if i == 0 else np.zeros(len(boxes))
    mouth = plan.mouth[0].astype(np.float64) if i == 0 else np.full(len(boxes), np.nan)
    return Track(filled[:, :2], filled[:, 2:], turn, mouth)


def _filled(frames: NDArray, seen: NDArray, values: Array) -> Array:
    """Values of all frames: between those that are seen straight, beyond them on along their line."""
    slope, level = np.polyfit(seen, values[seen], 1)
    line = slope * frames + level
    return np.where(np.isfinite(values), values, line + np.interp(frames, seen, values[seen] - line[seen]))


def _boxes(way: Track | None, path: Array, sides: Array) -> Array:
    """A subject in the world as boxes (n, 4) on the screen, NaN where it is out of sight."""
    if way is None:
        return np.full((len(path), 4), np.nan)
    zoom = np.exp(path[:, 2:])
    foot = (way.foot - path[:, :2]) * zoom * (1, -1) / sides + 0.5
    size = np.exp(way.size) * zoom / sides
    boxes = np.concatenate([foot - size * (0.5, 1), foot + size * (0.5, 0)], 1)
    outside = np.any(boxes[:, 2:] <= 0, axis=1) | np.any(boxes[:, :2] >= 1, axis=1)
    return np.where(outside[:, None], np.nan, boxes)


# -- going on -----------------------------------------------------------------------------------------------


def _go_on(track: Track, n: int, camera: Array, sides: Array) -> Track:
    """The next n frames of a subject."""
    recent = Track(*(part[-RECENT:] for part in vars(track).values()))
    x, dx = line(recent.foot[:, 0], DIRECTED)
    turn, spin = line(recent.turn, TURNING)
    sizes = [line(recent.size[:, axis], SIZING) for axis in (0, 1)]
    speeds = [slope for _, slope in sizes]
    grows = sum(speeds) / 2 if all(speeds) else 0.0
    rest = [recent.foot[:, 0] - x, recent.foot[:, 1], recent.turn - turn]
    rest += [values - line for values, (line, _) in zip(recent.size.T, sizes, strict=True)]
    again = _again(np.stack(rest, 1), n)
    ends = np.array([line[-1] for line, _ in sizes])
    room = _room(grows > 0, ends, camera, sides)
    steps = np.arange(1, n + 1)
    return Track(
        np.stack([x[-1] + dx * steps + again[:, 0], again[:, 1]], 1),
        ends + _saturated(grows, n, room)[:, None] + again[:, 3:],
        turn[-1] + spin * steps + again[:, 2],
        _mirrored(recent.mouth, n),
    )


def _room(larger: bool, size: Array, camera: Array, sides: Array) -> float:
    """How much log size a subject of log size (2,) gets until it is as large or small as it may be."""
    return float(np.log(LARGEST if larger else SMALLEST) - camera[-1, 2] - (size - np.log(sides)).max())


def line(values: Array, least: float) -> tuple[Array, float]:
    """The straight line through values (F,), and its slope: level where it rises by less than `least`."""
    frames = np.arange(len(values))
    slope = np.polyfit(frames, values, 1)[0] if len(values) > 1 else 0.0
    slope = slope if abs(slope) * len(values) > least else 0.0
    return slope * frames + (values - slope * frames).mean(), float(slope)


def _again(rest: Array, n: int) -> Array:
    """The next n rows of (F, K) that come and go: the last period once more, and again.

    The period is the one after which the last frames look most like those before, and move as they do; what
    is left of a step between them is taken back over a few frames.
    """
    frames = len(rest)
    if frames < 8:
        return np.repeat(rest[-1:], n, 0)

    def unlike(period: int) -> float:
        last, earlier = rest[-3:], rest[frames - 3 - period : frames - period]
        return float(np.abs(last - earlier).sum() + 2 * np.abs(np.diff(last - earlier, axis=0)).sum())

    period = min(range(4, frames - 2), key=unlike)
    rows = frames - period + np.arange(n) % period
    step = rest[-1] - rest[-1 - period]
    return rest[rows] + step * np.exp(-np.arange(1, n + 1) / 3)[:, None]


def _mirrored(values: Array, n: int) -> Array:
    """The next n of values that have no rhythm: backwards, forwards and so on."""
    if len(values) < 2:
        return np.repeat(values[-1:], n)
    there_and_back = np.concatenate([values[-2::-1], values[1:]])
    return np.resize(there_and_back, n)


def _saturated(speed: float, n: int, room: float) -> Array:
    """What grows at a speed until it has no room: (n,), slower and slower towards the end of it."""
    if speed == 0:
        return np.zeros(n)
    room = max(room / speed, 1.0) * speed  # at least one frame's way, in the direction of the speed
    return room * (1 - np.exp(-np.arange(1, n + 1) * speed / room))


def _camera_on(camera: Array, n: int, lead: Track | None, sides: Array) -> Array:
    """The next n frames of a camera: on at its speed, but with the subject where that nears the edge."""
    slope = np.array([line(camera[-RECENT:, axis], PANNING)[1] for axis in range(3)])
    room = ZOOM * np.sign(slope[2])
    if lead is not None:
        room = _room(bool(slope[2] > 0), lead.size.mean(0), camera, sides)
    path = np.zeros((n, 3))
    path[:, 2] = camera[-1, 2] + _saturated(slope[2], n, room)
    at, speed, way, middle = camera[-1, :2].copy(), slope[:2].copy(), np.zeros(2), None
    if lead is not None:
        way[0] = line(lead.foot[:, 0], DIRECTED)[1]
        middle = np.stack([lead.foot[:, 0], np.median(lead.foot[:, 1]) + np.exp(lead.size[:, 1]) / 2], 1)
    for i in range(n):
        wanted = slope[:2]
        if lead is not None and middle is not None:
            zoom = np.exp(path[i, 2])
            half = np.exp(lead.size[i]) * zoom / 2
            wanted = in_sight((middle[i] - at) * zoom, sides / 2 - half - MARGIN, wanted, way, zoom)
        speed = speed + (wanted - speed) / EASE
        at = at + speed
        path[i, :2] = at
    return path


def in_sight(away: Array, room: Array, own: Array, subject: Array, zoom: float) -> Array:
    """The camera's speed (2,): its own while a subject so far away from the middle has room on that side, and
    the subject's where it has none.
    """
    room = np.maximum(room, 0.08)
    outwards = np.sign(away) * (subject - own) > 0
    near = np.clip(np.abs(away) / room, 0, 1) * outwards
    back = np.sign(away) * np.maximum(np.abs(away) - room, 0) / zoom / BACK
    return (1 - near) * own + near * subject + back
