"""Sana Video and Sana WM: self attention that is linear, all of it or most of it, and forms no rows."""

from x2vkit.adapters.base import Support

SUPPORT = (
    Support("SanaVideoPipeline", layout="CFHW", fps=16),
    Support("SanaWMPipeline", layout="NC", fps=16),
)
