"""The loss of a batch, checked against what it means."""

from __future__ import annotations

import torch

from tests.training.tiny_diffusion import task, with_noise


def test_left_out_tokens_change_nothing_but_what_is_asked(vae, folder):
    """All tokens in another order give the same loss; half of them give a loss over that half."""
    drawn = task(vae, folder, control=1.0, camera=1.0)
    model = drawn.build()
    with torch.no_grad():  # what starts at zero would hide differences
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    batch = with_noise(drawn.batch(2))
    count = 3 * 2 * 3
    everything = torch.stack([torch.randperm(count) for _ in batch["t"]])
    with torch.no_grad():
        whole, shuffled = model(**batch), model(**batch, kept_tokens=everything)
        some = model(**batch, kept_tokens=everything[:, :9])
    for name in whole:
        torch.testing.assert_close(whole[name], shuffled[name], rtol=1e-4, atol=1e-5)
    assert abs(some["velocity_loss"] - whole["velocity_loss"]) > 1e-4
    dropped = task(vae, folder, token_dropping=0.5).batch(1)["kept_tokens"]
    assert dropped.shape == (8, 9) and all(len(set(row)) == 9 for row in dropped.tolist())


def test_an_untrained_model_is_as_wrong_as_a_linear_guess(vae, folder):
    drawn = task(vae, folder, auxiliary_loss=0, subject_weight=0)
    torch.manual_seed(0)
    batch = with_noise(drawn.batch(0))
    loss = drawn.build()(**batch)["loss"]
    level = batch["t"][:, :, None, None, None]
    mixed = torch.lerp(batch["latents"], batch["noise"], level)
    guess = mixed * (2 * level - 1) / ((1 - level) ** 2 + level**2)  # this VAE's channels all latent_std by 1
    truth = (batch["noise"] - batch["latents"] - guess).square().mean(1)
    expected = truth[~batch["known"]].mean() if "known" in batch else truth.mean()
    torch.testing.assert_close(loss, expected, rtol=1e-3, atol=1e-3)


def test_given_frames_are_seen_clean_and_left_out_of_the_loss(vae, folder):
    drawn = task(vae, folder, auxiliary_loss=0, known_frames=1.0)
    torch.manual_seed(0)
    batch = with_noise(next(b for b in map(drawn.batch, range(20)) if "known" in b and b["known"].any()))
    model = drawn.build()
    for value in model.parameters():
        torch.nn.init.normal_(value, std=0.1)
    loss = model(**batch)["loss"]
    other = {**batch, "noise": torch.where(batch["known"][:, None], 9.0, batch["noise"])}
    torch.testing.assert_close(model(**other)["loss"], loss)  # the noise of a given frame reaches nothing
    moved = {**batch, "latents": torch.where(batch["known"][:, None], 1.0, batch["latents"])}
    assert not torch.allclose(model(**moved)["loss"], loss)  # but what it shows does
