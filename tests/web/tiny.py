"""A tiny pipeline of random weights that has every part a page can hold: planner, convolutions, subject-
relative positions.
"""

from __future__ import annotations

from functools import cache

import torch

from x2vkit.core.planner import Planner
from x2vkit.core.sampler import make_scheduler
from x2vkit.core.text import TextEncoder
from x2vkit.core.transformer import VideoTransformer
from x2vkit.core.vae import VideoVAE
from x2vkit.pipeline.x2v import X2VPipeline

VOCABULARY = ["a", "red", "blue", "ball", "dog", "bouncing", "jumping"]


@cache
def pipeline() -> X2VPipeline:
    """The same in every run."""
    torch.manual_seed(0)
    sizes = {"latent_channels": 4, "width": 32, "depth": 2, "heads": 4, "text_width": 32, "conv_width": 16}
    transformer = VideoTransformer(**sizes, subject_rope=True)
    vae = VideoVAE(latent_channels=4, widths=(16, 16, 16))
    text = TextEncoder(VOCABULARY, {"puppy": "dog", "please": ""}, width=32, depth=1, max_words=6)
    planner = Planner(text.words, width=32, depth=1, heads=2, max_words=6)
    with torch.no_grad():  # parts that start at zero would hide differences
        for model, size in ((transformer, 0.1), (vae, 0.03), (planner, 0.2)):
            for parameter in model.parameters():
                parameter.add_(size * torch.randn_like(parameter))
        for model in (transformer, vae, text, planner):
            for parameter in model.parameters():
                parameter.copy_(parameter.half())  # as the page keeps them
        vae.linear.components.normal_(std=0.1)
        vae.preview_weight.normal_(std=0.1)
    parts = (vae.eval(), text.eval(), transformer.eval(), make_scheduler("euler"), planner.eval())
    pipe = X2VPipeline(*parts)
    pipe.set_progress_bar_config(disable=True)
    return pipe
