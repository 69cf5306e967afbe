"""The video transformer: noisy latents, noise level, text and conditions -> velocity.

    B batch; C, f, h, w latent grid; T text tokens, N video tokens, L = T + N (text first); E width; P patch
    values

One joint stream: text and video tokens pass through the same blocks and see each other in full attention
(cf. SD3, arXiv 2403.03206, with one set of weights instead of two). Every token carries its own noise level
t, so a clean frame next to noisy ones is just a token whose t is 0 (cf. Diffusion Forcing, arXiv 2407.01392).

Knows nothing about how t falls from 1 to 0 (sampler.py), what conditions mean (conditions.py), or pixels
(vae.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.loaders import PeftAdapterMixin
from torch import Tensor, nn
from torch.nn import functional as F

from x2vkit.axes import TIME_STRIDE, Shape3
from x2vkit.config import FORMAT_VERSION, ModelConfig, check_format
from x2vkit.core.attention import MASK_VALUE, Attention, norm
from x2vkit.core.conv_stage import ConvStage
from x2vkit.core.motion import Correspondences, links
from x2vkit.core.patches import (
    POSITION_FEATURES,
    patchify,
    position_features,
    rotary_angles,
    rotary_table,
    turns_of,
    unpatchify,
)
from x2vkit.core.subject_rope import of_heads, places

LEVEL_FEATURES = 128
"""Sines and cosines that describe a noise level to the network."""


@dataclass(frozen=True)
class Precomputed:
    """What boxes and camera of a batch mean to the model, worked out by `VideoTransformer.along`."""

    rotary: tuple[Tensor, Tensor]
    """How queries and keys are turned: (L, D) twice, or (B, A, L, D) where places go with what moves
    (follow.py).
    """
    links: Correspondences | None
    """Where cells look in other latent frames (warp.py); None: at their own place."""


class VideoTransformer(ModelMixin, ConfigMixin, PeftAdapterMixin):
    """Velocity (noise - video) of every latent cell, as a function of everything that is known about the
    clip.

    Built to do nothing at first: every block's output projections, the conditions' inputs and the last layer
    start at zero, so the untrained model answers with the best linear guess (`precondition`), and control and
    camera change nothing until training gives them weight.

    spread: standard deviation of each latent channel in the training data; empty: 1 for all.
    """

    config_name = "config.json"
    _supports_gradient_checkpointing = False
    _no_split_modules = ["Block"]

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 24,
        patch: Sequence[int] = (1, 2, 2),
        width: int = 256,
        depth: int = 6,
        heads: int = 4,
        mlp_ratio: int = 4,
        text_width: int = 128,
        control_channels: int = 10,
        camera_channels: int = 4,
        conv_width: int = 0,
        follow: bool = False,
        spread: Sequence[float] = (),
        format_version: int = FORMAT_VERSION,
    ) -> None:
        super().__init__()
        check_format(format_version)
        each = torch.tensor(list(spread) or [1.0] * latent_channels)
        pt, ph, pw = self.patch = (patch[0], patch[1], patch[2])
        self.head_dim = width // heads
        self.register_buffer("deviation", each.repeat_interleave(pt * ph * pw))  # (P,)
        self.patch_in = nn.Linear(latent_channels * pt * ph * pw, width)
        self.place_in = nn.Linear(POSITION_FEATURES, width, bias=False)
        self.text_in = nn.Linear(text_width, width)
        self.control_in = nn.Linear(control_channels * pt * ph * pw, width, bias=False)
        self.camera_in = nn.Linear(camera_channels * pt, width, bias=False)
        self.level_in = nn.Sequential(
            nn.Linear(LEVEL_FEATURES, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )
        self.modulation = nn.Linear(width, 6 * width, bias=False)
        self.blocks = nn.ModuleList(Block(width, heads, mlp_ratio) for _ in range(depth))
        self.last_modulation = nn.Linear(width, 2 * width)
        self.patch_out = nn.Linear(width, latent_channels * pt * ph * pw)
        silent = [self.control_in, self.camera_in, self.modulation, self.last_modulation, self.patch_out]
        self.cells = (
            ConvStage(latent_channels, self.patch, width, conv_width, control_channels * follow)
            if conv_width
            else None
        )
        for layer in silent:
            nn.init.zeros_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.last_modulation.bias[width:] = 1.0  # shift, scale start at 0, 1

    @classmethod
    def from_model_config(cls, config: ModelConfig, spread: Sequence[float] = ()) -> VideoTransformer:
        """The untrained model of one size, for latents whose channels have these standard deviations."""
        names = ["latent_channels", "patch", "width", "depth", "heads", "mlp_ratio", "text_width"]
        names += ["control_channels", "camera_channels", "conv_width", "follow"]
        return cls(**{name: getattr(config, name) for name in names}, spread=spread)

    def forward(
        self,
        latents: Tensor,
        t: Tensor,
        text: Tensor,
        text_mask: Tensor | None = None,
        control: Tensor | None = None,
        camera: Tensor | None = None,
        boxes: Tensor | None = None,
        consistency: bool = False,
        keep: Tensor | None = None,
        along: Precomputed | None = None,
    ) -> Tensor:
        """latents (B, C, f, h, w) -> velocity (B, C, f, h, w).

        t: noise level (B, 1), one for the clip (the fast path), or (B, N), one for each token.
        text (B, T, text_width) and text_mask (B, T), True on real words. control (B, 10, f, h, w) and
        camera (B, f, 4), zeros where nothing is given. boxes (B, F, 2, 5): those that the raster shows, as
        numbers, zeros where out of sight or not given. consistency: every clip of the batch also looks at the
        others. keep (B, M) int64: let the blocks work only on these video tokens and return their velocity as
        patches (B, M, P), a cheaper training step (arXiv 2306.09305). along: what `along` says of these
        conditions, if it is known already.
        """
        latent_shape = (latents.shape[2], latents.shape[3], latents.shape[4])
        pt, ph, pw = self.patch
        grid = (latent_shape[0] // pt, latent_shape[1] // ph, latent_shape[2] // pw)
        T, device, dtype = text.shape[1], latents.device, compute_dtype(latents)
        along = along or self.along(latent_shape, T, control, camera, boxes, device, dtype)

        patches = patchify(latents, self.patch)                                   # (B, N, P)
        scale_in, guess, scale_out = precondition(t, self.deviation)              # (B, N or 1, P) three times
        shown = (patches * scale_in).to(dtype)                                    # (B, N, P)
        level = self.level_in(level_features(t).to(dtype))                        # (B, N or 1, E)
        x = self.patch_in(shown) + self.place_in(position_features(grid, device, dtype))  # (B, N, E)
        if control is not None:
            x = x + self.control_in(patchify(control, self.patch))                # (B, N, E)
        if camera is not None:
            moves = self.camera_in(camera.reshape(len(camera), grid[0], -1))      # (B, n_t, E)
            x = x + moves.repeat_interleave(grid[1] * grid[2], dim=1)             # (B, N, E)
        if self.cells is not None:
            cell_levels = self.cells.levels(level, latent_shape)
            # (B, f, h, w, c), (B, N, E)
            cells, seen = self.cells.look(shown, cell_levels, latent_shape, along.links, control)
            x = x + seen                                                          # (B, N, E)
        rotary = along.rotary                                                     # ((B, A,) L, D) twice
        whole = x                                                                 # (B, N, E), every token
        if keep is not None:  # from here N is M
            x = rows(x, keep)                                                     # (B, N, E)
            level = rows(level, keep) if level.shape[1] > 1 else level            # (B, N or 1, E)
            rotary = tuple(pick(table, keep, T) for table in rotary)              # (B, 1 or A, L, D) twice
        x = torch.cat([self.text_in(text), x], dim=1)                             # (B, L, E)

        bias = None
        if text_mask is not None:
            hidden = F.pad(~text_mask, (0, x.shape[1] - T))[:, None, None, :]     # (B, 1, 1, L)
            bias = torch.zeros_like(hidden, dtype=dtype).masked_fill(hidden, MASK_VALUE)
        words_level = level
        if t.shape[1] > 1:  # words take the clip's highest level
            highest = self.level_in(level_features(t.amax(1, keepdim=True)).to(dtype))  # (B, 1, E)
            words_level = torch.cat([highest.expand(-1, T, -1), level], dim=1)    # (B, L, E)
        modulation = self.modulation(words_level).unflatten(2, (6, -1))           # (B, L or 1, 6, E)

        for block in self.blocks:
            x = block(x, modulation, rotary, bias, T if consistency else None)    # (B, L, E)

        shift, scale = self.last_modulation(level).chunk(2, dim=2)                # (B, N or 1, E) twice
        x = torch.addcmul(shift, norm(x[:, T:]), scale)                           # (B, N, E)
        answer = self.patch_out(x)                                                # (B, N, P)
        if self.cells is not None:
            told = x if keep is None else torch.zeros_like(whole).scatter(1, _index(keep, whole), x)
            drawn = self.cells.draw(cells, told, cell_levels, along.links)        # (B, N, P), of every token
            answer = answer + (drawn if keep is None else rows(drawn, keep))      # (B, N, P)
        if keep is not None:
            patches = rows(patches, keep)                                         # (B, N, P)
            guess, scale_out = (rows(v, keep) if v.shape[1] > 1 else v for v in (guess, scale_out))
        answer = (answer * scale_out + patches * guess).to(latents.dtype)         # (B, N, P)
        return answer if keep is not None else unpatchify(answer, self.patch, latent_shape)  # (B, C, f, h, w)

    def along(
        self,
        latent_shape: Shape3,
        words: int,
        control: Tensor | None,
        camera: Tensor | None,
        boxes: Tensor | None,
        device: torch.device,
        dtype: torch.dtype,
    ) -> Precomputed:
        """What conditions of `forward` mean to clips of this latent shape beside so many words. It is the
        same in every step of a run, so it needs to be worked out once.
        """
        f, h, w = latent_shape
        grid = (f // self.patch[0], h // self.patch[1], w // self.patch[2])
        given = next((each for each in (control, camera, boxes) if each is not None), None)
        if not self.config.follow or given is None:
            return Precomputed(rotary_table(grid, words, self.head_dim, device, dtype), None)
        if control is None:
            control = given.new_zeros(len(given), self.config.control_channels, f, h, w)
        turn = None if boxes is None else boxes[..., 4]                           # (B, F, 2)
        ways = rotary_angles(places(grid, self.patch, control, camera, turn), self.head_dim)  # (B, K, N, D/2)
        turns = turns_of(ways, words, device, dtype)
        cos, sin = (table[:, of_heads(self.config.heads)] for table in turns)     # (B, A, L, D) twice
        if self.cells is None:
            return Precomputed((cos, sin), None)
        boxes = given.new_zeros(len(given), TIME_STRIDE * (f - 1) + 1, 2, 5) if boxes is None else boxes
        camera = given.new_zeros(len(given), f, self.config.camera_channels) if camera is None else camera
        return Precomputed((cos, sin), links(latent_shape, boxes, camera, dtype))


class Block(nn.Module):
    """Attention, then MLP; each normed, modulated by the noise level, and added through a gate.

    One projection of the noise level is shared by all blocks and a learned table per block shifts it (adaLN-
    single, PixArt-alpha, arXiv 2310.00426): the modulation of a plain DiT would be a third of all weights.
    """

    def __init__(self, width: int, heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0, 1.0])[:, None].repeat(1, width))
        self.attention = Attention(width, heads)
        self.up = nn.Linear(width, mlp_ratio * width)
        self.down = nn.Linear(mlp_ratio * width, width)
        for layer in (self.attention.out, self.down):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        x: Tensor,
        modulation: Tensor,
        rotary: tuple[Tensor, Tensor],
        bias: Tensor | None,
        shared_from: int | None,
    ) -> Tensor:
        """x (B, L, E), modulation (B, L or 1, 6, E) -> (B, L, E)."""
        shift1, scale1, gate1, shift2, scale2, gate2 = (modulation + self.table.to(x.dtype)).unbind(2)
        y = torch.addcmul(shift1, norm(x), scale1)                                # (B, L, E)
        x = torch.addcmul(x, gate1, self.attention(y, rotary, bias, shared_from))  # (B, L, E)
        y = torch.addcmul(shift2, norm(x), scale2)                                # (B, L, E)
        y = F.gelu(self.up(y))                                                    # (B, L, 4E)
        return torch.addcmul(x, gate2, self.down(y))                              # (B, L, E)


def precondition(t: Tensor, spread: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What is known before looking: levels t (B, n) and each value's deviation (P,) -> three (B, n, P).

    If every value were an independent Gaussian of deviation s, then x_t = (1 - t) video + t noise would have
    the variance v = (s (1 - t))^2 + t^2, the best guess of the velocity would be x_t (t - s^2 (1 - t)) / v,
    and that guess would be wrong by a deviation of s / sqrt(v). So the network is shown x_t / sqrt(v), its
    answer is scaled by s / sqrt(v), and the guess is added: at every level it reads and writes numbers of
    about 1, and none of its width is spent on passing noise through (Karras et al. 2022, arXiv 2206.00364,
    section 5, for this path from noise to video).
    """
    t = t.float()[:, :, None]                                                     # (B, n, 1)
    variance = (spread.float() * (1 - t)) ** 2 + t**2                             # (B, n, P)
    guess = (t - spread.float() ** 2 * (1 - t)) / variance
    return variance.rsqrt(), guess, spread.float() * variance.rsqrt()


def compute_dtype(x: Tensor) -> torch.dtype:
    """The dtype to work in: autocast's where it is on. A stream kept in float32 would cost a third of a step.
    """
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


def level_features(t: Tensor) -> Tensor:
    """Noise levels (B, n) in [0, 1] -> sines and cosines (B, n, LEVEL_FEATURES) of waves 1 to 1/1000 levels
    long.
    """
    half = LEVEL_FEATURES // 2
    waves = torch.exp(torch.linspace(0.0, log(1000.0), half, device=t.device))
    angle = t.float()[..., None] * waves
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


def rows(x: Tensor, keep: Tensor) -> Tensor:
    """The kept tokens (B, M) of x (B, N, X) -> (B, M, X)."""
    return x.gather(1, _index(keep, x))


def _index(keep: Tensor, like: Tensor) -> Tensor:
    return keep[:, :, None].expand(-1, -1, like.shape[2])


def pick(table: Tensor, keep: Tensor, text_tokens: int) -> Tensor:
    """Rows of a rotary table (T + N, D) or (B, A, T + N, D) for the kept tokens (B, M) -> (B, 1 or A, T + M,
    D).
    """
    if table.ndim == 2:
        text = table[:text_tokens].expand(len(keep), -1, -1)
        return torch.cat([text, table[text_tokens:][keep]], dim=1).unsqueeze(1)
    at = keep[:, None, :, None].expand(-1, table.shape[1], -1, table.shape[3])   # (B, A, M, D)
    return torch.cat([table[:, :, :text_tokens], table[:, :, text_tokens:].gather(2, at)], dim=2)
