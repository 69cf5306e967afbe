"""The formulas agree with the model itself and with torch's own counter."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from x2vkit import flops
from x2vkit.axes import latent_shape
from x2vkit.config import PRESETS, RunRequest
from x2vkit.core.conv_stage import FIRST_CHANNELS
from x2vkit.core.layers import TIMESTEP_FEATURES
from x2vkit.core.motion import ANGLE_FEATURES, BOX_FEATURES
from x2vkit.core.patches import POSITION_FEATURES
from x2vkit.core.text import TextEncoder
from x2vkit.core.transformer import VideoTransformer

TINY = PRESETS["tiny"]
CONFIGS = {
    "tiny": TINY,
    "deep": replace(TINY, depth=5, heads=3, mlp_ratio=2, latent_channels=8),
    "wide": replace(TINY, width=128, heads=2, text_width=64, text_depth=3),
    "long patch": replace(TINY, patch=(1, 4, 2)),
    "conv stage": replace(TINY, conv_width=24),
    "conv stage with motion": replace(TINY, conv_width=24, subject_rope=True),
}
SHAPES = [(17, 128, 128), (1, 64, 64), (33, 64, 96)]


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_parameters_are_exact(config):
    model = VideoTransformer.from_model_config(config)
    text = TextEncoder(
        [f"w{i}" for i in range(40)], None, config.text_width, config.text_depth, config.max_words
    )
    assert flops.transformer_parameters(config) == sum(p.numel() for p in model.parameters())
    assert flops.text_parameters(config, 42) == sum(p.numel() for p in text.parameters())
    assert (flops.POSITION_FEATURES, flops.TIMESTEP_FEATURES) == (POSITION_FEATURES, TIMESTEP_FEATURES)
    assert (flops.BOX_FEATURES, flops.ANGLE_FEATURES, flops.FIRST_CHANNELS) == (
        BOX_FEATURES,
        ANGLE_FEATURES,
        FIRST_CHANNELS,
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("extras", [False, True])
def test_flops_are_within_two_per_cent_of_torchs_counter(config, shape, extras):
    f, h, w = latent_shape(*shape)
    batch, T = 2, 9
    model = VideoTransformer.from_model_config(config)
    text = TextEncoder(["a"], None, config.text_width, config.text_depth, config.max_words)
    options = {}
    if extras:
        options = {"control": torch.zeros(batch, 10, f, h, w), "camera": torch.zeros(batch, f, 4)}
    t = torch.rand(batch, flops.tokens(config, *shape) if extras else 1)
    with FlopCounterMode(display=False) as counter:
        words = text(torch.zeros(batch, T, dtype=torch.long))
        out = model(torch.zeros(batch, config.latent_channels, f, h, w), t, words, **options).sample
    forward = counter.get_total_flops()
    with counter:
        out.sum().backward()
    said = {"batch": batch, "per_token_levels": extras, "control": extras, "camera": extras}
    predicted = flops.forward_flops(config, *shape, T, **said) + flops.text_flops(config, T, batch=batch)
    assert predicted == pytest.approx(forward, rel=0.02)
    step = forward + counter.get_total_flops()
    assert flops.train_flops(config, *shape, T, **said) == pytest.approx(step, rel=0.02)


def test_a_run_counts_every_evaluation():
    one = flops.forward_flops(TINY, 17, 128, 128, 5)
    request = RunRequest(steps=10, guidance=1.0)
    assert flops.run_flops(TINY, request, 5) == pytest.approx(10 * one, rel=0.01)
    assert flops.run_flops(TINY, replace(request, guidance=4.0), 5) == pytest.approx(20 * one, rel=0.01)
    assert flops.run_flops(TINY, replace(request, scheduler="heun"), 5) == pytest.approx(19 * one, rel=0.01)
    pulled = replace(request, guidance=4.0, control_guidance=2.0)
    assert flops.run_flops(TINY, pulled, 5, controlled=True) == pytest.approx(30 * one, rel=0.05)


def test_small_is_about_four_million():
    assert 3.8e6 < flops.transformer_parameters(PRESETS["small"]) < 4.2e6


def test_attention_is_all_that_grows_with_the_square_of_the_length():
    config, shape = CONFIGS["deep"], (17, 128, 128)
    N = flops.tokens(config, *shape)
    whole = [flops.forward_flops(config, *shape, T) for T in (5, 6, 7)]
    part = [flops.attention_flops(config, T + N) for T in (5, 6, 7)]
    assert whole[2] - 2 * whole[1] + whole[0] == part[2] - 2 * part[1] + part[0] > 0
    assert part[0] == 4 * config.depth * (5 + N) ** 2 * config.width
