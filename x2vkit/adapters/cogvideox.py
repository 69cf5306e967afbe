"""CogVideoX and ConsisID: text first, then video, in one attention; latents have frames before channels."""

from x2vkit.adapters.base import Support

SUPPORT = (
    Support("CogVideoXPipeline", layout="FCHW", fps=8),
    Support("ConsisIDPipeline", layout="FCHW", fps=8),
)
