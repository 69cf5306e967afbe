"""Tiny pipelines that make a clip in sections, each of them denoised on its own."""

from __future__ import annotations

from collections.abc import Callable

import diffusers
import torch
import transformers

from tests.adapters.families_joint import WIDTH, encoders, hunyuan_call, hunyuan_model
from tests.adapters.families_split import of_wan
from tests.adapters.parts import (
    Case,
    clip_vision,
    flow,
    hunyuan_vae,
    made,
    numbers,
    picture,
    quiet,
    reads_plain_text,
    t5,
    unipc,
    wan_vae,
    words,
)


def helios() -> Case:
    """Two sections of 9 latent frames."""
    model = made(
        diffusers.HeliosTransformer3DModel,
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=16,
        out_channels=16,
        text_dim=32,
        freq_dim=32,
        ffn_dim=32,
        num_layers=2,
        rope_dim=(4, 4, 4),
    )
    scheduler = diffusers.HeliosScheduler(stage_range=[0, 1], stages=1, use_dynamic_shifting=True)
    parts = {"vae": wan_vae(), "scheduler": scheduler, "transformer": model}
    pipe = reads_plain_text(diffusers.HeliosPipeline)(**t5(), **parts)
    kinds = (("text", 11), ("padding", 9), ("history", 18), ("video", 54))
    return Case(quiet(pipe), words(num_frames=40), "velocity", kinds)


def framepack() -> Case:
    """Three sections of 3 latent frames, the last part of the clip first."""
    config = {"has_image_proj": True, "image_proj_dim": 32, "has_clean_x_embedder": True}
    model = hunyuan_model(diffusers.HunyuanVideoFramepackTransformer3DModel, **config)
    vision = transformers.SiglipVisionConfig(
        hidden_size=32,
        intermediate_size=37,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=30,
        patch_size=15,
    )
    torch.manual_seed(0)
    processor = transformers.SiglipImageProcessorPil(size={"height": 30, "width": 30})
    eyes = {"image_encoder": transformers.SiglipVisionModel(vision).eval(), "feature_extractor": processor}
    parts = {"vae": hunyuan_vae(), "scheduler": flow(shift=7.0), "transformer": model}
    pipe = diffusers.HunyuanVideoFramepackPipeline(**encoders(), **parts, **eyes)
    call = hunyuan_call(image=picture(), latent_window_size=3, num_frames=20)
    kinds = (("text", 5), ("image", 4), ("history", 18), ("video", 18))
    changed = {"prompt_embeds": numbers(1, 7, WIDTH, seed=9)}
    return Case(quiet(pipe), call, "velocity", kinds, other=changed)


def wan_animate() -> Case:
    """Two segments of 3 latent frames, each behind a reference frame."""
    encoder, processor = clip_vision(4)
    pipe = of_wan(
        "WanAnimatePipeline",
        "WanAnimateTransformer3DModel",
        unipc(flow_shift=5.0),
        in_channels=36,
        latent_channels=16,
        image_dim=4,
        motion_encoder_channel_sizes={"4": 16, "8": 16, "16": 16},
        motion_encoder_size=16,
        motion_style_dim=8,
        motion_dim=4,
        motion_encoder_dim=16,
        face_encoder_hidden_dim=16,
        face_encoder_num_heads=2,
        inject_face_latents_blocks=2,
        pipeline={"image_encoder": encoder, "image_processor": processor},
    )
    call = words(image=picture(), num_frames=None, segment_frame_length=9, guidance_scale=3.0)
    call |= {"pose_video": [picture()] * 13, "face_video": [picture(16, 16)] * 13}
    kinds = (("text", 11), ("padding", 9), ("image", 5), ("history", 6), ("video", 18))
    return Case(quiet(pipe), call, "velocity", kinds)


FAMILIES: dict[str, Callable[[], Case]] = {
    "Helios": helios,
    "Framepack": framepack,
    "Wan Animate": wan_animate,
}
