"""CogVideoX: text and video in one attention, text first; latents have their frames before their channels."""

from x2vkit.adapters.base import Support

SUPPORT = (Support("CogVideoXPipeline", layout="FCHW", fps=8),)
