"""Guidance: which passes are needed, and what is made of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from x2vkit.config import PRESETS
from x2vkit.core.conditions import Conditions, known_frames
from x2vkit.core.guidance import GuidedVelocity, Pass, passes
from x2vkit.core.transformer import VideoTransformer
from x2vkit.errors import X2VError

TINY = PRESETS["tiny"]
GRID = (2, 4, 6)
B, T = 2, 5


@pytest.fixture(scope="module")
def transformer() -> VideoTransformer:
    torch.manual_seed(0)
    model = VideoTransformer.from_model_config(TINY).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return model


@pytest.fixture
def given() -> Conditions:
    return Conditions.draw((5, 32, 48), boxes=[[0.2, 0.2, 0.6, 0.9]]).fit(B, 24, GRID)


def texts(count: int) -> torch.Tensor:
    return torch.randn(count * B, T, TINY.text_width, generator=torch.Generator().manual_seed(1))


def guided(transformer, needed, given, **options) -> GuidedVelocity:
    text = texts(len(needed))
    mask = torch.ones(text.shape[:2], dtype=torch.bool)
    return GuidedVelocity(transformer, needed, text, mask, given, GRID, **options)


def test_only_the_passes_that_weigh_something_are_made(given):
    free = Conditions()
    assert passes(1, 1, given) == (Pass(0.0),)
    assert passes(4, 1, free) == (Pass(0.0), Pass(3.0, negative=True, control=False))
    assert passes(1, 2, free) == (Pass(0.0),)  # there is no control to guide by
    assert passes(1, 2, given) == (Pass(0.0), Pass(1.0, control=False))
    assert [one.weight for one in passes(4, 3, given)] == [0, 3, 2]


@torch.inference_mode()
def test_a_mouth_is_guided_away_from_one_that_stays_as_it_is(transformer, given):
    assert passes(1, 1, given, 3) == (Pass(0.0),)  # nobody talks
    box = [0.2, 0.2, 0.6, 0.9]
    talking = [
        Conditions.draw((5, 32, 48), boxes=[box], mouth=(box, np.array(track))).fit(B, 24, GRID)
        for track in ([0.2, 0.6, 0.2, 0.6, 0.2], [0.3] * 5)  # the same on average over latent frames
    ]
    moving, still = talking
    torch.testing.assert_close(moving.with_still_mouth().control, still.control)
    needed = passes(1, 1, moving, 3)
    assert needed == (Pass(0.0), Pass(2.0, mouth=False))
    latents = torch.randn(B, 24, *GRID)
    cond, other = (guided(transformer, needed[:1], each)(latents, 0.3).guided for each in talking)
    text = texts(1).repeat(2, 1, 1)
    mask = torch.ones(text.shape[:2], dtype=torch.bool)
    found = GuidedVelocity(transformer, needed, text, mask, moving, GRID, ramp=0.6)(latents, 0.3)
    # the ramp is not for mouths
    torch.testing.assert_close(found.guided, cond + 2 * (cond - other), rtol=1e-3, atol=1e-3)


@torch.inference_mode()
def test_the_guided_velocity_is_the_formula_of_its_passes(transformer, given):
    needed = passes(4, 2.5, given)
    latents, t = torch.randn(B, 24, *GRID), 0.9
    text = texts(3)

    def alone(index: int, seen: Conditions) -> torch.Tensor:
        rows = slice(index * B, (index + 1) * B)
        inputs = {"control": seen.control, "boxes": seen.boxes}
        return transformer(latents, torch.full((B, 1), t), text[rows], **inputs).sample

    cond, negative, free = alone(0, given), alone(1, Conditions()), alone(2, Conditions())
    found = guided(transformer, needed, given)(latents, t)
    torch.testing.assert_close(found.conditional, cond, rtol=1e-4, atol=1e-4)
    wanted = cond + 3 * (cond - negative) + 1.5 * (cond - free)
    torch.testing.assert_close(found.guided, wanted, rtol=1e-3, atol=1e-3)
    # below the ramp it weighs less, in proportion
    low = guided(transformer, needed, given, ramp=0.6)(latents, 0.3)
    high = guided(transformer, needed, given, ramp=0.3)(latents, 0.3)
    half = (high.guided - high.conditional) / 2
    torch.testing.assert_close(low.guided - low.conditional, half, rtol=1e-3, atol=1e-3)


@torch.inference_mode()
def test_without_guidance_both_predictions_are_the_same(transformer, given):
    found = guided(transformer, passes(1, 1, given), given)(torch.randn(B, 24, *GRID), 0.5)
    assert torch.equal(found.guided, found.conditional)


@torch.inference_mode()
def test_given_frames_are_seen_at_level_zero(transformer, monkeypatch):
    levels, forward = [], transformer.forward
    monkeypatch.setattr(transformer, "forward", lambda x, t, **k: levels.append(t) or forward(x, t, **k))
    given = known_frames(torch.zeros(B, 24, *GRID), [0])
    guided(transformer, passes(4, 1, given), given)(torch.randn(B, 24, *GRID), 0.7)
    assert levels[0].shape == (2 * B, 12)
    assert not levels[0][:, :6].any() and (levels[0][:, 6:] == 0.7).all()


@torch.inference_mode()
def test_clips_share_attention_within_a_pass_and_never_across(transformer, given):
    needed = passes(4, 1, given)
    latents = torch.randn(B, 24, *GRID)
    apart, shared = (
        guided(transformer, needed, given, shared_attention=each)(latents, 0.8) for each in (False, True)
    )
    assert not torch.allclose(apart.conditional, shared.conditional, atol=1e-4)
    alone = guided(transformer, needed[:1], given, shared_attention=True)(latents, 0.8)
    torch.testing.assert_close(shared.conditional, alone.conditional, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_a_flow_map_has_one_pass_and_given_frames_arrive_where_they_are(given, monkeypatch):
    flow = VideoTransformer.from_model_config(TINY, flow_map=True).eval()
    with pytest.raises(X2VError, match="guide it twice"):
        guided(flow, passes(4, 1, given), given)
    seen = {}
    monkeypatch.setattr(flow, "forward", lambda x, t, r, **_: seen.update(t=t, r=r) or (x,))
    latents = torch.randn(B, 24, *GRID)
    first = given.merge(known_frames(latents, [0]))
    guided(flow, passes(1, 1, first), first)(latents, 0.7, 0.4)
    n = GRID[1] * GRID[2] // 4
    for name, level in (("t", 0.7), ("r", 0.4)):
        assert (seen[name][:, :n] == 0).all() and (seen[name][:, n:] == level).all()
