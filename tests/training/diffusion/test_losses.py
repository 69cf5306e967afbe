"""The loss as the decoder sees it."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from x2vkit.core.layers import Conv
from x2vkit.training.diffusion.losses import PerceptualLoss, best_window


def test_errors_are_seen_as_the_decoder_sees_them(vae):
    vae = deepcopy(vae)
    torch.manual_seed(0)
    for layer in vae.decoder.modules():  # untrained blocks add nothing
        if isinstance(layer, Conv):
            torch.nn.init.normal_(layer.weight, std=0.1)
    perceptual_loss = PerceptualLoss(vae, 1.0)
    latents, t = torch.randn(2, 4, 3, 12, 12), torch.tensor([[0.3], [0.9]])
    loss_weight = torch.ones(2, 3, 12, 12)
    loss_weight[:, :, 4:, :8] = 6
    assert [part[0].tolist() for part in best_window(loss_weight)] == [list(range(4, 12)), list(range(8))]
    assert perceptual_loss(latents, latents, t, loss_weight) == 0
    error = 0.1 * torch.randn(4, 3, 12, 12)

    def seen(which: int, rows: slice, columns: slice, scale: float = 1.0) -> float:
        guess = latents.clone()
        guess[which, :, :, rows, columns] += scale * error[:, :, rows, columns]
        return float(perceptual_loss(guess, latents, t, loss_weight))

    inside, outside = (slice(5, 11), slice(1, 7)), (slice(0, 4), slice(8, 12))
    assert seen(0, *inside) > 0 and seen(0, *outside) == 0  # the window that is loss_weight most
    assert seen(1, *inside) == 0  # too noisy
    assert seen(0, *inside, scale=2.0) == pytest.approx(4 * seen(0, *inside), rel=0.3)
