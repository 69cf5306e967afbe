"""LTX-Video and LTX-2: latents are rows of tokens; LTX-2 makes sound beside them."""

from x2vkit.adapters.base import Support

SUPPORT = (
    Support("LTXPipeline", layout="NC", fps=25),
    Support("LTX2Pipeline", layout="NC", fps=24),
)
