"""A tiny pipeline of each family, and what a record of it must say."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import diffusers

from tests.adapters.parts import (
    OTHER,
    TEXT,
    Case,
    cogvideox_vae,
    flow,
    made,
    quiet,
    t5,
    wan_vae,
    words,
)

WORDS = len("a red ball") + 1
"""Text tokens of the prompt: one a byte, and the end."""
SELF = (("video",), ("video",), "")
WAN: dict[str, Any] = {
    "patch_size": (1, 2, 2),
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "in_channels": 16,
    "out_channels": 16,
    "text_dim": 32,
    "freq_dim": 32,
    "ffn_dim": 32,
    "num_layers": 2,
    "rope_max_seq_len": 32,
}
SPLIT = {
    "kinds": (("text", WORDS), ("padding", TEXT - WORDS), ("video", 18)),
    "reads": (SELF, (("video",), ("text", "padding"), "")),
    "other": {"prompt": OTHER},
}


def wan(experts: int = 1, **options: Any) -> Case:
    models = [made(diffusers.WanTransformer3DModel, seed, **WAN) for seed in range(1, experts + 1)]
    pipe = diffusers.WanPipeline(
        **t5(),
        vae=wan_vae(),
        scheduler=flow(shift=5.0),
        transformer=models[0],
        transformer_2=models[1] if experts > 1 else None,
        boundary_ratio=0.875 if experts > 1 else None,
        **options,
    )
    return Case(quiet(pipe), words(), "velocity", **SPLIT)


def ltx() -> Case:
    model = made(
        diffusers.LTXVideoTransformer3DModel,
        in_channels=8,
        out_channels=8,
        num_attention_heads=2,
        attention_head_dim=12,
        cross_attention_dim=24,
        num_layers=2,
        caption_channels=32,
    )
    vae = made(
        diffusers.AutoencoderKLLTXVideo,
        0,
        latent_channels=8,
        block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4,
        layers_per_block=(1,) * 5,
        decoder_layers_per_block=(1,) * 5,
        spatio_temporal_scaling=(True, True, False, False),
        decoder_spatio_temporal_scaling=(True, True, False, False),
        decoder_inject_noise=(False,) * 5,
        upsample_residual=(False,) * 4,
        upsample_factor=(1,) * 4,
        timestep_conditioning=False,
        patch_size=1,
        patch_size_t=1,
        encoder_causal=True,
        decoder_causal=False,
    )
    pipe = diffusers.LTXPipeline(**t5(), vae=vae, scheduler=flow(), transformer=model)
    kinds = (("text", WORDS), ("video", 3 * 8 * 8))
    return Case(
        quiet(pipe),
        words(height=32, width=32),
        "velocity",
        kinds,
        reads=(SELF, (("video",), ("text",), "")),
        other={"prompt": OTHER},
    )


def cogvideox(frames: int = 9, patch_t: int | None = None, **config: Any) -> Case:
    model = made(
        diffusers.CogVideoXTransformer3DModel,
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=4,
        out_channels=4,
        time_embed_dim=2,
        text_embed_dim=32,
        num_layers=2,
        sample_width=6,
        sample_height=4,
        sample_frames=9,
        patch_size=2,
        patch_size_t=patch_t,
        temporal_compression_ratio=4,
        max_text_seq_length=TEXT,
        **config,
    )
    scheduler = diffusers.CogVideoXDDIMScheduler(
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        snr_shift_scale=1.0,
    )
    pipe = diffusers.CogVideoXPipeline(**t5(), vae=cogvideox_vae(), scheduler=scheduler, transformer=model)
    long = -(-((frames - 1) // 4 + 1) // (patch_t or 1))
    kinds = (("text", WORDS), ("padding", TEXT - WORDS), ("video", long * 6))
    joint = ("text", "padding", "video")
    return Case(
        quiet(pipe),
        words(num_frames=frames),
        "v",
        kinds,
        reads=((joint, joint, ""),),
        other={"prompt": OTHER},
        short={},  # of the filler at the end of its latents only the decoder tells
    )


FAMILIES: dict[str, Callable[[], Case]] = {
    "Wan 2.1": wan,
    "Wan 2.2 A14B": partial(wan, experts=2),
    "Wan 2.2 5B": partial(wan, expand_timesteps=True),
    "LTX": ltx,
    "CogVideoX": cogvideox,
    "CogVideoX, even latents": partial(cogvideox, frames=13),
    "CogVideoX 1.5": partial(cogvideox, patch_t=2, use_rotary_positional_embeddings=True, patch_bias=False),
}
