"""The video transformer: noisy latents, noise level, text and conditions -> velocity.

    B batch; C, f, h, w latent grid; T text tokens, N video tokens, L = T + N (text first); E width; P
    numbers of a patch

One joint sequence: text and video tokens pass through the same blocks and attend to each other fully (cf.
SD3, arXiv 2403.03206, with one set of weights instead of two). Every token carries its own noise level t, so
a given frame next to noisy ones is just a token whose t is 0 (cf. Diffusion Forcing, arXiv 2407.01392).

Knows nothing about how t falls from 1 to 0 (sampler.py), what conditions mean (conditions.py), or pixels
(vae.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.loaders import PeftAdapterMixin
from diffusers.models.cache_utils import CacheMixin
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from torch import Tensor, nn
from torch.nn import functional as F

from x2vkit.axes import TIME_STRIDE, Shape3
from x2vkit.config import FORMAT_VERSION, ModelConfig, check_format
from x2vkit.core.attention import MASK_VALUE, BlockMixin, TransformerBlock
from x2vkit.core.conv_stage import ConvStage
from x2vkit.core.layers import TimestepEmbedder, norm
from x2vkit.core.motion import Correspondences, find_correspondences
from x2vkit.core.patches import (
    POSITION_FEATURES,
    patchify,
    position_features,
    rotary_angles,
    rotary_cos_sin,
    rotary_table,
    unpatchify,
)
from x2vkit.core.subject_rope import head_coordinates, relative_positions
from x2vkit.errors import X2VError


@dataclass(frozen=True)
class Precomputed:
    """What boxes and camera of a batch mean to the model, worked out by `VideoTransformer.precompute`."""

    rotary: tuple[Tensor, Tensor]
    """Cosines and sines that rotate queries and keys: (L, D) twice, or (B, A, L, D) where positions go with
    what moves (subject_rope.py).
    """
    correspondences: Correspondences | None
    """Where content lies in other latent frames (motion.py); None: at the same latent position."""


class FinalLayer(nn.Module):
    """Tokens -> patches: norm, modulated by the noise level, and a linear map that starts at zero."""

    def __init__(self, width: int, patch_size: int) -> None:
        super().__init__()
        self.adaln = nn.Linear(width, 2 * width)
        self.linear = nn.Linear(width, patch_size)
        for layer in (self.adaln, self.linear):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.adaln.bias[width:] = 1.0  # shift, scale start at 0, 1

    def modulate(self, x: Tensor, t_embed: Tensor) -> Tensor:
        """x (B, N, E), t_embed (B, N or 1, E) -> (B, N, E): what `linear` reads."""
        shift, scale = self.adaln(t_embed).chunk(2, dim=2)  #                       (B, N or 1, E) twice
        return torch.addcmul(shift, norm(x), scale)  #                              (B, N, E)


class VideoTransformer(BlockMixin, ModelMixin, ConfigMixin, PeftAdapterMixin, CacheMixin):
    """Velocity (noise - video) at every latent position, as a function of everything that is known about the
    clip.

    Built to do nothing at first: every block's output projections, the conditions' embeddings and the last
    layer start at zero, so the untrained model predicts the best linear estimate (`precondition`), and
    control and camera change nothing until training gives them weight.

    Args:
        latent_channels: C of the VAE's latents.
        patch: latent frames, rows and columns in one token.
        width: channels E of a token.
        depth: blocks.
        heads: attention heads of a block.
        mlp_ratio: hidden width of a block's MLP, in widths.
        text_width: channels of a text token.
        control_channels: of the control raster.
        camera_channels: of the camera track.
        conv_width: channels of the convolutions on the latent grid (conv_stage.py); 0 is none.
        subject_rope: whether positions go with subjects and camera where those are given (subject_rope.py).
        latent_std: standard deviation of each latent channel in the training data; empty: 1 for all.
        flow_map: whether it may be told where to arrive, and then predicts the mean velocity on the way
            there (training/distill.py). It has no weights more.
        format_version: of the saved weights.
    """

    config_name = "config.json"
    _no_split_modules = ["TransformerBlock"]
    _repeated_blocks = ["TransformerBlock"]
    _skip_layerwise_casting_patterns = ["patch_embed", "t_embedder", "adaln", "final_layer"]

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
        subject_rope: bool = False,
        latent_std: Sequence[float] = (),
        flow_map: bool = False,
        format_version: int = FORMAT_VERSION,
    ) -> None:
        super().__init__()
        check_format(format_version)
        std = torch.tensor(list(latent_std) or [1.0] * latent_channels)
        pt, ph, pw = self.patch = (patch[0], patch[1], patch[2])
        positions = pt * ph * pw
        self.head_dim = width // heads
        self.register_buffer("patch_std", std.repeat_interleave(positions))  # (P,)
        self.patch_embed = nn.Linear(latent_channels * positions, width)
        self.pos_embed = nn.Linear(POSITION_FEATURES, width, bias=False)
        self.text_embed = nn.Linear(text_width, width)
        self.control_embed = nn.Linear(control_channels * positions, width, bias=False)
        self.camera_embed = nn.Linear(camera_channels * pt, width, bias=False)
        self.t_embedder = TimestepEmbedder(width)
        self.adaln = nn.Linear(width, 6 * width, bias=False)
        self.blocks = nn.ModuleList(TransformerBlock(width, heads, mlp_ratio) for _ in range(depth))
        self.final_layer = FinalLayer(width, latent_channels * positions)
        boxes = control_channels * subject_rope
        self.conv_stage = (
            ConvStage(latent_channels, self.patch, width, conv_width, boxes) if conv_width else None
        )
        for layer in (self.control_embed, self.camera_embed, self.adaln):
            nn.init.zeros_(layer.weight)

    @classmethod
    def from_model_config(
        cls, config: ModelConfig, latent_std: Sequence[float] = (), flow_map: bool = False
    ) -> VideoTransformer:
        """The untrained model of one size, for latents whose channels have these standard deviations."""
        names = ["latent_channels", "patch", "width", "depth", "heads", "mlp_ratio", "text_width"]
        names += ["control_channels", "camera_channels", "conv_width", "subject_rope"]
        return cls(
            **{name: getattr(config, name) for name in names}, latent_std=latent_std, flow_map=flow_map
        )

    def forward(
        self,
        latents: Tensor,
        t: Tensor,
        text: Tensor,
        text_mask: Tensor | None = None,
        control: Tensor | None = None,
        camera: Tensor | None = None,
        boxes: Tensor | None = None,
        shared_attention: bool = False,
        kept_tokens: Tensor | None = None,
        precomputed: Precomputed | None = None,
        r: Tensor | None = None,
        return_dict: bool = True,
    ) -> Transformer2DModelOutput | tuple[Tensor]:
        """Predict the velocity; of a flow map the mean velocity on the way from t down to r.

        Args:
            latents: (B, C, f, h, w).
            t: noise level (B, 1), one for the clip (the fast path), or (B, N), one for each token.
            text: (B, T, text_width).
            text_mask: (B, T) bool, True on real words.
            control: control raster (B, 10, f, h, w), zeros where nothing is given.
            camera: camera track (B, f, 4), zeros where nothing is given.
            boxes: (B, F, 2, 5), those that the raster shows, as numbers; zeros where out of sight or not
                given.
            shared_attention: every clip of the batch also attends to the others.
            kept_tokens: (B, M) int64: let the blocks work only on these video tokens, a cheaper training step
                (arXiv 2306.09305).
            precomputed: what `precompute` makes of these conditions, if it is known already.
            r: noise level of arrival, shaped as t and at most t; None is t itself, where the mean is the
                velocity. What is seen is at t, and what is drawn arrives at r: so the first two thirds of
                the blocks are told t, and the others and all that follows are told r (Decoupled MeanFlow,
                Lee et al. 2025, arXiv 2510.24474).
            return_dict: False returns a tuple, as everywhere in diffusers.

        Returns:
            `sample` (B, C, f, h, w); with kept_tokens their patches alone, (B, M, P).

        Raises:
            X2VError: r, of a model that is no flow map.
        """
        if r is not None and not self.config.flow_map:
            rule = "this model was not taught to arrive anywhere: its config says flow_map=false"
            raise X2VError("r", rule, "leave it out, or make a flow map of it: x2vkit train distill")
        latent_shape = (latents.shape[2], latents.shape[3], latents.shape[4])
        grid, T, dtype = self.token_grid(latent_shape), text.shape[1], compute_dtype(latents)
        known = precomputed or self.precompute(latent_shape, T, control, camera, boxes, latents.device, dtype)

        patches = patchify(latents, self.patch)  #                                  (B, N, P)
        c_in, c_skip, c_out = precondition(t, self.patch_std)  #                    (B, N or 1, P) three times
        scaled = (patches * c_in).to(dtype)  #                                      (B, N, P)
        t_embed = self.t_embedder(t, dtype)  #                                      (B, N or 1, E)
        r_embed = t_embed if r is None else self.t_embedder(r, dtype)  #            (B, N or 1, E)
        x = self.patch_embed(scaled) + self.pos_embed(position_features(grid, latents.device, dtype))
        if control is not None:
            x = x + self.control_embed(patchify(control, self.patch))  #            (B, N, E)
        if camera is not None:
            moves = self.camera_embed(camera.reshape(len(camera), grid[0], -1))  #  (B, n_t, E)
            x = x + moves.repeat_interleave(grid[1] * grid[2], dim=1)  #            (B, N, E)
        if self.conv_stage is not None:
            modulations = self.conv_stage.modulations(t_embed, latent_shape)
            if r is not None:  # its first block encodes, the others decode: a shift and a scale of each
                arriving = self.conv_stage.modulations(r_embed, latent_shape)
                modulations = (*modulations[:2], *arriving[2:])
            features, read = self.conv_stage.encode(  #                             (B, f, h, w, c), (B, N, E)
                scaled, modulations, latent_shape, known.correspondences, control
            )
            x = x + read  #                                                         (B, N, E)
        rotary = known.rotary  #                                                    ((B, A,) L, D) twice
        every = x  #                                                                (B, N, E)
        if kept_tokens is not None:  # from here N is M
            x = gather_tokens(x, kept_tokens)  #                                    (B, N, E)
            t_embed = gather_tokens(t_embed, kept_tokens)  #                        (B, N or 1, E)
            r_embed = gather_tokens(r_embed, kept_tokens)  #                        (B, N or 1, E)
            rotary = tuple(gather_rotary(table, kept_tokens, T) for table in rotary)  # (B, 1 or A, L, D)

        x = torch.cat([self.text_embed(text), x], dim=1)  #                         (B, L, E)
        bias = None if text_mask is None else attention_bias(text_mask, x.shape[1], dtype)  # (B, 1, 1, L)
        now = then = self._modulation(t_embed, t, T)  #                             (B, L or 1, 6, E)
        if r is not None:
            then = self._modulation(r_embed, r, T)  #                               (B, L or 1, 6, E)
        for i, block in enumerate(self.blocks):
            told = now if 3 * i < 2 * len(self.blocks) else then
            x = self._block(block, x, told, rotary, bias, T if shared_attention else None)  # (B, L, E)

        x = self.final_layer.modulate(x[:, T:], r_embed)  #                         (B, N, E)
        out = self.final_layer.linear(x)  #                                         (B, N, P)
        if self.conv_stage is not None:
            tokens = x if kept_tokens is None else scatter_tokens(x, kept_tokens, every)
            detail = self.conv_stage.decode(features, tokens, modulations, known.correspondences)
            out = out + gather_tokens(detail, kept_tokens)  #                       (B, N, P)
        patches, c_skip, c_out = (gather_tokens(each, kept_tokens) for each in (patches, c_skip, c_out))
        out = (out * c_out + patches * c_skip).to(latents.dtype)  #                 (B, N, P)
        sample = unpatchify(out, self.patch, latent_shape) if kept_tokens is None else out
        return Transformer2DModelOutput(sample) if return_dict else (sample,)

    def token_grid(self, latent_shape: Shape3) -> Shape3:
        """Latent grid (f, h, w) -> tokens along time, rows and columns (n_t, n_h, n_w)."""
        (f, h, w), (pt, ph, pw) = latent_shape, self.patch
        return f // pt, h // ph, w // pw

    def precompute(
        self,
        latent_shape: Shape3,
        text_tokens: int,
        control: Tensor | None,
        camera: Tensor | None,
        boxes: Tensor | None,
        device: torch.device,
        dtype: torch.dtype,
    ) -> Precomputed:
        """What conditions of `forward` mean to clips of this latent shape beside so many text tokens. It is
        the same in every step of a run, so it needs to be worked out once.
        """
        f, h, w = latent_shape
        grid = self.token_grid(latent_shape)
        given = next((each for each in (control, camera, boxes) if each is not None), None)
        if not self.config.subject_rope or given is None:
            return Precomputed(rotary_table(grid, text_tokens, self.head_dim, device, dtype), None)
        if control is None:
            control = given.new_zeros(len(given), self.config.control_channels, f, h, w)
        angle = None if boxes is None else boxes[..., 4]  #                         (B, F, 2)
        positions = relative_positions(grid, self.patch, control, camera, angle)  # (B, K, N, 3)
        tables = rotary_cos_sin(rotary_angles(positions, self.head_dim), text_tokens, device, dtype)
        cos, sin = (table[:, head_coordinates(self.config.heads)] for table in tables)  # (B, A, L, D) twice
        if self.conv_stage is None:
            return Precomputed((cos, sin), None)
        boxes = given.new_zeros(len(given), TIME_STRIDE * (f - 1) + 1, 2, 5) if boxes is None else boxes
        camera = given.new_zeros(len(given), f, self.config.camera_channels) if camera is None else camera
        return Precomputed((cos, sin), find_correspondences(latent_shape, boxes, camera, dtype))

    def enable_cache(self, config: Any) -> None:
        """Skip blocks in steps that change little, by diffusers' FirstBlockCacheConfig or MagCacheConfig.

        Raises:
            X2VError: a cache that hooks what these blocks do not have.
        """
        from diffusers.hooks import FirstBlockCacheConfig, MagCacheConfig
        from diffusers.hooks._helpers import TransformerBlockMetadata, TransformerBlockRegistry

        if not isinstance(config, (FirstBlockCacheConfig, MagCacheConfig)):
            rule = "it hooks attention processors, and these blocks have one joint attention instead"
            raise X2VError(type(config).__name__, rule, "use FirstBlockCacheConfig or MagCacheConfig")
        if len(self.blocks) < 2:
            rule = "a cache skips all blocks but the first, and this model has one"
            raise X2VError(type(config).__name__, rule, "leave it out")
        TransformerBlockRegistry.register(TransformerBlock, TransformerBlockMetadata(0))
        super().enable_cache(config)

    def _modulation(self, t_embed: Tensor, t: Tensor, text_tokens: int) -> Tensor:
        """What embedded levels (B, N or 1, E) tell a block: (B, L or 1, 6, E)."""
        return self.adaln(self._with_text(t_embed, t, text_tokens)).unflatten(2, (6, -1))

    def _with_text(self, t_embed: Tensor, t: Tensor, text_tokens: int) -> Tensor:
        """Embedded levels of the video tokens with those of the text before them: the clip's highest.
        (B, N or 1, E) -> (B, L or 1, E).
        """
        if t.shape[1] == 1:
            return t_embed
        highest = self.t_embedder(t.amax(1, keepdim=True), t_embed.dtype)  #        (B, 1, E)
        return torch.cat([highest.expand(-1, text_tokens, -1), t_embed], dim=1)  #  (B, L, E)


def precondition(t: Tensor, std: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """c_in, c_skip and c_out of levels t (B, n), for values of these standard deviations (P,): three (B, n,
    P).

    If every value were an independent Gaussian of deviation s, then x_t = (1 - t) video + t noise would have
    the variance v = (s (1 - t))^2 + t^2, the best estimate of the velocity would be x_t (t - s^2 (1 - t)) /
    v, and that estimate would be wrong by a deviation of s / sqrt(v). So the network F is shown c_in x_t
    with c_in = 1 / sqrt(v), and the prediction is c_skip x_t + c_out F(c_in x_t) with c_skip = (t - s^2 (1 -
    t)) / v and c_out = s / sqrt(v): at every level F reads and writes numbers of about 1, and none of its
    width is spent on passing noise through (Karras et al. 2022, arXiv 2206.00364, section 5, for this path
    from noise to video).
    """
    t = t.float()[:, :, None]  #                                                    (B, n, 1)
    variance = (std.float() * (1 - t)) ** 2 + t**2  #                               (B, n, P)
    c_skip = (t - std.float() ** 2 * (1 - t)) / variance
    return variance.rsqrt(), c_skip, std.float() * variance.rsqrt()


def compute_dtype(x: Tensor) -> torch.dtype:
    """The dtype to work in: autocast's where it is on. A stream kept in float32 would cost a third of a
    step.
    """
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


def attention_bias(text_mask: Tensor, length: int, dtype: torch.dtype) -> Tensor:
    """Mask of real words (B, T) -> what is added to the scores of all `length` keys, (B, 1, 1, L)."""
    padding = F.pad(~text_mask, (0, length - text_mask.shape[1]))[:, None, None, :]
    return torch.zeros_like(padding, dtype=dtype).masked_fill(padding, MASK_VALUE)


def gather_tokens(x: Tensor, kept: Tensor | None) -> Tensor:
    """The kept tokens (B, M) of x (B, N, X) -> (B, M, X); x itself where all are kept or one row is for
    all.
    """
    return x if kept is None or x.shape[1] == 1 else x.gather(1, _index(kept, x))


def scatter_tokens(x: Tensor, kept: Tensor, like: Tensor) -> Tensor:
    """The inverse of `gather_tokens`: x (B, M, X) among zeros, in the shape of `like` (B, N, X)."""
    return torch.zeros_like(like).scatter(1, _index(kept, like), x)


def _index(kept: Tensor, like: Tensor) -> Tensor:
    return kept[:, :, None].expand(-1, -1, like.shape[2])


def gather_rotary(table: Tensor, kept: Tensor, text_tokens: int) -> Tensor:
    """Rows of a rotary table (T + N, D) or (B, A, T + N, D) for the kept tokens (B, M) -> (B, 1 or A, T + M,
    D).
    """
    if table.ndim == 2:
        text = table[:text_tokens].expand(len(kept), -1, -1)
        return torch.cat([text, table[text_tokens:][kept]], dim=1).unsqueeze(1)
    at = kept[:, None, :, None].expand(-1, table.shape[1], -1, table.shape[3])  #   (B, A, M, D)
    return torch.cat([table[:, :, :text_tokens], table[:, :, text_tokens:].gather(2, at)], dim=2)
