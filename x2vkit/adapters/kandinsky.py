"""Kandinsky 5: latents have their channels last."""

from x2vkit.adapters.base import Support

SUPPORT = (Support("Kandinsky5T2VPipeline", layout="FHWC", fps=24),)
