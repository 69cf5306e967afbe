"""Prompt and conditions -> frames: a `diffusers.DiffusionPipeline`, and what it takes."""

from x2vkit.pipeline.outputs import ClipStep, X2VPipelineOutput
from x2vkit.pipeline.x2v import X2VPipeline

__all__ = ["ClipStep", "X2VPipeline", "X2VPipelineOutput"]
