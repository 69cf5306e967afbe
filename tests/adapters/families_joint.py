"""Tiny pipelines of families with words and video in one attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import diffusers
import torch
import transformers
from diffusers.pipelines.consisid.pipeline_consisid import ConsisIDPipeline
from diffusers.pipelines.ltx2 import LTX2TextConnectors
from diffusers.pipelines.ltx2.vocoder import LTX2Vocoder

from tests.adapters.families import SELF, WORDS
from tests.adapters.parts import (
    OTHER,
    TEXT,
    Case,
    Unused,
    bare,
    cogvideox_vae,
    embedded,
    flow,
    hunyuan_vae,
    made,
    numbers,
    picture,
    quiet,
    t5,
    words,
)

JOINT = (("text", "video"), ("text", "video"), "")
WIDTH = 16
"""Of the embeddings that a call brings."""


def hunyuan_model(kind: Any, **config: Any) -> Any:
    return made(
        kind,
        in_channels=4,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=10,
        num_layers=2,
        num_single_layers=2,
        num_refiner_layers=1,
        patch_size=2,
        patch_size_t=1,
        guidance_embeds=True,
        text_embed_dim=WIDTH,
        pooled_projection_dim=8,
        rope_axes_dim=(2, 4, 4),
        **config,
    )


def hunyuan_call(**more: Any) -> dict[str, Any]:
    """Seven places for text, five of them words."""
    pooled = {
        "pooled_prompt_embeds": numbers(1, 8, seed=3),
        "negative_pooled_prompt_embeds": numbers(1, 8, seed=4),
    }
    return bare(**embedded(WIDTH, valid=5), **pooled, true_cfg_scale=3.0, **more)


UNET = ("another grid",)
READS_WM = (SELF, (("video",), ("text",), ""))
ENCODERS = {"tokenizer": None, "tokenizer_2": None}


def encoders() -> dict[str, Any]:
    return {"text_encoder": Unused(), "text_encoder_2": Unused(), **ENCODERS}


def hunyuan() -> Case:
    model = hunyuan_model(diffusers.HunyuanVideoTransformer3DModel)
    parts = {"vae": hunyuan_vae(), "scheduler": flow(shift=7.0), "transformer": model}
    pipe = diffusers.HunyuanVideoPipeline(**encoders(), **parts)
    kinds = (("text", 5), ("video", 18))
    changed = {"prompt_embeds": numbers(1, 7, WIDTH, seed=9)}
    return Case(quiet(pipe), hunyuan_call(), "velocity", kinds, reads=(JOINT,), other=changed, pooled=True)


def hunyuan15() -> Case:
    model = made(
        diffusers.HunyuanVideo15Transformer3DModel,
        in_channels=9,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=8,
        num_layers=2,
        num_refiner_layers=1,
        mlp_ratio=2.0,
        patch_size=1,
        patch_size_t=1,
        text_embed_dim=WIDTH,
        text_embed_2_dim=32,
        image_embed_dim=12,
        rope_axes_dim=(2, 2, 4),
        target_size=16,
        task_type="t2v",
    )
    vae = made(
        diffusers.AutoencoderKLHunyuanVideo15,
        0,
        latent_channels=4,
        block_out_channels=(16, 16),
        layers_per_block=1,
        spatial_compression_ratio=4,
        temporal_compression_ratio=2,
        downsample_match_channel=False,
        upsample_match_channel=False,
    )
    guider = diffusers.ClassifierFreeGuidance(guidance_scale=4.0)
    parts = {"vae": vae, "scheduler": flow(shift=7.0), "transformer": model, "guider": guider}
    pipe = diffusers.HunyuanVideo15Pipeline(**encoders(), **parts)
    glyphs = torch.ones(1, 4, dtype=torch.long)
    call = bare(
        **embedded(WIDTH, valid=5, suffix="embeds_mask"),
        prompt_embeds_2=numbers(1, 4, 32, seed=3),
        prompt_embeds_mask_2=glyphs,
        negative_prompt_embeds_2=numbers(1, 4, 32, seed=4),
        negative_prompt_embeds_mask_2=glyphs,
        height=8,
        width=12,
        guidance_scale=None,
    )
    changed = {"prompt_embeds": numbers(1, 7, WIDTH, seed=9), "prompt_embeds_2": numbers(1, 4, 32, seed=8)}
    kinds = (("text", 9), ("video", 30))
    return Case(quiet(pipe), call, "velocity", kinds, reads=(JOINT,), other=changed)


def mochi() -> Case:
    model = made(
        diffusers.MochiTransformer3DModel,
        patch_size=2,
        num_attention_heads=2,
        attention_head_dim=8,
        num_layers=2,
        pooled_projection_dim=16,
        in_channels=12,
        qk_norm="rms_norm",
        text_embed_dim=32,
        time_embed_dim=4,
        activation_fn="swiglu",
        max_sequence_length=TEXT,
    )
    vae = made(
        diffusers.AutoencoderKLMochi,
        0,
        latent_channels=12,
        encoder_block_out_channels=(32,) * 4,
        decoder_block_out_channels=(32,) * 4,
        layers_per_block=(1,) * 5,
    )
    scheduler = flow(num_train_timesteps=1000, shift=1.0, invert_sigmas=True)
    pipe = diffusers.MochiPipeline(**t5(), vae=vae, transformer=model, scheduler=scheduler)
    kinds = (("text", WORDS), ("video", 18))
    call = words(num_frames=13)
    return Case(quiet(pipe), call, "rising", kinds, reads=(JOINT,), other={"prompt": OTHER}, pooled=True)


def ltx2() -> Case:
    model = made(
        diffusers.LTX2VideoTransformer3DModel,
        in_channels=4,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=12,
        cross_attention_dim=24,
        audio_in_channels=4,
        audio_out_channels=4,
        audio_num_attention_heads=2,
        audio_attention_head_dim=6,
        audio_cross_attention_dim=12,
        num_layers=2,
        caption_channels=WIDTH,
        rope_double_precision=False,
        rope_type="split",
    )
    sides = {
        f"{side}_connector_{name}": value
        for side in ("video", "audio")
        for name, value in (
            ("num_attention_heads", 2),
            ("attention_head_dim", 8),
            ("num_layers", 1),
            ("num_learnable_registers", None),
        )
    }
    connectors = made(
        LTX2TextConnectors,
        0,
        caption_channels=WIDTH,
        text_proj_in_factor=2,
        connector_rope_base_seq_len=32,
        rope_theta=10000.0,
        rope_double_precision=False,
        causal_temporal_positioning=False,
        rope_type="split",
        **sides,
    )
    vae = ltx2_vae("spatial", 4)
    audio_vae = made(
        diffusers.AutoencoderKLLTX2Audio,
        0,
        base_channels=4,
        output_channels=2,
        ch_mult=(1,),
        num_res_blocks=1,
        attn_resolutions=None,
        in_channels=2,
        resolution=32,
        latent_channels=2,
        norm_type="pixel",
        causality_axis="height",
        dropout=0.0,
        mid_block_add_attention=False,
        sample_rate=16000,
        mel_hop_length=160,
        is_causal=True,
        mel_bins=8,
    )
    vocoder = made(
        LTX2Vocoder,
        0,
        in_channels=16,
        hidden_channels=16,
        out_channels=2,
        upsample_kernel_sizes=[4, 4],
        upsample_factors=[2, 2],
        resnet_kernel_sizes=[3],
        resnet_dilations=[[1, 3, 5]],
        leaky_relu_negative_slope=0.1,
        output_sampling_rate=16000,
    )
    pipe = diffusers.LTX2Pipeline(
        scheduler=flow(),
        vae=vae,
        audio_vae=audio_vae,
        text_encoder=Unused(),
        tokenizer=transformers.ByT5Tokenizer(),
        connectors=connectors,
        transformer=model,
        vocoder=vocoder,
    )
    brought = embedded(WIDTH)
    brought |= {"prompt_embeds": numbers(1, 7, WIDTH, 2, seed=1)}
    brought |= {"negative_prompt_embeds": numbers(1, 7, WIDTH, 2, seed=2)}
    kinds = (("text", 7), ("video", 96), ("audio", 5))
    pairs = [("video", "video"), ("audio", "audio"), ("video", "text"), ("audio", "text")]
    pairs += [("video", "audio"), ("audio", "video")]
    return Case(
        quiet(pipe),
        bare(**brought, num_frames=5, width=64),
        "velocity",
        kinds,
        ("other latents",),
        tuple(((asks,), (asked,), "") for asks, asked in pairs),
        {"prompt_embeds": numbers(1, 7, WIDTH, 2, seed=9)},
    )


def ltx2_vae(down: str, channels: int) -> Any:
    return made(
        diffusers.AutoencoderKLLTX2Video,
        0,
        latent_channels=channels,
        block_out_channels=(8,),
        decoder_block_out_channels=(8,),
        layers_per_block=(1,),
        decoder_layers_per_block=(1, 1),
        spatio_temporal_scaling=(True,),
        decoder_spatio_temporal_scaling=(True,),
        decoder_inject_noise=(False, False),
        downsample_type=(down,),
        upsample_residual=(False,),
        upsample_factor=(1,),
        timestep_conditioning=False,
        patch_size=4,
        patch_size_t=1,
        encoder_causal=True,
        decoder_causal=False,
    )


def consisid() -> Case:
    model = made(
        diffusers.ConsisIDTransformer3DModel,
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=8,
        out_channels=4,
        time_embed_dim=2,
        text_embed_dim=32,
        num_layers=2,
        sample_width=6,
        sample_height=4,
        sample_frames=9,
        patch_size=2,
        temporal_compression_ratio=4,
        max_text_seq_length=TEXT,
        use_rotary_positional_embeddings=True,
        use_learned_positional_embeddings=True,
        cross_attn_interval=1,
        is_kps=False,
        is_train_face=True,
        cross_attn_dim_head=1,
        cross_attn_num_heads=1,
        LFE_id_dim=2,
        LFE_vit_dim=2,
        LFE_depth=5,
        LFE_dim_head=8,
        LFE_num_heads=2,
        LFE_num_id_token=1,
        LFE_num_querie=1,
        LFE_output_dim=21,
        LFE_ff_mult=1,
        LFE_num_scale=1,
    )
    options = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    scheduler = diffusers.CogVideoXDDIMScheduler(prediction_type="v_prediction", **options)
    pipe = ConsisIDPipeline(**t5(), vae=cogvideox_vae(), transformer=model, scheduler=scheduler)
    call = words(image=picture(), id_vit_hidden=[torch.ones(1, 2, 2)], id_cond=torch.ones(1, 2))
    kinds = (("text", WORDS), ("padding", TEXT - WORDS), ("video", 18))
    joint = ("text", "padding", "video")
    unseen = ("attention not heard",)
    return Case(quiet(pipe), call, "v", kinds, unseen, ((joint, joint, ""),), {"prompt": OTHER})


FAMILIES: dict[str, Callable[[], Case]] = {
    "HunyuanVideo": hunyuan,
    "HunyuanVideo 1.5": hunyuan15,
    "Mochi": mochi,
    "LTX-2": ltx2,
    "ConsisID": consisid,
}
