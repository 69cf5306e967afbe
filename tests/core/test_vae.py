"""What the autoencoder promises: causal in time, one path for stills and clips, any size. Weights are
random.
"""

from __future__ import annotations

import pytest
import torch

from x2vkit.core.layers import depth_to_space, fold_time, unfold_time
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.training.vae import fit_statistics, psnr


@pytest.fixture(scope="module")
def vae() -> VideoVAE:
    """Random in every weight: at their initial zeros, the residual branches would hide a leak."""
    torch.manual_seed(0)
    model = VideoVAE(latent_channels=6, widths=(16, 12, 8)).eval()
    for name, value in (*model.named_parameters(), *model.named_buffers()):
        if "std" not in name and "spread" not in name:
            torch.nn.init.normal_(value, std=0.1)
    return model.requires_grad_(False)


def video(frames: int, height: int = 32, width: int = 32, seed: int = 1) -> torch.Tensor:
    return torch.rand(1, 3, frames, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("shape", [(1, 16, 16), (5, 24, 40), (17, 32, 16), (33, 16, 16)])
def test_shapes(vae, shape):
    F, H, W = shape
    latents = vae.encode_video(video(*shape))
    assert latents.shape == (1, 6, 1 + (F - 1) // 4, H // 8, W // 8)
    assert vae.decode_latents(latents).shape == (1, 3, *shape)
    assert vae.preview(latents).shape == (1, 3, *shape)


@pytest.mark.parametrize("shape", [(4, 32, 32), (0, 32, 32), (5, 20, 32), (5, 32, 12)])
def test_sizes_that_the_strides_do_not_divide_are_refused(vae, shape):
    with pytest.raises(X2VError):
        vae.encode_video(video(*shape))


@pytest.mark.parametrize("change_at", [1, 4, 5, 8, 12])
def test_later_frames_never_change_earlier_ones(vae, change_at):
    clip, other = video(13), video(13, seed=2)
    changed = clip.clone()
    changed[:, :, change_at:] = other[:, :, change_at:]
    before, after = vae(clip).sample, vae(changed).sample
    # The group of four that `change_at` lies in is coded as one; everything before it must be untouched.
    group = 1 + (change_at - 1) // 4 * 4
    assert torch.equal(before[:, :, :group], after[:, :, :group])
    assert not torch.equal(before[:, :, group:], after[:, :, group:])


def test_later_latents_never_change_earlier_frames(vae):
    latents = vae.encode_video(video(13))
    changed = latents.clone()
    changed[:, :, 2:] += 1
    before, after = vae.decode_latents(latents), vae.decode_latents(changed)
    assert torch.equal(before[:, :, :5], after[:, :, :5])
    assert not torch.equal(before[:, :, 5:], after[:, :, 5:])


def test_the_first_frame_alone_decodes_as_in_the_clip(vae):
    clip = video(17)
    torch.testing.assert_close(vae(clip[:, :, :1]).sample, vae(clip).sample[:, :, :1], rtol=1e-3, atol=1e-3)


def test_the_past_is_used(vae):
    """Causal must not mean blind: another first frame changes how later latents are decoded."""
    latents = vae.encode_video(video(9))
    changed = latents.clone()
    changed[:, :, 0] += 1
    assert not torch.equal(vae.decode_latents(latents)[:, :, 5:], vae.decode_latents(changed)[:, :, 5:])


def test_a_crop_is_coded_as_the_same_pixels_in_a_large_frame(vae):
    clip = video(5, 128, 128)
    whole, crop = vae.encode_video(clip), vae.encode_video(clip[..., 16:112, 16:112])
    # Cells whose surroundings lie inside the crop agree: there is no statistic over the frame.
    torch.testing.assert_close(whole[..., 7:9, 7:9], crop[..., 5:7, 5:7], rtol=1e-4, atol=1e-4)


def test_folding_time_is_exact():
    clip = video(9)
    folded = depth_to_space(
        fold_time(clip, 8), 8
    )  # every pixel back in its place, four frames in the channels
    assert torch.equal(unfold_time(folded, 3), clip)


def test_sampling_adds_the_noise_it_says(vae):
    clip = video(17, 64, 64)
    plain = vae.encode_video(clip)
    noisy, again = (vae.encode(clip).latent_dist.sample(torch.Generator().manual_seed(0)) for _ in range(2))
    assert torch.equal(vae.encode(clip).latent_dist.mode(), plain)
    assert torch.equal(noisy, again) and torch.equal(plain, vae.encode_video(clip))
    assert (noisy - plain).std().item() == pytest.approx(vae.config.latent_noise, rel=0.1)


def test_statistics_and_preview_are_fitted():
    """A code that is linear, of clips that are flat blocks: normalised latents, and a preview that is nearly
    exact.
    """
    torch.manual_seed(0)
    flat = torch.rand(4, 3, 9, 4, 4) * 1.6 - 0.8
    flat[:, :, 1:5], flat[:, :, 5:] = flat[:, :, 1:2], flat[:, :, 5:6]
    clips = flat.repeat_interleave(8, 3).repeat_interleave(8, 4)
    vae = VideoVAE(latent_channels=6, widths=(8, 8, 8)).eval().requires_grad_(False)
    vae.linear.fit(clips)
    fit_statistics(vae, clips)
    latents = vae.encode_video(clips)
    std = latents.std((0, 2, 3, 4)) / vae.latents_target_std
    kept = std > 0.5  # three colours need three channels
    torch.testing.assert_close(
        latents.mean((0, 2, 3, 4))[kept], torch.zeros(int(kept.sum())), atol=1e-3, rtol=0
    )
    torch.testing.assert_close(std[kept], torch.ones(int(kept.sum())), atol=1e-2, rtol=0)
    assert kept.sum() >= 3
    moves = vae.preview_weight.norm(dim=0) * vae.latents_target_std  # of one standard deviation, in pixels
    torch.testing.assert_close(vae.latents_target_std, (moves / moves.max()).sqrt())
    assert psnr((vae.preview(latents) - clips).square()) > 30
    assert psnr((vae(clips).sample - clips).square()) > 30


def test_saved_weights_load_to_the_same_code(vae, tmp_path):
    vae.save_pretrained(tmp_path)
    assert [path.suffix for path in tmp_path.iterdir() if path.suffix in (".bin", ".pt")] == []
    loaded = VideoVAE.from_pretrained(tmp_path)
    assert torch.equal(loaded.encode_video(video(5)), vae.encode_video(video(5)))


def test_gradients_reach_every_weight(vae):
    model = VideoVAE(latent_channels=6, widths=(16, 12, 8))
    model.load_state_dict(vae.state_dict())
    model(video(9), sample_posterior=True).sample.square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
