"""How one actor moves: an action's word -> position, turn, squash and joint angles over time.

World units: the frame's shorter side is 1 at zoom 1; x right, y up, the ground is y = 0; seconds. The physics is real:
what is in the air falls with ``gravity(scene)``, what rolls turns by its way over its radius, a foot on the ground stays
where it is. And it is calm: a model's latent frame holds four frames, so nothing goes faster than ``CALM`` on the screen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from x2vkit.world.grammar import PEOPLE, Actor
from x2vkit.world.sprites import SPRITES

GRAVITY = 1.5
"""units/s^2: what falls 0.2 units lands with 0.77 units/s. The Earth's 9.81 m/s^2, if the frame's shorter side were 6.5 m"""
CALM = 0.80
"""units/s on the screen that nothing goes beyond for long: 4.3 pixels a frame of 128 at 24 frames a second"""
TURNING = 2.4
"""rad/s that nothing turns faster than: 5.7 degrees a frame"""
SPEED = {"walk": 0.24, "run": 0.38, "roll": 0.34, "fly": 0.32, "swim": 0.26}
"""units/s of the directed actions"""
PACE = {"fast": 1.3, "slow": 0.5, "": 1.0}
LEAP = 0.16
"""height of a jump in units, where the limit of speed allows it"""
CROUCH = 0.28
"""seconds that a jump is prepared"""
LIFT = {"fly": 0.26, "swim": 0.22}
"""height in units of what does not stand on the ground"""


def gravity(scene: str) -> float:
    """Gravity of a place in units/s^2: 40 % in space (on its moon), the same everywhere else."""
    return GRAVITY * (0.4 if scene == "space" else 1.0)


@dataclass(frozen=True)
class Stage:
    """What bounds an actor's motion."""

    t: np.ndarray
    """(F,) seconds"""
    gravity: float
    top: float = CALM
    """units/s that are calm under this camera: less where it pans or stands near"""
    lens: float = 1.0
    """zoom of the shot: a close-up makes every way longer"""
    begin: bool = False
    """whether the action starts at t = 0 from rest, instead of being met in its middle"""
    until: float = np.inf
    """seconds in which it must be back at rest"""


@dataclass
class Motion:
    """How one actor moves; every array is (F,). Positions are of the point between its feet."""

    x: np.ndarray
    y: np.ndarray
    scale: np.ndarray
    turn: np.ndarray
    """whole-body rotation about its middle, radians counter-clockwise"""
    squash: np.ndarray
    """1 at rest; below 1 it is flatter and wider"""
    facing: int
    pose: dict[str, np.ndarray] = field(default_factory=dict)
    """angle in radians of each joint; ``mouth``, ``blink`` and ``lid`` are parts of 1, ``gaze`` a way"""
    physics: dict[str, float] = field(default_factory=dict)


@dataclass
class _Doing:
    """One action being worked out: what its function reads, and the motion that it fills."""

    actor: Actor
    stage: Stage
    rng: np.random.Generator
    m: Motion
    size: float
    """height of the actor in units"""
    speed: float
    """units/s, positive, of a directed action"""
    phase: float

    @property
    def t(self) -> np.ndarray:
        return self.stage.t

    @property
    def ease(self) -> float:
        """How large gestures may be: 1 under a still camera, less the nearer and the faster it is."""
        return min(1.0, self.stage.top / CALM)

    def wave(self, hertz: float, shift: float = 0.0) -> np.ndarray:
        return np.sin(2 * np.pi * hertz * self.t + self.phase + shift)


def move(
    actor: Actor,
    stage: Stage,
    rng: np.random.Generator,
    scale: float,
    x0: float = 0.0,
    speed: float | None = None,
) -> Motion:
    """The motion of ``actor`` around ``x0``, ``scale`` times its usual size; ``speed`` in units/s instead of its own."""
    if actor.then:
        return _sequence(actor, stage, rng, scale, x0)
    t, one, sprite = stage.t, np.ones_like(stage.t), SPRITES[actor.subject]
    phase = 0.0 if stage.begin else rng.uniform(0, 2 * np.pi)
    m = Motion(one * x0, 0 * t, one * scale, 0 * t, one.copy(), 1 if actor.direction == "right" else -1)
    d = _Doing(
        actor,
        stage,
        rng,
        m,
        sprite.height * scale,
        _speed(actor, stage, sprite.height * scale) if speed is None else speed,
        phase,
    )
    _idle(d)
    if actor.action in SPEED:
        m.x = x0 + m.facing * d.speed * (t - t.mean())
        m.physics["speed"] = m.facing * d.speed
    _ACTIONS[actor.action](d)
    if actor.subject == "fish" and actor.action != "swim":
        m.y = m.y + (0.10 if actor.action in ("stand", "grow") else 0.0)
    if actor.subject == "eye":
        m.y = m.y + 0.235 - 0.5 * d.size  # its middle is the frame's
    if "wheel" not in m.pose:
        way = -m.facing * (m.x - m.x[0])
        m.pose["wheel"] = way * min(1 / (0.17 * d.size), TURNING / max(d.speed, 1e-6))
    m.pose["blink"] = np.clip(np.abs(t - rng.uniform(0.2, 2.6)) / 0.13, 0.15, 1)
    return m


def _speed(actor: Actor, stage: Stage, size: float) -> float:
    """units/s of a directed action, as fast as is calm."""
    if actor.action not in SPEED:
        return 0.0
    speed = (
        SPEED[actor.action]
        * PACE[actor.pace]
        * (1.15 if actor.subject in ("car", "boat") else 1.0)
        / max(stage.lens, 1.0)
    )
    speed = min(speed, 0.6 * stage.top)
    if actor.action == "roll":  # what is outermost goes with the way and with the turn
        return min(
            speed, TURNING * size / 2, 0.86 * stage.top / (1 + np.hypot(SPRITES[actor.subject].width, 1.0))
        )
    return speed


def _idle(d: _Doing) -> None:
    """What moves a little whatever is done."""
    k = d.ease
    d.m.pose = {
        "tail": 0.28 * k * d.wave(0.9),
        "ear": 0.08 * k * d.wave(0.8),
        "wing": 0.12 * k * d.wave(0.7),
        "scarf": 0.12 * k * d.wave(0.8),
    }


def _triangle(cycle: np.ndarray) -> np.ndarray:
    """A triangle wave with rounded tips, -1 .. 1: a foot goes back at one speed, as the ground does."""
    return np.arcsin(0.97 * np.sin(cycle)) / np.arcsin(0.97)


def _gait(d: _Doing) -> None:
    """Legs that swing so fast that the foot on the ground stays there, unless that is too fast to be calm."""
    run, person = d.actor.action == "run", d.actor.subject in PEOPLE
    hips = [p.pivot[1] for p in SPRITES[d.actor.subject].parts if p.joint == "leg_a"]
    if not hips:  # a car
        return
    length, swing = max(hips) * d.size, (0.50 if run else 0.36) if person else (0.48 if run else 0.38)
    rate = min(d.speed / length, TURNING, (0.7 if person else 0.85) * (d.stage.top - d.speed) / length)
    hertz = min(rate / (4.6 * swing), 0.75 if person else 2.0)
    cycle = 2 * np.pi * hertz * d.t + d.phase
    step, m = swing * _triangle(cycle), d.m
    m.pose |= {"leg_a": step, "leg_b": -step, "arm_a": -0.8 * step, "arm_b": 0.8 * step}
    bend = min(0.65 if run else 0.45, 1.8 / (2 * np.pi * hertz))
    for name, lifted in (("knee_a", np.cos(cycle)), ("knee_b", -np.cos(cycle))):
        m.pose[name] = -0.10 - bend * np.clip(lifted, 0, 1) ** 2
    m.y = (0.016 if run else 0.009) * d.ease * np.sin(cycle) ** 2
    m.physics["steps_per_s"] = 2 * hertz
    if run:
        m.pose["ear"], m.pose["scarf"] = m.pose["ear"] + 0.3, m.pose["scarf"] - 0.6
        m.turn = m.turn - 0.09 * m.facing * person


def _arc(t: np.ndarray, flight: float, g: float) -> tuple[np.ndarray, np.ndarray]:
    """Height of a leap that takes off at t = 0, and sin of its part done: 0 on the ground, 1 at the top."""
    up = (t > 0) & (t < flight)
    return np.where(up, 0.5 * g * t * (flight - t), 0), np.where(
        up, np.sin(np.pi * np.clip(t / flight, 0, 1)), 0
    )


def _jump(d: _Doing) -> None:
    g, m = d.stage.gravity, d.m
    height = min(LEAP, 0.72 * d.stage.top**2 / (2 * g))
    crouch = min(CROUCH, 0.3 * d.stage.until)
    flight = max(min(np.sqrt(8 * height / g), 0.8 * d.stage.until - crouch), 0.1)
    period = crouch + flight
    tau = np.mod(d.t + (0.0 if d.stage.begin else d.rng.uniform(0, period)), period)
    m.y, air = _arc(tau - crouch, flight, g)
    m.squash = 1 - 0.045 * d.ease / d.size * np.sin(np.pi * np.clip(tau / crouch, 0, 1)) ** 2
    air = air * d.ease * min(1.0, flight / 0.9)
    m.pose |= {
        "leg_a": 0.32 * air,
        "leg_b": -0.32 * air,
        "arm_a": 0.6 * air,
        "arm_b": -0.6 * air,
        "knee_a": -0.4 * air,
        "knee_b": -0.3 * air,
    }
    m.pose["ear"] = m.pose["ear"] - 0.2 * air
    m.physics |= {"gravity": g, "period": period, "height": g * flight**2 / 8}


def _fall(t: np.ndarray, drop: float, g: float, e: float) -> np.ndarray:
    """Height over time of a ball let go at ``drop`` at t = 0, with restitution ``e`` at each contact."""
    y = drop - 0.5 * g * t**2
    hit, v = np.sqrt(2 * drop / g), np.sqrt(2 * drop * g) * e
    for _ in range(60):
        now = t >= hit
        if not now.any() or v < 0.02:
            break
        s = t - hit
        y = np.where(now, v * s - 0.5 * g * s**2, y)
        hit, v = hit + 2 * v / g, v * e
    return np.maximum(y, 0)


def _bounce(d: _Doing) -> None:
    g = d.stage.gravity
    drop = min(max(0.68 - d.size, 0.10), 0.94 * d.stage.top**2 / (2 * g), 0.25) * d.rng.uniform(0.88, 1.0)
    restitution = d.rng.uniform(0.78, 0.90)
    d.m.y = _fall(d.t + (0.0 if d.stage.begin else d.rng.uniform(0.0, 0.3)), drop, g, restitution)
    d.m.physics |= {"gravity": g, "restitution": restitution, "drop": drop}


def _roll(d: _Doing) -> None:
    radius = 0.5 * d.size
    d.m.turn = -(d.m.x - d.m.x[0]) / radius + d.phase
    d.m.pose["wheel"] = 0 * d.t
    d.m.physics["radius"] = radius


def _spin(d: _Doing) -> None:
    d.m.pose["tail"] = 0.3 * d.m.pose["tail"]
    reach = 0.52 * d.size * np.hypot(SPRITES[d.actor.subject].width, 1.4)
    rate = d.m.facing * min(2 * np.pi * 0.34 * PACE[d.actor.pace], TURNING, d.stage.top / reach)
    d.m.turn = rate * d.t + d.phase
    d.m.y = d.m.y + 0.06
    d.m.pose["wheel"] = 0 * d.t
    d.m.physics["turns_per_s"] = rate / (2 * np.pi)


def _grow(d: _Doing) -> None:
    rate, since = 0.5, d.t if d.stage.begin else d.t - d.t.mean()
    d.m.scale = d.m.scale * np.clip((1.0 if d.stage.begin else 0.88) * np.exp(rate * since), 0.1, 1.45)
    d.m.physics["growth_per_s"] = rate


def _fly(d: _Doing) -> None:
    m, one = d.m, np.ones_like(d.t)
    m.y = LIFT["fly"] + 0.025 * d.wave(0.7)
    m.turn = m.facing * (0.08 + 0.05 * d.wave(0.7, np.pi / 2))
    m.pose |= {
        "wing": 0.50 * d.wave(0.75),
        "leg_a": -0.7 * one,
        "leg_b": -0.9 * one,
        "arm_a": -0.4 * one,
        "arm_b": 2.2 * one,
        "scarf": m.pose["scarf"] - 0.6,
    }


def _swim(d: _Doing) -> None:
    m = d.m
    m.y = (0.0 if d.actor.subject == "boat" else LIFT["swim"]) + 0.018 * d.wave(0.7)
    m.turn = 0.06 * d.wave(0.7, 1.0)
    m.pose |= {
        "tail": 0.40 * d.wave(0.9),
        "wing": 0.40 * d.wave(0.8),
        "leg_a": 0.40 * d.wave(0.8),
        "leg_b": -0.40 * d.wave(0.8),
    }


def _stand(d: _Doing) -> None:
    d.m.squash = 1 + 0.015 * d.wave(0.6)
    d.m.pose |= {
        "arm_a": 0.06 * d.wave(0.6),
        "arm_b": -0.06 * d.wave(0.6),
        "gaze": 0.12 * _triangle(2 * np.pi * 0.6 * d.t + d.phase),
    }


def _talk(d: _Doing) -> None:
    _stand(d)
    d.m.pose["mouth"] = _speech(d.t, d.rng, 1 / d.ease)
    d.m.turn = 0.04 * d.wave(0.7)
    lift = 0.5 + 0.3 * d.wave(0.7)  # hands that speak, too
    d.m.pose |= {"arm_a": lift, "arm_b": -lift}


def _speech(t: np.ndarray, rng: np.random.Generator, slow: float = 1.0) -> np.ndarray:
    """Mouth openness of made-up speech: syllables of 0.26-0.40 s (``slow`` times that) with pauses, smooth, 0 .. 1."""
    openness, start = np.zeros_like(t), -0.2
    while start < t[-1] + 0.2:
        length = slow * rng.uniform(0.26, 0.40)
        if rng.random() > 0.12:
            openness += rng.uniform(0.6, 1.0) * np.sin(np.pi * np.clip((t - start) / length, 0, 1)) ** 2
        start += length
    return np.clip(openness, 0, 1)


def _blink(d: _Doing) -> None:
    """The lid comes down and goes up again, over and over, as fast as is calm."""
    close = max(0.30 * d.size * 1.25 / d.stage.top, 0.25)  # seconds on the way down
    period = 2 * close + 0.55
    tau = np.mod(d.t + (0.0 if d.stage.begin else d.rng.uniform(0, period)), period) - 0.30
    part = np.clip(1.06 - np.abs(tau - close) / close, 0, 1)
    d.m.pose["lid"] = part
    d.m.pose["gaze"] = 0.03 * d.wave(0.4)
    d.m.physics["period"] = period


_ACTIONS: dict[str, Callable[[_Doing], None]] = {
    "walk": _gait, "run": _gait, "jump": _jump, "bounce": _bounce, "roll": _roll, "spin": _spin, "grow": _grow, "fly": _fly,
    "swim": _swim, "stand": _stand, "talk": _talk, "blink": _blink,
}  # fmt: skip


# -------------------------------------------------------------------------------------------- several actions, actors
def _sequence(actor: Actor, stage: Stage, rng: np.random.Generator, scale: float, x0: float) -> Motion:
    """``action``, then ``then``: both worked out from rest and joined where they meet."""
    t = stage.t
    share = 0.32 if actor.then == "jump" else 0.68 if actor.action == "jump" else 0.5  # a jump takes longest
    switch = share * (t[-1] - t[0])
    early = replace(stage, t=np.minimum(t, switch), begin=True, until=switch)
    late = replace(stage, t=np.maximum(t - switch, 0), begin=True, until=t[-1] - switch + 0.3)
    a = move(replace(actor, then=""), early, rng, scale)
    b = move(replace(actor, action=actor.then, then=""), late, rng, scale)
    w = np.clip((t - switch) / 0.44 + 0.5, 0, 1)
    w = w * w * (3 - 2 * w)
    x = a.x + b.x - b.x[0]
    zero = np.zeros_like(t)
    pose = {k: (1 - w) * a.pose.get(k, zero) + w * b.pose.get(k, zero) for k in a.pose.keys() | b.pose.keys()}
    pose["blink"] = a.pose["blink"]
    pose["wheel"] = a.pose["wheel"] + b.pose["wheel"]
    y, size, turn, squash = (
        (1 - w) * p + w * q
        for p, q in ((a.y, b.y), (a.scale, b.scale), (a.turn, b.turn), (a.squash, b.squash))
    )
    physics = a.physics | b.physics | {"switch": float(switch)}
    return Motion(x0 + x - (x.min() + x.max()) / 2, y, size, turn, squash, a.facing, pose, physics)


def leap_over(actor: Actor, stage: Stage, rng: np.random.Generator, scale: float) -> Motion:
    """One ballistic leap over whatever stands at x = 0, its top at the middle of the clip."""
    g, m = stage.gravity, move(replace(actor, action="stand"), stage, rng, scale)
    height, speed = leap_height(stage), min(0.22, 0.3 * stage.top)
    half, s = np.sqrt(2 * height / g), stage.t - stage.t.mean()
    m.x = m.facing * speed * s
    m.y, air = _arc(s + half, 2 * half, g)
    m.pose |= {
        "leg_a": 0.40 * air,
        "leg_b": -0.40 * air,
        "knee_a": -0.3 * air,
        "knee_b": -0.2 * air,
        "arm_a": 0.4 * air,
        "arm_b": -0.4 * air,
    }
    m.turn = -0.10 * m.facing * np.where(np.abs(s) < half, np.sin(np.pi * s / half), 0)
    m.physics = {"gravity": g, "height": height, "speed": m.facing * speed}
    return m


def leap_height(stage: Stage) -> float:
    """units: how high one leaps over something."""
    return float(min(0.165, 0.72 * stage.top**2 / (2 * stage.gravity)))
