"""Latents as a model leaves them, beside the clips they should have been: what a decoder meets in practice.

A real clip's latents are half drowned in noise, and the model finishes them as it does in sampling
(`X2VPipeline(video=..., strength=...)`). What comes out shows the same thing with the model's own faults:
specks, seams, smears. A decoder that learns the clip from it learns to leave them out. (A decoder that does
the last of the denoising: LTX-Video, HaCohen et al. 2024, arXiv 2501.00103.)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from x2vkit.core.planner import Plan

STRENGTHS = (0.1, 0.45)
"""Part of the steps that the model does: the noise hides detail, then shape, but not yet what is where."""
STEPS, GUIDANCE = 20, 4.0
"""As in sampling by default."""


@dataclass(frozen=True)
class Dreams:
    """n clips and what the model made of them."""

    latents: np.ndarray
    """float16 (n, C, f, h, w), normalised"""
    frames: np.ndarray
    """uint8 (n, F, H, W, 3)"""
    subject: np.ndarray
    """bool (n, F, H, W)"""


def dream(pipeline: Path, clips: list[Any], seed: int, quiet: bool = False) -> Dreams:
    """What the pipeline in this folder makes of footage; each clip with its caption, strength and noise."""
    from x2vkit.pipeline import X2VPipeline

    pipe = X2VPipeline.from_pretrained(pipeline)
    pipe.set_progress_bar_config(disable=True)
    rng = np.random.default_rng(seed)
    made = []
    for clip in tqdm(clips, desc="clips remade", unit="clip", disable=quiet):
        made.append(
            pipe(
                clip.caption,
                video=clip.frames,
                plan=_plan(clip),
                strength=float(rng.uniform(*STRENGTHS)),
                num_frames=len(clip.frames),
                height=clip.frames.shape[1],
                width=clip.frames.shape[2],
                num_inference_steps=STEPS,
                guidance_scale=GUIDANCE,
                generator=torch.Generator().manual_seed(int(rng.integers(2**31))),
                output_type="latent",
            ).frames
        )
    masks = [np.zeros(c.frames.shape[:3], bool) if c.ids is None else c.ids > 0 for c in clips]
    latents = torch.cat(made).cpu().numpy().astype(np.float16)
    return Dreams(latents, np.stack([clip.frames for clip in clips]), np.stack(masks))


def _plan(clip: Any) -> Plan | bool:
    """The plan that footage would have been drawn along; False where its truth is not known."""
    if clip.truth is None:
        return False
    return Plan.of_truth(clip.truth.boxes, clip.truth.mouth[:, 0], clip.truth.camera)
