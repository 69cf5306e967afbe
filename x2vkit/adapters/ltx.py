"""LTX-Video: latents are rows of tokens, one for each latent cell."""

from x2vkit.adapters.base import Support

SUPPORT = (Support("LTXPipeline", layout="NC", fps=25),)
