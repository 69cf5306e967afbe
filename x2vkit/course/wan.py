"""A Wan pipeline small enough for a lesson: Wan's own classes from diffusers, with few random weights."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
import transformers


def tiny_wan() -> Any:
    """A `diffusers.WanPipeline` of two layers and two heads; what it draws means nothing."""
    torch.manual_seed(0)
    reader = transformers.T5Config(
        vocab_size=384,  # bytes
        d_model=32,
        d_kv=8,
        d_ff=32,
        num_layers=1,
        num_heads=2,
        relative_attention_num_buckets=8,
        is_encoder_decoder=False,
        use_cache=False,
    )
    transformer = diffusers.WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=16,
        out_channels=16,
        text_dim=32,
        freq_dim=32,
        ffn_dim=32,
        num_layers=2,
        rope_max_seq_len=32,
    )
    vae = diffusers.AutoencoderKLWan(
        base_dim=4, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )
    pipe = diffusers.WanPipeline(
        tokenizer=transformers.ByT5Tokenizer(),
        text_encoder=transformers.T5EncoderModel(reader).eval(),
        vae=vae.eval(),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=5.0),
        transformer=transformer.eval(),
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe
