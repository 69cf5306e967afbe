"""Scenes over time: spec -> the primitive table of every frame, and the exact truth about it.

World units: the frame's shorter side is 1 at zoom 1; x right, y up, the subject's ground is y = 0; seconds. The physics
is real: what is in the air falls with ``gravity(scene)``, what rolls turns by its way over its radius.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from x2vkit.world import render as R
from x2vkit.world.grammar import NO_SCARF, SceneSpec
from x2vkit.world.scenes import Element, build, occluder, shade
from x2vkit.world.sprites import COLORS, FIXED, SHADES, SPRITES, Part, hat_parts, scarf_parts

GRAVITY = 4.0
"""units/s^2: the Earth's 9.81 m/s^2, if the frame's shorter side were 2.45 m"""
SPEED = {"walk": 0.28, "run": 0.46, "roll": 0.42, "fly": 0.38, "swim": 0.30}
"""units/s of the directed actions"""
EDGE = 1.6
"""width of an edge in pixels: about what a lens gives, and kinder to a codec than a hard one"""
HORIZON = 0.11
"""height of the horizon above the subject's feet"""


def gravity(scene: str) -> float:
    """Gravity of a place in units/s^2: 40 % in space (on its moon), the same everywhere else."""
    return GRAVITY * (0.4 if scene == "space" else 1.0)


@dataclass
class Motion:
    """How one subject moves; every array is (F,). Positions are of the point between its feet."""

    x: np.ndarray
    y: np.ndarray
    scale: np.ndarray
    turn: np.ndarray
    """whole-body rotation about its middle, radians counter-clockwise"""
    squash: np.ndarray
    """1 at rest; below 1 it is flatter and wider"""
    facing: int
    pose: dict[str, np.ndarray] = field(default_factory=dict)
    """angle in radians of each joint; ``mouth`` and ``blink`` are openness 0 .. 1"""
    physics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Truth:
    """What is exactly true of a clip. F frames, O subjects (1 or 2)."""

    boxes: np.ndarray
    """(F, O, 4) x0, y0, x1, y1 of each whole subject in fractions of the frame; NaN where no part is in sight"""
    visible: np.ndarray
    """(F, O) seen pixels over all pixels of the subject, 0 .. 1"""
    motion: np.ndarray
    """(F, O, 2) box centre's way since the frame before, in fractions of the frame"""
    camera: np.ndarray
    """(F, 3) view position x, y in units of the shorter side, and zoom"""
    mouth: np.ndarray
    """(F, O) openness 0 .. 1; 0 for what does not talk"""
    turn: np.ndarray
    """(F, O) angle in radians by which each whole subject is turned about its middle, counter-clockwise"""
    physics: dict[str, float]
    """what the action's word promises, of the first subject: gravity, speed, restitution, period, growth ..."""


# ------------------------------------------------------------------------------------------------------ motion
def _speech(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mouth openness of made-up speech: syllables of 0.15-0.3 s with pauses, smooth, 0 .. 1."""
    openness, start = np.zeros_like(t), -0.2
    while start < t[-1] + 0.2:
        length = rng.uniform(0.22, 0.36)
        if rng.random() > 0.12:
            openness += rng.uniform(0.55, 1.0) * np.clip(1 - np.abs((t - start) / length * 2 - 1), 0, 1) ** 0.8
        start += length
    return np.clip(openness, 0, 1)


def _bounce(t: np.ndarray, drop: float, g: float, e: float) -> np.ndarray:
    """Height over time of a ball let go at ``drop`` at t = 0, with restitution ``e`` at each contact."""
    y = drop - 0.5 * g * t**2
    hit, v = np.sqrt(2 * drop / g), np.sqrt(2 * drop * g) * e
    for _ in range(60):
        now = t >= hit
        if not now.any() or v < 0.05:
            break
        s = t - hit
        y = np.where(now, v * s - 0.5 * g * s**2, y)
        hit, v = hit + 2 * v / g, v * e
    return np.maximum(y, 0)


def _move(spec: SceneSpec, subject: str, action: str, t: np.ndarray, rng: np.random.Generator, scale: float, x0: float) -> Motion:
    """The motion of one subject doing ``action`` around ``x0``; ``t`` are the frames' times in seconds."""
    sprite, one = SPRITES[subject], np.ones_like(t)
    g, side = gravity(spec.scene), 1 if spec.direction == "right" else -1
    m = Motion(one * x0, 0 * t, one * scale, 0 * t, one.copy(), side)
    middle = t.mean()
    phase = rng.uniform(0, 2 * np.pi)
    if action in SPEED:
        speed = SPEED[action] * (1.15 if subject in ("car", "boat") else 1.0)
        m.x = x0 + side * speed * (t - middle)
        m.physics["speed"] = side * speed
    stride, swing = {"walk": (1.6, 0.50), "run": (2.5, 0.80), "swim": (1.3, 0.45)}.get(action, (0.0, 0.0))
    cycle = 2 * np.pi * stride * t + phase
    m.pose = {"leg_a": swing * np.sin(cycle), "leg_b": -swing * np.sin(cycle), "arm_a": -0.6 * swing * np.sin(cycle), "arm_b": 0.6 * swing * np.sin(cycle),
              "tail": 0.35 * np.sin(2 * np.pi * 1.5 * t + phase), "ear": 0.10 * np.sin(2 * np.pi * 1.1 * t + phase), "head": 0 * t,
              "wing": 0.15 * np.sin(2 * np.pi * 0.8 * t), "scarf": 0.15 * np.sin(2 * np.pi * 1.0 * t + phase)}  # fmt: skip
    if action == "walk":
        m.y = 0.012 * np.abs(np.sin(cycle)) * (subject not in ("car", "boat"))
    elif action == "run":
        m.y = 0.035 * np.abs(np.sin(cycle)) * (subject != "car")
        m.pose["ear"] = m.pose["ear"] + 0.5
        m.pose["scarf"] = m.pose["scarf"] - 0.9
    elif action == "jump":
        crouch, flight = 0.22, 0.68 * np.sqrt(GRAVITY / g)
        period = crouch + flight
        tau = np.mod(t + rng.uniform(0, period), period)
        s = tau - crouch
        m.y = np.where(s > 0, 0.5 * g * s * (flight - s), 0)
        m.squash = np.where(s > 0, 1 + 0.10 * np.clip(1 - s / 0.2, 0, 1), 1 - 0.20 * np.sin(np.pi * np.clip(tau / crouch, 0, 1)))
        m.pose["leg_a"], m.pose["leg_b"] = 0.5 * (s > 0) * np.sin(np.pi * s / flight), -0.5 * (s > 0) * np.sin(np.pi * s / flight)
        m.pose["ear"] = -0.5 * (s > 0) * np.cos(np.pi * s / flight)
        m.physics |= {"gravity": g, "period": period, "height": g * flight**2 / 8}
    elif action == "bounce":
        drop, e = max(0.66 - sprite.height * scale, 0.10) * rng.uniform(0.85, 1.0), rng.uniform(0.78, 0.90)
        m.y = _bounce(t + rng.uniform(0.0, 0.2), drop, g, e)
        m.squash = 1 - 0.22 * np.clip(1 - m.y / 0.05, 0, 1)
        m.physics |= {"gravity": g, "restitution": e, "drop": drop}
    elif action == "roll":
        radius = 0.5 * sprite.height * scale
        m.turn = -(m.x - m.x[0]) / radius + phase
        m.physics["radius"] = radius
    elif action == "spin":
        rate = side * 2 * np.pi * 0.75
        m.turn = rate * t + phase
        m.y = one * 0.06
        m.physics["turns_per_s"] = rate / (2 * np.pi)
    elif action == "grow":
        rate = 0.62
        m.scale = scale * np.clip(0.85 * np.exp(rate * (t - middle)), 0.1, 1.4)
        m.physics["growth_per_s"] = rate
    elif action == "fly":
        m.y = 0.26 + 0.03 * np.sin(2 * np.pi * 0.9 * t + phase)
        m.turn = side * (0.08 + 0.06 * np.cos(2 * np.pi * 0.9 * t + phase))
        m.pose |= {"wing": 0.75 * np.sin(2 * np.pi * 2.2 * t + phase), "leg_a": one * -0.7, "leg_b": one * -0.9, "arm_a": one * -0.4, "arm_b": one * 2.2}
        m.pose["scarf"] = m.pose["scarf"] - 0.9
    elif action == "swim":
        rise = 0.0 if subject == "boat" else 0.22
        m.y = rise + 0.02 * np.sin(2 * np.pi * 0.9 * t + phase)
        m.turn = 0.07 * np.sin(2 * np.pi * 0.9 * t + phase + 1)
        m.pose["tail"] = 0.45 * np.sin(2 * np.pi * 2.0 * t + phase)
        m.pose["wing"] = 0.5 * np.sin(2 * np.pi * 1.5 * t + phase)
    elif action in ("stand", "talk"):
        m.squash = 1 + 0.018 * np.sin(2 * np.pi * 0.7 * t + phase)
        if action == "talk":
            m.pose["mouth"] = _speech(t, rng)
            m.turn = 0.05 * np.sin(2 * np.pi * 0.8 * t + phase)
            m.pose["arm_a"], m.pose["arm_b"] = -0.5 + 0.4 * np.sin(2 * np.pi * 1.2 * t), 0.5 + 0.4 * np.sin(2 * np.pi * 1.2 * t + 1)
    if subject == "fish" and action != "swim":
        m.y = m.y + (0.10 if action in ("stand", "grow") else 0.0)
    if action != "spin" and action != "roll":
        m.pose["wheel"] = -side * (m.x - m.x[0]) / (0.17 * sprite.height * scale)
    blink_at = rng.uniform(0.2, 2.6)
    m.pose["blink"] = np.clip(np.abs(t - blink_at) / 0.07, 0.15, 1)
    return m


def _over(spec: SceneSpec, t: np.ndarray, rng: np.random.Generator, scale: float) -> Motion:
    """One ballistic leap over whatever stands at x = 0, its top at the middle of the clip."""
    g, side = gravity(spec.scene), 1 if spec.direction == "right" else -1
    m = _move(spec, spec.subject, "stand", t, rng, scale, 0.0)
    s, half, speed = t - t.mean(), 0.37 * np.sqrt(GRAVITY / g), 0.45
    m.x, m.y = side * speed * s, np.maximum(0.5 * g * (half**2 - s**2), 0)
    m.pose |= {"leg_a": np.where(m.y > 0, 0.7, 0.4 * np.sin(14 * t)), "leg_b": np.where(m.y > 0, -0.7, -0.4 * np.sin(14 * t))}
    m.turn = -0.35 * side * np.where(m.y > 0, s / half, 0)
    m.physics = {"gravity": g, "height": 0.5 * g * half**2, "speed": side * speed}
    return m


def _camera(view: str, t: np.ndarray) -> np.ndarray:
    """(F, 3): x, y and zoom of the camera; pans run at 0.24 (vertical 0.14) units/s, zooms at 22 % a second."""
    s = t - t.mean()
    x, y, zoom = 0 * t, 0 * t, np.ones_like(t)
    if view == "pan left" or view == "pan right":
        x = s * (0.24 if view == "pan right" else -0.24)
    elif view == "pan up" or view == "pan down":
        y = s * (0.14 if view == "pan up" else -0.14) + 0.02
    elif view == "zoom in":
        zoom = np.exp(0.22 * (t - t[0]))
    elif view == "zoom out":
        zoom = np.exp(0.22 * (t[-1] - t))
    return np.stack([x, y, zoom], 1)


# ------------------------------------------------------------------------------------------------------ tables
def _role_color(role: str, color: str, wear: str | None) -> tuple[float, float, float]:
    if role in FIXED:
        return FIXED[role]
    if role.startswith("wear"):
        return shade(COLORS[wear or "red"], -0.22 if role == "wear_dark" else 0.0)
    return shade(COLORS[color], SHADES[role])


def _parts(subject: str, spec_wearing: tuple[str, str] | None, talks: bool, mood: str) -> list[Part]:
    """The parts to paint, in order, without those that this subject does not show now."""
    sprite = SPRITES[subject]
    hidden = {"mouth"} if not talks and subject != "robot" else set()
    if subject == "face":
        hidden |= {"smile", "frown"} - ({"frown"} if mood in ("sad", "angry") else {"smile"}) if not talks else {"smile", "frown"}
    parts = list(sprite.parts)
    if spec_wearing and spec_wearing[0] == "scarf" and sprite.scarf and subject not in NO_SCARF:
        at = sprite.scarf_after if sprite.scarf_after >= 0 else len(parts)
        parts[at:at] = scarf_parts(*sprite.scarf)
    if spec_wearing and spec_wearing[0] == "hat":
        parts += hat_parts(*sprite.hat)
    return [p for p in parts if p.joint not in hidden]


def _sprite_table(subject: str, color: str, wearing: tuple[str, str] | None, mood: str, m: Motion, object_id: int) -> np.ndarray:
    """(F, P, K) rows of one subject in world units (y up, angles counter-clockwise)."""
    sprite, talks = SPRITES[subject], "mouth" in m.pose
    parts = _parts(subject, wearing, talks, mood)
    frames, size = len(m.x), sprite.height * m.scale[:, None]
    table = np.zeros((frames, len(parts), len(R.COLUMNS)), np.float32)
    base = np.array([(p.x, p.y, p.rx, p.ry, np.radians(p.angle), *p.pivot) for p in parts])
    x, y, rx, ry, angle, px, py = (np.repeat(base[None, :, i], frames, 0) for i in range(7))
    brow = {"angry": 0.45, "sad": -0.40, "happy": -0.12}.get(mood, 0.0)
    for i, part in enumerate(parts):  # joints: openness scales a height, anything else turns about its pivot
        if part.joint in ("mouth", "blink"):
            openness = m.pose[part.joint] if part.joint in m.pose else np.full(frames, 0.5)
            low = 0.12 if part.joint == "mouth" else 0.0
            ry[:, i] *= low + (1 - low) * openness
        elif part.joint in ("brow_a", "brow_b"):
            angle[:, i] += -brow if part.joint == "brow_a" else brow
        elif part.joint in m.pose:
            turn = m.pose[part.joint] * (m.facing if part.joint == "wheel" else 1)
            dx, dy = x[:, i] - px[:, i], y[:, i] - py[:, i]
            x[:, i] = px[:, i] + np.cos(turn) * dx - np.sin(turn) * dy
            y[:, i] = py[:, i] + np.sin(turn) * dx + np.cos(turn) * dy
            angle[:, i] += turn
    squash, face = m.squash[:, None], m.facing
    x, y = x * face / np.sqrt(squash), y * squash  # squash keeps the volume
    turn, cy = m.turn[:, None], 0.5
    dx, dy = x, y - cy
    table[..., R.X] = m.x[:, None] + size * (np.cos(turn) * dx - np.sin(turn) * dy)
    table[..., R.Y] = m.y[:, None] + size * (cy + np.sin(turn) * dx + np.cos(turn) * dy)
    table[..., R.RX], table[..., R.RY] = rx * size / np.sqrt(squash), ry * size * squash
    table[..., R.ANGLE] = angle * face + turn
    for i, part in enumerate(parts):
        tone = _role_color(part.role, color, wearing[1] if wearing else None)
        flat = part.role in ("ink", "paper", "glow", "mouth")
        table[:, i, [R.KIND, R.CORNER, R.TAPER, R.TOP, R.BOTTOM]] = part.kind, part.corner, part.taper, part.top, part.bottom
        table[:, i, R.R1 : R.B1 + 1] = tone if flat else shade(tone, 0.10)
        table[:, i, R.R2 : R.B2 + 1] = tone if flat else shade(tone, -0.13)
    table[..., R.ALPHA], table[..., R.ID] = 1.0, object_id
    return table


def _element_table(elements: list[Element], t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(F, P, K) rows of a place in world units, and the depth (P,) of each."""
    rows = np.array([(q.kind, q.x, q.y, q.rx, q.ry, np.radians(q.angle), q.corner, q.taper, q.top, q.bottom, *q.c1, *q.c2, q.alpha, q.soft, q.id) for q in elements], np.float32)
    more = np.array([(q.depth, *q.drift, *q.wrap, q.sway) for q in elements], np.float32)
    table = np.repeat(rows[None], len(t), 0)
    table[..., R.X] += more[:, 1] * t[:, None]
    table[..., R.Y] += more[:, 2] * t[:, None]
    low, high = more[:, 3], more[:, 4]
    span = np.where(high > low, high - low, 1e9)
    table[..., R.Y] = np.where(high > low, low + np.mod(table[..., R.Y] - low, span), table[..., R.Y])
    table[..., R.ANGLE] += more[:, 5] * np.sin(2 * np.pi * 0.5 * t[:, None] + 9 * rows[:, R.X])
    return table, more[:, 0]


def _shadow(m: Motion, subject: str, scene: str) -> np.ndarray:
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


def _to_screen(table: np.ndarray, depth: np.ndarray | float, camera: np.ndarray, height: int, width: int) -> np.ndarray:
    """World rows -> pixel rows. A layer of depth d follows d of the camera's way and 0.35 + 0.65 d of its zoom."""
    s = min(height, width)
    depth = np.minimum(np.broadcast_to(depth, table.shape[1]), 1.0)
    level = 0.235 * height / s  # height of the frame's centre above the feet, so that they stand at 73 % of it
    zoom = camera[:, 2:3] ** (0.35 + 0.65 * depth)
    out = table.copy()
    out[..., R.X] = width / 2 + s * zoom * (table[..., R.X] - depth * camera[:, 0:1])
    out[..., R.Y] = height / 2 - s * zoom * (table[..., R.Y] - level - depth * camera[:, 1:2])
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
    rx, ry, taper = column[R.RX], column[R.RY], column[R.TAPER]
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


def animate(spec: SceneSpec, seed: int, num_frames: int, height: int, width: int, fps: float, camera: np.ndarray | None = None, mouth: np.ndarray | None = None) -> tuple[np.ndarray, list[np.ndarray], Truth]:
    """Lay out ``spec`` over time; ``camera`` (F, 3) is its way as in `Truth.camera`, by default the spec's move;
    ``mouth`` (F,) is the openness of the first subject's mouth, by default made-up speech where it talks.

    Returns the table (F, P, K) for ``render``, the rows (F, p, K) of each subject alone, and the truth (its ``visible``
    is filled by the caller, who has the pixels).
    """
    rng = np.random.default_rng([seed, 77])
    t = np.arange(num_frames) / fps
    camera = _camera(spec.camera, t) if camera is None else np.asarray(camera, float)
    size = {"small": 0.68, "big": 1.22, "": 1.0}[spec.size] * rng.uniform(0.94, 1.06)
    x0 = rng.uniform(-0.10, 0.10)
    motions: list[Motion] = []
    cast = [(spec.subject, spec.color, spec.wearing, spec.mood)]
    if spec.other:
        cast.append((*spec.other, None, ""))
        side = 1 if spec.direction == "right" else -1
        if spec.relation == "chasing":
            motions.append(_move(spec, spec.subject, "run", t, rng, 0.66, -0.20 * side))
            motions.append(_move(spec, spec.other[0], {"ball": "roll", "fish": "swim", "bird": "fly", "boat": "swim"}.get(spec.other[0], "run"), t, rng, 0.60, 0.24 * side))
            for m, place in zip(motions, (-0.20, 0.24), strict=True):  # the one in front keeps its lead
                m.x = place * side + 0.30 * side * (t - t.mean())
            motions[0].physics["speed"] = 0.30 * side
            motions[1].y = np.minimum(motions[1].y, 0.12)
        elif spec.relation == "jumping over":
            motions.append(_over(spec, t, rng, 0.74))
            motions.append(_move(spec, spec.other[0], "stand", t, rng, 0.55, 0.0))
        else:
            motions.append(_move(spec, spec.subject, spec.action, t, rng, 0.74, -0.24))
            motions.append(_move(spec, spec.other[0], "stand", t, rng, 0.74, 0.24))
            motions[0].facing, motions[1].facing = 1, -1
    else:
        motions.append(_move(spec, spec.subject, spec.action, t, rng, size, x0))

    if mouth is not None:
        motions[0].pose["mouth"] = np.asarray(mouth, float)
    place, depth = _element_table(build(spec.scene, np.random.default_rng([seed, 78]), HORIZON), t)
    layers = [_to_screen(place, depth, camera, height, width)]
    subjects = []
    for i, (m, (subject, color, wearing, mood)) in enumerate(zip(motions, cast, strict=True)):
        layers.append(_to_screen(_shadow(m, subject, spec.scene), 1.0, camera, height, width))
        subjects.append(_to_screen(_sprite_table(subject, color, wearing, mood, m, i + 1), 1.0, camera, height, width))
    layers += subjects[::-1]  # the first subject in front
    if spec.behind:
        front, near = _element_table(occluder(spec.behind, spec.scene, float(motions[0].x.mean()) + rng.uniform(-0.05, 0.05)), t)
        layers.append(_to_screen(front, near, camera, height, width))

    boxes = np.stack([_extent(rows, height, width) for rows in subjects], 1)
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    motion = np.diff(centre, axis=0, prepend=centre[:1])
    out_of_sight = (boxes[..., 2] <= 0) | (boxes[..., 0] >= 1) | (boxes[..., 3] <= 0) | (boxes[..., 1] >= 1)
    boxes[out_of_sight] = np.nan
    mouth = np.stack([m.pose.get("mouth", 0 * t) for m in motions], 1)
    turn = np.stack([m.turn for m in motions], 1)
    f32 = np.float32
    truth = Truth(
        boxes.astype(f32), np.ones(boxes.shape[:2], f32), motion.astype(f32), camera.astype(f32), mouth.astype(f32), turn.astype(f32), motions[0].physics
    )
    return np.concatenate(layers, 1), subjects, truth
