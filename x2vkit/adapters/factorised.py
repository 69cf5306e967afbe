"""Older models of many kinds: Allegro, and those that attend inside a frame and along time apart."""

from x2vkit.adapters.base import Support

SUPPORT = (
    Support("AllegroPipeline", layout="CFHW", fps=15),
    Support("LattePipeline", layout="CFHW", fps=8),
    Support("AnimateDiffPipeline", layout="CFHW", fps=8),
    Support(
        "StableVideoDiffusionPipeline",
        layout="FCHW",
        fps=7,
        inputs={"encoder_hidden_states": "image"},  # the picture's embedding: there are no words
    ),
)
