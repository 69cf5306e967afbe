"""Prompt and conditions -> frames: a `diffusers.DiffusionPipeline`, and what it takes."""

from x2vkit.pipeline.x2v import X2VOutput, X2VPipeline

__all__ = ["X2VOutput", "X2VPipeline"]
