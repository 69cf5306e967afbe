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
    """Paint ``table`` (F, P, K) float32; return frames (F, H, W, 3) uint8 and object ids (F, H, W) uint8."""
    frames = np.empty((table.shape[0], height, width, 3), np.uint8)
    ids = np.zeros((table.shape[0], height, width), np.uint8)
    _render(np.ascontiguousarray(table, np.float32), frames, ids)
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
def _coverage(p: np.ndarray, u: float, v: float, inner: float, outer: float) -> float:
    """How much of the pixel at the local point (u, v) primitive ``p`` covers, 0 .. 1.

    ``inner`` and ``outer`` bound the rim of an ellipse (squares of its normalised radius), so that the exact distance
    is worked out only there.
    """
    rx, ry = p[RX], p[RY]
    if v < p[TOP] * ry - p[SOFT] or v > p[BOTTOM] * ry + p[SOFT]:
        return 0.0
    if p[KIND] == ELLIPSE:
        a, b = u / rx, v / ry
        q = a * a + b * b
        if q >= outer:
            return 0.0
        if q <= inner:
            d = -p[SOFT]
        else:  # first-order distance: value of the implicit function over its gradient
            k0 = math.sqrt(q)
            a, b = a / rx, b / ry
            d = k0 * (k0 - 1.0) / (math.sqrt(a * a + b * b) + 1e-6)
    else:
        half = rx * max(1.0 + p[TAPER] * v / ry, 0.0)
        slope = p[TAPER] * rx / ry
        corner = p[CORNER] * min(rx, ry)
        qx = (abs(u) - half) / math.sqrt(1.0 + slope * slope) + corner
        qy = abs(v) - ry + corner
        if qx > 0.0 and qy > 0.0:
            d = math.sqrt(qx * qx + qy * qy) - corner
        else:
            d = max(qx, qy) - corner
    if p[TOP] > -1.0:
        d = max(d, p[TOP] * ry - v)
    if p[BOTTOM] < 1.0:
        d = max(d, v - p[BOTTOM] * ry)
    return min(max(0.5 - d / p[SOFT], 0.0), 1.0)


@nb.njit(cache=True, fastmath=True, nogil=True)
def _render(table: np.ndarray, frames: np.ndarray, ids: np.ndarray) -> None:
    n, height, width = ids.shape
    for f in range(n):
        canvas = np.zeros((height, width, 3), np.float32)
        for i in range(table.shape[1]):
            p = table[f, i]
            if p[ALPHA] <= 0.0 or p[RX] <= 0.0 or p[RY] <= 0.0:
                continue
            reach_x, reach_y = _reach(p)
            x0, x1 = max(int(p[X] - reach_x), 0), min(int(p[X] + reach_x) + 2, width)
            y0, y1 = max(int(p[Y] - reach_y), 0), min(int(p[Y] + reach_y) + 2, height)
            if x0 >= x1 or y0 >= y1:
                continue
            c, s = math.cos(p[ANGLE]), math.sin(p[ANGLE])
            span = abs(s) * p[RX] + abs(c) * p[RY]
            rim = p[SOFT] / min(p[RX], p[RY])
            inner, outer = max(1.0 - rim, 0.0) ** 2, (1.0 + rim) ** 2
            plain = p[KIND] == BOX and p[CORNER] == 0.0 and p[TAPER] == 0.0 and p[ANGLE] == 0.0 and p[RX] > 2 * width
            for y in range(y0, y1):
                dy = y + 0.5 - p[Y]
                mix = min(max(0.5 + 0.5 * dy / span, 0.0), 1.0)
                r = p[R1] + (p[R2] - p[R1]) * mix
                g = p[G1] + (p[G2] - p[G1]) * mix
                b = p[B1] + (p[B2] - p[B1]) * mix
                row = _coverage(p, 0.0, dy, inner, outer) * p[ALPHA] if plain else 0.0
                for x in range(x0, x1):
                    dx = x + 0.5 - p[X]
                    a = row if plain else _coverage(p, c * dx + s * dy, c * dy - s * dx, inner, outer) * p[ALPHA]
                    if a > 0.0:
                        canvas[y, x, 0] += (r - canvas[y, x, 0]) * a
                        canvas[y, x, 1] += (g - canvas[y, x, 1]) * a
                        canvas[y, x, 2] += (b - canvas[y, x, 2]) * a
                        if a > 0.5 and p[ID] >= 0.0:
                            ids[f, y, x] = np.uint8(p[ID])
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
            for y in range(int(p[Y] - reach_y - oy), min(int(p[Y] + reach_y - oy) + 2, mask.shape[0])):
                dy = y + oy + 0.5 - p[Y]
                for x in range(int(p[X] - reach_x - ox), min(int(p[X] + reach_x - ox) + 2, mask.shape[1])):
                    dx = x + ox + 0.5 - p[X]
                    if _coverage(p, c * dx + s * dy, c * dy - s * dx, inner, outer) * p[ALPHA] > 0.5:
                        mask[y, x] = 1
        out[f] = mask.sum()
