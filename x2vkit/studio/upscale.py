"""Enlarge: a clip at twice its height and width.

Sora and Gen-2 sell resolution. Without more, a clip is stretched by bicubic interpolation and then corrected
until it is the given one again when it is made small (iterative back-projection: Irani and Peleg 1991), which
no interpolation alone is. Latents know more than pixels do: a second head of the decoder (core/upscaler.py),
trained on a world that can be drawn at any size, draws them at twice the size.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor
from torch.nn import functional as F

from x2vkit import media
from x2vkit.axes import SPACE_STRIDE, TIME_STRIDE, Geometry, check_shape
from x2vkit.config import is_number
from x2vkit.core.upscaler import SCALE, Upscaler, bicubic
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.media import Frames
from x2vkit.pipeline.outputs import to_uint8
from x2vkit.registry import DEFAULT_MODEL
from x2vkit.run.load import chosen
from x2vkit.trace import Trace

LARGEST_SIDE = 192
"""Pixels of the longer side of what is enlarged: a head learns things at the size that they have there."""
ALIKE = 12
"""Steps of 255 by which a clip may differ from what its latents draw and count as theirs: rounding of latents
to 8 bits makes 6.
"""
ROUNDS = 3
"""Times that the error against given pixels is put back."""


def upscale(
    clip: Trace | Frames | str | os.PathLike[str],
    factor: int = SCALE,
    *,
    fps: float = 12,
    head: str | os.PathLike[str] | None = None,
    pipeline: Any = None,
) -> Trace:
    """A clip at twice its height and width.

    >>> large = x2vkit.upscale(x2vkit.generate("a red ball bouncing on the beach"))
    >>> large.frames.shape
    (17, 256, 256, 3)

    Args:
        clip: a trace of x2vkit's own model; or frames, uint8 (F, H, W, 3); or a video's file, which is read
            at its size, cut to whole latent positions.
        factor: 2.
        fps: frames a second of frames or of a file's reading.
        head: folder of a trained head, such as `x2vkit train upscale` writes: it draws the clip from its
            latents. None: interpolation with back-projection, which no training is needed for.
        pipeline: an X2VPipeline whose autoencoder made the latents; by default the one that ships.

    Returns:
        The trace, with larger frames and a spatial stride of 16 pixels; all else of the run is as it was. Of
        frames or a file: a trace of one step that holds their latents.

    Raises:
        X2VError: another factor; a trace of another model; a clip that is large already, or whose size is
            not of whole latent positions; a folder without a head for this autoencoder.
    """
    if not is_number(factor) or factor != SCALE:
        raise X2VError(f"factor={factor!r:.40}", f"clips are drawn {SCALE} times as large", f"use {SCALE}")
    vae = chosen(pipeline, DEFAULT_MODEL).vae
    upscaler = None if head is None else read_head(head, vae)
    trace = clip if isinstance(clip, Trace) else encoded(_read(clip, fps), fps, vae)
    _check(trace, vae)
    made_by = {"call": "upscale", "factor": SCALE} | ({"head": str(head)} if head else {})
    made_by |= {"clip": dict(trace.made_by)} if trace.made_by else {}
    weight, bias = (_enlarged(each) for each in (trace.preview_weight, trace.preview_bias))
    return replace(
        trace,
        frames=enlarged(trace, vae, upscaler),
        geometry=replace(trace.geometry, spatial_stride=SCALE * SPACE_STRIDE),
        previews=None,
        preview_weight=weight,
        preview_bias=bias,
        made_by=made_by,
    )


def read_head(folder: str | os.PathLike[str], vae: VideoVAE) -> Upscaler:
    """A trained head, on the autoencoder's device. Raises X2VError where there is none for its decoder."""
    if not isinstance(folder, (str, os.PathLike)):
        cure = "name the folder upscaler/ of a run of `x2vkit train upscale`"
        raise X2VError(f"head={folder!r:.60}", "a head is the folder of a trained one", cure)
    path = Path(folder)
    try:
        (path / "config.json").stat()  # before it is taken for a name on the Hub
        upscaler = Upscaler.from_pretrained(path, torch_dtype=vae.dtype, local_files_only=True)
    except (OSError, ValueError, SafetensorError) as error:
        cure = "name the folder upscaler/ of a run of `x2vkit train upscale`"
        raise X2VError(f"head {str(path)!r}", "there is no trained head in this folder", cure) from error
    there, here = upscaler.config.widths[0], vae.config.widths[0]
    if there != here:
        rule = f"it reads {there} features, and the decoder has {here}"
        raise X2VError(f"head {str(path)!r}", rule, "train one on this autoencoder: --vae")
    return upscaler.to(vae.device).eval()


def encoded(frames: Frames, fps: float, vae: VideoVAE) -> Trace:
    """Frames (F, H, W, 3) as a trace that holds their latents: one step, at noise level 0.

    Raises X2VError for what is no clip, or not of whole latent positions.
    """
    media.check_clip(frames, fps)
    frames = np.asarray(frames)
    count, height, width, _ = frames.shape
    check_shape(count, height, width)
    with torch.inference_mode():
        latents = _latents(frames, vae).cpu().numpy().astype(np.float16)
    return Trace(
        request={"prompt": "", "fps": fps, "num_frames": count, "height": height, "width": width},
        words=(),
        unknown=(),
        t=np.zeros(2, np.float32),
        latents=np.concatenate([latents, latents]),
        pred_x0=latents,
        frames=frames,
        fps=fps,
    )


def _read(clip: Any, fps: float) -> Frames:
    """Frames as they are; of a file as many as make whole latents, of a size that does."""
    if not isinstance(clip, (str, os.PathLike, np.ndarray)):
        got, rule = f"a clip of type {type(clip).__name__}", "a clip is a Trace, frames or a file"
        raise X2VError(got, rule, "give a Trace, uint8 frames (F, H, W, 3) or a path")
    if isinstance(clip, np.ndarray):
        return clip
    media.check_fps(fps)
    info = media.video_info(clip)
    side = 2 * SPACE_STRIDE
    height, width = (max(side, size // side * side) for size in (info.height, info.width))
    _check_side(height, width, f"video {str(clip)!r}")
    frames = media.read_video(clip, None, height, width, fps)
    return frames[: 1 + (len(frames) - 1) // TIME_STRIDE * TIME_STRIDE]


def _check(trace: Trace, vae: VideoVAE) -> None:
    """Raise X2VError unless the trace's latents are of this kind, and its clip is small enough."""
    own, found = Geometry(), trace.geometry
    if found.spatial_stride == SCALE * SPACE_STRIDE and trace.made_by.get("call") == "upscale":
        raise X2VError(f"{trace!r}", "this clip is enlarged already", "use it as it is")
    same = (found.temporal_stride, found.spatial_stride) == (own.temporal_stride, own.spatial_stride)
    if trace.coverage or not same or trace.latents.shape[1] != vae.config.latent_channels:
        name = trace.coverage.get("pipeline", "another model")
        rule = "the result keeps the latents, and they are not of x2vkit's own autoencoder"
        raise X2VError(
            f"a trace of {name}", rule, "give its frames, which are encoded: upscale(trace.frames)"
        )
    _, height, width, _ = trace.frames.shape
    _check_side(height, width, "a clip")


def _check_side(height: int, width: int, what: str) -> None:
    if max(height, width) > LARGEST_SIDE:
        got = f"{what} of {height} x {width}"
        rule = f"what is enlarged has at most {LARGEST_SIDE} pixels a side, as the model's own clips"
        raise X2VError(got, rule, "scale it first: x2vkit.media.read_video(path, height=128, width=128)")


@torch.inference_mode()
def enlarged(trace: Trace, vae: VideoVAE, head: Upscaler | None) -> Frames:
    """The clip of a trace, (F, 2 H, 2 W, 3): by a head from its latents where they draw it, else what its
    pixels say is kept.
    """
    given = as_video(trace.frames).to(vae.device)
    if head is None:
        return to_uint8(kept(bicubic(given), given).clamp(-1, 1))[0]
    latents = torch.tensor(trace.latents[-1:].astype(np.float32)).to(vae.device, vae.dtype)
    known = to_uint8(vae.decode_latents(latents).float().clamp(-1, 1))[0]
    if np.abs(known.astype(np.int16) - trace.frames).max() <= ALIKE:
        return to_uint8(head.decode(vae, latents).float().clamp(-1, 1))[0]
    video = head.decode(vae, _latents(trace.frames, vae).to(vae.dtype)).float()
    return to_uint8(kept(video, given).clamp(-1, 1))[0]


def kept(large: Tensor, small: Tensor) -> Tensor:
    """A clip (1, 3, F, 2 H, 2 W) changed so that, made small again, it is the given one (1, 3, F, H, W)."""
    for _ in range(ROUNDS):
        large = large + bicubic(small - F.avg_pool3d(large, (1, SCALE, SCALE)))
    return large


def _latents(frames: Frames, vae: VideoVAE) -> Tensor:
    return vae.encode_video(as_video(frames).to(vae.device, vae.dtype)).float()


def as_video(frames: Frames) -> Tensor:
    """uint8 (F, H, W, 3) -> (1, 3, F, H, W) in [-1, 1]."""
    return torch.tensor(frames).permute(3, 0, 1, 2)[None].float() / 127.5 - 1


def _enlarged(linear: NDArray[Any] | None) -> NDArray[Any] | None:
    """A linear preview, (P, ...) for 4 x 8 x 8 pixels of a latent position, for 4 x 16 x 16."""
    if linear is None:
        return None
    apart = linear.reshape(TIME_STRIDE, SPACE_STRIDE, SPACE_STRIDE, 3, -1)
    large = apart.repeat(SCALE, axis=1).repeat(SCALE, axis=2)
    return large.reshape(-1, *linear.shape[1:])
