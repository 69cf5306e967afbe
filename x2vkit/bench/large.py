"""A made-up run of the size that people make with real models, to measure and to test views on.

C, f, h, w latents; N video tokens, D channels of a head
"""

from __future__ import annotations

from typing import Any

import numpy as np

from x2vkit.axes import Geometry, Shape3
from x2vkit.trace import Trace


def large_trace(
    steps: int = 4,
    heads: int = 2,
    channels: int = 64,
    sites: int = 1,
    latent: Shape3 = (21, 60, 104),
    **changes: Any,
) -> Trace:
    """A run of the size that people make: 81 frames of 832 x 480, 21 x 30 x 52 patches = 32,760 tokens and 20
    words. A bright disc moves right over a slope of colours; a patch attends to where it looks alike.
    """
    rng = np.random.default_rng(0)
    f, h, w = latent
    geometry = Geometry(4, 8, (1, 2, 2), (("text", 20), ("video", f * (h // 2) * (w // 2))))
    F, H, W = geometry.pixel_shape(*latent)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    times = np.arange(f, dtype=np.float32)[:, None, None]
    disc = np.hypot(y - h / 2, x - w * (0.2 + 0.6 * times / max(f - 1, 1))) < h / 5  # (f, h, w)
    colours = np.stack([np.where(disc, 0.9, slope) for slope in (y / h - 0.5, x / w - 0.5, 0.3 - y / h)])
    mix = rng.normal(size=(16, 3)).astype(np.float32)
    clean = np.einsum("ck,kfhw->cfhw", mix, colours)  # (16, f, h, w)
    noise = rng.normal(size=clean.shape).astype(np.float32)
    t = np.linspace(1, 0, steps + 1, dtype=np.float32)
    cells = np.rint((colours.transpose(1, 2, 3, 0).clip(-1, 1) + 1) * 127.5).astype(np.uint8)
    frames = cells[[geometry.latent_frame_of(i) for i in range(F)]].repeat(8, 1).repeat(8, 2)
    patches = clean[:, :, ::2, ::2].reshape(16, -1).T  # (N, 16)
    vectors = np.concatenate([rng.normal(size=(20, 16)), patches]) @ rng.normal(size=(16, heads * channels))
    vectors = vectors.reshape(-1, heads, channels).transpose(1, 0, 2) / 4
    taken = [(step, layer) for layer in (3, 12, 24) for step in range(steps)][:sites]
    parts: dict[str, Any] = {
        "request": {
            "prompt": "a bright disc moves right",
            "model": "somebody/large",
            "guidance": 5.0,
            "steps": steps,
        },
        "words": tuple(f"w{i}" for i in range(20)),
        "unknown": (),
        "t": t,
        "latents": np.stack([(1 - u) * clean + u * noise for u in t]).astype(np.float16),
        "pred_x0": np.stack([clean * (1 - u / 3) for u in t[:-1]]).astype(np.float16),
        "frames": frames,
        "fps": 16,
        "queries": {site: vectors.astype(np.float16) for site in taken},
        "keys": {site: vectors.astype(np.float16) for site in taken},
        "heads": tuple(range(heads)),
        "geometry": geometry,
    }
    return Trace(**(parts | changes))
