"""Tiny pipelines of families with self attention over the video and cross attention to the words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import diffusers
import torch
import transformers

from tests.adapters.families import SELF, SPLIT, WAN, WORDS
from tests.adapters.parts import (
    OTHER,
    Case,
    Unused,
    bare,
    clip_vision,
    embedded,
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

SEVEN = (("video",), ("text",), "")
READ = {"kinds": (("text", 7), ("video", 18)), "reads": (SELF, SEVEN)}
"""Of calls that bring seven embeddings."""


def other(width: int, **more: Any) -> dict[str, Any]:
    """Another prompt's embeddings."""
    return {"prompt_embeds": numbers(1, 7, width, seed=9), **more}


def of_wan(kind: str, model: str = "WanTransformer3DModel", scheduler: Any = None, **config: Any) -> Any:
    """A pipeline of Wan's parts."""
    pipeline = reads_plain_text(getattr(diffusers, kind))
    options = config.pop("pipeline", {})
    transformer = made(getattr(diffusers, model), **(WAN | config))
    parts = {"vae": wan_vae(), "scheduler": scheduler or flow(shift=5.0), "transformer": transformer}
    return quiet(pipeline(**t5(), **parts, **options))


def wan_image(**options: Any) -> Case:
    encoder, processor = clip_vision()
    parts = {"image_encoder": encoder, "image_processor": processor}
    config = {"in_channels": 36, "image_dim": 4, "added_kv_proj_dim": 24}
    pipe = of_wan("WanImageToVideoPipeline", pipeline=parts, **config)
    call = words(image=picture(), max_sequence_length=512)
    kinds = (("text", WORDS), ("padding", 512 - WORDS), ("image", 5), ("video", 18))
    reads = (SELF, (("video",), ("image",), ""), (("video",), ("text", "padding"), ""))
    return Case(pipe, call, "velocity", kinds, reads=reads, other={"prompt": OTHER})


def wan_vace() -> Case:
    config = {"num_layers": 3, "vace_layers": [0, 2], "vace_in_channels": 96}
    pipe = of_wan("WanVACEPipeline", "WanVACETransformer3DModel", **config)
    return Case(pipe, words(), "velocity", **SPLIT)


def lucy() -> Case:
    pipe = of_wan("LucyEditPipeline", in_channels=32, pipeline={"expand_timesteps": True})
    return Case(pipe, words(video=[picture()] * 9), "velocity", **SPLIT)


def skyreels() -> Case:
    pipe = of_wan("SkyReelsV2Pipeline", "SkyReelsV2Transformer3DModel", unipc(flow_shift=8.0))
    return Case(pipe, words(), "velocity", **SPLIT)


def chronoedit() -> Case:
    encoder, processor = clip_vision(kind=transformers.CLIPVisionModel)
    parts = {"image_encoder": encoder, "image_processor": processor}
    config = {"in_channels": 36, "image_dim": 4}
    pipe = of_wan("ChronoEditPipeline", "ChronoEditTransformer3DModel", pipeline=parts, **config)
    call = words(image=picture(), max_sequence_length=512)
    kinds = (("text", WORDS), ("padding", 512 - WORDS), ("image", 5), ("video", 12))
    reads = (SELF, (("video",), ("text", "padding", "image"), ""))
    return Case(pipe, call, "velocity", kinds, reads=reads, other={"prompt": OTHER})


def anyflow() -> Case:
    scheduler = diffusers.FlowMapEulerDiscreteScheduler(shift=5.0)
    config = {"gate_value": 0.25, "deltatime_type": "r"}
    pipe = of_wan("AnyFlowPipeline", "AnyFlowTransformer3DModel", scheduler, **config)
    return Case(pipe, words(guidance_scale=4.0), "velocity", **SPLIT)


def kandinsky5() -> Case:
    model = made(
        diffusers.Kandinsky5Transformer3DModel,
        in_visual_dim=16,
        in_text_dim=32,
        in_text_dim2=16,
        time_dim=16,
        out_visual_dim=16,
        patch_size=(1, 2, 2),
        model_dim=16,
        ff_dim=32,
        num_text_blocks=1,
        num_visual_blocks=2,
        axes_dims=(4, 2, 2),
        visual_cond=True,
        attention_type="regular",
    )
    pipe = diffusers.Kandinsky5T2VPipeline(
        transformer=model,
        vae=hunyuan_vae(16),
        text_encoder=Unused(),
        tokenizer=None,
        text_encoder_2=Unused(),
        tokenizer_2=None,
        scheduler=flow(shift=5.0),
    )
    lengths = torch.tensor([0, 7], dtype=torch.int32)
    call = bare(
        prompt_embeds_qwen=numbers(1, 7, 32, seed=1),
        prompt_embeds_clip=numbers(1, 16, seed=2),
        negative_prompt_embeds_qwen=numbers(1, 7, 32, seed=3),
        negative_prompt_embeds_clip=numbers(1, 16, seed=4),
        prompt_cu_seqlens=lengths,
        negative_prompt_cu_seqlens=lengths,
    )
    changed = {"prompt_embeds_qwen": numbers(1, 7, 32, seed=9)}
    return Case(quiet(pipe), call, "velocity", **READ, other=changed, unseen=("text alone",))


def sana_video() -> Case:
    model = made(
        diffusers.SanaVideoTransformer3DModel,
        in_channels=16,
        out_channels=16,
        num_attention_heads=2,
        attention_head_dim=12,
        num_layers=2,
        num_cross_attention_heads=2,
        cross_attention_head_dim=12,
        cross_attention_dim=24,
        caption_channels=8,
        mlp_ratio=2.5,
        sample_size=8,
        patch_size=(1, 2, 2),
        qk_norm="rms_norm_across_heads",
        rope_max_seq_len=32,
    )
    options = {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "flow_shift": 5.0}
    pipe = diffusers.SanaVideoPipeline(
        tokenizer=transformers.ByT5Tokenizer(),
        text_encoder=Unused(),
        vae=wan_vae(),
        transformer=model,
        scheduler=diffusers.DPMSolverMultistepScheduler(**options),
    )
    call = bare(**embedded(8), num_frames=None, frames=9, width=64, use_resolution_binning=False)
    call["negative_prompt"] = None
    kinds = (("text", 7), ("video", 24))
    unseen = ("attention not heard",)
    return Case(quiet(pipe), call, "velocity", kinds, unseen, (SEVEN,), other(8))


def cosmos25() -> Case:
    module = diffusers.models.transformers.transformer_cosmos
    if not hasattr(module, "transforms"):  # it takes one function from torchvision, which is not here
        module.transforms = _NoTorchvision
    model = made(
        diffusers.CosmosTransformer3DModel,
        in_channels=17,
        out_channels=16,
        num_attention_heads=2,
        attention_head_dim=16,
        num_layers=2,
        mlp_ratio=2,
        text_embed_dim=32,
        adaln_lora_dim=4,
        max_size=(4, 32, 32),
        patch_size=(1, 2, 2),
        rope_scale=(2.0, 1.0, 1.0),
        concat_padding_mask=True,
        extra_pos_embed_type=None,
    )
    pipe = diffusers.Cosmos2_5_PredictBasePipeline(
        text_encoder=Unused(),
        tokenizer=None,
        transformer=model,
        vae=wan_vae(),
        scheduler=unipc(),
        safety_checker=_Safe(),
    )
    call = bare(**{name: x for name, x in embedded(32).items() if "mask" not in name}, guidance_scale=3.0)
    return Case(quiet(pipe), call, "velocity", **READ, other=other(32))


class _Safe(Unused):
    def check_text_safety(self, prompt: str) -> bool:
        return True

    def check_video_safety(self, video: Any) -> Any:
        return video


class _NoTorchvision:
    class functional:
        @staticmethod
        def resize(x: torch.Tensor, size: Any, interpolation: Any = None) -> torch.Tensor:
            return torch.nn.functional.interpolate(x, size=tuple(size), mode="nearest")

    class InterpolationMode:
        NEAREST = 0


def allegro() -> Case:
    model = made(
        diffusers.AllegroTransformer3DModel,
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=4,
        out_channels=4,
        num_layers=2,
        cross_attention_dim=24,
        sample_width=8,
        sample_height=8,
        sample_frames=8,
        caption_channels=32,
    )
    vae = made(
        diffusers.AutoencoderKLAllegro,
        0,
        down_block_types=("AllegroDownBlock3D",) * 4,
        up_block_types=("AllegroUpBlock3D",) * 4,
        block_out_channels=(8,) * 4,
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=2,
        temporal_compression_ratio=4,
    )
    vae.enable_tiling()
    scheduler = diffusers.DDIMScheduler(clip_sample=False)
    pipe = diffusers.AllegroPipeline(**t5(), vae=vae, transformer=model, scheduler=scheduler)
    kinds = (("text", WORDS), ("video", 12))
    call = words(num_frames=8, clean_caption=False)
    return Case(quiet(pipe), call, "epsilon", kinds, reads=(SELF, SEVEN), other={"prompt": OTHER})


def latte() -> Case:
    model = made(
        diffusers.LatteTransformer3DModel,
        sample_size=8,
        num_layers=2,
        patch_size=2,
        attention_head_dim=8,
        num_attention_heads=3,
        caption_channels=32,
        in_channels=4,
        cross_attention_dim=24,
        out_channels=8,
        attention_bias=True,
        activation_fn="gelu-approximate",
        num_embeds_ada_norm=1000,
        norm_type="ada_norm_single",
        norm_elementwise_affine=False,
        norm_eps=1e-6,
    )
    vae = made(
        diffusers.AutoencoderKL,
        0,
        block_out_channels=(4,) * 4,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=2,
        latent_channels=4,
    )
    levels = {"beta_schedule": "linear", "beta_end": 0.02, "beta_start": 1e-4}
    scheduler = diffusers.DDIMScheduler(**levels, clip_sample=False)
    pipe = diffusers.LattePipeline(**t5(), vae=vae, transformer=model, scheduler=scheduler)
    call = words(max_sequence_length=None, num_frames=None, video_length=16, height=64, width=64)
    call["clean_caption"] = False
    kinds = (("text", WORDS), ("video", 256))
    reads = ((*SELF[:2], "frame"), (*SELF[:2], "place"), (*SEVEN[:2], "frame"))
    return Case(quiet(pipe), call, "epsilon", kinds, reads=reads, other={"prompt": OTHER})


FAMILIES: dict[str, Callable[[], Case]] = {
    "Wan 2.1 from an image": wan_image,
    "Wan VACE": wan_vace,
    "Lucy Edit": lucy,
    "SkyReels V2": skyreels,
    "ChronoEdit": chronoedit,
    "AnyFlow": anyflow,
    "Kandinsky 5": kandinsky5,
    "Sana Video": sana_video,
    "Cosmos 2.5": cosmos25,
    "Allegro": allegro,
    "Latte": latte,
}
