"""A transformer taken apart for lesson 7, and models with one bug planted in each.

C, f, h, w latent grid; T words of D channels; N patches of P numbers; L = T + N tokens of E channels
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from x2vkit.axes import Shape3
from x2vkit.core.patches import patchify, position_features, rotary_table, unpatchify
from x2vkit.core.transformer import VideoTransformer, precondition

BUGS = ("words", "level", "neighbours")
"""What a model of `planted` ignores."""
Model = Callable[[Tensor, float, Tensor], Tensor]
"""(latents (C, f, h, w), level, words (T, D)) -> velocity (C, f, h, w)."""


class Parts:
    """The parts of one `VideoTransformer`, for clips of one latent grid beside T words."""

    def __init__(self, model: VideoTransformer, grid: Shape3, words: int) -> None:
        self.model, self.grid = model, grid
        tokens = model.token_grid(grid)
        kind = torch.device("cpu"), torch.float32
        with torch.no_grad():
            self.positions = model.pos_embed(position_features(tokens, *kind))
            """(N, E): where each patch lies, to be added to it."""
        self._turns = rotary_table(tokens, words, model.head_dim, *kind)
        self.blocks = [self._block(i) for i in range(len(model.blocks))]
        """Each takes (tokens (L, E), level) to tokens (L, E)."""

    def cut(self, latents: Tensor) -> Tensor:
        """(C, f, h, w) -> patches (N, P)."""
        return patchify(latents[None], self.model.patch)[0]

    def paste(self, patches: Tensor) -> Tensor:
        """Patches (N, P) -> (C, f, h, w)."""
        return unpatchify(patches[None], self.model.patch, self.grid)[0]

    def scales(self, level: float) -> tuple[Tensor, Tensor, Tensor]:
        """c_in, c_skip and c_out of a noise level, each (P,)."""
        c_in, c_skip, c_out = precondition(torch.tensor([[level]]), self.model.patch_std)
        return c_in[0, 0], c_skip[0, 0], c_out[0, 0]

    def embed(self, patches: Tensor) -> Tensor:
        """Patches (N, P) -> tokens (N, E)."""
        return self.model.patch_embed(patches)

    def read(self, words: Tensor) -> Tensor:
        """Words (T, D) -> tokens (T, E)."""
        return self.model.text_embed(words)

    def last(self, tokens: Tensor, level: float) -> Tensor:
        """Tokens of the patches (N, E) -> patches (N, P)."""
        final = self.model.final_layer
        return final.linear(final.modulate(tokens[None], self._level(level)))[0]

    def _level(self, level: float) -> Tensor:
        return self.model.t_embedder(torch.tensor([[level]]), torch.float32)

    def _block(self, index: int) -> Callable[[Tensor, float], Tensor]:
        def run(tokens: Tensor, level: float) -> Tensor:
            modulation = self.model.adaln(self._level(level)).unflatten(2, (6, -1))
            return self.model.blocks[index](tokens[None], modulation, self._turns)[0]

        return run


def tiny_transformer(noise: float = 0.2) -> VideoTransformer:
    """Two blocks of width 16 for latents of 4 channels and words of 8, the same each time.

    noise: deviation of what is added to all weights; 0 leaves the model as it is before training.
    """
    torch.manual_seed(0)
    model = VideoTransformer(4, width=16, depth=2, heads=2, text_width=8).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.add_(noise * torch.randn_like(parameter))
    return model


def planted(bug: str = "", model: VideoTransformer | None = None) -> Model:
    """A model that ignores one of `BUGS`, or none of them.

    model: whose weights it has; a tiny one where it is left out, for latents (4, 2, 4, 4) and words (3, 8).
    """
    healthy = model or tiny_transformer()

    def run(latents: Tensor, level: float, words: Tensor) -> Tensor:
        if bug == "words":
            words = torch.zeros_like(words)
        level = 0.5 if bug == "level" else level
        # A model whose tokens never meet sees each latent frame by itself.
        clips = latents.split(1, dim=1) if bug == "neighbours" else [latents]
        t = torch.tensor([[level]])
        with torch.no_grad():
            found = [healthy(clip[None], t, words[None], return_dict=False)[0][0] for clip in clips]
        return torch.cat(found, dim=1)

    return run


def sampled(predict: Callable[[Tensor, float], Tensor], noise: Tensor, steps: int) -> Tensor:
    """Follow a velocity from noise to a clip, in equal steps of the noise level."""
    x, levels = noise, torch.linspace(1, 0, steps + 1).tolist()
    with torch.no_grad():
        for t, r in pairwise(levels):
            x = x - (t - r) * predict(x, t)
    return x
