"""The transformer's promises: what may change its answer, and what may not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from x2vkit.config import PRESETS
from x2vkit.core.attention import Attention, ScaledDotProduct, apply_rotary_emb, share
from x2vkit.core.patches import patchify, rotary_table, unpatchify
from x2vkit.core.raster import BOX_A
from x2vkit.core.transformer import VideoTransformer, precondition
from x2vkit.errors import X2VError

TINY = PRESETS["tiny"]


def woken(seed: int = 0, conv_width: int = 0, subject_rope: bool = False) -> VideoTransformer:
    """A tiny transformer with every zero replaced by noise, so that each input matters."""
    torch.manual_seed(seed)
    config = replace(TINY, conv_width=conv_width, subject_rope=subject_rope)
    model = VideoTransformer.from_model_config(config).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return model


def predict(model: VideoTransformer, *args, **inputs) -> torch.Tensor:
    return model(*args, **inputs, return_dict=False)[0]


@pytest.fixture(scope="module", params=[0, 16], ids=["plain", "conv stage"])
def model(request) -> VideoTransformer:
    return woken(conv_width=request.param)


@pytest.fixture
def inputs() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    mask = torch.ones(2, 6, dtype=torch.bool)
    mask[1, 4:] = False
    text = torch.randn(2, 6, TINY.text_width)
    return {
        "latents": torch.randn(2, 24, 2, 4, 6),
        "t": torch.tensor([[0.3], [0.9]]),
        "text": text,
        "text_mask": mask,
    }


@torch.no_grad()
def test_untrained_model_predicts_the_best_linear_guess():
    """Of Gaussian values with known deviations no other multiple of x_t comes nearer to the velocity."""
    torch.manual_seed(0)
    std = torch.linspace(0.1, 1.0, 24)
    video = torch.randn(64, 24, 1, 8, 8) * std[:, None, None, None]
    noise, text = torch.randn_like(video), torch.zeros(64, 2, TINY.text_width)
    model = VideoTransformer.from_model_config(TINY, std.tolist())
    for t in (0.05, 0.5, 0.95):
        mixed = torch.lerp(video, noise, t)
        answer = predict(model, mixed, torch.full((64, 1), t), text)
        left = (answer - (noise - video)).square().mean((0, 2, 3, 4))
        for factor in (0.9, 1.1):
            other = mixed + factor * (answer - mixed)
            assert left.mean() <= (other - (noise - video)).square().mean() + 1e-3
        variance = (std * (1 - t)) ** 2 + t**2
        torch.testing.assert_close(left, std**2 / variance, rtol=0.1, atol=0.0)


def test_the_network_reads_and_writes_numbers_of_about_one():
    t, std = torch.rand(1, 50), torch.rand(96) + 0.05
    c_in, _, c_out = precondition(t, std)
    variance = (std * (1 - t[..., None])) ** 2 + t[..., None] ** 2  # of x_t
    torch.testing.assert_close(c_in**2 * variance, torch.ones_like(variance))
    torch.testing.assert_close(c_out**2 * variance, (std**2).expand_as(variance))


@torch.no_grad()
def test_padded_words_change_nothing_and_real_words_do(model, inputs):
    before = predict(model, **inputs)
    inputs["text"][1, 4:] = 77.0
    torch.testing.assert_close(predict(model, **inputs), before, rtol=0, atol=0)
    inputs["text"][1, 3] = 77.0
    assert (predict(model, **inputs) - before)[1].abs().max() > 1e-3


@torch.no_grad()
def test_padding_a_prompt_equals_not_padding_it(model, inputs):
    alone = {k: v[1:] for k, v in inputs.items()}
    short = alone | {"text": alone["text"][:, :4], "text_mask": None}
    torch.testing.assert_close(predict(model, **alone), predict(model, **short), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_one_level_for_the_clip_equals_the_same_level_on_every_token(model, inputs):
    per_token = inputs | {"t": inputs["t"].expand(2, 12).contiguous()}
    torch.testing.assert_close(predict(model, **inputs), predict(model, **per_token), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_each_token_reads_its_own_level(model, inputs):
    levels = inputs["t"].expand(2, 12).contiguous()
    base = patchify(predict(model, **inputs | {"t": levels}), TINY.patch)
    levels[:, 5] = 0.0
    moved = (patchify(predict(model, **inputs | {"t": levels}), TINY.patch) - base).abs().amax((0, 2))
    assert moved.argmax() == 5


@torch.no_grad()
def test_control_and_camera_of_zeros_equal_none(model, inputs):
    zeros = {"control": torch.zeros(2, 10, 2, 4, 6), "camera": torch.zeros(2, 2, 4)}
    before = predict(model, **inputs)
    torch.testing.assert_close(predict(model, **inputs, **zeros), before, rtol=0, atol=0)
    for name in zeros:
        given = zeros | {name: torch.ones_like(zeros[name])}
        assert (predict(model, **inputs, **given) - before).abs().max() > 1e-3


@torch.no_grad()
def test_camera_reaches_its_own_latent_frame_first(inputs):
    model = woken()
    model.blocks = torch.nn.ModuleList()  # without attention nothing can wander between frames
    camera = torch.zeros(2, 2, 4)
    base = predict(model, **inputs, camera=camera)
    camera[:, 1] = 1.0
    change = (predict(model, **inputs, camera=camera) - base).abs().amax((0, 1, 3, 4))
    assert change[0] == 0 and change[1] > 0


@torch.no_grad()
def test_subject_rope_rotates_queries_and_keys_by_what_is_given_and_by_nothing_else(inputs):
    plain, follows = woken(), woken(subject_rope=True)
    box = torch.zeros(2, 10, 2, 4, 6)
    box[:, BOX_A, 0, :, :3], box[:, BOX_A, 1, :, 3:] = 1.0, 1.0  # it goes from left to right
    pan = torch.zeros(2, 2, 4)
    pan[:, 1, 0] = 2.0
    for model in (plain, follows):
        model.control_embed.weight.zero_()
        model.camera_embed.weight.zero_()
    nothing = {"control": torch.zeros(2, 10, 2, 4, 6), "camera": torch.zeros(2, 2, 4)}
    alike = predict(follows, **inputs, **nothing)
    torch.testing.assert_close(alike, predict(plain, **inputs), rtol=1e-4, atol=1e-5)
    assert torch.equal(predict(plain, **inputs, control=box, camera=pan), predict(plain, **inputs))
    for given in ({"control": box}, {"camera": pan}):
        assert not torch.allclose(predict(follows, **inputs, **given), predict(plain, **inputs), atol=1e-3)
    # ... each clip by what it was given itself
    box[1], pan[1] = 0, 0
    both = predict(follows, **inputs, control=box, camera=pan)
    torch.testing.assert_close(both[1], predict(plain, **inputs)[1], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_kept_tokens_have_the_positions_that_they_have_among_all(inputs):
    model = woken(subject_rope=True)
    given = {"control": torch.rand(2, 10, 2, 4, 6), "camera": torch.rand(2, 2, 4)}
    whole = patchify(predict(model, **inputs, **given), model.patch)
    keep = torch.stack([torch.randperm(12), torch.randperm(12)])
    kept = predict(model, **inputs, **given, kept_tokens=keep)
    torch.testing.assert_close(kept, whole.gather(1, keep[..., None].expand_as(whole)), rtol=1e-4, atol=1e-5)


def test_keeping_every_token_in_any_order_gives_the_same_patches(model, inputs):
    whole = patchify(predict(model, **inputs), TINY.patch)
    keep = torch.stack([torch.randperm(12), torch.randperm(12)])
    kept = predict(model, **inputs, kept_tokens=keep)
    torch.testing.assert_close(kept, whole.gather(1, keep[..., None].expand_as(whole)), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_shared_attention_reaches_across_clips_and_only_then(model, inputs):
    other = {k: v.clone() for k, v in inputs.items()}
    other["latents"][1] += 1
    assert torch.equal(predict(model, **inputs)[0], predict(model, **other)[0])
    one, two = (predict(model, **each, shared_attention=True)[0] for each in (inputs, other))
    assert (one - two).abs().max() > 1e-4


@torch.no_grad()
def test_shared_attention_of_one_clip_changes_nothing(model, inputs):
    one = {k: v[:1] for k, v in inputs.items()}
    shared = predict(model, **one, shared_attention=True)
    torch.testing.assert_close(shared, predict(model, **one), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("patch", [(1, 2, 2), (2, 2, 1), (1, 1, 1), (2, 4, 3)])
def test_unpatchify_undoes_patchify_exactly(patch):
    x = torch.randn(2, 5, 4, 8, 6)
    assert torch.equal(unpatchify(patchify(x, patch), patch, (4, 8, 6)), x)


def test_tokens_run_row_major_in_frame_row_column():
    x = torch.arange(2 * 4 * 6.0).reshape(1, 1, 2, 4, 6)
    assert patchify(x, (1, 2, 2))[0, 1 * 6 + 1 * 3 + 2].tolist() == [40.0, 41.0, 46.0, 47.0]


def test_rotated_scores_depend_on_relative_position_alone():
    grid, dim = (4, 5, 6), 32
    cos, sin = rotary_table(grid, 0, dim, torch.device("cpu"), torch.float32)
    q, k = torch.randn(dim), torch.randn(dim)
    qs, ks = apply_rotary_emb(q.expand(120, dim), cos, sin), apply_rotary_emb(k.expand(120, dim), cos, sin)
    scores = (qs @ ks.T).reshape(*grid, *grid)
    torch.testing.assert_close(scores[0, 1, 2, 2, 2, 4], scores[1, 3, 1, 3, 4, 3], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(qs.norm(dim=1), q.norm().expand(120), rtol=1e-4, atol=1e-4)
    for axis in range(3):  # and each axis is heard
        to = [0, 0, 0]
        to[axis] = 1
        assert (scores[(0, 0, 0, *to)] - scores[0, 0, 0, 0, 0, 0]).abs() > 1e-3


def test_text_is_not_rotated():
    cos, sin = rotary_table((1, 2, 2), 3, 16, torch.device("cpu"), torch.float32)
    assert (cos[:3] == 1).all() and (sin[:3] == 0).all() and (sin[4:] != 0).any()


def test_scores_equal_torchs_attention_with_and_without_bias():
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, n, 8, dtype=torch.float64) for n in (5, 7, 7))
    bias = torch.zeros(2, 1, 1, 7, dtype=torch.float64)
    bias[1, ..., 4:] = -1e4
    sdpa = torch.nn.functional.scaled_dot_product_attention
    torch.testing.assert_close(ScaledDotProduct()(q, k, v), sdpa(q, k, v))
    torch.testing.assert_close(ScaledDotProduct()(q, k, v, bias), sdpa(q, k, v, attn_mask=bias))


def test_a_hook_on_the_scaled_dot_product_sees_what_makes_the_layers_output():
    torch.manual_seed(0)
    layer, x, seen = Attention(32, 2), torch.randn(1, 5, 32), {}
    hooked = layer.scaled_dot_product
    hooked.register_forward_hook(lambda m, args, out: seen.update(q=args[0], k=args[1], v=args[2]))
    out = layer(x)
    weights = (seen["q"] @ seen["k"].transpose(-1, -2) * 16**-0.5).softmax(-1)
    torch.testing.assert_close(layer.out((weights @ seen["v"]).transpose(1, 2).reshape(1, 5, 32)), out)


def test_share_keeps_own_text_and_everyones_video():
    x = torch.arange(2 * 1 * 3).reshape(2, 1, 3, 1)  # 1 text token, 2 video tokens
    assert share(x, 1).flatten(1).tolist() == [[0, 1, 2, 4, 5], [3, 1, 2, 4, 5]]


@torch.no_grad()
def test_saved_and_loaded_answers_the_same(tmp_path, model, inputs):
    model.save_pretrained(tmp_path)
    again = VideoTransformer.from_pretrained(tmp_path)
    torch.testing.assert_close(predict(again, **inputs), predict(model, **inputs), rtol=0, atol=0)


@torch.no_grad()
def test_the_conv_stage_reads_across_the_seams_of_patches_and_both_ways_in_time(inputs):
    """Without blocks no token knows another; with the conv stage a changed corner is felt next door, in every
    frame.
    """
    at = (0, 0, 1, 1, 1)  # a position at the seam of the first patch, in the second frame
    moved = inputs | {"latents": inputs["latents"].clone()}
    moved["latents"][at] += 1.0
    for conv_width in (0, 16):
        model = woken(conv_width=conv_width)
        model.blocks = torch.nn.ModuleList()
        felt = (predict(model, **moved) - predict(model, **inputs))[0].abs().amax(0) > 1e-6  # (f, h, w)
        assert felt[1, :2, :2].all()
        assert bool(felt[1, 2, 2]) == bool(felt[0, 1, 1]) == (conv_width > 0)


@torch.no_grad()
def test_an_untrained_conv_stage_changes_nothing(inputs):
    torch.manual_seed(0)
    plain = VideoTransformer.from_model_config(TINY)
    with_stage = VideoTransformer.from_model_config(replace(TINY, conv_width=16))
    left = with_stage.load_state_dict(plain.state_dict(), strict=False)
    assert left.missing_keys and all(name.startswith("conv_stage.") for name in left.missing_keys)
    torch.testing.assert_close(predict(with_stage, **inputs), predict(plain, **inputs), rtol=0, atol=0)


@torch.no_grad()
def test_a_conv_stage_trained_without_motion_can_be_trained_on_with_it(inputs):
    old = woken(conv_width=16)
    new = VideoTransformer.from_model_config(replace(TINY, conv_width=16, subject_rope=True))
    left = new.load_state_dict(old.state_dict(), strict=False)
    parts = ("first_in", "first_out", "steer", "box_embed", "angle_embed")
    assert left.missing_keys and all(any(part in name for part in parts) for name in left.missing_keys)
    torch.testing.assert_close(predict(new, **inputs), predict(old, **inputs), rtol=0, atol=0)


@torch.no_grad()
def test_the_conv_stage_follows_what_moves(inputs):
    """Without blocks one side of the screen knows nothing of the other, unless a box goes there."""
    model = woken(conv_width=16, subject_rope=True)
    model.blocks = torch.nn.ModuleList()
    boxes = torch.zeros(2, 5, 2, 5)
    boxes[:, 0, 0, :4], boxes[:, 1:, 0, :4] = torch.tensor([0, 0, 0.3, 1.0]), torch.tensor([0.7, 0, 1.0, 1.0])
    inputs = inputs | {"latents": inputs["latents"].repeat_interleave(3, 4)}
    moved = inputs | {"latents": inputs["latents"].clone()}
    moved["latents"][:, :, 0, :, 1] += 1.0
    for given, heard in ((boxes, True), (torch.zeros_like(boxes), False)):
        change = predict(model, **moved, boxes=given) - predict(model, **inputs, boxes=given)
        far = change[0, :, 1, :, 14:].abs().amax()
        assert bool(far > 1e-6) == heard


@pytest.mark.parametrize("conv_width, subject_rope", [(0, False), (16, False), (16, True)])
def test_training_reaches_every_weight(inputs, conv_width, subject_rope):
    model = woken(conv_width=conv_width, subject_rope=subject_rope).train()
    given = {"control": torch.randn(2, 10, 2, 4, 6), "camera": torch.randn(2, 2, 4)}
    given["boxes"] = torch.tensor([0.1, 0.1, 0.7, 0.8, 0.5]).repeat(2, 5, 2, 1)
    given["boxes"][..., 4] *= torch.arange(5)[:, None]  # they turn on the way
    predict(model, **inputs, **given).square().mean().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def as_flow_map(model: VideoTransformer) -> VideoTransformer:
    """A flow map of the same weights."""
    config = {name: value for name, value in model.config.items() if name != "_use_default_values"}
    found = VideoTransformer.from_config(config | {"flow_map": True}).eval()
    found.load_state_dict(model.state_dict())
    return found


@torch.no_grad()
def test_a_flow_map_of_the_same_weights_says_the_same_until_it_is_told_r(model, inputs):
    flow, t = as_flow_map(model), inputs["t"]
    assert torch.equal(predict(flow, **inputs), predict(model, **inputs))
    assert torch.equal(predict(flow, **inputs, r=t), predict(model, **inputs))
    assert not torch.allclose(predict(flow, **inputs, r=t / 2), predict(model, **inputs), atol=1e-2)
    every = inputs | {"t": t.expand(-1, 12)}
    torch.testing.assert_close(
        predict(flow, **every, r=t.expand(-1, 12) / 2), predict(flow, **inputs, r=t / 2), rtol=1e-4, atol=1e-4
    )
    with pytest.raises(X2VError, match="train distill"):
        predict(model, **inputs, r=t / 2)


@torch.no_grad()
@pytest.mark.parametrize("conv_width", [0, 16])
def test_the_first_two_thirds_of_the_blocks_know_nothing_of_r(inputs, conv_width):
    torch.manual_seed(0)
    flow = VideoTransformer.from_model_config(replace(TINY, depth=3, conv_width=conv_width), flow_map=True)
    for p in flow.parameters():
        p.add_(0.1 * torch.randn_like(p))
    seen: dict[int, list[torch.Tensor]] = {i: [] for i in range(3)}
    for i, block in enumerate(flow.blocks):
        block.register_forward_hook(lambda part, args, out, i=i: seen[i].append(out))
    for r in (0.0, 0.2):
        predict(flow, **inputs, r=torch.full((2, 1), r))
    same = [torch.equal(*seen[i]) for i in range(3)]
    assert same == [True, True, False]
