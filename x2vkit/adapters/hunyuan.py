"""HunyuanVideo: video first, then text, in one attention; filler words are masked away."""

from x2vkit.adapters.base import Support

SUPPORT = (
    Support("HunyuanVideoPipeline", layout="CFHW", fps=24),
    Support("HunyuanVideo15Pipeline", layout="CFHW", fps=24),
    Support("HunyuanVideoFramepackPipeline", layout="CFHW", fps=30, sectioned=True),
)
