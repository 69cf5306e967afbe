"""Tiny random parts of video pipelines, made in memory by a seed."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import diffusers
import numpy as np
import torch
import transformers
from PIL import Image

PROMPT, OTHER, NEGATIVE = "a red ball", "zz TOP hat", "blurry mess"
TEXT = 20
"""Places for text tokens."""
STEPS = 2


@dataclass
class Case:
    """A pipeline and how it is called."""

    pipe: Any
    call: dict[str, Any]
    x0: str
    """What its model predicts, as RULES of the tests name it."""
    kinds: tuple[tuple[str, int], ...]
    """Kinds of tokens of its trace, and how many."""
    unseen: tuple[str, ...] = ()
    """What its coverage must confess, by short names."""
    reads: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = ()
    """What its layers read: (kinds that ask, kinds that are asked, within)."""
    other: dict[str, Any] = field(default_factory=dict)
    """What the call has instead for another prompt."""
    fresh: Callable[[], dict[str, Any]] = dict
    """Arguments that a call uses up."""
    pooled: bool = False
    """Whether the prompt also moves every token of the video, by a pooled vector."""
    conditional: bool = True
    """Whether what the words alone predict can be read off guidance."""
    short: dict[str, Any] = field(default_factory=lambda: {"output_type": "latent"})
    """What makes a call cheaper where no pictures are wanted."""

    def run(self, seed: int = 0, **changes: Any) -> Any:
        given = self.call | self.fresh() | changes
        return self.pipe(**given, generator=torch.Generator("cpu").manual_seed(seed))


def grown(model: torch.nn.Module, seed: int = 0) -> Any:
    """No weight of a random model is zero: layers that begin as nothing would hide mistakes."""
    torch.manual_seed(seed)
    for name, weight in model.named_parameters():
        if weight.ndim > 1 and not weight.detach().abs().max():
            torch.nn.init.normal_(weight, std=0.05)
        if "scale_shift_table" in name:
            torch.nn.init.normal_(weight, std=0.3)
    return model.eval()


def made(kind: Any, seed: int = 1, /, **config: Any) -> Any:
    """A model with random weights, by its class and config."""
    torch.manual_seed(seed)
    return grown(kind(**config), seed)


def quiet(pipe: Any) -> Any:
    pipe.set_progress_bar_config(disable=True)
    return pipe


def t5(width: int = 32) -> dict[str, Any]:
    """A text encoder that reads bytes, and its tokenizer."""
    config = transformers.T5Config(
        vocab_size=384,
        d_model=width,
        d_kv=8,
        d_ff=32,
        num_layers=1,
        num_heads=2,
        relative_attention_num_buckets=8,
        is_encoder_decoder=False,
        use_cache=False,
    )
    torch.manual_seed(0)
    encoder = transformers.T5EncoderModel(config).eval()
    return {"text_encoder": encoder, "tokenizer": transformers.ByT5Tokenizer()}


def flow(**options: Any) -> Any:
    return diffusers.FlowMatchEulerDiscreteScheduler(**options)


def unipc(**options: Any) -> Any:
    options |= {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
    return diffusers.UniPCMultistepScheduler(**options)


def wan_vae() -> Any:
    shape = {"base_dim": 4, "z_dim": 16, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1}
    return made(diffusers.AutoencoderKLWan, 0, **shape, temperal_downsample=[False, True, True])


def hunyuan_vae(channels: int = 4) -> Any:
    return made(
        diffusers.AutoencoderKLHunyuanVideo,
        0,
        latent_channels=channels,
        down_block_types=("HunyuanVideoDownBlock3D",) * 4,
        up_block_types=("HunyuanVideoUpBlock3D",) * 4,
        block_out_channels=(8,) * 4,
        layers_per_block=1,
        norm_num_groups=4,
    )


def cogvideox_vae() -> Any:
    return made(
        diffusers.AutoencoderKLCogVideoX,
        0,
        down_block_types=("CogVideoXDownBlock3D",) * 4,
        up_block_types=("CogVideoXUpBlock3D",) * 4,
        block_out_channels=(8,) * 4,
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=2,
        temporal_compression_ratio=4,
    )


class Unused(torch.nn.Module):
    """Stands where a pipeline wants a text encoder that is never asked: the call brings embeddings."""

    def __init__(self, **config: Any) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.config = types.SimpleNamespace(**config)

    @property
    def dtype(self) -> torch.dtype:
        return self.weight.dtype

    @property
    def device(self) -> torch.device:
        return self.weight.device


def numbers(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def picture(width: int = 48, height: int = 32) -> Image.Image:
    rng = np.random.default_rng(3)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def words(**call: Any) -> dict[str, Any]:
    """Arguments that most pipelines take: a prompt, 9 frames of 32 x 48, two steps."""
    usual = {
        "prompt": PROMPT,
        "negative_prompt": NEGATIVE,
        "max_sequence_length": TEXT,
        "height": 32,
        "width": 48,
        "num_frames": 9,
        "num_inference_steps": STEPS,
        "guidance_scale": 4.0,
        "output_type": "np",
    }
    return {name: value for name, value in (usual | call).items() if value is not None}


def reads_plain_text(kind: type) -> type:
    """A pipeline class whose module can clean prompts without ftfy, which it needs and does not ask for."""
    module = sys.modules[kind.__module__]
    if not hasattr(module, "ftfy"):
        module.ftfy = types.SimpleNamespace(fix_text=lambda text: text)
    return kind


def clip_vision(size: int = 32, kind: Any = transformers.CLIPVisionModelWithProjection) -> tuple[Any, Any]:
    """An image encoder of 5 tokens, and its processor."""
    config = transformers.CLIPVisionConfig(
        hidden_size=4,
        projection_dim=4,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=size,
        intermediate_size=16,
        patch_size=size // 2,
    )
    torch.manual_seed(0)
    processor = transformers.CLIPImageProcessorPil(crop_size=size, size=size)
    return kind(config).eval(), processor


def embedded(width: int, count: int = 7, valid: int = 7, suffix: str = "", **more: Any) -> dict[str, Any]:
    """Embeddings of a prompt and of a negative prompt, as a call brings them, with their masks."""
    mask = torch.zeros(1, count, dtype=torch.long)
    mask[:, :valid] = 1
    return {
        "prompt_embeds": numbers(1, count, width, seed=1),
        "negative_prompt_embeds": numbers(1, count, width, seed=2),
        f"prompt_{suffix or 'attention_mask'}": mask,
        f"negative_prompt_{suffix or 'attention_mask'}": mask,
        **more,
    }


def bare(**call: Any) -> dict[str, Any]:
    """Arguments of a call that brings embeddings instead of words."""
    return words(prompt=None, negative_prompt=None, max_sequence_length=None, **call)
