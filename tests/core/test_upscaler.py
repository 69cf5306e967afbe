"""The head that draws latents at twice the size: what it begins as, what it reads, and long clips."""

from __future__ import annotations

import pytest
import torch

from x2vkit.core import upscaler
from x2vkit.core.upscaler import Upscaler, bicubic
from x2vkit.core.vae import VideoVAE

FRAMES = 5
"""Latent frames of the clips here."""


def random(module: torch.nn.Module, size: float = 0.05) -> torch.nn.Module:
    """With every number moved: parts that start at zero would hide differences."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(size * torch.randn_like(parameter))
    return module.eval()


@pytest.fixture(scope="module")
def vae() -> VideoVAE:
    torch.manual_seed(0)
    made = random(VideoVAE(latent_channels=8, widths=(16, 16, 8), decoder_depths=(1, 2, 1)))
    with torch.no_grad():
        made.latents_mean.normal_()
        made.linear.components.normal_(std=0.1)
    return made


@pytest.fixture(scope="module")
def latents() -> torch.Tensor:
    return torch.randn(1, 8, FRAMES, 4, 6, generator=torch.Generator().manual_seed(1))


def head(**sizes) -> Upscaler:
    torch.manual_seed(2)
    return Upscaler(**{"widths": (16, 16, 8, 8), "depths": (1, 3, 2)} | sizes)


@torch.no_grad()
def test_it_begins_as_bicubic_interpolation_of_the_decoders_clip(vae, latents):
    made = head()
    made.start_from(vae)
    drawn = made.eval().decode(vae, latents)
    expected = bicubic(vae.decode_latents(latents))
    assert drawn.shape == (1, 3, 4 * FRAMES - 3, 64, 96)
    torch.testing.assert_close(drawn, expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_bicubic_interpolation_is_torchs_frame_by_frame(latents):
    video = latents[:, :3]
    expected = [
        torch.nn.functional.interpolate(frame, scale_factor=2, mode="bicubic") for frame in video.unbind(2)
    ]
    torch.testing.assert_close(bicubic(video), torch.stack(expected, dim=2))


@torch.no_grad()
def test_a_frame_depends_on_latent_frames_of_both_sides_and_on_no_more_than_it_reaches(vae):
    made = random(head(depths=(1, 0, 1)))
    features, linear = torch.randn(FRAMES, 16, 4, 4), torch.randn(1, 3, 4 * FRAMES - 3, 32, 32)
    before = made(features, linear)
    features[2] += 1
    changed = (made(features, linear) - before).abs().amax(dim=(0, 1, 3, 4)) > 1e-6
    assert made.reach == 2
    assert changed[0]  # two latent frames before the change
    features[2] -= 1
    features[4] += 1
    changed = (made(features, linear) - before).abs().amax(dim=(0, 1, 3, 4)) > 1e-6
    assert not changed[:5].any() and changed[5:].all()


@torch.no_grad()
def test_a_long_clip_drawn_in_parts_is_the_clip_drawn_at_once(vae, latents, monkeypatch):
    made = random(head(depths=(1, 1, 0)))
    whole = made.decode(vae, latents)
    monkeypatch.setattr(upscaler, "PART", 2)
    torch.testing.assert_close(made.decode(vae, latents), whole, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_it_is_saved_and_loaded(tmp_path):
    made = random(head())
    made.save_pretrained(tmp_path)
    again = Upscaler.from_pretrained(tmp_path)
    features, linear = torch.randn(FRAMES, 16, 4, 4), torch.randn(1, 3, 4 * FRAMES - 3, 32, 32)
    assert torch.equal(again(features, linear), made(features, linear))
