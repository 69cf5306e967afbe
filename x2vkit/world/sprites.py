"""The cast: each subject is a table of parts, painted back to front. Data, not code.

A sprite stands on y = 0, is about 1 high, looks to the right, and has x = 0 in its middle; y points up here. A part is
one primitive of ``render`` with a colour *role* instead of a colour, so that one table draws a red dog and a blue one.
A part may hang on a joint: a named angle (``leg``, ``tail``, ``wing`` ...) that the animation turns about a pivot.
"""

from __future__ import annotations

from dataclasses import dataclass

from x2vkit.world.render import BOX, ELLIPSE

COLORS: dict[str, tuple[float, float, float]] = {
    "red": (0.89, 0.20, 0.21),
    "orange": (0.97, 0.55, 0.13),
    "yellow": (0.98, 0.82, 0.18),
    "green": (0.22, 0.68, 0.33),
    "blue": (0.19, 0.42, 0.89),
    "purple": (0.58, 0.30, 0.79),
    "brown": (0.53, 0.34, 0.20),
    "white": (0.95, 0.95, 0.96),
}
FIXED: dict[str, tuple[float, float, float]] = {
    "ink": (0.11, 0.11, 0.15),
    "paper": (1.0, 1.0, 1.0),
    "cream": (0.99, 0.92, 0.80),
    "pink": (0.97, 0.60, 0.65),
    "beak": (0.98, 0.63, 0.14),
    "steel": (0.62, 0.67, 0.74),
    "glass": (0.72, 0.89, 0.98),
    "tyre": (0.16, 0.16, 0.19),
    "wood": (0.50, 0.33, 0.20),
    "mouth": (0.45, 0.09, 0.14),
    "glow": (1.0, 0.95, 0.60),
}
# roles that follow the subject's colour: how much lighter (+) or darker (-) than the body
SHADES = {"body": 0.0, "dark": -0.22, "darker": -0.38, "light": 0.45}


@dataclass(frozen=True)
class Part:
    """One primitive of a sprite, in sprite units (height about 1, y up)."""

    kind: int
    x: float
    y: float
    rx: float
    ry: float
    role: str = "body"
    angle: float = 0.0
    """degrees, counter-clockwise when the sprite looks to the right"""
    corner: float = 1.0
    taper: float = 0.0
    top: float = -1.0
    bottom: float = 1.0
    joint: str = ""
    pivot: tuple[float, float] = (0.0, 0.0)
    """point about which ``joint`` turns this part"""


@dataclass(frozen=True)
class Sprite:
    """A subject: its parts and where a hat and a scarf sit."""

    parts: tuple[Part, ...]
    height: float
    """height on the screen, as a part of the frame's shorter side"""
    width: float
    """widest extent in sprite units, for placing it"""
    hat: tuple[float, float, float, float]
    """x, y of the top of the head, half width of a hat, tilt in degrees"""
    scarf: tuple[float, float, float, float] | None = None
    """x, y of the neck, half width of a scarf, tilt in degrees; None where there is no neck"""
    scarf_after: int = -1
    """index of the part before which the scarf is painted (-1: on top of all parts)"""


def e(x: float, y: float, rx: float, ry: float, role: str = "body", angle: float = 0.0, **more: object) -> Part:
    return Part(ELLIPSE, x, y, rx, ry, role, angle, **more)  # type: ignore[arg-type]


def b(x: float, y: float, rx: float, ry: float, role: str = "body", angle: float = 0.0, **more: object) -> Part:
    return Part(BOX, x, y, rx, ry, role, angle, **more)  # type: ignore[arg-type]


def eye(x: float, y: float, r: float, joint: str = "blink") -> tuple[Part, ...]:
    """A dark eye with a highlight; the joint ``blink`` scales its height instead of turning it."""
    return (e(x, y, r, r * 1.2, "ink", joint=joint), e(x + 0.3 * r, y + 0.45 * r, 0.36 * r, 0.36 * r, "paper", joint=joint))


def wheel(x: float, y: float, r: float) -> tuple[Part, ...]:
    turn = {"joint": "wheel", "pivot": (x, y)}
    return (e(x, y, r, r, "tyre"), e(x, y, 0.55 * r, 0.55 * r, "steel"), b(x, y, 0.5 * r, 0.12 * r, "ink", **turn),
            b(x, y, 0.12 * r, 0.5 * r, "ink", **turn))


def leg(x: float, top: float, r: float, joint: str, role: str = "body", foot: float = 0.0) -> tuple[Part, ...]:
    """A leg from (x, top) to the ground; ``foot`` is how far the paw sticks out in front."""
    hang = {"joint": joint, "pivot": (x, top)}
    return (b(x, top / 2, r, top / 2, role, **hang), e(x + foot / 2, 0.05, r + foot / 2, 0.05, role, **hang))


DOG = (
    e(-0.45, 0.57, 0.17, 0.065, "body", 140, joint="tail", pivot=(-0.33, 0.46)),
    *leg(-0.20, 0.30, 0.07, "leg_b", "dark", 0.05), *leg(0.27, 0.30, 0.07, "leg_a", "dark", 0.05),
    e(-0.02, 0.39, 0.38, 0.20), e(0.02, 0.31, 0.25, 0.10, "light"),
    *leg(-0.28, 0.30, 0.075, "leg_a", "body", 0.06), *leg(0.18, 0.30, 0.075, "leg_b", "body", 0.06),
    e(0.24, 0.52, 0.16, 0.17),
    e(0.36, 0.70, 0.245, 0.225), e(0.55, 0.62, 0.15, 0.105, "light"),
    e(0.55, 0.565, 0.07, 0.05, "mouth", joint="mouth"),
    e(0.66, 0.665, 0.048, 0.038, "ink"), *eye(0.43, 0.76, 0.04),
    e(0.20, 0.68, 0.085, 0.19, "darker", -12, joint="ear", pivot=(0.22, 0.84)),
)
CAT = (
    e(-0.42, 0.52, 0.055, 0.21, "dark", 18, joint="tail", pivot=(-0.32, 0.32)),
    e(-0.47, 0.72, 0.05, 0.09, "body", -15, joint="tail", pivot=(-0.32, 0.32)),
    *leg(-0.16, 0.26, 0.06, "leg_b", "dark", 0.04), *leg(0.26, 0.26, 0.06, "leg_a", "dark", 0.04),
    e(-0.02, 0.35, 0.34, 0.19),
    b(-0.14, 0.46, 0.025, 0.08, "darker", 8), b(-0.03, 0.47, 0.025, 0.08, "darker", 0), b(0.08, 0.46, 0.025, 0.08, "darker", -8),
    *leg(-0.26, 0.26, 0.065, "leg_a", "body", 0.05), *leg(0.17, 0.26, 0.065, "leg_b", "body", 0.05),
    b(0.19, 0.86, 0.10, 0.13, "body", 14, corner=0.2, taper=0.95), b(0.47, 0.86, 0.10, 0.13, "body", -14, corner=0.2, taper=0.95),
    b(0.20, 0.85, 0.05, 0.075, "pink", 14, corner=0.2, taper=0.95), b(0.46, 0.85, 0.05, 0.075, "pink", -14, corner=0.2, taper=0.95),
    e(0.33, 0.64, 0.27, 0.225), e(0.40, 0.56, 0.13, 0.09, "light"), e(0.42, 0.53, 0.06, 0.045, "mouth", joint="mouth"),
    e(0.42, 0.61, 0.035, 0.025, "pink"), *eye(0.27, 0.69, 0.045), *eye(0.50, 0.69, 0.045),
)
RABBIT = (
    e(-0.33, 0.30, 0.10, 0.10, "light"),
    *leg(0.14, 0.20, 0.06, "leg_b", "dark", 0.05),
    e(-0.03, 0.30, 0.31, 0.25), e(0.06, 0.24, 0.17, 0.15, "light"),
    e(-0.14, 0.07, 0.17, 0.07, "dark", joint="leg_a", pivot=(-0.2, 0.2)), *leg(0.22, 0.20, 0.06, "leg_a", "body", 0.05),
    e(0.14, 0.90, 0.07, 0.22, "dark", 12, joint="ear", pivot=(0.18, 0.70)),
    e(0.28, 0.91, 0.075, 0.22, "body", -6, joint="ear", pivot=(0.26, 0.70)),
    e(0.28, 0.91, 0.038, 0.16, "pink", -6, joint="ear", pivot=(0.26, 0.70)),
    e(0.23, 0.59, 0.21, 0.185), e(0.35, 0.53, 0.10, 0.075, "light"), e(0.36, 0.50, 0.04, 0.03, "mouth", joint="mouth"),
    e(0.42, 0.57, 0.03, 0.025, "pink"), *eye(0.29, 0.65, 0.042),
)
BIRD = (
    b(-0.38, 0.42, 0.09, 0.16, "dark", 105, corner=0.3, taper=0.6),
    *leg(-0.04, 0.22, 0.025, "leg_b", "beak", 0.06), *leg(0.08, 0.22, 0.025, "leg_a", "beak", 0.06),
    e(0.0, 0.47, 0.34, 0.30), e(0.08, 0.38, 0.22, 0.19, "light"),
    e(0.20, 0.74, 0.21, 0.20),
    b(0.46, 0.74, 0.065, 0.10, "beak", -90, corner=0.25, taper=0.9, joint="head"),
    e(-0.08, 0.50, 0.23, 0.13, "dark", -18, joint="wing", pivot=(0.10, 0.55)),
    *eye(0.27, 0.79, 0.045), e(0.23, 0.68, 0.05, 0.035, "pink"),
)
FISH = (
    b(-0.50, 0.62, 0.10, 0.17, "dark", 60, corner=0.4, taper=-0.6, joint="tail", pivot=(-0.36, 0.5)),
    b(-0.50, 0.38, 0.10, 0.17, "dark", 120, corner=0.4, taper=-0.6, joint="tail", pivot=(-0.36, 0.5)),
    e(-0.02, 0.80, 0.22, 0.11, "darker", 8),
    e(0.0, 0.5, 0.44, 0.31), e(0.06, 0.37, 0.30, 0.15, "light"),
    b(-0.16, 0.5, 0.035, 0.25, "darker", 0), b(0.02, 0.5, 0.035, 0.28, "darker", 0),
    e(-0.05, 0.40, 0.13, 0.075, "dark", -25, joint="wing", pivot=(0.06, 0.44)),
    e(0.24, 0.60, 0.085, 0.085, "paper"), *eye(0.26, 0.60, 0.05), e(0.40, 0.44, 0.04, 0.03, "mouth", joint="mouth"),
)
HORSE = (
    e(-0.46, 0.44, 0.075, 0.20, "darker", -14, joint="tail", pivot=(-0.38, 0.60)),
    *leg(-0.22, 0.46, 0.05, "leg_b", "dark", 0.03), *leg(0.22, 0.46, 0.05, "leg_a", "dark", 0.03),
    e(-0.05, 0.53, 0.36, 0.17),
    *leg(-0.30, 0.46, 0.055, "leg_a", "body", 0.04), *leg(0.14, 0.46, 0.055, "leg_b", "body", 0.04),
    b(0.29, 0.70, 0.11, 0.23, "body", -32, taper=0.25), b(0.18, 0.79, 0.05, 0.21, "darker", -30),
    b(0.33, 0.99, 0.035, 0.065, "dark", -5, corner=0.3, taper=0.8),
    e(0.46, 0.84, 0.20, 0.115, "body", -28), e(0.58, 0.77, 0.095, 0.085, "light", -20),
    e(0.58, 0.73, 0.05, 0.035, "mouth", joint="mouth"), e(0.62, 0.79, 0.018, 0.018, "ink"),
    e(0.36, 0.95, 0.085, 0.06, "darker", -20), *eye(0.42, 0.89, 0.035),
)
CAR = (
    b(-0.06, 0.62, 0.38, 0.20, "body", corner=0.55, taper=0.30),
    b(-0.23, 0.61, 0.15, 0.125, "glass", corner=0.4, taper=0.18), b(0.11, 0.61, 0.15, 0.125, "glass", corner=0.4, taper=0.18),
    b(0.0, 0.36, 0.68, 0.19, "body", corner=0.65), b(0.0, 0.25, 0.68, 0.055, "dark", corner=1.0),
    e(0.61, 0.41, 0.06, 0.07, "glow"), e(-0.63, 0.41, 0.04, 0.06, "mouth"), b(-0.04, 0.42, 0.05, 0.017, "darker"),
    *wheel(-0.38, 0.17, 0.17), *wheel(0.38, 0.17, 0.17),
)
BOAT = (
    b(0.0, 0.66, 0.02, 0.36, "wood", corner=0.5),
    b(0.21, 0.70, 0.19, 0.25, "paper", corner=0.1, taper=1.0, angle=0), b(-0.17, 0.66, 0.13, 0.20, "cream", corner=0.1, taper=1.0),
    b(0.07, 1.0, 0.075, 0.04, "body", corner=0.2),
    b(0.0, 0.22, 0.50, 0.17, "body", corner=0.35, taper=-0.32), b(0.0, 0.35, 0.66, 0.05, "dark", corner=0.8),
    e(-0.25, 0.22, 0.05, 0.05, "glass"), e(0.0, 0.22, 0.05, 0.05, "glass"), e(0.25, 0.22, 0.05, 0.05, "glass"),
)
BALL = (
    e(0.0, 0.5, 0.5, 0.5), b(0.0, 0.5, 0.49, 0.085, "light", 0, corner=0.6), e(0.0, 0.5, 0.16, 0.16, "paper"),
    e(0.0, 0.5, 0.08, 0.08, "darker"), e(-0.22, 0.76, 0.09, 0.06, "paper", 35),
)
BOX_ = (
    b(0.0, 0.42, 0.46, 0.42, "body", corner=0.10), b(0.0, 0.42, 0.09, 0.42, "light", corner=0.0),
    b(0.0, 0.42, 0.46, 0.09, "light", corner=0.0), b(0.0, 0.78, 0.50, 0.09, "dark", corner=0.3), b(0.0, 0.78, 0.09, 0.09, "light", corner=0.0),
    e(-0.12, 0.94, 0.13, 0.075, "light", -25), e(0.12, 0.94, 0.13, 0.075, "light", 25), e(0.0, 0.90, 0.05, 0.05, "dark"),
)
ROBOT = (
    b(-0.12, 0.12, 0.075, 0.13, "steel", corner=0.5, joint="leg_a", pivot=(-0.12, 0.22)),
    b(0.12, 0.12, 0.075, 0.13, "steel", corner=0.5, joint="leg_b", pivot=(0.12, 0.22)),
    b(-0.31, 0.34, 0.05, 0.15, "steel", -8, joint="arm_a", pivot=(-0.29, 0.47)),
    b(0.31, 0.34, 0.05, 0.15, "steel", 8, joint="arm_b", pivot=(0.29, 0.47)),
    b(0.0, 0.37, 0.25, 0.18, "body", corner=0.35), b(0.0, 0.36, 0.13, 0.085, "dark", corner=0.4),
    e(-0.06, 0.36, 0.035, 0.035, "glow"), e(0.06, 0.36, 0.035, 0.035, "pink"),
    b(0.0, 0.99, 0.02, 0.08, "steel", joint="ear", pivot=(0.0, 0.9)), e(0.0, 1.07, 0.055, 0.055, "glow", joint="ear", pivot=(0.0, 0.9)),
    b(0.0, 0.74, 0.33, 0.20, "body", corner=0.5), b(0.0, 0.75, 0.26, 0.125, "ink", corner=0.6),
    e(-0.12, 0.79, 0.055, 0.055, "glass", joint="blink"), e(0.12, 0.79, 0.055, 0.055, "glass", joint="blink"),
    b(0.0, 0.68, 0.10, 0.035, "glow", corner=0.9, joint="mouth"),
)
FACE = (
    e(-0.49, 0.50, 0.07, 0.10, "dark"), e(0.49, 0.50, 0.07, 0.10, "dark"),
    e(0.0, 0.5, 0.47, 0.5), e(0.0, 0.93, 0.24, 0.10, "darker", 0), e(-0.14, 0.90, 0.14, 0.09, "darker", 25),
    e(-0.18, 0.58, 0.105, 0.125, "paper"), e(0.18, 0.58, 0.105, 0.125, "paper"),
    *eye(-0.165, 0.57, 0.062), *eye(0.195, 0.57, 0.062),
    b(-0.18, 0.77, 0.11, 0.025, "ink", joint="brow_a", pivot=(-0.18, 0.77)), b(0.18, 0.77, 0.11, 0.025, "ink", joint="brow_b", pivot=(0.18, 0.77)),
    e(-0.32, 0.37, 0.08, 0.055, "pink"), e(0.32, 0.37, 0.08, 0.055, "pink"), e(0.0, 0.44, 0.05, 0.045, "dark"),
    e(0.0, 0.23, 0.17, 0.12, "mouth", joint="mouth"), e(0.0, 0.17, 0.09, 0.04, "pink", joint="mouth"),
    e(0.0, 0.27, 0.17, 0.10, "mouth", bottom=1.0, top=0.1, joint="smile"), e(0.0, 0.14, 0.15, 0.10, "mouth", top=-1.0, bottom=-0.1, joint="frown"),
)

SPRITES: dict[str, Sprite] = {
    "dog": Sprite(DOG, 0.46, 1.20, (0.35, 0.89, 0.20, -6), (0.23, 0.52, 0.17, -38), 18),
    "cat": Sprite(CAT, 0.46, 1.05, (0.33, 0.83, 0.17, 0), (0.27, 0.45, 0.17, -14), 18),
    "rabbit": Sprite(RABBIT, 0.44, 0.80, (0.19, 0.74, 0.16, 4), (0.16, 0.43, 0.17, -14), 8),
    "bird": Sprite(BIRD, 0.40, 0.95, (0.20, 0.91, 0.17, -4), (0.14, 0.58, 0.21, -12), 7),
    "fish": Sprite(FISH, 0.39, 1.10, (0.10, 0.79, 0.17, -8), None),
    "horse": Sprite(HORSE, 0.55, 1.10, (0.38, 1.00, 0.14, -10), (0.27, 0.68, 0.14, -32), 14),
    "car": Sprite(CAR, 0.42, 1.40, (-0.06, 0.81, 0.20, 0), None),
    "boat": Sprite(BOAT, 0.48, 1.32, (-0.42, 0.39, 0.14, 0), None),
    "ball": Sprite(BALL, 0.33, 1.00, (0.0, 0.97, 0.28, 0), None),
    "box": Sprite(BOX_, 0.35, 1.00, (0.0, 0.98, 0.28, 0), None),
    "robot": Sprite(ROBOT, 0.48, 0.75, (0.0, 0.93, 0.22, 0), (0.0, 0.535, 0.22, 0), -1),
    "face": Sprite(FACE, 0.46, 1.05, (0.0, 0.95, 0.33, 0), (0.0, 0.02, 0.30, 0), -1),
}


def hat_parts(x: float, y: float, half: float, tilt: float) -> tuple[Part, ...]:
    """A top hat of half width ``half`` whose brim sits at (x, y)."""
    return (
        b(x, y + 0.75 * half, 0.66 * half, 0.72 * half, "wear", tilt, corner=0.25, taper=-0.10, joint="hat", pivot=(x, y)),
        b(x, y + 0.28 * half, 0.65 * half, 0.18 * half, "wear_dark", tilt, corner=0.1, joint="hat", pivot=(x, y)),
        b(x, y + 0.04 * half, 1.15 * half, 0.17 * half, "wear", tilt, corner=0.9, joint="hat", pivot=(x, y)),
    )


def scarf_parts(x: float, y: float, half: float, tilt: float) -> tuple[Part, ...]:
    """A scarf of half width ``half`` round the neck at (x, y), with one end hanging down and swinging."""
    return (
        b(x - 0.5 * half, y - 0.75 * half, 0.24 * half, 0.70 * half, "wear_dark", tilt * 0.3, corner=0.4, joint="scarf", pivot=(x - 0.5 * half, y)),
        b(x, y, 1.12 * half, 0.36 * half, "wear", tilt, corner=0.9),
        b(x - 0.42 * half, y - 0.08 * half, 0.26 * half, 0.40 * half, "wear_dark", tilt, corner=0.6),
    )
