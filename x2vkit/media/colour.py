"""Colour that a clip cannot hold: transparency over a fill, and HDR light as a normal screen shows it."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Colour: TypeAlias = tuple[int, int, int]
"""RGB, 0 .. 255."""
WHITE: Colour = (255, 255, 255)
REFERENCE_WHITE = 203.0
"""Candela a square metre of a sheet of paper in HDR (ITU-R BT.2408)."""
PEAK = 1000.0
"""Candela a square metre that still can be told from more."""
FROM_BT2020 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
"""Linear RGB of BT.2020 -> of BT.709 (ITU-R BT.2087)."""


def over(rgba: NDArray[np.uint8], fill: Colour) -> NDArray[np.uint8]:
    """A picture (..., 4) with alpha, laid over a colour -> (..., 3)."""
    alpha = rgba[..., 3:].astype(np.float32) / 255
    mixed = rgba[..., :3] * alpha + np.array(fill, np.float32) * (1 - alpha)
    return np.round(mixed).astype(np.uint8)


def tone_mapped(rgb: NDArray[np.floating], kind: str) -> NDArray[np.uint8]:
    """An HDR picture as coded, (..., 3) in [0, 1] with BT.2020 primaries -> uint8 sRGB.

    Paper white comes out near white; what is brighter is pressed together (Reinhard's curve with a white
    point). kind: "pq" (SMPTE ST 2084) or "hlg" (ARIB STD-B67, on a screen of 1000 cd/m2).
    """
    light = (_pq(rgb) if kind == "pq" else _hlg(rgb)) / REFERENCE_WHITE
    light = np.clip(light @ FROM_BT2020.T, 0, None)
    luma = light @ np.array([0.2126, 0.7152, 0.0722])
    white = PEAK / REFERENCE_WHITE
    # straight up to half of paper white, then bent, so that shadows and faces keep their brightness
    knee = 0.5
    above = np.maximum(luma - knee, 0)
    span, room = white - knee, 1 - knee
    bent = knee + room * np.log1p(above / room) / np.log1p(span / room)
    mapped = np.where(luma > knee, np.minimum(bent, 1), luma)
    linear = np.clip(light * (mapped / np.maximum(luma, 1e-6))[..., None], 0, 1)
    coded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(coded * 255).astype(np.uint8)


def _pq(coded: NDArray[np.floating]) -> NDArray[np.floating]:
    """Coded values -> candela a square metre, by ST 2084's EOTF."""
    root = coded ** (1 / 78.84375)
    return 10_000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)


def _hlg(coded: NDArray[np.floating]) -> NDArray[np.floating]:
    """Coded values -> candela a square metre: the inverse OETF of BT.2100, then a system gamma of 1.2."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(coded <= 0.5, coded**2 / 3, (np.exp((coded - c) / a) + b) / 12)
    luma = scene @ np.array([0.2627, 0.6780, 0.0593])
    return 1000 * scene * (np.maximum(luma, 1e-9) ** 0.2)[..., None]
