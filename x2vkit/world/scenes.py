"""The nine places, by day, at night, at sunset and in the rain: painted elements in layers that move with parallax.

An element is one primitive in world units (the frame's shorter side is 1; y up; the subject stands on y = 0), with the
*depth* of its layer: 0 is glued to the sky, 1 is the subject's plane, above 1 is nearer than the subject. Places are
painted in their colours by day; the painter turns them into those of the hour (``graded``), but for what gives light.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from x2vkit.world.grammar import ALWAYS_NIGHT, OCCLUDER
from x2vkit.world.render import BOX, ELLIPSE

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Element:
    """One primitive of a place. ``drift`` (dx, dy) is its own motion in units/s, ``sway`` a swing in radians."""

    kind: int
    x: float
    y: float
    rx: float
    ry: float
    c1: Color
    c2: Color
    depth: float
    angle: float = 0.0
    corner: float = 1.0
    taper: float = 0.0
    top: float = -1.0
    bottom: float = 1.0
    alpha: float = 1.0
    soft: float = 0.0
    drift: tuple[float, float] = (0.0, 0.0)
    wrap: tuple[float, float] = (0.0, 0.0)
    """(low, high): y range within which a drifting element starts again; (0, 0) for none"""
    sway: float = 0.0
    heave: tuple[float, float] = (0.0, 0.0)
    """(dx, dy) amplitude of a slow to and fro, in units: waves"""
    id: int = 0
    """-1 leaves the map of objects alone: what falls in front of the cast"""


def mix(a: Color, b: Color, t: float) -> Color:
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t)


def shade(c: Color, t: float) -> Color:
    """``c`` towards white (t > 0) or towards a cool black (t < 0)."""
    return mix(c, (1.0, 1.0, 1.0), t) if t > 0 else mix(c, (0.05, 0.04, 0.10), -t)


def graded(c: Color, time: str, weather: str) -> Color:
    """A colour of the day in the light of another hour, and of rain."""
    if weather == "rain":
        grey = 0.3 * c[0] + 0.5 * c[1] + 0.2 * c[2]
        c = mix(c, (0.80 * grey + 0.02, 0.86 * grey + 0.02, 0.92 * grey + 0.04), 0.55)
    if time == "night":
        return (0.03 + 0.24 * c[0], 0.05 + 0.29 * c[1], 0.12 + 0.36 * c[2])
    if time == "sunset":
        return (min(0.06 + 0.88 * c[0], 1.0), 0.04 + 0.62 * c[1], 0.10 + 0.52 * c[2])
    return c


_SKIES: dict[str, tuple[Color, Color]] = {"night": ((0.04, 0.06, 0.18), (0.16, 0.19, 0.40)), "sunset": ((0.38, 0.26, 0.56), (1.0, 0.58, 0.30))}
_CLOUDY: tuple[Color, Color] = ((0.45, 0.51, 0.60), (0.70, 0.75, 0.80))


class Painter:
    """Collects elements; its methods are the things that places are made of.

    ``time`` and ``weather`` are the light in which they stand.
    """

    def __init__(self, rng: np.random.Generator, horizon: float, time: str = "day", weather: str = "") -> None:
        self.rng, self.horizon, self.out = rng, horizon, list[Element]()
        self.time, self.weather = time, weather

    def add(self, kind: int, x: float, y: float, rx: float, ry: float, c1: Color, depth: float, c2: Color | None = None, lit: bool = False, **more: object) -> None:
        """One element; ``lit`` ones give light or stand in it and keep their colour at any hour."""
        top, low = (c1, c2 or c1) if lit else (graded(c, self.time, self.weather) for c in (c1, c2 or c1))
        self.out.append(Element(kind, x, y, rx, ry, top, low, depth, **more))  # type: ignore[arg-type]

    def spread(self, gap: float, jitter: float = 0.35, reach: float = 1.7) -> list[float]:
        """x positions about ``gap`` apart that fill the widest view and pan."""
        start = self.rng.uniform(-gap, 0) - reach
        n = int(2 * reach / gap) + 2
        return [start + gap * (i + jitter * self.rng.uniform(-1, 1)) for i in range(n)]

    def sky(self, top: Color, low: Color, own: bool = False) -> None:
        """The sky by day, or that of the hour; with ``own`` at any hour the place's own."""
        if not own and self.weather == "rain":
            top, low = (graded(c, self.time, "") for c in _CLOUDY)
        elif not own:
            top, low = _SKIES.get(self.time, (top, low))
        reach = 0.5 if self.time == "sunset" and not own else 1.0  # the glow is near the horizon
        self.add(BOX, 0, self.horizon + 2 * reach + 0.9, 9, 1.0, top, 0.0, lit=True, corner=0.0)
        self.add(BOX, 0, self.horizon + reach, 9, reach, top, 0.0, low, lit=True, corner=0.0)
        self.add(BOX, 0, self.horizon - 1.0, 9, 1.0, low, 0.0, lit=True, corner=0.0)  # seen where a pan lifts it above the ground
        if self.time == "night" and not own and not self.weather:
            self.stars(14)

    def sun(self, x: float, y: float, r: float, color: Color, glow: float) -> None:
        """The light of the hour at (x, y) above the horizon: a sun, a moon, a low red sun; in the rain none."""
        if self.weather == "rain":
            return
        if self.time == "night":
            self.moon(x, self.horizon + y)
        elif self.time == "sunset":
            self.disc(x, self.horizon + 0.13, 0.15, (1.0, 0.80, 0.30), 0.5)
            for dy, half in ((0.30, 0.30), (0.40, 0.22), (0.52, 0.26)):
                self.add(ELLIPSE, x * 0.5 + self.rng.uniform(-0.3, 0.3), self.horizon + dy, half, 0.018, (0.98, 0.50, 0.46), 0.05, lit=True, alpha=0.75)
        else:
            self.disc(x, self.horizon + y, r, color, glow)

    def moon(self, x: float, y: float) -> None:
        self.disc(x, y, 0.085, (0.98, 0.95, 0.78), 0.22)
        self.add(ELLIPSE, x - 0.025, y + 0.02, 0.018, 0.018, (0.88, 0.84, 0.66), 0.04, lit=True)
        self.add(ELLIPSE, x + 0.03, y - 0.02, 0.025, 0.025, (0.88, 0.84, 0.66), 0.04, lit=True)

    def ground(self, top: Color, low: Color, depth: float = 0.75) -> None:
        self.add(BOX, 0, self.horizon - 0.5, 9, 0.5, top, depth, low, corner=0.0)
        self.add(BOX, 0, self.horizon - 1.9, 9, 1.0, low, depth, corner=0.0)

    def disc(self, x: float, y: float, r: float, color: Color, glow: float = 0.0, depth: float = 0.04) -> None:
        if glow:
            self.add(ELLIPSE, x, y, r * 1.25, r * 1.25, color, depth, lit=True, alpha=glow, soft=r * 1.1)
        self.add(ELLIPSE, x, y, r, r, shade(color, 0.25), depth, color, lit=True)

    def cloud(self, x: float, y: float, s: float, color: Color, depth: float = 0.15) -> None:
        low = shade(color, -0.08)
        for dx, dy, r in ((-0.09, 0.0, 0.06), (0.0, 0.025, 0.085), (0.10, 0.0, 0.065)):
            self.add(ELLIPSE, x + dx * s, y + dy * s, r * 1.25 * s, r * s, color, depth, low, bottom=0.5)

    def hills(self, gap: float, height: float, color: Color, depth: float) -> None:
        for x in self.spread(gap):
            h = height * self.rng.uniform(0.7, 1.15)
            self.add(ELLIPSE, x, self.horizon - 0.02, gap * 0.75, h, shade(color, 0.12), depth, color, bottom=0.7)

    def peaks(self, gap: float, height: float, color: Color, depth: float, cap: Color | None = None) -> None:
        for x in self.spread(gap):
            h = height * self.rng.uniform(0.65, 1.1)
            self.add(BOX, x, self.horizon + h / 2, gap * 0.42, h / 2, shade(color, 0.1), depth, color, corner=0.06, taper=0.95)
            if cap:
                self.add(BOX, x, self.horizon + h / 2, gap * 0.42, h / 2, cap, depth, corner=0.06, taper=0.95, bottom=-0.42)

    def pine(self, x: float, h: float, color: Color, depth: float, cap: Color | None = None) -> None:
        y0 = self.horizon - 0.02
        self.add(BOX, x, y0 + 0.08 * h, 0.05 * h, 0.10 * h, (0.35, 0.24, 0.17), depth, corner=0.2)
        for cy, w, hh in ((0.35, 0.27, 0.22), (0.58, 0.21, 0.19), (0.78, 0.15, 0.17)):
            self.add(BOX, x, y0 + cy * h, w * h * 0.62, hh * h, shade(color, 0.10), depth, color, corner=0.15, taper=0.9)
        if cap:
            self.add(BOX, x, y0 + 0.78 * h, 0.093 * h, 0.17 * h, cap, depth, corner=0.15, taper=0.9, bottom=-0.1)

    def tree(self, x: float, h: float, color: Color, depth: float, trunk: Color = (0.42, 0.28, 0.18)) -> None:
        y0 = self.horizon - 0.02
        self.add(BOX, x, y0 + 0.25 * h, 0.055 * h, 0.27 * h, trunk, depth, corner=0.2, taper=0.25)
        for dx, cy, r in ((-0.14, 0.60, 0.19), (0.14, 0.62, 0.18), (0.0, 0.76, 0.23)):
            self.add(ELLIPSE, x + dx * h, y0 + cy * h, r * h, r * h * 0.95, shade(color, 0.14), depth, shade(color, -0.1))

    def specks(self, gap: float, color: Color, rx: float, ry: float, low: float = -0.22, high: float = 0.05, **more: object) -> None:
        """Small marks on the subject's ground, so that every camera move shows."""
        for x in self.spread(gap, 0.5):
            y = self.rng.uniform(low, min(high, self.horizon - 0.03))
            self.add(ELLIPSE, x, y, rx, ry, color, 1.0, **more)

    def stars(self, n: int, r: float = 0.009) -> None:
        for _ in range(n):
            s = r * self.rng.uniform(0.8, 1.4)
            self.add(ELLIPSE, self.rng.uniform(-1.3, 1.3), self.horizon + self.rng.uniform(0.12, 0.85), s, s, (1.0, 0.98, 0.85), 0.06, lit=True)


def _snow(p: Painter) -> None:
    p.sky((0.56, 0.70, 0.88), (0.86, 0.91, 0.97))
    if p.time != "day":
        p.sun(p.rng.uniform(-0.36, 0.36), p.rng.uniform(0.45, 0.56), 0.085, (1.0, 0.95, 0.8), 0.3)
    p.peaks(0.62, 0.34, (0.58, 0.67, 0.82), 0.2, (0.97, 0.98, 1.0))
    for x in p.spread(0.42):
        p.pine(x, p.rng.uniform(0.26, 0.44), (0.15, 0.42, 0.36), 0.5, (0.95, 0.97, 1.0))
    p.ground((0.97, 0.98, 1.0), (0.80, 0.86, 0.96))
    p.specks(0.36, (0.86, 0.91, 0.98), 0.12, 0.022)
    for _ in range(int(p.rng.integers(0, 2)) * 12):
        x, y = p.rng.uniform(-0.9, 0.9), p.rng.uniform(-0.2, 1.0)
        p.add(ELLIPSE, x, y, 0.014, 0.014, (1.0, 1.0, 1.0), 0.8, drift=(0.03, -0.16), wrap=(-0.25, 1.0))


def _grass(p: Painter) -> None:
    p.sky((0.38, 0.68, 0.95), (0.80, 0.92, 0.99))
    p.sun(p.rng.uniform(-0.38, 0.38), p.rng.uniform(0.42, 0.55), 0.085, (1.0, 0.86, 0.30), 0.35)
    for x in p.spread(0.75):
        p.cloud(x, p.horizon + p.rng.uniform(0.30, 0.56), p.rng.uniform(0.8, 1.2), (1.0, 1.0, 1.0))
    p.hills(0.60, 0.17, (0.48, 0.74, 0.38), 0.3)
    for x in p.spread(0.55):
        p.tree(x, p.rng.uniform(0.28, 0.42), (0.20, 0.55, 0.27), 0.55)
    p.ground((0.47, 0.78, 0.32), (0.30, 0.62, 0.26))
    p.specks(0.30, (0.36, 0.68, 0.28), 0.05, 0.018)
    p.specks(0.55, (0.99, 0.93, 0.55), 0.017, 0.017)
    p.specks(0.70, (0.98, 0.66, 0.75), 0.017, 0.017)


def _beach(p: Painter) -> None:
    p.sky((0.30, 0.70, 0.95), (0.85, 0.95, 0.98))
    p.sun(p.rng.uniform(-0.38, 0.38), p.rng.uniform(0.45, 0.58), 0.09, (1.0, 0.88, 0.35), 0.4)
    p.add(BOX, 0, p.horizon + 0.08, 9, 0.12, (0.13, 0.50, 0.75), 0.3, (0.26, 0.72, 0.82), corner=0.0)
    p.ground((0.97, 0.88, 0.66), (0.90, 0.77, 0.52))
    for y, gap, half, high, depth in ((0.155, 0.26, 0.085, 0.016, 0.32), (0.105, 0.30, 0.115, 0.024, 0.36), (0.05, 0.36, 0.150, 0.034, 0.42)):
        for x in p.spread(gap, 0.2):  # a crest: white above, the sea's colour below
            way = (0.05 + 0.3 * high, 0.012)
            p.add(ELLIPSE, x, p.horizon + y, half, high, (0.93, 0.99, 1.0), depth, bottom=0.35, heave=way)
            p.add(ELLIPSE, x, p.horizon + y - 0.45 * high, half * 1.12, high, (0.20, 0.62, 0.80), depth, (0.24, 0.68, 0.82), bottom=0.8, heave=way)
    for x in p.spread(0.22, 0.2):  # the foam that comes up the sand and goes back
        p.add(ELLIPSE, x, p.horizon - 0.005, 0.16, 0.034, (0.80, 0.75, 0.60), 0.6, heave=(0.0, 0.016))
        p.add(ELLIPSE, x, p.horizon + 0.006, 0.16, 0.034, (0.97, 1.0, 1.0), 0.6, heave=(0.0, 0.016))
        p.add(ELLIPSE, x, p.horizon + 0.028, 0.18, 0.036, (0.30, 0.74, 0.84), 0.6, heave=(0.0, 0.016))
    for x in p.spread(1.1):
        h, y0 = p.rng.uniform(0.42, 0.55), p.horizon - 0.03
        p.add(BOX, x, y0 + h / 2, 0.022, h / 2, (0.58, 0.42, 0.27), 0.6, corner=0.3, taper=0.3, angle=-4)
        for a in (-38, -5, 25, 155, 190, 215):
            dx, dy = np.cos(np.radians(a)), np.sin(np.radians(a))
            p.add(ELLIPSE, x - 0.015 + 0.095 * dx, y0 + h + 0.075 * dy, 0.115, 0.028, (0.22, 0.62, 0.33), 0.6, (0.13, 0.48, 0.28), angle=a, sway=0.04)
    p.specks(0.45, (0.86, 0.72, 0.48), 0.055, 0.013)
    p.specks(0.75, (1.0, 0.72, 0.62), 0.022, 0.020)


def _night(p: Painter) -> None:
    p.time = "day"  # its colours are of the night already
    p.sky((0.05, 0.07, 0.20), (0.17, 0.20, 0.42), own=True)
    if not p.weather:
        p.stars(16)
    if not p.weather:
        p.moon(p.rng.uniform(-0.36, 0.36), p.horizon + p.rng.uniform(0.42, 0.56))
    p.hills(0.7, 0.22, (0.11, 0.14, 0.30), 0.25)
    for x in p.spread(0.5):
        p.pine(x, p.rng.uniform(0.24, 0.38), (0.08, 0.16, 0.25), 0.5)
    if p.rng.random() < 0.6:
        x, y0 = p.rng.uniform(-0.5, 0.5), p.horizon
        p.add(BOX, x, y0 + 0.06, 0.09, 0.08, (0.25, 0.17, 0.20), 0.55, corner=0.05)
        p.add(BOX, x, y0 + 0.18, 0.13, 0.05, (0.18, 0.11, 0.17), 0.55, corner=0.1, taper=0.9)
        p.add(BOX, x + 0.03, y0 + 0.07, 0.028, 0.03, (1.0, 0.85, 0.40), 0.55, corner=0.1)
    p.ground((0.15, 0.25, 0.30), (0.08, 0.14, 0.22))
    p.specks(0.32, (0.20, 0.33, 0.35), 0.06, 0.014)


def _city(p: Painter) -> None:
    p.sky((0.50, 0.72, 0.92), (0.98, 0.90, 0.78))
    p.sun(p.rng.uniform(-0.4, 0.4), p.rng.uniform(0.36, 0.52), 0.10, (1.0, 0.93, 0.62), 0.35)
    for x in p.spread(0.22):
        h = p.rng.uniform(0.18, 0.46)
        p.add(BOX, x, p.horizon + h / 2, 0.09, h / 2 + 0.02, (0.74, 0.58, 0.66), 0.2, (0.82, 0.66, 0.66), corner=0.03)
    for x in p.spread(0.46, 0.2):
        h, w = p.rng.uniform(0.26, 0.48), p.rng.uniform(0.11, 0.15)
        wall = ((0.36, 0.40, 0.56), (0.48, 0.38, 0.50), (0.30, 0.42, 0.52))[p.rng.integers(3)]
        p.add(BOX, x, p.horizon + h / 2, w, h / 2 + 0.02, shade(wall, 0.1), 0.5, wall, corner=0.03)
        for row in range(int(h / 0.13)):
            for dx in (-0.45, 0.45):
                p.add(BOX, x + dx * w, p.horizon + h - 0.07 - 0.12 * row, 0.26 * w, 0.03, (1.0, 0.88, 0.55), 0.5, lit=True, corner=0.1)
    p.ground((0.72, 0.70, 0.72), (0.62, 0.60, 0.63))
    p.add(BOX, 0, -0.42, 9, 0.40, (0.36, 0.37, 0.42), 1.0, (0.28, 0.29, 0.34), corner=0.0)
    for x in p.spread(0.42, 0.0):
        p.add(BOX, x, -0.14, 0.10, 0.014, (0.96, 0.90, 0.66), 1.0, corner=0.2)


def _desert(p: Painter) -> None:
    p.sky((0.98, 0.74, 0.42), (1.0, 0.91, 0.68))
    p.sun(p.rng.uniform(-0.36, 0.36), p.rng.uniform(0.36, 0.52), 0.115, (1.0, 0.93, 0.62), 0.4)
    for x in p.spread(0.85):
        h = p.rng.uniform(0.14, 0.26)
        p.add(BOX, x, p.horizon + h / 2, 0.20, h / 2 + 0.02, (0.82, 0.44, 0.30), 0.22, (0.70, 0.36, 0.28), corner=0.1, taper=0.2)
    p.hills(0.75, 0.10, (0.93, 0.66, 0.38), 0.45)
    for x in p.spread(0.75):
        h, y0 = p.rng.uniform(0.20, 0.30), p.horizon - 0.03
        green, dark = (0.30, 0.58, 0.34), (0.20, 0.46, 0.28)
        p.add(BOX, x, y0 + h / 2, 0.034, h / 2, green, 0.65, dark)
        p.add(BOX, x + 0.06, y0 + h * 0.62, 0.022, h * 0.20, green, 0.65, dark)
        p.add(BOX, x + 0.04, y0 + h * 0.46, 0.04, 0.02, dark, 0.65)
        p.add(BOX, x - 0.06, y0 + h * 0.52, 0.022, h * 0.16, green, 0.65, dark)
        p.add(BOX, x - 0.04, y0 + h * 0.40, 0.04, 0.02, dark, 0.65)
    p.ground((0.97, 0.77, 0.47), (0.87, 0.62, 0.35))
    p.specks(0.50, (0.90, 0.67, 0.39), 0.13, 0.014)
    p.specks(0.60, (0.66, 0.43, 0.28), 0.024, 0.017)


def _underwater(p: Painter) -> None:
    dark = p.time == "night"
    p.sky((0.20, 0.66, 0.82) if not dark else (0.06, 0.22, 0.40), (0.05, 0.34, 0.58) if not dark else (0.02, 0.07, 0.20), own=True)
    for x in () if dark else (-0.45, 0.0, 0.5):
        p.add(BOX, x + p.rng.uniform(-0.1, 0.1), p.horizon + 0.55, 0.10, 0.62, (0.65, 0.95, 1.0), 0.08, angle=-14, corner=0.2, taper=0.5, alpha=0.16, soft=0.08)
    p.hills(0.6, 0.20, (0.06, 0.30, 0.48), 0.3)
    for x in p.spread(0.36):
        h, y0 = p.rng.uniform(0.16, 0.34), p.horizon - 0.04
        if p.rng.random() < 0.6:
            for dx, k in ((-0.025, 0.8), (0.025, 1.0)):
                p.add(ELLIPSE, x + dx, y0 + h * k / 2, 0.022, h * k / 2, (0.20, 0.62, 0.40), 0.65, (0.07, 0.40, 0.32), angle=-6 * np.sign(dx), sway=0.12)
        else:
            coral = ((0.95, 0.45, 0.50), (0.95, 0.62, 0.35))[p.rng.integers(2)]
            for dx, a, k in ((-0.04, 24, 0.42), (0.0, 0, 0.55), (0.045, -24, 0.42)):
                p.add(BOX, x + dx, y0 + h * k / 2, 0.02, h * k / 2, shade(coral, 0.15), 0.65, coral, angle=a)
    p.ground((0.82, 0.78, 0.58), (0.55, 0.62, 0.55))
    p.specks(0.42, (0.70, 0.69, 0.53), 0.08, 0.014)
    for _ in range(7):
        x, y = p.rng.uniform(-0.8, 0.8), p.rng.uniform(-0.1, 0.9)
        r = p.rng.uniform(0.014, 0.026)
        p.add(ELLIPSE, x, y, r, r, (0.75, 0.95, 1.0), 0.8, alpha=0.6, drift=(0.0, 0.13), wrap=(-0.05, 0.95))


def _space(p: Painter) -> None:
    p.time = "day"  # it has no hours
    p.sky((0.05, 0.03, 0.12), (0.16, 0.08, 0.28), own=True)
    p.stars(20)
    x, y = p.rng.choice([-1, 1]) * p.rng.uniform(0.2, 0.38), p.horizon + p.rng.uniform(0.40, 0.54)
    tone: Color = ((0.93, 0.60, 0.36), (0.36, 0.66, 0.92), (0.86, 0.48, 0.62))[p.rng.integers(3)]
    p.disc(x, y, 0.105, tone, 0.15, depth=0.08)
    p.add(ELLIPSE, x, y, 0.185, 0.026, shade(tone, 0.5), 0.08, angle=16, alpha=0.9)
    p.add(ELLIPSE, x, y, 0.105, 0.105, shade(tone, 0.25), 0.08, tone, bottom=-0.12)
    p.hills(0.55, 0.09, (0.40, 0.39, 0.50), 0.4)
    p.ground((0.62, 0.61, 0.70), (0.44, 0.43, 0.54))
    for x in p.spread(0.34, 0.5):
        y, r = p.rng.uniform(-0.20, min(0.05, p.horizon - 0.05)), p.rng.uniform(0.05, 0.09)
        p.add(ELLIPSE, x, y, r, 0.30 * r, (0.48, 0.47, 0.57), 1.0)
        p.add(ELLIPSE, x, y - 0.05 * r, 0.8 * r, 0.20 * r, (0.40, 0.39, 0.50), 1.0)


NEON: tuple[Color, ...] = ((1.0, 0.25, 0.62), (0.20, 0.92, 1.0), (1.0, 0.80, 0.22), (0.45, 1.0, 0.50), (0.78, 0.42, 1.0), (1.0, 0.38, 0.25))


def _neon(p: Painter) -> None:
    p.time, p.weather = "day", ""  # its colours are of the night already, and neon is bright in the rain
    p.sky((0.06, 0.03, 0.16), (0.36, 0.12, 0.42), own=True)
    for x in p.spread(0.30, 0.2):
        h = p.rng.uniform(0.34, 0.62)
        p.add(BOX, x, p.horizon + h / 2, 0.13, h / 2, (0.13, 0.09, 0.24), 0.3, (0.20, 0.12, 0.32), corner=0.03)
        for row in range(3):
            p.add(BOX, x + p.rng.choice([-0.06, 0.0, 0.06]), p.horizon + h - 0.07 - 0.09 * row, 0.025, 0.016, (0.98, 0.80, 0.48), 0.3, corner=0.1)
    p.ground((0.24, 0.15, 0.33), (0.10, 0.08, 0.19))
    for i, x in enumerate(p.spread(0.37, 0.08)):
        _shop(p, x, NEON[(i + int(p.rng.integers(2))) % len(NEON)], NEON[(i + 3) % len(NEON)])
    for x in p.spread(0.5, 0.3):  # puddles that hold the sky's glow
        p.add(ELLIPSE, x, p.rng.uniform(-0.22, -0.08), 0.15, 0.020, (0.62, 0.36, 0.70), 1.0, (0.30, 0.22, 0.52), alpha=0.55)


def _shop(p: Painter, x: float, tone: Color, second: Color) -> None:
    """A lit shop with an upright sign, a sign above its window, and what the wet street shows of them."""
    h, wall, depth = p.rng.uniform(0.36, 0.50), (0.10, 0.08, 0.17), 0.5
    p.add(BOX, x, p.horizon + h / 2, 0.19, h / 2 + 0.02, shade(wall, 0.06), depth, wall, corner=0.02)
    p.add(BOX, x - 0.03, p.horizon + 0.075, 0.105, 0.075, (1.0, 0.86, 0.50), depth, (1.0, 0.62, 0.26), corner=0.08)
    p.add(BOX, x - 0.03, p.horizon + 0.06, 0.008, 0.075, wall, depth, corner=0.0)
    p.add(BOX, x - 0.03, p.horizon + 0.185, 0.13, 0.036, second, depth, corner=0.4)
    p.add(BOX, x - 0.03, p.horizon + 0.185, 0.115, 0.022, (0.12, 0.06, 0.18), depth, corner=0.4)
    for dx in (-0.075, -0.03, 0.015):
        p.add(BOX, x + dx, p.horizon + 0.185, 0.013, 0.011, shade(second, 0.3), depth, corner=0.2)
    top = p.horizon + p.rng.uniform(0.30, 0.36)  # the upright sign
    p.add(BOX, x + 0.135, top, 0.085, 0.17, tone, depth, corner=1.0, alpha=0.30, soft=0.10)
    p.add(BOX, x + 0.135, top, 0.046, 0.135, tone, depth, corner=0.3)
    p.add(BOX, x + 0.135, top, 0.034, 0.123, (0.14, 0.06, 0.18), depth, corner=0.3)
    for row in (-1, 0, 1):
        y, cross = top + 0.075 * row, p.rng.random() < 0.5
        p.add(BOX, x + 0.135, y + 0.012, 0.022, 0.008, shade(tone, 0.25), depth, corner=0.2)
        p.add(BOX, x + 0.135, y - 0.012, 0.022 if cross else 0.008, 0.008 if cross else 0.018, shade(tone, 0.25), depth, corner=0.2)
    p.add(ELLIPSE, x - 0.16, p.horizon + 0.145, 0.026, 0.032, (1.0, 0.36, 0.22), depth, (0.85, 0.16, 0.14))  # a lantern
    p.add(BOX, x - 0.03, p.horizon + 0.10, 0.16, 0.10, (1.0, 0.66, 0.30), depth, alpha=0.22, soft=0.12)  # its warm glow
    for dx, half, color, deep in ((-0.03, 0.090, (1.0, 0.70, 0.32), 0.13), (0.135, 0.050, tone, 0.17), (-0.16, 0.024, (1.0, 0.32, 0.22), 0.10)):
        p.add(BOX, x + dx, p.horizon - 0.015 - deep, half, deep, color, 0.75, mix(color, (0.10, 0.08, 0.19), 0.6), corner=0.3, alpha=0.62, soft=0.03)
        for k in (0.35, 0.75, 1.2):  # ripples cut it
            p.add(BOX, x + dx, p.horizon - 0.02 - deep * k, 1.3 * half, 0.006, (0.16, 0.11, 0.26), 0.75, corner=0.9, alpha=0.5)


def rain(p: Painter, count: int, depth: float) -> None:
    """Streaks of rain, and rings where drops meet the ground."""
    for _ in range(count):
        x, y = p.rng.uniform(-0.95, 0.95), p.rng.uniform(-0.35, 1.15)
        p.add(BOX, x, y, 0.0045, 0.042, (0.86, 0.92, 1.0), depth, lit=True, angle=8, alpha=0.50, drift=(0.08, -0.58), wrap=(-0.45, 1.2), id=-1)


PLACES: dict[str, Callable[[Painter], None]] = {
    "snow": _snow, "grass": _grass, "beach": _beach, "night": _night,
    "city": _city, "desert": _desert, "underwater": _underwater, "space": _space, "neon": _neon,
}  # fmt: skip

_OCCLUDER_TONES: dict[str, tuple[Color, Color]] = {  # (rock, foliage)
    "snow": ((0.60, 0.66, 0.78), (0.16, 0.45, 0.38)), "grass": ((0.58, 0.58, 0.60), (0.16, 0.50, 0.24)),
    "beach": ((0.66, 0.56, 0.47), (0.18, 0.56, 0.30)), "night": ((0.26, 0.28, 0.42), (0.09, 0.22, 0.27)),
    "city": ((0.55, 0.53, 0.56), (0.24, 0.50, 0.30)), "desert": ((0.72, 0.44, 0.32), (0.34, 0.54, 0.28)),
    "underwater": ((0.26, 0.42, 0.50), (0.10, 0.50, 0.38)), "space": ((0.50, 0.48, 0.60), (0.36, 0.60, 0.56)),
    "neon": ((0.34, 0.28, 0.46), (0.20, 0.34, 0.38)),
}  # fmt: skip


def occluder(kind: str, scene: str, x: float, time: str = "day", weather: str = "") -> list[Element]:
    """A tree or a rock nearer than the subject, at ``x``, to walk behind."""
    rock, leaf = _OCCLUDER_TONES[scene]
    p = Painter(np.random.default_rng(0), 0.0, "day" if scene in (*ALWAYS_NIGHT, "space") else time, weather)
    if kind == "rock":
        p.add(ELLIPSE, x + 0.02, -0.02, 0.25, 0.42, shade(rock, 0.2), 1.0, shade(rock, -0.15), bottom=0.12, id=OCCLUDER)
        p.add(ELLIPSE, x - 0.04, 0.24, 0.11, 0.085, shade(rock, 0.32), 1.0, shade(rock, 0.1), angle=25, id=OCCLUDER)
        p.add(ELLIPSE, x - 0.17, -0.05, 0.17, 0.24, shade(rock, 0.1), 1.0, shade(rock, -0.2), bottom=0.12, id=OCCLUDER)
        p.add(ELLIPSE, x + 0.21, -0.06, 0.13, 0.18, shade(rock, 0.05), 1.0, shade(rock, -0.2), bottom=0.12, id=OCCLUDER)
    else:
        wood = mix((0.45, 0.30, 0.19), rock, 0.25)
        p.add(BOX, x, 0.22, 0.10, 0.29, shade(wood, 0.05), 1.0, shade(wood, -0.2), corner=0.1, taper=0.22, id=OCCLUDER)
        for dx, y, r in ((-0.20, 0.60, 0.19), (0.20, 0.61, 0.19), (0.0, 0.74, 0.25), (0.0, 0.56, 0.20)):
            p.add(ELLIPSE, x + dx, y, r, r * 0.9, shade(leaf, 0.12), 1.0, shade(leaf, -0.12), id=OCCLUDER)
    return p.out


def build(scene: str, rng: np.random.Generator, horizon: float, time: str = "day", weather: str = "") -> tuple[list[Element], list[Element]]:
    """The elements of ``scene`` behind the cast, with the horizon at height ``horizon`` above its feet, and those before it."""
    behind, before = Painter(rng, horizon, time, weather), Painter(rng, horizon, time, weather)
    PLACES[scene](behind)
    if weather == "rain":
        for x in behind.spread(0.42, 0.4):
            y = behind.rng.uniform(-0.22, 0.02)
            behind.add(ELLIPSE, x, y, 0.075, 0.014, (0.80, 0.87, 0.95), 1.0, alpha=0.55)
            behind.add(ELLIPSE, x, y - 0.002, 0.060, 0.009, (0.62, 0.72, 0.84), 1.0, alpha=0.55)
        rain(behind, 22, 0.8)
        rain(before, 12, 1.0)
    return behind.out, before.out
