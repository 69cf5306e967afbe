"""The border to diffusers, model by model: what its users call on any model works here, or says why not."""

from __future__ import annotations

import inspect
from dataclasses import replace

import pytest
import torch
from diffusers import (
    FasterCacheConfig,
    FirstBlockCacheConfig,
    MagCacheConfig,
    PyramidAttentionBroadcastConfig,
)
from diffusers.hooks import HookRegistry
from diffusers.models.attention_dispatch import AttentionBackendName, attention_backend
from torch import Tensor, nn

from x2vkit.config import PRESETS
from x2vkit.core.attention import ScaledDotProduct
from x2vkit.core.conditions import Conditions
from x2vkit.core.guidance import GuidedVelocity, passes
from x2vkit.core.planner import TRACKS, Planner
from x2vkit.core.text import TextEncoder
from x2vkit.core.transformer import VideoTransformer
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError

WORDS = ["<start>", "<pad>", "a", "dog"]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def woken(model: nn.Module) -> nn.Module:
    """A model whose layers that start at zero do something."""
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.05 * torch.randn(p.shape, generator=seeded(7)))
    return model.eval()


def transformer() -> VideoTransformer:
    torch.manual_seed(0)
    config = replace(PRESETS["tiny"], depth=3, conv_width=16, subject_rope=True)
    return woken(VideoTransformer.from_model_config(config))


def vae(**sizes) -> VideoVAE:
    torch.manual_seed(0)
    depths = {"encoder_depths": (1, 1), "decoder_depths": (1, 1, 1)}
    return woken(VideoVAE(latent_channels=6, widths=(16, 12, 8), **depths | sizes))


def text_encoder() -> TextEncoder:
    torch.manual_seed(0)
    return woken(TextEncoder(vocab=["a", "dog"], width=32, depth=2))


def planner() -> Planner:
    torch.manual_seed(0)
    return woken(Planner(words=WORDS, width=32, depth=2, heads=2))


def of_transformer() -> dict[str, Tensor]:
    return {
        "latents": torch.randn(2, 24, 2, 4, 6, generator=seeded(1)),
        "t": torch.tensor([[0.3], [0.9]]),
        "text": torch.randn(2, 5, 32, generator=seeded(2)),
        "camera": torch.ones(2, 2, 4),
    }


def of_planner() -> dict[str, Tensor]:
    tracks = torch.randn(2, 5, TRACKS, generator=seeded(1))
    level, ids = torch.full((2, 1), 0.5), torch.tensor([[1, 2, 3], [1, 2, 0]])
    inputs = {"tracks": tracks, "t": level, "ids": ids}
    return inputs | {"given": tracks, "known": torch.zeros(2, 5), "aspect": level}


MODELS = {
    "transformer": (transformer, of_transformer),
    "vae": (vae, lambda: {"sample": torch.rand(2, 3, 5, 32, 32, generator=seeded(1)) * 2 - 1}),
    "text encoder": (text_encoder, lambda: {"ids": torch.tensor([[0, 2, 3], [0, 2, 1]])}),
    "planner": (planner, of_planner),
}


@pytest.fixture(params=MODELS)
def case(request):
    """A model with weights that all count, and inputs of its forward."""
    make, inputs = MODELS[request.param]
    return make(), inputs()


def run(model: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
    """The one tensor that a model's forward makes."""
    made = model(**inputs)
    return made if isinstance(made, Tensor) else made.sample


# -- outputs


@pytest.mark.parametrize("name", ["transformer", "vae"])
@torch.no_grad()
def test_return_dict_chooses_between_an_output_and_a_tuple(name):
    make, inputs = MODELS[name]
    model, given = make(), inputs()
    output, (first,) = model(**given), model(**given, return_dict=False)
    assert output.sample.shape == next(iter(given.values())).shape
    assert torch.equal(output.sample, first) and torch.equal(output[0], first)


@torch.no_grad()
def test_the_vae_encodes_to_a_distribution_and_decodes_to_a_sample():
    model, video = vae(), torch.rand(1, 3, 5, 32, 32) * 2 - 1
    latent_dist = model.encode(video).latent_dist
    assert torch.equal(latent_dist.mode(), model.encode_video(video))
    drawn = latent_dist.sample(seeded())
    assert torch.equal(drawn, model.encode(video, return_dict=False)[0].sample(seeded()))
    noise = (drawn - latent_dist.mode()) / model.latents_target_std.view(1, -1, 1, 1, 1)
    assert noise.std().item() == pytest.approx(model.config.latent_noise, rel=0.3)
    decoded = model.decode(drawn)
    assert torch.equal(decoded.sample, model.decode_latents(drawn))
    assert torch.equal(decoded.sample, model.decode(drawn, return_dict=False)[0])


# -- training


def test_gradient_checkpointing_changes_memory_and_nothing_else(case):
    model, inputs = case
    model.train()
    gradients = []
    for checkpointed in (False, True):
        model.enable_gradient_checkpointing() if checkpointed else model.disable_gradient_checkpointing()
        assert model.is_gradient_checkpointing == checkpointed
        again: list[int] = []
        hooks = [m.register_forward_pre_hook(lambda *_, a=again: a.append(1)) for m in blocks_of(model)]
        model.zero_grad()
        run(model, inputs).square().mean().backward()
        for hook in hooks:
            hook.remove()
        assert len(again) == len(hooks) * (2 if checkpointed else 1)  # each block once more, going back
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys() and gradients[0]
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-4, atol=1e-6)


def blocks_of(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if type(module).__name__ in model._no_split_modules]


# -- weights


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_a_model_saves_and_loads_in_any_dtype_and_in_shards(case, dtype, tmp_path):
    model, inputs = case
    model.to(dtype).save_pretrained(tmp_path, max_shard_size="20KB")
    assert (tmp_path / "diffusion_pytorch_model.safetensors.index.json").is_file()
    again = type(model).from_pretrained(tmp_path, dtype=dtype)
    assert again.dtype == dtype
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_a_missing_variant_keeps_diffusers_reason(tmp_path):
    text_encoder().save_pretrained(tmp_path, variant="fp16")
    TextEncoder.from_pretrained(tmp_path, variant="fp16")
    with pytest.raises(OSError, match="no file named diffusion_pytorch_model"):
        TextEncoder.from_pretrained(tmp_path)


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_is_close_to_float32(case, dtype):
    model, inputs = case
    exact = run(model, inputs)
    half = {name: value.to(dtype) if value.is_floating_point() else value for name, value in inputs.items()}
    found = run(model.to(dtype), half).float()
    assert torch.isfinite(found).all()
    assert (found - exact).abs().mean() < 0.05 * exact.abs().mean()


def test_float16_attention_survives_scores_that_its_exponential_does_not():
    q = torch.full((1, 1, 2, 16), 8.0, dtype=torch.float16)  # scores of 256, and exp overflows above 11
    v = torch.randn(1, 1, 2, 16, dtype=torch.float16, generator=seeded())
    mean = v.mean(2, keepdim=True).expand_as(v)
    torch.testing.assert_close(ScaledDotProduct()(q, q, v), mean, rtol=1e-2, atol=1e-3)


# -- offloading and compilation


@torch.no_grad()
def test_weights_can_be_offloaded_in_groups_and_layer_by_layer(case):
    model, inputs = case
    exact = run(model, inputs)
    for kind in ("block_level", "leaf_level"):
        other = type(model).from_config(model.config).eval()
        other.load_state_dict(model.state_dict())
        options = {"num_blocks_per_group": 1} if kind == "block_level" else {}
        other.enable_group_offload(torch.device("cpu"), torch.device("cpu"), offload_type=kind, **options)
        torch.testing.assert_close(run(other, inputs), exact)


@torch.no_grad()
def test_layerwise_casting_stores_small_and_computes_large():
    model, inputs = transformer(), of_transformer()
    exact = run(model, inputs)
    model.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    assert model.blocks[0].up.weight.dtype == torch.float8_e4m3fn
    kept = (model.patch_embed, model.t_embedder.mlp[0], model.adaln, model.final_layer.linear)
    assert all(layer.weight.dtype == torch.float32 for layer in kept)  # few weights, and all hangs on them
    assert (run(model, inputs) - exact).abs().mean() < 0.1 * exact.abs().mean()


def test_what_layerwise_casting_would_leave_as_it_is_says_so():
    with pytest.raises(X2VError, match="kernels as matrices"):
        vae().enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)


@pytest.mark.parametrize("method", ["encode", "decode", "encode_video", "decode_latents", "preview"])
def test_whatever_pipelines_call_on_the_vae_brings_it_to_the_device(method):
    model, moved = vae(), []
    model._hf_hook = type("Hook", (), {"pre_forward": lambda self, module, *args: moved.append(module)})()
    code = method in ("encode", "encode_video")
    getattr(model, method)(torch.zeros(1, 3, 5, 16, 16) if code else torch.zeros(1, 6, 2, 2, 2))
    assert moved and all(each is model for each in moved)


def test_planner_and_text_encoder_work_where_they_are_told():
    """Offloaded weights are on the meta device until they are used."""
    ids, mask = text_encoder().to("meta").batch(["a dog"], torch.device("cpu"))
    assert ids.device.type == mask.device.type == "cpu"
    source = inspect.getsource(Planner.plan)
    assert "self.device" not in source


@pytest.mark.slow
@pytest.mark.parametrize("name", ["transformer", "text encoder", "planner"])
@torch.no_grad()
def test_repeated_blocks_compile_once_and_answer_the_same(name):
    make, inputs = MODELS[name]
    model, given = make(), inputs()
    exact = run(model, given)
    torch.compiler.reset()
    model.compile_repeated_blocks(fullgraph=True)
    with torch._dynamo.config.patch(recompile_limit=1):
        torch.testing.assert_close(run(model, given), exact, rtol=1e-3, atol=1e-4)


# -- attention backends


@torch.no_grad()
@pytest.mark.parametrize("backend", ["native", "_native_math"])
def test_an_attention_backend_that_is_set_is_used_by_this_model_alone(backend, monkeypatch):
    model, other, inputs = transformer(), transformer(), of_transformer()
    exact, used = run(model, inputs), []
    dispatch = "x2vkit.core.attention.dispatch_attention_fn"
    from diffusers.models.attention_dispatch import dispatch_attention_fn

    monkeypatch.setattr(dispatch, lambda *a, **k: used.append(k["backend"]) or dispatch_attention_fn(*a, **k))
    model.set_attention_backend(backend)
    torch.testing.assert_close(run(model, inputs), exact, rtol=1e-4, atol=1e-5)
    assert used == [AttentionBackendName(backend)] * len(model.blocks)
    assert torch.equal(run(other, inputs), exact) and len(used) == len(model.blocks)
    model.reset_attention_backend()
    assert torch.equal(run(model, inputs), exact) and len(used) == len(model.blocks)
    with attention_backend("_native_math"):  # diffusers' context names one for all
        torch.testing.assert_close(run(model, inputs), exact, rtol=1e-4, atol=1e-5)
    assert len(used) == 2 * len(model.blocks)


def test_an_unknown_attention_backend_is_refused_by_name():
    with pytest.raises(ValueError, match="must be one of"):
        transformer().set_attention_backend("quick")


# -- caches


def velocity(model: VideoTransformer) -> GuidedVelocity:
    needed = passes(4, 1, Conditions())
    text = torch.randn(2, 5, 32, generator=seeded(2))
    return GuidedVelocity(model, needed, text, torch.ones(2, 5).bool(), Conditions(), (2, 4, 6))


@torch.inference_mode()
@pytest.mark.parametrize(
    "config",
    [FirstBlockCacheConfig(threshold=10.0), MagCacheConfig(mag_ratios=torch.ones(4), num_inference_steps=4)],
    ids=["first block", "mag"],
)
def test_a_cache_skips_blocks_until_it_is_disabled(config):
    model, worked = transformer(), []
    latents = torch.randn(1, 24, 2, 4, 6, generator=seeded(1))
    plain = [velocity(model)(latents * scale, 0.9).guided for scale in (1.0, 1.01)]
    model.blocks[-1].up.register_forward_hook(lambda *_: worked.append(1))
    model.enable_cache(config)
    with pytest.raises(ValueError, match="already been enabled"):
        model.enable_cache(config)
    for _ in range(2):  # a new run starts from nothing
        worked.clear()
        follow = velocity(model)
        torch.testing.assert_close(follow(latents, 0.9).guided, plain[0])
        second = follow(latents * 1.01, 0.85).guided
        assert len(worked) <= 1 + isinstance(config, MagCacheConfig)
    if isinstance(config, FirstBlockCacheConfig):
        assert (second - plain[1]).abs().max() > 0
    model.disable_cache()
    torch.testing.assert_close(velocity(model)(latents * 1.01, 0.9).guided, plain[1])


def test_caches_that_hook_what_these_blocks_do_not_have_say_so():
    broadcast = PyramidAttentionBroadcastConfig(spatial_attention_block_skip_range=2)
    for config in (broadcast, FasterCacheConfig()):
        model = transformer()
        with pytest.raises(X2VError, match="use FirstBlockCacheConfig"):
            model.enable_cache(config)
        assert not model.is_cache_enabled
        assert not any(isinstance(getattr(m, "_diffusers_hook", None), HookRegistry) for m in model.blocks)
    shallow = VideoTransformer.from_model_config(replace(PRESETS["tiny"], depth=1))
    with pytest.raises(X2VError, match="all blocks but the first"):
        shallow.enable_cache(FirstBlockCacheConfig())


# -- slicing and tiling


@torch.no_grad()
def test_slicing_works_clip_by_clip_and_makes_the_same(monkeypatch):
    model, sizes = vae(), []
    video = torch.rand(3, 3, 5, 32, 48, generator=seeded()) * 2 - 1
    latents = model.encode_video(video)
    exact = model.decode_latents(latents)
    for name in ("encode_raw", "decode_raw"):
        code = getattr(model, name)
        monkeypatch.setattr(model, name, lambda x, code=code: sizes.append(len(x)) or code(x))
    model.enable_slicing()
    torch.testing.assert_close(model.encode_video(video), latents)
    torch.testing.assert_close(model.decode_latents(latents), exact)
    assert sizes == [1] * 6
    model.disable_slicing()
    assert torch.equal(model.decode_latents(latents), exact) and sizes[-1] == 3


@pytest.mark.parametrize("depths", [((1, 1), (1, 1, 1)), ((2, 0), (0, 2, 3)), ((1, 1), (2, 2, 1))], ids=str)
@torch.no_grad()
def test_tiles_have_no_seams(depths, monkeypatch):
    model = vae(encoder_depths=depths[0], decoder_depths=depths[1])
    video = torch.rand(1, 3, 5, 192, 160, generator=seeded()) * 2 - 1
    latents = model.encode_video(video)
    exact = model.decode_latents(latents)
    model.enable_tiling(32, 48)
    largest = []
    code = model.decode_raw
    monkeypatch.setattr(model, "decode_raw", lambda x: largest.append(x.shape[3] * x.shape[4]) or code(x))
    torch.testing.assert_close(model.encode_video(video), latents, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(model.decode_latents(latents), exact, rtol=1e-4, atol=1e-5)
    assert len(largest) == 6 * 4 and max(largest) <= 24 * 20
    model.disable_tiling()
    assert torch.equal(model.decode_latents(latents), exact)


@torch.no_grad()
def test_a_tile_with_less_around_it_than_it_depends_on_would_have_seams():
    """So the margin is no larger than it has to be."""
    model = vae()
    latents = torch.randn(1, 6, 2, 24, 20, generator=seeded())
    exact = model.decode_latents(latents)
    model.enable_tiling(32, 48)
    model.decoder.margin -= 2
    assert (model.decode_latents(latents) - exact).abs().max() > 1e-4


def test_a_tile_of_another_size_is_refused():
    with pytest.raises(X2VError, match="a multiple of 8 pixels"):
        vae().enable_tiling(100)
