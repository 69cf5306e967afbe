"""What a pipeline answers: its output in the forms of diffusers' video pipelines.

B clips; F, H, W frames and pixels; C, f, h, w latent grid
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from diffusers.utils import BaseOutput
from PIL import Image
from torch import Tensor

from x2vkit.config import is_number
from x2vkit.core.lexicon import Words
from x2vkit.core.planner import Plan
from x2vkit.core.sampler import Step
from x2vkit.errors import X2VError

OUTPUT_TYPES = ("pil", "np", "pt", "latent")
Frames: TypeAlias = "list[list[Image.Image]] | np.ndarray | Tensor"


@dataclass(frozen=True)
class ClipStep(Step):
    """A sampler's Step, with what the model read."""

    words: tuple[Words, ...] = ()
    """One entry per clip: ids, words after synonyms, unknown and dropped words; empty where embeddings were
    given instead of words.
    """
    plan: Plan | None = None
    """What the clips were planned to show, where they were planned."""
    prompt_embeds: Tensor | None = None
    """(B, T, D): the words as text tokens; rows of zeros fill up."""
    negative_prompt_embeds: Tensor | None = None
    """(B, T, D) of the negative prompts; None without guidance."""


@dataclass
class X2VPipelineOutput(BaseOutput):
    """What a run made."""

    frames: Frames
    """B lists of F PIL images for "pil"; float (B, F, H, W, 3) in [0, 1] for "np"; float (B, F, 3, H, W) in
    [0, 1] for "pt"; (B, C, f, h, w) for "latent".
    """
    fps: int
    """Frames a second."""
    words: tuple[Words, ...]
    """How each prompt was read."""
    plan: Plan | None = None
    """Where the subjects were planned to go, and what the camera was to do; None without a plan."""


def check_call(output_type: str, fps: int, tensors: Sequence[str], known: Sequence[str]) -> None:
    """Raise X2VError for an output type, a frame rate or a callback's tensors that there are not."""
    listed = list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]
    if strange := [name for name in listed if not isinstance(name, str) or name not in known]:
        got = f"callback_on_step_end_tensor_inputs {strange!r:.80}"
        raise X2VError(got, f"a callback can be given {', '.join(known)}", "leave the others out")
    if not isinstance(output_type, str) or output_type not in OUTPUT_TYPES:
        rule = f"outputs are {', '.join(OUTPUT_TYPES)}"
        raise X2VError(f"output_type={output_type!r:.60}", rule, "use pil for frames to show, np for numbers")
    if not is_number(fps) or not fps > 0:
        raise X2VError(f"fps={fps!r:.60}", "frames a second are a number above zero", "use 12")


def to_frames(video: Tensor, output_type: str) -> Frames:
    """(B, 3, F, H, W) in [-1, 1] as "pil", "np" or "pt" (see `X2VPipelineOutput.frames`)."""
    if output_type == "pil":
        return [[Image.fromarray(frame) for frame in clip] for clip in to_uint8(video)]
    frames = (video.float().clamp(-1, 1) + 1) / 2  # (B, 3, F, H, W)
    if output_type == "pt":
        return frames.transpose(1, 2).contiguous()
    return frames.permute(0, 2, 3, 4, 1).contiguous().cpu().numpy()


def to_uint8(video: Tensor) -> np.ndarray:
    """(B, 3, F, H, W) in [-1, 1] -> uint8 (B, F, H, W, 3)."""
    scaled = (video.float().clamp(-1, 1) + 1) * 127.5
    return scaled.round().to(torch.uint8).permute(0, 2, 3, 4, 1).contiguous().cpu().numpy()
