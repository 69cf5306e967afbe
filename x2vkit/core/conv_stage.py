"""Convolutions on the latent grid, before and after the transformer's blocks: the detail between and inside
patches.

    B batch; f, h, w latent grid; c channels of a cell; E width of a token

A token holds ph x pw cells, and two linear maps are all that takes cells into it and out again: what lies on
the seam of two patches is then drawn by two tokens that each guess the other. A few 3 x 3 convolutions see
across the seams, at a cost that grows with the cells and not with their square. (Between tokens and pixels
most image transformers keep such a stage: cf. U-ViT, Bao et al. 2023, arXiv 2209.12152, whose last layer is a
3 x 3 convolution, and Hourglass Diffusion Transformers, Crowson et al. 2024, arXiv 2401.11605.)

Unlike the VAE's convolutions these look both ways in time: a clip is denoised as a whole. Where boxes or a
camera say how things move, they look along (warp.py); and every latent frame looks at the first one.

Knows nothing about noise (`modulation` is whatever tells the level), tokens or velocity.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from x2vkit.axes import TIME_STRIDE, Shape3
from x2vkit.core.attention import norm
from x2vkit.core.motion import SPOT_FEATURES, SUBJECTS, TURN_FEATURES, Correspondence, Correspondences
from x2vkit.core.patches import patchify, unpatchify
from x2vkit.core.vae import Conv

FIRST = 24
"""Channels in which a cell is told what the first latent frame shows, for each of its four frames."""


class Turn(nn.Module):
    """What cells see elsewhere, turned as far as what they show is: x + sum over k of wave_k(angle) W_k x.

    The numbers of a picture's block turn with it by a matrix whose entries are waves of the angle (steerable
    filters, Freeman and Adelson 1991); the W_k are learned, from zero.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.waves = nn.Linear(TURN_FEATURES * channels, channels, bias=False)
        nn.init.zeros_(self.waves.weight)

    def forward(self, x: Tensor, turned: Tensor) -> Tensor:
        """x (..., c), turned (..., TURN_FEATURES) -> (..., c)."""
        return x + self.waves((turned[..., :, None] * x[..., None, :]).flatten(-2))


class ConvBlock(nn.Module):
    """A residual block: look around (3 x 3), at the latent frames before and after and at the first one
    (1 x 1), combine (3 x 3). The look at the first one starts silent.
    """

    def __init__(self, channels: int, follow: bool) -> None:
        super().__init__()
        self.around = Conv(channels, channels)
        self.before = nn.Linear(channels, channels, bias=False)
        self.after = nn.Linear(channels, channels, bias=False)
        self.to_first = nn.Linear(channels, FIRST, bias=False) if follow else None
        self.from_first = nn.Linear(TIME_STRIDE * FIRST, channels, bias=False) if follow else None
        goes = channels - channels // 2
        self.turns = nn.ModuleList(Turn(size) for size in (goes, goes, FIRST)) if follow else None
        self.combine = Conv(channels, channels, zero=True)
        if self.from_first is not None:
            nn.init.zeros_(self.from_first.weight)

    def forward(self, x: Tensor, shift: Tensor, scale: Tensor, links: Correspondences | None = None) -> Tensor:
        """x (B, f, h, w, c); shift and scale broadcast to it -> (B, f, h, w, c). Without links every cell
        looks at its own place.
        """
        y = F.silu(torch.addcmul(shift, norm(x), scale))                          # (B, f, h, w, c)
        found = convolve(self.around, y)                                          # (B, f, h, w, c)
        if x.shape[1] > 1:
            past, future = self.before(y[:, :-1]), self.after(y[:, 1:])           # (B, f - 1, h, w, c) twice
            if links is not None and self.turns is not None:
                past = _along(links.before, past, self.turns[0])
                future = _along(links.after, future, self.turns[1])
            if self.to_first is not None and self.from_first is not None:
                past = past + self.from_first(self._first(self.to_first(y[:, :1]), links, x.shape[1] - 1))
            nothing = torch.zeros_like(y[:, :1])
            found = found + torch.cat([nothing, past], dim=1) + torch.cat([future, nothing], dim=1)
        return x + convolve(self.combine, F.silu(found))                          # (B, f, h, w, c)

    def _first(self, shown: Tensor, links: Correspondences | None, later: int) -> Tensor:
        """What the first latent frame shows (B, 1, h, w, FIRST), as each later one sees it in its four frames
        (B, later, h, w, 4 FIRST).
        """
        if links is None or self.turns is None:
            return shown.repeat(1, 1, 1, 1, TIME_STRIDE).expand(-1, later, -1, -1, -1)
        seen = links.first.weights.flatten(1, 2) @ shown.flatten(1, 3)            # (B, later 4 n, FIRST)
        seen = self.turns[2](seen, links.first.turned.flatten(1, 2))
        h, w = shown.shape[2:4]
        return seen.reshape(len(shown), later, h, w, -1)


def _along(look: Correspondence, x: Tensor, turn: Turn) -> Tensor:
    """Cells (B, k, h, w, c) as those that look at them see them: half of the channels, the others keep to the
    screen, since the sky does not go with the camera.
    """
    goes, stays = x.chunk(2, dim=-1)
    seen = turn(look.weights @ goes.flatten(2, 3), look.turned)                   # (B, k, n, c / 2)
    return torch.cat([seen.reshape(goes.shape), stays], dim=-1)


def convolve(layer: Conv, x: Tensor) -> Tensor:
    """A convolution over rows and columns of x (B, f, h, w, c), every latent frame by itself. Channels stay
    last in memory, as the processor's convolutions want them.
    """
    y = layer(x.flatten(0, 1).permute(0, 3, 1, 2))                                # (B * f, c', h, w)
    return y.permute(0, 2, 3, 1).unflatten(0, x.shape[:2])                        # (B, f, h, w, c')


class ConvStage(nn.Module):
    """The convolutions beside the blocks: `look` at the noisy cells first, `draw` their detail last.

    It starts silent: what it adds to the tokens and to the answer is zero until training changes that.
    control_channels: of the raster that cells are shown beside the spot of a subject that they lie on, which
    they then look up in the first latent frame, too; 0 for neither.
    """

    def __init__(
        self, latent_channels: int, patch: Shape3, width: int, channels: int, control_channels: int = 0
    ) -> None:
        super().__init__()
        self.patch, cells = patch, prod(patch)
        self.enter = Conv(latent_channels, channels)
        follow, spots = bool(control_channels), SPOT_FEATURES + control_channels
        self.spots_in = nn.Linear(spots, channels, bias=False) if follow else None
        turns = SUBJECTS * TIME_STRIDE * TURN_FEATURES
        self.turns_in = nn.Linear(turns, channels, bias=False) if follow else None
        self.first = ConvBlock(channels, follow)
        self.to_tokens = nn.Linear(channels * cells, width, bias=False)
        self.from_tokens = nn.Linear(width, channels * cells)
        self.last = nn.ModuleList(ConvBlock(channels, follow) for _ in range(2))
        self.modulation = nn.Linear(width, 2 * 3 * channels)
        self.leave = Conv(channels, latent_channels, zero=True)
        for told in (self.spots_in, self.turns_in):
            if told is not None:
                nn.init.zeros_(told.weight)
        nn.init.zeros_(self.to_tokens.weight)
        nn.init.zeros_(self.modulation.weight)
        with torch.no_grad():
            self.modulation.bias.copy_(torch.tensor([0.0, 1.0] * 3).repeat_interleave(channels))

    def look(
        self,
        shown: Tensor,
        levels: Sequence[Tensor],
        latent_shape: Shape3,
        links: Correspondences | None = None,
        control: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Patches (B, N, P) and `levels` -> cells (B, f, h, w, c), and what tokens hear (B, N, E). control
        (B, 10, f, h, w) is read beside links only.
        """
        latents = unpatchify(shown, self.patch, latent_shape).permute(0, 2, 3, 4, 1)  # (B, f, h, w, C)
        cells = convolve(self.enter, latents)                                     # (B, f, h, w, c)
        if links is not None and self.spots_in is not None and self.turns_in is not None:
            raster = cells.new_zeros(*cells.shape[:-1], self.spots_in.in_features - SPOT_FEATURES)
            if control is not None:
                raster = control.permute(0, 2, 3, 4, 1).to(cells.dtype)           # (B, f, h, w, 10)
            spots = torch.cat([links.spots, raster], dim=-1)
            cells = cells + self.spots_in(spots) + self.turns_in(links.turns)     # (B, f, h, w, c)
        cells = self.first(cells, *levels[0:2], links)                            # (B, f, h, w, c)
        return cells, self.to_tokens(patchify(cells.permute(0, 4, 1, 2, 3), self.patch))

    def draw(
        self, cells: Tensor, tokens: Tensor, levels: Sequence[Tensor], links: Correspondences | None = None
    ) -> Tensor:
        """Cells (B, f, h, w, c), tokens (B, N, E) and `levels` -> an answer (B, N, P)."""
        grid = (cells.shape[1], cells.shape[2], cells.shape[3])
        told = unpatchify(self.from_tokens(tokens), self.patch, grid)             # (B, c, f, h, w)
        cells = cells + told.permute(0, 2, 3, 4, 1)                               # (B, f, h, w, c)
        for i, block in enumerate(self.last):
            cells = block(cells, *levels[2 + 2 * i : 4 + 2 * i], links)           # (B, f, h, w, c)
        answer = convolve(self.leave, F.silu(norm(cells)))                        # (B, f, h, w, C)
        return patchify(answer.permute(0, 4, 1, 2, 3), self.patch)                # (B, N, P)

    def levels(self, level: Tensor, latent_shape: Shape3) -> tuple[Tensor, ...]:
        """What every token's noise level (B, N or 1, E) means to the blocks: shift and scale of the first,
        the second and the third, each (B, f, h, w, c) or (B, 1, 1, 1, c).
        """
        values = self.modulation(level)                                           # (B, N or 1, 6 c)
        if level.shape[1] == 1:
            return values[:, :, None, None].chunk(6, dim=-1)
        (f, h, w), (pt, ph, pw) = latent_shape, self.patch
        grid = values.unflatten(1, (f // pt, h // ph, w // pw))
        for axis, size in enumerate((pt, ph, pw), start=1):
            grid = grid.repeat_interleave(size, dim=axis)
        return grid.chunk(6, dim=-1)
