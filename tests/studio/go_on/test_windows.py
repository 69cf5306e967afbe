"""A window keeps what is known, and two prompts count in it by their shares."""

from __future__ import annotations

import numpy as np
import torch

from x2vkit.config import RunRequest
from x2vkit.core.planner import Plan
from x2vkit.studio.go_on.windows import Windows

PLAN = Plan.of_tracks({"boxes": np.full((9, 2, 4), np.nan)})


def filled(pipeline, prompt: str, **given) -> list[torch.Tensor]:
    window = torch.randn(24, 3, 4, 4, generator=torch.Generator().manual_seed(5))
    request = RunRequest(prompt, steps=3, guidance=3.0, seed=1)
    return Windows(pipeline, request).fill(window, [0], PLAN, **given)


def test_what_is_known_is_clean_in_every_step(pipeline):
    latents, pred_x0, _ = filled(pipeline, "a red dog")
    assert latents.shape == (4, 24, 3, 4, 4) and pred_x0.shape == (3, 24, 3, 4, 4)
    for each in (latents, pred_x0):
        assert torch.equal(each[:, :, 0], each[:1, :, 0].expand_as(each[:, :, 0]))
    assert not torch.equal(latents[0, :, 1:], latents[-1, :, 1:])


def test_two_prompts_count_by_their_shares(pipeline):
    own, other = (filled(pipeline, prompt)[0][-1] for prompt in ("a red dog", "a blue ball"))
    for share, expected in ((0.0, own), (1.0, other)):
        mixed = filled(pipeline, "a red dog", towards="a blue ball", share=torch.full((3,), share))[0][-1]
        assert torch.allclose(mixed, expected, atol=1e-5)
    half = filled(pipeline, "a red dog", towards="a blue ball", share=torch.tensor([0.0, 0.0, 1.0]))[0][-1]
    assert (half[:, 1] - own[:, 1]).abs().mean() < (half[:, 1] - other[:, 1]).abs().mean()
    assert (half[:, 2] - other[:, 2]).abs().mean() < (half[:, 2] - own[:, 2]).abs().mean()


def test_guidance_may_end_early(pipeline):
    whole, some = filled(pipeline, "a red dog"), filled(pipeline, "a red dog", guided=1)
    assert torch.equal(whole[0][1], some[0][1]) and not torch.equal(whole[0][2], some[0][2])
    assert torch.equal(some[1][2], some[2][2])  # without guidance both predictions are one
