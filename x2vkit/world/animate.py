"""Scenes over time: spec -> the primitive table of every frame, and the exact truth about it.

World units: the frame's shorter side is 1 at zoom 1; x right, y up, the cast's ground is y = 0; seconds. How each actor
moves is worked out in ``moves``; here the cast gets its places, its parts, the camera and the truth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from x2vkit.world import render as R
from x2vkit.world.grammar import DIRECTED, NO_HAT, NO_SCARF, PEOPLE, WORN, Actor, SceneSpec
from x2vkit.world.moves import CALM, LIFT, PACE, SPEED, Motion, Stage, gravity, leap_height, leap_over, move
from x2vkit.world.scenes import Element, build, occluder, shade
from x2vkit.world.sprites import (
    COLORS,
    FIXED,
    LOOKS,
    SHADES,
    SPRITES,
    Part,
    glasses_parts,
    hat_parts,
    scarf_parts,
)

__all__ = ["SPEED", "Motion", "Truth", "animate", "gravity"]

EDGE = 1.6
"""width of an edge in pixels: about what a lens gives, and kinder to a codec than a hard one"""
HORIZON = 0.11
"""height of the horizon above the cast's feet"""
LEVEL = 0.235
"""height of the frame's centre above the feet, so that they stand at 73 % of it"""
PAN, TILT, ZOOM = 0.15, 0.09, 0.15
"""units/s of a camera that pans left or right, up or down; rate per second of one that zooms"""
CAMERA_WAY = {"pan left": PAN, "pan right": PAN, "pan up": TILT, "pan down": TILT, "zoom in": 0.06, "zoom out": 0.06}
"""units/s that a moving camera adds to what moves, at most"""


@dataclass(frozen=True)
class Truth:
    """What is exactly true of a clip. F frames, O actors (1 to 3)."""

    boxes: np.ndarray
    """(F, O, 4) x0, y0, x1, y1 of each whole actor in fractions of the frame; NaN where no part is in sight"""
    visible: np.ndarray
    """(F, O) seen pixels over all pixels of the actor, 0 .. 1"""
    motion: np.ndarray
    """(F, O, 2) box centre's way since the frame before, in fractions of the frame"""
    camera: np.ndarray
    """(F, 3) view position x, y in units of the shorter side, and zoom; a close-up or wide shot is part of them"""
    mouth: np.ndarray
    """(F, O) openness 0 .. 1; 0 for what does not talk"""
    turn: np.ndarray
    """(F, O) angle in radians by which each whole actor is turned about its middle, counter-clockwise"""
    physics_of: tuple[dict[str, float], ...]
    """what the action's word promises, of each actor: gravity, speed, restitution, period, growth ..."""

    @property
    def physics(self) -> dict[str, float]:
        """``physics_of`` the first actor."""
        return self.physics_of[0]


# ------------------------------------------------------------------------------------------------------ camera
@dataclass(frozen=True)
class Lens:
    """The shot: all that is seen, enlarged by ``zoom`` about a point ``rise`` units above the frame's centre."""

    zoom: float = 1.0
    rise: float = 0.0


def _lens(spec: SceneSpec, scale: float) -> Lens:
    """The lens of a shot: near to the first actor (to a person's head and chest), far away, or as usual."""
    sprite, action = SPRITES[spec.subject], spec.action
    size = sprite.height * scale
    if spec.shot == "wide":
        return Lens(0.62, 0.03)
    if spec.shot != "close-up":
        return Lens()
    if spec.subject == "eye":
        return Lens(1.32)
    if spec.subject in PEOPLE:
        return Lens(0.95 / (0.62 * size + 0.12), 0.72 * size - LEVEL)
    lift = 0.0 if spec.subject == "boat" else LIFT.get(action, 0.05 if action in ("jump", "bounce", "spin") else 0.0)
    return Lens(float(np.clip(0.86 / (size * max(sprite.width, 1.15)), 1.25, 2.0)), lift + 0.52 * size - LEVEL)


def _camera(view: str, t: np.ndarray, lens: float) -> np.ndarray:
    """(F, 3): x, y and zoom of the camera on its way; what is near pans slower."""
    s = t - t.mean()
    x, y, zoom = 0 * t, 0 * t, np.ones_like(t)
    near = max(lens, 1.0)
    if view == "pan left" or view == "pan right":
        x = s * (PAN if view == "pan right" else -PAN) / near
    elif view == "pan up" or view == "pan down":
        y = s * (TILT if view == "pan up" else -TILT) / near + 0.02
    elif view == "zoom in":
        zoom = np.exp(ZOOM * (t - t[0]))
    elif view == "zoom out":
        zoom = np.exp(ZOOM * (t[-1] - t))
    return np.stack([x, y, zoom], 1)


def _stage(spec: SceneSpec, t: np.ndarray, lens: Lens, camera: np.ndarray) -> Stage:
    """What is calm under this camera: the limit on the screen, less the camera's own way."""
    near = max(lens.zoom, 1.0) * float(camera[:, 2].max())
    return Stage(t, gravity(spec.scene), (CALM - CAMERA_WAY.get(spec.camera, 0.0)) / near, max(lens.zoom, 1.0))


# ------------------------------------------------------------------------------------------------------- places
SIZE = {"small": 0.68, "big": 1.22, "": 1.0}
GROUP = {1: 1.0, 2: 0.82, 3: 0.72}
"""size of actors in company"""


def _motions(spec: SceneSpec, stage: Stage, rng: np.random.Generator, scale: float, room: float) -> list[Motion]:
    """The motion of each actor; ``room`` is the width in units that a group may fill."""
    side = 1 if spec.direction == "right" else -1
    first = spec.first
    if len(spec.cast) == 1:
        return [move(first, stage, rng, scale, rng.uniform(-0.10, 0.10))]
    second = spec.cast[1]
    if spec.relation == "chasing" and len(spec.cast) == 2:
        speed = min(0.20, 0.4 * stage.top)
        motions = [move(replace(a, direction=first.direction, then=""), stage, rng, k, x * side, speed) for a, k, x in ((first, 0.64, -0.21), (second, 0.58, 0.23))]
        motions[1].y = np.minimum(motions[1].y, 0.12)
        return motions
    if spec.relation == "jumping over" and len(spec.cast) == 2:
        low = 0.8 * leap_height(stage) / SPRITES[second.subject].height
        return [leap_over(first, stage, rng, 0.66), move(second, stage, rng, min(low, 0.6))]
    return _side_by_side(spec, stage, rng, room)


def _side_by_side(spec: SceneSpec, stage: Stage, rng: np.random.Generator, room: float) -> list[Motion]:
    """A group in which each has a stretch of the ground to itself, wide enough for its way, so that none hides another."""
    cast = spec.cast
    seconds = float(stage.t[-1] - stage.t[0])
    goes = [a.action in DIRECTED or a.then in DIRECTED for a in cast]
    together = all(goes) and len({a.direction for a in cast}) == 1 and not any(a.then for a in cast)
    speeds = [min(0.12 * PACE[a.pace], 0.3 * stage.top, 0.3 / max(seconds, 0.1)) * go for a, go in zip(cast, goes, strict=True)]
    speeds = [min(speeds)] * len(cast) if together else speeds
    scales = np.array([GROUP[len(cast)] * SIZE[a.size] for a in cast])
    widths = np.array([_width(a) for a in cast]) * scales
    ways = np.array(speeds) * seconds * (not together)
    gap = 0.035
    fit = min(1.0, max(0.58, (room - gap * (len(cast) - 1) - ways.sum()) / widths.sum()))
    order = _order(spec, rng)
    x = -(fit * widths.sum() + ways.sum() + gap * (len(cast) - 1)) / 2
    motions: dict[int, Motion] = {}
    for i in order:
        stretch = fit * widths[i] + ways[i]
        motions[i] = move(cast[i], stage, rng, float(scales[i] * fit), x + stretch / 2, speeds[i] if goes[i] else None)
        x += stretch + gap
    if spec.relation in ("next to", "left of", "right of"):  # they look at each other
        motions[order[0]].facing, motions[order[-1]].facing = 1, -1
    return [motions[i] for i in range(len(cast))]


def _width(a: Actor) -> float:
    """Width in units that an actor of usual size needs for what it does."""
    sprite = SPRITES[a.subject]
    turns = {a.action, a.then} & {"spin", "roll"}
    width = max(sprite.width, 0.86 * float(np.hypot(sprite.width, 1.0))) if turns else sprite.width
    width = width if a.action not in ("walk", "run", "jump", "talk") else max(width, 0.75)  # arms and legs
    return width * sprite.height * (1.3 if "grow" in (a.action, a.then) else 1.0)


def _order(spec: SceneSpec, rng: np.random.Generator) -> list[int]:
    """The cast from left to right: as the relation says, else by where each goes, else by chance."""
    order = list(range(len(spec.cast)))
    if spec.relation == "left of":
        return order
    if spec.relation == "right of" or rng.random() < 0.5:
        order.reverse()
    if spec.relation == "right of":
        return order
    return sorted(order, key=lambda i: (spec.cast[i].action in DIRECTED) * (1 if spec.cast[i].direction == "right" else -1))


# ------------------------------------------------------------------------------------------------------ tables
Color = tuple[float, float, float]
Tones = dict[str, Color]
_FLAT = ("ink", "paper", "glow", "mouth", "skin", "lens", "shine", "tear")
"""roles without a gradient from top to bottom"""
_LOW = {"mouth": 0.12, "lid": 0.18}
"""least height of a part that opens and closes"""
_SCALED = ("mouth", "blink", "lid", "lash_open", "lash_shut")
"""joints that scale a part's height instead of turning it"""


def _tones(actor: Actor, rng: np.random.Generator) -> Tones:
    """Colour of each role of ``actor``; a person's skin and hair are left to chance."""
    skin, hair = LOOKS[rng.integers(len(LOOKS))]
    body, wear = COLORS[actor.color], COLORS[(actor.wearing and actor.wearing[1]) or "red"]
    own = {role: shade(body, tone) for role, tone in SHADES.items()}
    people = {"skin": skin, "skin_dark": shade(skin, -0.16), "hair": hair}
    return FIXED | own | people | {"wear": wear, "wear_dark": shade(wear, -0.22)}


def _parts(actor: Actor, talks: bool) -> list[Part]:
    """The parts to paint, in order, without those that this actor does not show now."""
    sprite, subject = SPRITES[actor.subject], actor.subject
    shown = {actor.mood or "plain", actor.garment or WORN.get(subject, ("",))[0]}
    keeps_mouth = talks or subject in ("robot", "face", *PEOPLE)
    parts = list(sprite.parts)
    item = actor.wearing[0] if actor.wearing else ""
    if item == "scarf" and sprite.scarf and subject not in NO_SCARF:
        at = sprite.scarf_after if sprite.scarf_after >= 0 else len(parts)
        parts[at:at] = scarf_parts(*sprite.scarf)
    if item == "sunglasses" and sprite.glasses:
        parts += glasses_parts(*sprite.glasses)
    if item == "hat" and subject not in NO_HAT:
        parts += hat_parts(*sprite.hat)
    return [p for p in parts if (not p.only or shown & set(p.only)) and (p.joint != "mouth" or keeps_mouth)]


def _posed(parts: list[Part], pose: dict[str, np.ndarray], facing: int) -> tuple[np.ndarray, ...]:
    """x, y, rx, ry, angle (F, P) of the parts in sprite units with every joint at its angle."""
    frames = len(pose["blink"])
    base = np.array([(p.x, p.y, p.rx, p.ry, np.radians(p.angle)) for p in parts])
    x, y, rx, ry, angle = (np.repeat(base[None, :, i], frames, 0) for i in range(5))
    for i, part in enumerate(parts):
        if part.joint in _SCALED:
            low = _LOW.get(part.joint, 0.0) if not part.only else 0.40  # a mood's mouth is never quite shut
            ry[:, i] *= low + (1 - low) * pose[part.joint]
        elif part.joint == "gaze":
            x[:, i] += pose.get("gaze", 0.0)
        for joint, (px, py) in ((part.joint, part.pivot), (part.above, part.above_pivot)):
            if joint in pose and joint not in _SCALED and joint != "gaze":
                turn = pose[joint] * (facing if joint == "wheel" else 1)
                dx, dy = x[:, i] - px, y[:, i] - py
                x[:, i], y[:, i] = px + np.cos(turn) * dx - np.sin(turn) * dy, py + np.sin(turn) * dx + np.cos(turn) * dy
                angle[:, i] += turn
    return x, y, rx, ry, angle


def _sprite_table(actor: Actor, tones: Tones, m: Motion, object_id: int) -> np.ndarray:
    """(F, P, K) rows of one actor in world units (y up, angles counter-clockwise)."""
    parts = _parts(actor, "mouth" in m.pose)
    lid = m.pose.get("lid", 0 * m.x)
    rest = 0.5 if actor.subject == "robot" else 0.0 if actor.subject == "face" and not actor.mood else 0.3
    x, y, rx, ry, angle = _posed(parts, {"mouth": rest + 0 * m.x, "lid": lid, "lash_open": np.clip(1 - 2 * lid, 0, 1), "lash_shut": np.clip(2 * lid - 1, 0, 1)} | m.pose, m.facing)
    size, squash, turn = SPRITES[actor.subject].height * m.scale[:, None], m.squash[:, None], m.turn[:, None]
    dx, dy = x * m.facing / np.sqrt(squash), y * squash - 0.5  # squash keeps the volume
    table = np.zeros((len(m.x), len(parts), len(R.COLUMNS)), np.float32)
    table[..., R.X] = m.x[:, None] + size * (np.cos(turn) * dx - np.sin(turn) * dy)
    table[..., R.Y] = m.y[:, None] + size * (0.5 + np.sin(turn) * dx + np.cos(turn) * dy)
    table[..., R.RX], table[..., R.RY] = rx * size / np.sqrt(squash), ry * size * squash
    table[..., R.ANGLE] = angle * m.facing + turn
    for i, part in enumerate(parts):
        tone, flat = tones[part.role], part.role in _FLAT
        table[:, i, [R.KIND, R.CORNER, R.TAPER, R.TOP, R.BOTTOM]] = part.kind, part.corner, part.taper, part.top, part.bottom
        table[:, i, R.R1 : R.B1 + 1] = tone if flat else shade(tone, 0.10)
        table[:, i, R.R2 : R.B2 + 1] = tone if flat else shade(tone, -0.13)
        table[:, i, R.SOFT] = part.soft * size[:, 0]
    table[..., R.ALPHA], table[..., R.ID] = 1.0, object_id
    return table


def _element_table(elements: list[Element], t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(F, P, K) rows of a place in world units, and the depth (P,) of each."""
    if not elements:
        return np.zeros((len(t), 0, len(R.COLUMNS)), np.float32), np.zeros(0, np.float32)
    rows = np.array([(q.kind, q.x, q.y, q.rx, q.ry, np.radians(q.angle), q.corner, q.taper, q.top, q.bottom, *q.c1, *q.c2, q.alpha, q.soft, q.id) for q in elements], np.float32)
    more = np.array([(q.depth, *q.drift, *q.wrap, q.sway, *q.heave) for q in elements], np.float32)
    table = np.repeat(rows[None], len(t), 0)
    table[..., R.X] += more[:, 1] * t[:, None]
    table[..., R.Y] += more[:, 2] * t[:, None]
    swell = 2 * np.pi * 0.45 * t[:, None]
    table[..., R.X] += more[:, 6] * np.sin(swell + 5 * rows[:, R.X])
    table[..., R.Y] += more[:, 7] * np.cos(swell + 5 * rows[:, R.X])
    low, high = more[:, 3], more[:, 4]
    span = np.where(high > low, high - low, 1e9)
    table[..., R.Y] = np.where(high > low, low + np.mod(table[..., R.Y] - low, span), table[..., R.Y])
    table[..., R.ANGLE] += more[:, 5] * np.sin(2 * np.pi * 0.4 * t[:, None] + 9 * rows[:, R.X])
    return table, more[:, 0]


def _shadow(m: Motion, subject: str) -> np.ndarray:
    """(F, 1, K) soft shadow on the ground; it shrinks and fades as the subject rises."""
    table = np.zeros((len(m.x), 1, len(R.COLUMNS)), np.float32)
    rise = np.clip(m.y / 0.6, 0, 1)
    table[:, 0, R.X], table[:, 0, R.Y] = m.x, -0.005
    table[:, 0, R.RX] = 0.42 * SPRITES[subject].width * SPRITES[subject].height * m.scale * (1 - 0.4 * rise)
    table[:, 0, R.RY] = 0.15 * table[:, 0, R.RX]
    table[:, 0, R.ALPHA], table[:, 0, R.SOFT] = 0.26 * (1 - 0.6 * rise), 0.03
    table[:, 0, R.TOP], table[:, 0, R.BOTTOM], table[:, 0, R.ID] = -1, 1, -1
    table[:, 0, R.B1], table[:, 0, R.B2] = 0.10, 0.10
    return table


def _to_screen(table: np.ndarray, depth: np.ndarray | float, camera: np.ndarray, height: int, width: int, lens: Lens = Lens()) -> np.ndarray:
    """World rows -> pixel rows. A layer of depth d follows d of the camera's way and 0.35 + 0.65 d of its zoom."""
    s = min(height, width)
    depth = np.minimum(np.broadcast_to(depth, table.shape[1]), 1.0)
    level = LEVEL * height / s
    zoom = camera[:, 2:3] ** (0.35 + 0.65 * depth)
    out = table.copy()
    s, rise = s * lens.zoom, s * lens.zoom * lens.rise
    out[..., R.X] = width / 2 + s * zoom * (table[..., R.X] - depth * camera[:, 0:1])
    out[..., R.Y] = height / 2 + rise - s * zoom * (table[..., R.Y] - level - depth * camera[:, 1:2])
    out[..., R.RX], out[..., R.RY] = table[..., R.RX] * s * zoom, table[..., R.RY] * s * zoom
    out[..., R.ANGLE] = -table[..., R.ANGLE]
    out[..., R.SOFT] = EDGE + table[..., R.SOFT] * s * zoom
    return out


def _extent(rows: np.ndarray, height: int, width: int) -> np.ndarray:
    """(F, 4) box x0, y0, x1, y1 around all of a subject's primitives, in fractions of the frame, not clipped.

    Each outline is followed at 32 points: an ellipse's directly, a box's at its corners, which stand off by the corner
    radius. What a primitive's ``top`` and ``bottom`` cut away is left out.
    """
    column = [rows[..., k, None] for k in range(len(R.COLUMNS))]  # each (F, P, 1)
    rx, ry, taper = column[R.RX], np.maximum(column[R.RY], 1e-6), column[R.TAPER]
    around = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    is_box = column[R.KIND] == R.BOX
    radius = np.where(is_box, column[R.CORNER] * np.minimum(rx, ry), 0.0)
    v = np.where(is_box, np.sign(np.sin(around + 0.01)) * (ry - radius), ry * np.sin(around))  # (F, P, 32)
    v = np.clip(v, column[R.TOP] * ry, column[R.BOTTOM] * ry)
    half = np.where(is_box, np.maximum(rx * (1 + taper * v / ry) - radius, 0), rx * np.sqrt(np.maximum(1 - (v / ry) ** 2, 0)))
    u = np.sign(np.cos(around + 0.01)) * half
    c, s = np.cos(column[R.ANGLE]), np.sin(column[R.ANGLE])
    x, y = column[R.X] + c * u - s * v, column[R.Y] + s * u + c * v
    low = [np.min(q - radius, axis=(1, 2)) for q in (x, y)]
    high = [np.max(q + radius, axis=(1, 2)) for q in (x, y)]
    return np.stack([low[0] / width, low[1] / height, high[0] / width, high[1] / height], 1)


def animate(spec: SceneSpec, seed: int, num_frames: int, height: int, width: int, fps: float, place: bool = True) -> tuple[np.ndarray, list[np.ndarray], Truth]:
    """Lay out ``spec`` over time.

    Returns the table (F, P, K) for ``render``, the rows (F, p, K) of each actor alone, and the truth (its ``visible``
    is filled by the caller, who has the pixels). Without ``place`` the table holds the cast alone, which is faster.
    """
    rng = np.random.default_rng([seed, 77])
    t = np.arange(num_frames) / fps
    scale = min(SIZE[spec.size] * rng.uniform(0.94, 1.06), 0.70 / SPRITES[spec.subject].height if spec.subject != "eye" else 1.0)
    lens = _lens(spec, scale)
    camera = _camera(spec.camera, t, lens.zoom)
    stage = _stage(spec, t, lens, camera)
    room = 0.97 * min(width / min(height, width), 1.3) / (lens.zoom * float(camera[:, 2].max()) ** 0.6)
    motions = _motions(spec, stage, rng, scale, room)

    def layer(rows: np.ndarray, depth: np.ndarray | float = 1.0) -> np.ndarray:
        return _to_screen(rows, depth, camera, height, width, lens)

    tones = np.random.default_rng([seed, 80])
    subjects = [layer(_sprite_table(a, _tones(a, tones), m, i + 1)) for i, (a, m) in enumerate(zip(spec.cast, motions, strict=True))]
    truth = _truth(subjects, motions, camera, lens, height, width)
    layers = subjects[::-1]  # the first actor in front
    if place:
        behind, before = build(spec.scene, np.random.default_rng([seed, 78]), HORIZON, spec.time, spec.weather)
        x = float(motions[0].x.mean()) + rng.uniform(-0.05, 0.05)
        near = occluder(spec.behind, spec.scene, x, spec.time, spec.weather) if spec.behind else []
        shadows = [layer(_shadow(m, a.subject)) for a, m in zip(spec.cast, motions, strict=True) if a.subject != "eye"]
        layers = [layer(*_element_table(behind, t)), *shadows, *layers, *(layer(*_element_table(q, t)) for q in (near, before))]
    return np.concatenate(layers, 1), subjects, truth


def _truth(subjects: list[np.ndarray], motions: list[Motion], camera: np.ndarray, lens: Lens, height: int, width: int) -> Truth:
    boxes = np.stack([_extent(rows, height, width) for rows in subjects], 1)  # (F, O, 4)
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    motion = np.diff(centre, axis=0, prepend=centre[:1])
    out_of_sight = (boxes[..., 2] <= 0) | (boxes[..., 0] >= 1) | (boxes[..., 3] <= 0) | (boxes[..., 1] >= 1)
    boxes[out_of_sight] = np.nan
    mouth = np.stack([m.pose.get("mouth", 0 * m.x) for m in motions], 1)
    turn = np.stack([m.turn for m in motions], 1)
    view = camera + np.stack([0 * camera[:, 0], lens.rise / camera[:, 2], (lens.zoom - 1) * camera[:, 2]], 1)
    f32, seen = np.float32, np.ones(boxes.shape[:2], np.float32)
    physics = tuple(m.physics for m in motions)
    return Truth(boxes.astype(f32), seen, motion.astype(f32), view.astype(f32), mouth.astype(f32), turn.astype(f32), physics)
