"""Enlarging: how near does a clip drawn at twice the size come to the same scene, rendered at that size?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from x2vkit.core.upscaler import SCALE, bicubic
from x2vkit.judge.judge import FPS
from x2vkit.judge.prompts import scenes
from x2vkit.judge.report import Figure
from x2vkit.judge.sampling import APART, USUAL, ClipSampler
from x2vkit.judge.suites.common import mean_or_none
from x2vkit.pipeline.outputs import to_uint8
from x2vkit.processes import share
from x2vkit.studio.upscale import as_video, encoded, kept
from x2vkit.studio.upscale import upscale as enlarge
from x2vkit.world import Truth

KNOWN_AS = "video super-resolution x2: PSNR"
Clip = NDArray[np.uint8]


def upscale(run: ClipSampler) -> Iterator[Figure]:
    """PSNR of enlarged clips of the world to the world drawn at that size, of what moves and of all."""
    specs = scenes(run.prompts, run.seed)
    seed = run.seed + APART

    def one(i: int) -> list[float]:
        small = run.world.render(specs[i], seed + i, *USUAL, fps=FPS)
        frames, height, width = USUAL
        large = run.world.render(specs[i], seed + i, frames, SCALE * height, SCALE * width, fps=FPS)
        run.bar.update()
        moving = moving_subjects(large.truth, large.ids)
        clips = [_enlarged(small.frames)]
        if run.pipeline is not None:
            trace = encoded(small.frames, FPS, run.pipeline.vae)
            decoded = run.pipeline.decode(torch.tensor(trace.latents[-1:]).float())[0]
            drawn = enlarge(replace(trace, frames=decoded), pipeline=run.pipeline)
            clips += [_stretched(decoded), drawn.frames]
        return [_psnr(clip, large.frames, mask) for mask in (moving, np.ones_like(moving)) for clip in clips]

    found = np.array(share(range(len(specs)), one)).reshape(len(specs), 2, -1)
    for i, name in enumerate(("moving subjects, enlarged", "whole frames, enlarged")):
        counted = found[:, i][np.isfinite(found[:, i]).all(axis=1)].T.tolist()
        what = "of pixels of subjects that move" if i == 0 else "of all pixels"
        meaning = (
            f"mean PSNR, {what}, of clips that are encoded, decoded, enlarged, to the same scenes drawn at "
            "that size; baseline: by bicubic interpolation; ceiling: the rendered small clip, enlarged"
        )
        made = counted[1:] or [[], []]
        yield Figure(
            name,
            "resolution",
            meaning,
            float(np.mean(counted[0])),
            mean_or_none(made[1]),
            count=len(counted[0]),
            unit="dB",
            baseline=mean_or_none(made[0]),
            known_as=KNOWN_AS,
        )


def moving_subjects(truth: Truth, ids: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels (F, H, W) of subjects in frames into which they moved by a pixel of the small clip or more."""
    moved = np.linalg.norm(np.nan_to_num(truth.motion), axis=-1) * USUAL[2] >= 1  # (F, O)
    each = [(ids == i + 1) & moved[:, i, None, None] for i in range(moved.shape[1])]
    return np.any(each, axis=0)


def _enlarged(frames: Clip) -> Clip:
    """A clip (F, H, W, 3) as `x2vkit.upscale` enlarges what comes as pixels."""
    video = as_video(frames)
    return to_uint8(kept(bicubic(video), video).clamp(-1, 1))[0]


def _stretched(frames: Clip) -> Clip:
    """A clip (F, H, W, 3) at twice the size by bicubic interpolation."""
    return to_uint8(bicubic(as_video(frames)).clamp(-1, 1))[0]


def _psnr(made: Clip, truth: Clip, mask: NDArray[np.bool_]) -> float:
    """Peak signal-to-noise ratio in dB where a mask (F, H, W) is set; NaN where it is nowhere."""
    if not mask.any():
        return float("nan")
    error = np.square(made[mask].astype(np.float32) - truth[mask]).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-6)))
