"""Tiny pipelines of families with words and video in one attention, and of UNets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import diffusers
import numpy as np
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
    unipc,
    wan_vae,
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


def cosmos3() -> Case:
    model = made(
        diffusers.Cosmos3OmniTransformer,
        head_dim=12,
        hidden_size=24,
        intermediate_size=24,
        latent_channel=16,
        latent_patch_size=2,
        num_attention_heads=2,
        num_hidden_layers=2,
        num_key_value_heads=1,
        patch_latent_dim=64,
        rope_axes_dim=[2, 2, 2],
        vocab_size=400,
    ).float()
    pipe = diffusers.Cosmos3OmniPipeline(
        transformer=model,
        text_tokenizer=_Bytes(),
        vae=wan_vae(),
        scheduler=unipc(),
        enable_safety_checker=False,
        default_use_system_prompt=False,
    )
    call = words(max_sequence_length=None, guidance_scale=3.0)
    kinds = (("text", 11), ("video", 18))
    reads = ((("video",), ("text", "video"), ""),)
    return Case(quiet(pipe), call, "velocity", kinds, ("masked by token",), reads, {"prompt": OTHER})


class _Bytes:
    """A tokenizer of chats: nine bytes and what the pipeline adds."""

    eos_token_id = 1

    def convert_tokens_to_ids(self, token: str) -> int:
        return 2

    def apply_chat_template(self, chat: Any, **_: Any) -> Any:
        ids = [3 + byte for byte in chat[-1]["content"].encode()][:9]
        return transformers.BatchEncoding({"input_ids": ids})


def sana_wm() -> Case:
    model = made(
        diffusers.SanaWMTransformer3DModel,
        in_channels=8,
        num_layers=4,
        hidden_size=48,
        num_attention_heads=2,
        patch_size=(1, 1, 1),
        softmax_every_n=2,
        linear_head_dim=24,
        chunk_plucker_channels=12,
        chunk_plucker_post_attn_blocks=4,
        image_size=64,
        caption_channels=WIDTH,
        mixed_precision="no",
    ).float()
    pipe = diffusers.SanaWMPipeline(
        tokenizer=transformers.ByT5Tokenizer(),
        text_encoder=Unused(),
        vae=ltx2_vae("spatiotemporal", 8),
        transformer=model,
        scheduler=flow(shift=5.0),
    )
    way = np.tile(np.eye(4, dtype=np.float32), (40, 1, 1))
    way[:, 2, 3] = np.linspace(0, 1, 40)
    brought = embedded(WIDTH)
    brought |= {"prompt_embeds": numbers(1, 1, 7, WIDTH, seed=1)}
    brought |= {"negative_prompt_embeds": numbers(1, 1, 7, WIDTH, seed=2)}
    del brought["negative_prompt_attention_mask"]
    call = bare(**brought, image=picture(), c2w=way, intrinsics=[40.0, 40.0, 24.0, 16.0], num_frames=17)
    call |= {"prompt": "x", "negative_prompt_attention_mask": brought["prompt_attention_mask"]}
    kinds = (("text", 7), ("video", 216))
    changed = {"prompt_embeds": numbers(1, 1, 7, WIDTH, seed=9)}
    return Case(
        quiet(pipe), call, "opposite", kinds, ("attention not heard",), READS_WM, changed, pooled=True
    )


def animatediff() -> Case:
    blocks = (8, 8)
    unet = made(
        diffusers.UNet2DConditionModel,
        block_out_channels=blocks,
        layers_per_block=1,
        sample_size=8,
        in_channels=4,
        out_channels=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=8,
        norm_num_groups=2,
        attention_head_dim=2,
    )
    motion = made(
        diffusers.MotionAdapter,
        block_out_channels=blocks,
        motion_layers_per_block=1,
        motion_norm_num_groups=2,
        motion_num_attention_heads=2,
        use_motion_mid_block=True,
    )
    vae = made(
        diffusers.AutoencoderKL,
        0,
        block_out_channels=blocks,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=2,
    )
    levels = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "linear"}
    scheduler = diffusers.DDIMScheduler(**levels, clip_sample=False)
    parts = {"text_encoder": Unused(), "tokenizer": None, "unet": unet, "motion_adapter": motion}
    pipe = diffusers.AnimateDiffPipeline(vae=vae, scheduler=scheduler, **parts)
    brought = {name: x for name, x in embedded(8).items() if "mask" not in name}
    kinds = (("text", 7), ("video", 5 * 8 * 8))
    reads = ((*SELF[:2], "frame"), (*SELF[:2], "place"), (("video",), ("text",), "frame"))
    changed = {"prompt_embeds": numbers(1, 7, 8, seed=9)}
    return Case(
        quiet(pipe),
        bare(**brought, height=16, width=16, num_frames=5),
        "epsilon",
        kinds,
        UNET,
        reads,
        changed,
    )


def stable_video() -> Case:
    unet = made(
        diffusers.UNetSpatioTemporalConditionModel,
        block_out_channels=(32, 64),
        layers_per_block=1,
        sample_size=32,
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
        cross_attention_dim=32,
        num_attention_heads=(2, 4),
        projection_class_embeddings_input_dim=96,
        addition_time_embed_dim=32,
    )
    vae = made(
        diffusers.AutoencoderKLTemporalDecoder,
        0,
        block_out_channels=[32, 64],
        down_block_types=["DownEncoderBlock2D"] * 2,
        latent_channels=4,
    )
    config = transformers.CLIPVisionConfig(
        hidden_size=32,
        projection_dim=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        image_size=224,
        intermediate_size=37,
        patch_size=112,
    )
    torch.manual_seed(0)
    scheduler = diffusers.EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        sigma_max=700.0,
        sigma_min=0.002,
        steps_offset=1,
        timestep_spacing="leading",
        timestep_type="continuous",
        use_karras_sigmas=True,
    )
    pipe = diffusers.StableVideoDiffusionPipeline(
        vae=vae,
        image_encoder=transformers.CLIPVisionModelWithProjection(config).eval(),
        unet=unet,
        scheduler=scheduler,
        feature_extractor=transformers.CLIPImageProcessorPil(crop_size=224, size=224),
    )
    call = bare(image=picture(), height=16, width=24, num_frames=5, guidance_scale=None)
    kinds = (("image", 1), ("video", 5 * 8 * 12))
    reads = tuple(
        (("video",), (asked,), within) for asked in ("image", "video") for within in ("frame", "place")
    )
    unseen = ("another grid", "guidance")
    return Case(
        quiet(pipe),
        call,
        "edm",
        kinds,
        unseen,
        reads,
        {"image": picture(50, 30)},
        pooled=True,
        conditional=False,
    )


FAMILIES: dict[str, Callable[[], Case]] = {
    "HunyuanVideo": hunyuan,
    "HunyuanVideo 1.5": hunyuan15,
    "Mochi": mochi,
    "LTX-2": ltx2,
    "ConsisID": consisid,
    "Cosmos 3": cosmos3,
    "Sana WM": sana_wm,
    "AnimateDiff": animatediff,
    "Stable Video Diffusion": stable_video,
}
