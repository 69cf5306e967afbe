"""Sizes that a pipeline's configs and a call's arguments say, for what a run itself does not show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from x2vkit.adapters.base import Support

TEMPORAL = ("vae_scale_factor_temporal", "vae_temporal_compression_ratio", "vae_temporal_scale_factor")
SPATIAL = (
    "vae_scale_factor_spatial",
    "vae_spatial_compression_ratio",
    "vae_spatial_scale_factor",
    "vae_scale_factor",
)
OF_VAE = {
    "temporal": ("temporal_compression_ratio", "scale_factor_temporal"),
    "spatial": ("spatial_compression_ratio", "scale_factor_spatial"),
}
FRAMES = ("num_frames", "video_length", "frames")
RATES = ("frame_rate", "fps")


def temporal_stride(pipe: Any) -> int | None:
    """Frames in one latent frame, where pipeline or VAE say it."""
    return _stated(pipe, TEMPORAL, "temporal")


def spatial_stride(pipe: Any) -> int | None:
    """Pixels along one side of a latent position, where pipeline or VAE say it."""
    return _stated(pipe, SPATIAL, "spatial")


def _stated(pipe: Any, names: tuple[str, ...], kind: str) -> int | None:
    vae = getattr(pipe, "vae", None)
    config = getattr(vae, "config", {})
    found = [getattr(pipe, name, None) for name in names]
    found += [config.get(name) or (vars(vae).get(name) if vae is not None else None) for name in OF_VAE[kind]]
    return next((int(value) for value in found if isinstance(value, (int, float)) and value >= 1), None)


def expected_latents(pipe: Any, call: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """(C, f, h, w) of a call by configs alone; zeros where they do not say."""
    config = getattr(getattr(pipe, "vae", None), "config", {})
    channels = config.get("latent_channels") or config.get("z_dim") or 0
    long, side = temporal_stride(pipe) or 1, spatial_stride(pipe) or 0
    frames = next((call[name] for name in FRAMES if isinstance(call.get(name), int)), 0)
    height, width = (call.get(name) or 0 for name in ("height", "width"))
    if not (frames and side and height and width):
        return int(channels), 0, 0, 0
    return int(channels), (frames - 1) // long + 1, int(height) // side, int(width) // side


def frames_a_second(call: Mapping[str, Any], support: Support) -> float:
    """As the call says it, else as the family does."""
    said = next(
        (call[name] for name in RATES if isinstance(call.get(name), (int, float)) and call[name]), None
    )
    return float(said or support.fps)
