"""The renderer: a table of soft-edged primitives per frame -> pixels and an object-id map.

It knows nothing about dogs or snow: every row of the table is one ellipse or one rounded, tapered box, painted back
to front. An edge is as wide as a pixel (its signed distance is turned into coverage), so shapes move smoothly between
pixels. Each primitive touches only the pixels of its bounding box, which is what makes it fast.

Axes: F frames, P primitives, K columns of a row (see ``COLUMNS``), H, W pixels. Screen units: pixels, y down.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

COLUMNS = (
    "kind",  # ELLIPSE or BOX
    "x", "y",  # centre, in pixels
    "rx", "ry",  # half width and half height, in pixels
    "angle",  # radians, clockwise on the screen
    "corner",  # of a box: corner radius as a part of the smaller half side, 0 sharp .. 1 round
    "taper",  # of a box: half width is rx * (1 + taper * v / ry); 1 gives a triangle with its tip at the top
    "top", "bottom",  # keep only top <= v / ry <= bottom (-1 .. 1): half discs, caps, hulls
    "r1", "g1", "b1",  # colour at the top of the shape, 0 .. 1
    "r2", "g2", "b2",  # colour at its bottom
    "alpha",  # opacity, 0 .. 1
    "soft",  # width of the edge, in pixels
    "id",  # object id written where the primitive covers more than half of a pixel; -1 leaves the map alone
)
KIND, X, Y, RX, RY, ANGLE, CORNER, TAPER, TOP, BOTTOM, R1, G1, B1, R2, G2, B2, ALPHA, SOFT, ID = range(len(COLUMNS))
ELLIPSE, BOX = 0, 1


def render(table: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Paint ``table`` (F, P, K) float32; return frames (F, H, W, 3) uint8 and object ids (F, H, W) uint8.

    Rows at the table's start that no frame changes (a place under a still camera) are painted once.
    """
    frames = np.empty((table.shape[0], height, width, 3), np.uint8)
    ids = np.zeros((table.shape[0], height, width), np.uint8)
    table = np.ascontiguousarray(table, np.float32)
    moving = (table != table[:1]).any((0, 2))
    _render(table, int(moving.argmax()) if moving.any() else table.shape[1], frames, ids)
    return frames, ids


def areas(table: np.ndarray) -> np.ndarray:
    """(F,) number of pixels that the primitives of ``table`` (F, P, K) cover on an endless canvas."""
    out = np.zeros(table.shape[0], np.int64)
    _areas(np.ascontiguousarray(table, np.float32), out)
    return out


@nb.njit(cache=True, fastmath=True, inline="always")
def _reach(p: np.ndarray) -> tuple[float, float]:
    """Half width and half height, in pixels, of the bounding box of primitive ``p`` with its soft edge."""
    c, s = abs(math.cos(p[ANGLE])), abs(math.sin(p[ANGLE]))
    wide, high = p[RX] * (1 + abs(p[TAPER])), p[RY]
    return c * wide + s * high + p[SOFT], s * wide + c * high + p[SOFT]


@nb.njit(cache=True, fastmath=True, inline="always")
def _coverage(
    kind: float, rx: float, ry: float, radius: float, taper: float, top: float, bottom: float, soft: float, u: float, v: float, inner: float, outer: float
) -> float:
    """How much of the pixel at the local point (u, v) a primitive covers, 0 .. 1; its columns come as numbers, to be kept in registers.

    ``radius`` is that of a box's corners in pixels, ``top`` and ``bottom`` are in pixels. ``inner`` and ``outer`` bound the
    rim of an ellipse (squares of its normalised radius), so that the exact distance is worked out only there.
    """
    if v < top - soft or v > bottom + soft:
        return 0.0
    if kind == ELLIPSE:
        a, b = u / rx, v / ry
        q = a * a + b * b
        if q >= outer:
            return 0.0
        if q <= inner:
            d = -soft
        else:  # first-order distance: value of the implicit function over its gradient
            k0 = math.sqrt(q)
            a, b = a / rx, b / ry
            d = k0 * (k0 - 1.0) / (math.sqrt(a * a + b * b) + 1e-6)
    else:
        half = rx * max(1.0 + taper * v / ry, 0.0)
        slope = taper * rx / ry
        qx = (abs(u) - half) / math.sqrt(1.0 + slope * slope) + radius
        qy = abs(v) - ry + radius
        if qx > 0.0 and qy > 0.0:
            d = math.sqrt(qx * qx + qy * qy) - radius
        else:
            d = max(qx, qy) - radius
    if top > -ry:
        d = max(d, top - v)
    if bottom < ry:
        d = max(d, v - bottom)
    return min(max(0.5 - d / soft, 0.0), 1.0)


@nb.njit(cache=True, fastmath=True, inline="always")
def _numbers(p: np.ndarray) -> tuple[float, float, float, float, float, float, float, float]:
    """The arguments of ``_coverage`` that belong to primitive ``p``."""
    return p[KIND], p[RX], p[RY], p[CORNER] * min(p[RX], p[RY]), p[TAPER], p[TOP] * p[RY], p[BOTTOM] * p[RY], p[SOFT]


@nb.njit(cache=True, fastmath=True, nogil=True)
def _paint(p: np.ndarray, canvas: np.ndarray, ids: np.ndarray) -> None:
    """One primitive onto the canvas (H, W, 3) and the map of ids (H, W)."""
    height, width = ids.shape
    alpha, rx, ry = p[ALPHA], p[RX], p[RY]
    if alpha <= 0.0 or rx <= 0.0 or ry <= 0.0:
        return
    reach_x, reach_y = _reach(p)
    x0, x1 = max(int(p[X] - reach_x), 0), min(int(p[X] + reach_x) + 2, width)
    y0, y1 = max(int(p[Y] - reach_y), 0), min(int(p[Y] + reach_y) + 2, height)
    if x0 >= x1 or y0 >= y1:
        return
    kind, rx, ry, radius, taper, top, bottom, soft = _numbers(p)
    c, s = math.cos(p[ANGLE]), math.sin(p[ANGLE])
    px, py, r1, g1, b1 = p[X], p[Y], p[R1], p[G1], p[B1]
    dr, dg, db, mark = p[R2] - r1, p[G2] - g1, p[B2] - b1, p[ID]
    span = abs(s) * rx + abs(c) * ry
    rim = soft / min(rx, ry)
    inner, outer = max(1.0 - rim, 0.0) ** 2, (1.0 + rim) ** 2
    plain = kind == BOX and radius == 0.0 and taper == 0.0 and p[ANGLE] == 0.0 and rx > 2 * width
    for y in range(y0, y1):
        dy = y + 0.5 - py
        mix = min(max(0.5 + 0.5 * dy / span, 0.0), 1.0)
        r, g, b = r1 + dr * mix, g1 + dg * mix, b1 + db * mix
        row = _coverage(kind, rx, ry, radius, taper, top, bottom, soft, 0.0, dy, inner, outer) * alpha if plain else 0.0
        if plain and row <= 0.0:
            continue
        for x in range(x0, x1):
            dx = x + 0.5 - px
            a = row if plain else _coverage(kind, rx, ry, radius, taper, top, bottom, soft, c * dx + s * dy, c * dy - s * dx, inner, outer) * alpha
            if a > 0.0:
                canvas[y, x, 0] += (r - canvas[y, x, 0]) * a
                canvas[y, x, 1] += (g - canvas[y, x, 1]) * a
                canvas[y, x, 2] += (b - canvas[y, x, 2]) * a
                if a > 0.5 and mark >= 0.0:
                    ids[y, x] = np.uint8(mark)


@nb.njit(cache=True, fastmath=True, nogil=True)
def _render(table: np.ndarray, still: int, frames: np.ndarray, ids: np.ndarray) -> None:
    """Paint every frame; the first ``still`` rows are the same in all of them."""
    n, height, width = ids.shape
    base, marks = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.uint8)
    for i in range(still):
        _paint(table[0, i], base, marks)
    canvas = np.empty_like(base)
    for f in range(n):
        canvas[:] = base
        ids[f] = marks
        for i in range(still, table.shape[1]):
            _paint(table[f, i], canvas, ids[f])
        for y in range(height):
            for x in range(width):
                for k in range(3):
                    frames[f, y, x, k] = np.uint8(min(max(canvas[y, x, k], 0.0), 1.0) * 255.0 + 0.5)


@nb.njit(cache=True, fastmath=True, nogil=True)
def _areas(table: np.ndarray, out: np.ndarray) -> None:
    for f in range(table.shape[0]):
        left, right, high, low = 1e9, -1e9, 1e9, -1e9
        for i in range(table.shape[1]):
            reach_x, reach_y = _reach(table[f, i])
            left, right = min(left, table[f, i, X] - reach_x), max(right, table[f, i, X] + reach_x)
            high, low = min(high, table[f, i, Y] - reach_y), max(low, table[f, i, Y] + reach_y)
        ox, oy = math.floor(left), math.floor(high)
        mask = np.zeros((int(low - oy) + 2, int(right - ox) + 2), np.uint8)
        for i in range(table.shape[1]):
            p = table[f, i]
            if p[RX] <= 0.0 or p[RY] <= 0.0:
                continue
            reach_x, reach_y = _reach(p)
            c, s = math.cos(p[ANGLE]), math.sin(p[ANGLE])
            rim = p[SOFT] / min(p[RX], p[RY])
            inner, outer = max(1.0 - rim, 0.0) ** 2, (1.0 + rim) ** 2
            kind, rx, ry, radius, taper, top, bottom, soft = _numbers(p)
            for y in range(int(p[Y] - reach_y - oy), min(int(p[Y] + reach_y - oy) + 2, mask.shape[0])):
                dy = y + oy + 0.5 - p[Y]
                for x in range(int(p[X] - reach_x - ox), min(int(p[X] + reach_x - ox) + 2, mask.shape[1])):
                    dx = x + ox + 0.5 - p[X]
                    if _coverage(kind, rx, ry, radius, taper, top, bottom, soft, c * dx + s * dy, c * dy - s * dx, inner, outer) * p[ALPHA] > 0.5:
                        mask[y, x] = 1
        out[f] = mask.sum()
