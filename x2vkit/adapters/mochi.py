"""Mochi: one call of attention for each sample of a batch, without filler; noise levels rise."""

from x2vkit.adapters.base import Support

SUPPORT = (Support("MochiPipeline", layout="CFHW", fps=30),)
