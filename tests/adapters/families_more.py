"""Tiny pipelines of the newest families with words before the video, and of UNets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import diffusers
import numpy as np
import torch
import transformers

from tests.adapters.families import SELF
from tests.adapters.families_joint import READS_WM, UNET, WIDTH, ltx2_vae
from tests.adapters.parts import (
    OTHER,
    Case,
    Unused,
    bare,
    embedded,
    flow,
    made,
    numbers,
    picture,
    quiet,
    unipc,
    wan_vae,
    words,
)


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
    "Cosmos 3": cosmos3,
    "Sana WM": sana_wm,
    "AnimateDiff": animatediff,
    "Stable Video Diffusion": stable_video,
}
