"""Toy tasks lie beside these tests and are no package; a tiny autoencoder and its latents are made once."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from x2vkit.core.vae import VideoVAE
from x2vkit.world import World

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def vae() -> VideoVAE:
    torch.manual_seed(0)
    model = VideoVAE(latent_channels=4, widths=(8, 8, 8)).eval().requires_grad_(False)
    clips = [World(3).sample(i, 9, 32, 48).frames for i in range(8)]
    model.linear.fit(torch.from_numpy(np.stack(clips)).permute(0, 4, 1, 2, 3).float() / 127.5 - 1)
    return model


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("latents")
