"""Wan: self attention over the video, cross attention to the words; filler words are attended to."""

from x2vkit.adapters.base import Support

SUPPORT = (Support("WanPipeline", layout="CFHW", fps=16),)
