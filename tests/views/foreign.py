"""Traces of models that are not x2vkit's: other strides, another patch, and audio or no words in the
sequence.
"""

from __future__ import annotations

import numpy as np

from x2vkit.axes import Geometry
from x2vkit.trace import Trace

GEOMETRIES = {
    "causal": Geometry(8, 32, (1, 1, 1), (), True),
    "not causal": Geometry(8, 32, (1, 1, 1), (), False),
    "audio": Geometry(8, 32, (1, 1, 1), (("text", 3), ("video", 24), ("audio", 5)), True),
    "video first": Geometry(4, 8, (2, 1, 2), (("image", 2), ("video", 8), ("text", 3)), False),
    "no words": Geometry(8, 32, (1, 1, 1), (("video", 24),), False),
}


def foreign_trace(geometry: Geometry, seed: int = 0, **changes: object) -> Trace:
    """Random numbers in the shapes of such a model: 3 x 2 x 4 latent positions of 5 channels, 3 steps."""
    rng = np.random.default_rng(seed)
    latent, steps, channels, words = (3, 2, 4), 3, 5, ("a", "red", "ball")
    F, H, W = geometry.pixel_shape(*latent)
    kinds = geometry.token_kinds or (("text", len(words)), ("video", 24))
    tokens = sum(count for _, count in kinds)
    pixels = geometry.temporal_stride * geometry.spatial_stride**2 * 3

    def half(*shape: int) -> np.ndarray:
        return (0.3 * rng.normal(size=shape)).astype(np.float16)

    sites = [(0, 0), (2, 1)]
    parts: dict = {
        "request": {"prompt": "a red ball", "model": "somebody/else", "guidance": 7.5, "steps": steps},
        "words": words,
        "unknown": (),
        "t": np.linspace(1, 0, steps + 1, dtype=np.float32),
        "latents": half(steps + 1, channels, *latent),
        "pred_x0": half(steps, channels, *latent),
        "frames": rng.integers(0, 256, (F, H, W, 3), dtype=np.uint8),
        "fps": 24,
        "queries": {site: half(2, tokens, 8) for site in sites},
        "keys": {site: half(2, tokens, 8) for site in sites},
        "heads": (0, 5),
        "geometry": geometry,
        "preview_weight": half(pixels, channels),
        "preview_bias": half(pixels),
    }
    return Trace(**(parts | changes))
