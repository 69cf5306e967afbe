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
    "trousers": (0.22, 0.25, 0.36),
    "trousers_dark": (0.16, 0.18, 0.27),
    "shoe": (0.20, 0.14, 0.13),
    "tear": (0.45, 0.75, 1.0),
    "lens": (0.07, 0.07, 0.10),
    "shine": (0.45, 0.52, 0.62),
}
_LIGHT, _TAN, _DARK = (0.99, 0.82, 0.68), (0.87, 0.63, 0.45), (0.56, 0.36, 0.25)
_BLACK, _BROWN, _CHESTNUT, _BLOND = (0.10, 0.09, 0.12), (0.27, 0.16, 0.11), (0.52, 0.29, 0.14), (0.92, 0.72, 0.33)
LOOKS = ((_LIGHT, _BROWN), (_LIGHT, _CHESTNUT), (_LIGHT, _BLOND), (_TAN, _BLACK), (_TAN, _BROWN), (_DARK, _BLACK))
"""(skin, hair) of people: the seed of a clip decides, as no word says them"""
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
    above: str = ""
    """the joint that carries ``joint``: the hip of a knee"""
    above_pivot: tuple[float, float] = (0.0, 0.0)
    only: tuple[str, ...] = ()
    """moods (no mood is ``plain``) and garments for which the part is painted; empty: always"""
    soft: float = 0.0
    """extra width of its edge"""


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
    glasses: tuple[float, float, float] | None = None
    """x, y between the eyes and half the width of sunglasses; None where they do not fit"""


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
HAPPY, SAD, ANGRY, PLAIN = "happy", "sad", "angry", "plain"
FACE = (
    e(-0.49, 0.50, 0.07, 0.10, "dark"), e(0.49, 0.50, 0.07, 0.10, "dark"),
    e(0.0, 0.5, 0.47, 0.5), e(0.0, 0.93, 0.24, 0.10, "darker", 0), e(-0.14, 0.90, 0.14, 0.09, "darker", 25),
    e(-0.18, 0.58, 0.105, 0.125, "paper"), e(0.18, 0.58, 0.105, 0.125, "paper"),
    *eye(-0.165, 0.57, 0.062), *eye(0.195, 0.57, 0.062),
    *(b(x, y, 0.125, 0.036, "ink", angle * side, corner=0.9, only=only) for side, x in ((1, -0.19), (-1, 0.19))
      for y, angle, only in ((0.78, 4, (HAPPY, PLAIN)), (0.765, 27, (SAD,)), (0.725, -26, (ANGRY,)))),
    e(-0.33, 0.39, 0.08, 0.055, "pink"), e(0.33, 0.39, 0.08, 0.055, "pink"), e(0.0, 0.45, 0.05, 0.045, "dark"),
    e(-0.27, 0.37, 0.05, 0.075, "tear", only=(SAD,)), e(-0.27, 0.44, 0.022, 0.045, "tear", only=(SAD,)),
    # The mouth hangs from (happy) or stands on (sad) a line between its corners, so that they stay where the mood has them.
    e(0.0, 0.315, 0.235, 0.22, "mouth", top=0.0, joint="mouth", only=(HAPPY,)),
    b(0.0, 0.298, 0.17, 0.030, "paper", corner=0.6, only=(HAPPY,)),
    b(-0.235, 0.325, 0.035, 0.026, "mouth", -40, corner=1.0, only=(HAPPY,)), b(0.235, 0.325, 0.035, 0.026, "mouth", 40, corner=1.0, only=(HAPPY,)),
    e(0.0, 0.125, 0.185, 0.20, "mouth", bottom=0.0, joint="mouth", only=(SAD,)),
    b(-0.195, 0.125, 0.045, 0.026, "mouth", 52, corner=1.0, only=(SAD,)), b(0.195, 0.125, 0.045, 0.026, "mouth", -52, corner=1.0, only=(SAD,)),
    b(0.0, 0.20, 0.20, 0.135, "mouth", corner=0.35, joint="mouth", only=(ANGRY,)), b(0.0, 0.20, 0.165, 0.055, "paper", corner=0.3, joint="mouth", only=(ANGRY,)),
    *(b(x, 0.20, 0.012, 0.055, "mouth", corner=0.0, joint="mouth", only=(ANGRY,)) for x in (-0.085, 0.0, 0.085)),
    e(0.0, 0.23, 0.14, 0.13, "mouth", joint="mouth", only=(PLAIN,)),
)


def limb(x: float, hip: float, r: float, name: str, role: str, only: tuple[str, ...] = (), shoe: str = "shoe") -> tuple[Part, ...]:
    """A leg with a knee half-way down; the joint ``knee_*`` hangs on ``leg_*``."""
    knee = hip / 2 + 0.02
    thigh = {"joint": f"leg_{name}", "pivot": (x, hip), "only": only}
    shin = {"joint": f"knee_{name}", "pivot": (x, knee), "above": f"leg_{name}", "above_pivot": (x, hip), "only": only}
    return (
        b(x, (hip + knee) / 2, r, (hip - knee) / 2 + 0.8 * r, role, corner=0.9, **thigh),
        b(x, knee / 2 + 0.015, 0.86 * r, knee / 2 - 0.01 + 0.5 * r, role, corner=0.9, **shin),
        e(x + 0.55 * r, 0.032, 1.5 * r, 0.034, shoe, **shin),
    )


def arm(x: float, shoulder: float, r: float, length: float, name: str, sleeve: str) -> tuple[Part, ...]:
    """A sleeved arm that hangs from (x, shoulder): long sleeves, with a dress short ones."""
    hang = {"joint": f"arm_{name}", "pivot": (x, shoulder)}
    bare = 0.42 * length
    return (
        e(x, shoulder - length, 1.05 * r, 1.1 * r, "skin", **hang),
        b(x, shoulder - length / 2, 0.72 * r, length / 2, "skin", corner=0.9, only=("dress",), **hang),
        b(x, shoulder - bare / 2, r, bare / 2 + 0.4 * r, sleeve, corner=0.9, only=("dress",), **hang),
        b(x, shoulder - length * 0.45, r, length * 0.47, sleeve, corner=0.8, only=("jacket", "coat"), **hang),
    )


def clothes(hip: float, neck: float, w: float) -> tuple[Part, ...]:
    """The three garments over a trunk from ``hip`` to ``neck`` of half width ``w``."""
    mid, half = (hip + neck) / 2, (neck - hip) / 2
    hem, low = 0.40 * hip, 0.60 * hip  # where a coat and a dress end
    return (
        b(0, mid + 0.02, 0.86 * w, half, "body", corner=0.5, only=("dress",)),
        b(0, (low + mid) / 2 + 0.01, 1.30 * w, (mid - low) / 2 + 0.02, "body", corner=0.12, taper=0.42, only=("dress",)),
        b(0, mid - 0.01, 0.84 * w, 0.018, "darker", corner=0.8, only=("dress",)),
        b(0, low + 0.012, 1.75 * w, 0.014, "light", corner=0.9, only=("dress",)),
        b(0, mid - 0.02, w, half + 0.03, "body", corner=0.35, only=("jacket",)),
        b(0, hip - 0.035, 1.03 * w, 0.022, "darker", corner=0.6, only=("jacket",)),
        b(0.02, mid - 0.01, 0.010, half, "light", corner=0.5, only=("jacket",)),
        b(0, (hem + neck) / 2, 1.12 * w, (neck - hem) / 2, "body", corner=0.22, taper=0.20, only=("coat",)),
        b(0.02, (hem + hip) / 2, 0.010, (hip - hem) / 2, "darker", corner=0.5, only=("coat",)),
        b(0, mid - 0.06, 1.12 * w, 0.022, "darker", corner=0.5, only=("coat",)),
        *(e(0.045, y, 0.016, 0.016, "light", only=("coat",)) for y in (mid + 0.07, mid + 0.005, hip - 0.02)),
        b(0.02, neck - 0.025, 0.62 * w, 0.032, "light", corner=0.6, taper=-0.3, only=("coat", "jacket")),
    )


def person(hip: float, neck: float, w: float, r: float, head: tuple[float, float, float], back: tuple[Part, ...], front: tuple[Part, ...]) -> tuple[Part, ...]:
    """A person who looks a little to the right. ``w`` half width of the trunk, ``r`` of a leg, ``head`` (y, rx, ry)."""
    y, rx, ry = head
    shoulder, length = neck - 0.045, 0.85 * (neck - hip) + 0.02
    trousers = ("jacket", "coat")
    eyes = [part for x in (-0.22, 0.52) for part in eye(x * rx, y - 0.02 * ry, 0.15 * rx)]
    return (
        *back,
        *arm(0.80 * w, shoulder, 0.30 * w, length, "a", "dark"),
        *limb(0.25 * w, hip, r, "a", "skin_dark", ("dress",)), *limb(0.25 * w, hip, r, "a", "trousers_dark", trousers),
        *limb(-0.25 * w, hip, r, "b", "skin", ("dress",)), *limb(-0.25 * w, hip, r, "b", "trousers", trousers),
        b(0, neck + 0.01, 0.36 * rx, 0.05, "skin_dark", corner=0.5),
        *clothes(hip, neck, w),
        *arm(-0.86 * w, shoulder, 0.32 * w, length, "b", "dark"),
        e(-0.94 * rx, y - 0.08 * ry, 0.16 * rx, 0.2 * ry, "skin_dark"), e(0, y, rx, ry, "skin"),
        *eyes,
        e(-0.42 * rx, y - 0.40 * ry, 0.19 * rx, 0.13 * ry, "pink"), e(0.70 * rx, y - 0.40 * ry, 0.17 * rx, 0.13 * ry, "pink"),
        e(0.22 * rx, y - 0.24 * ry, 0.10 * rx, 0.09 * ry, "skin_dark"),
        e(0.16 * rx, y - 0.46 * ry, 0.30 * rx, 0.26 * ry, "mouth", top=0.0, joint="mouth"),
        *front,
    )  # fmt: skip


def brows(y: float, rx: float, half: float, thick: float) -> tuple[Part, ...]:
    return (b(-0.22 * rx, y, half, thick, "hair", 6, corner=0.9), b(0.52 * rx, y, half, thick, "hair", -6, corner=0.9))


WOMAN = person(
    0.42, 0.675, 0.125, 0.044, (0.825, 0.148, 0.150),
    (e(-0.02, 0.84, 0.178, 0.165, "hair"), b(-0.035, 0.71, 0.165, 0.15, "hair", corner=0.6, taper=0.12)),
    (e(0.0, 0.845, 0.160, 0.150, "hair", bottom=-0.34), e(-0.125, 0.80, 0.045, 0.13, "hair", 8), *brows(0.862, 0.148, 0.035, 0.009)),
)  # fmt: skip
MAN = person(
    0.43, 0.69, 0.150, 0.050, (0.830, 0.138, 0.146),
    (),
    (e(0.0, 0.850, 0.150, 0.140, "hair", bottom=-0.30), b(-0.125, 0.845, 0.025, 0.05, "hair", corner=0.6), e(0.05, 0.945, 0.11, 0.045, "hair", -12),
     *brows(0.868, 0.138, 0.040, 0.014)),
)  # fmt: skip
CHILD = person(
    0.30, 0.535, 0.145, 0.052, (0.735, 0.205, 0.205),
    (e(-0.02, 0.765, 0.232, 0.205, "hair"),),
    (e(0.0, 0.765, 0.220, 0.200, "hair", bottom=-0.30), e(0.03, 0.975, 0.035, 0.055, "hair", -25), e(-0.03, 0.970, 0.03, 0.045, "hair", 20), *brows(0.800, 0.205, 0.042, 0.010)),
)  # fmt: skip
EYE = (
    e(0.0, 0.5, 0.57, 0.48, "skin", soft=0.05),
    e(0.0, 0.69, 0.45, 0.11, "skin_dark"), e(0.0, 0.665, 0.44, 0.105, "skin"),
    e(0.0, 0.43, 0.40, 0.22, "skin_dark"), e(0.0, 0.45, 0.40, 0.215, "skin"),
    e(0.0, 0.47, 0.385, 0.205, "ink"), e(0.0, 0.455, 0.37, 0.190, "paper"),
    e(-0.355, 0.45, 0.035, 0.035, "pink"),
    e(0.0, 0.465, 0.178, 0.178, "darker", joint="gaze"), e(0.0, 0.465, 0.155, 0.155, "body", joint="gaze"), e(0.0, 0.425, 0.11, 0.10, "light", joint="gaze"),
    e(0.0, 0.465, 0.085, 0.085, "ink", joint="gaze"), e(0.055, 0.525, 0.040, 0.040, "paper", joint="gaze"), e(-0.05, 0.415, 0.018, 0.018, "paper", joint="gaze"),
    e(0.0, 0.68, 0.455, 0.445, "ink", top=0.0, joint="lid"), e(0.0, 0.69, 0.455, 0.425, "skin", top=0.0, joint="lid"),
    *(b(x, 0.60 + h, 0.013, 0.060, "ink", a, corner=0.6, joint="lash_open") for x, h, a in
      ((-0.37, -0.01, 58), (-0.25, 0.065, 36), (-0.09, 0.105, 12), (0.09, 0.105, -12), (0.25, 0.065, -36), (0.37, -0.01, -58))),
    *(b(x, 0.255 + h, 0.013, 0.058, "ink", a, corner=0.6, joint="lash_shut") for x, h, a in
      ((-0.30, 0.075, -40), (-0.18, 0.005, -22), (-0.06, -0.03, -7), (0.06, -0.03, 7), (0.18, 0.005, 22), (0.30, 0.075, 40))),
    b(-0.17, 0.845, 0.19, 0.036, "hair", 13, corner=0.8), b(0.19, 0.85, 0.19, 0.032, "hair", -12, corner=0.8), e(0.02, 0.875, 0.12, 0.036, "hair"),
)  # fmt: skip

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
    "face": Sprite(FACE, 0.46, 1.05, (0.0, 0.95, 0.33, 0), (0.0, 0.02, 0.30, 0), -1, (0.015, 0.58, 0.36)),
    "woman": Sprite(WOMAN, 0.58, 0.48, (-0.01, 0.935, 0.155, 0), (0.01, 0.662, 0.115, 0), -1, (0.022, 0.822, 0.125)),
    "man": Sprite(MAN, 0.60, 0.46, (0.0, 0.935, 0.145, 0), (0.01, 0.672, 0.125, 0), -1, (0.020, 0.827, 0.118)),
    "child": Sprite(CHILD, 0.45, 0.56, (0.0, 0.890, 0.195, 0), (0.01, 0.525, 0.14, 0), -1, (0.030, 0.731, 0.170)),
    "eye": Sprite(EYE, 0.82, 1.14, (0.0, 1.0, 0.1, 0), None),
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


def glasses_parts(x: float, y: float, half: float) -> tuple[Part, ...]:
    """Sunglasses of half width ``half`` with the bridge at (x, y)."""
    lens = 0.46 * half
    return (
        b(x, y + 0.16 * half, half, 0.07 * half, "lens", corner=0.9),
        *(b(x + side * 0.52 * half, y, lens, 0.40 * half, "lens", corner=0.7) for side in (-1, 1)),
        *(b(x + side * 0.52 * half - 0.14 * half, y + 0.12 * half, 0.13 * half, 0.06 * half, "shine", 35, corner=0.9) for side in (-1, 1)),
    )
