"""What the bits of a result depend on besides its request and inputs: the weights, and the programs."""

from __future__ import annotations

import hashlib
import json
import platform

import diffusers
import torch
from diffusers import DiffusionPipeline
from torch import nn

import x2vkit
from x2vkit.pipeline.lora import counted_weights, lora_scales
from x2vkit.pipeline.x2v import X2VPipeline


def weights_hash(pipeline: X2VPipeline) -> str:
    """SHA-256 over the names and bytes of all weights that count, in hexadecimal: those of LoRAs with how
    much they count, and not where they are switched off.
    """
    digest = hashlib.sha256()
    parts = (pipeline.text_encoder, pipeline.transformer, pipeline.vae, pipeline.planner)
    for part in (each for each in parts if each is not None):
        scales = lora_scales(part)
        digest.update(json.dumps(scales, sort_keys=True).encode() if scales else b"")
        for name, value in counted_weights(part, scales).items():
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def versions(pipeline: DiffusionPipeline, model: nn.Module) -> dict[str, str]:
    """Versions of the programs, and what a pipeline's denoising model runs on and in."""
    return {
        "x2vkit": x2vkit.__version__,
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": str(pipeline.device),
        "threads": str(torch.get_num_threads()),
        "machine": platform.machine(),
    }
