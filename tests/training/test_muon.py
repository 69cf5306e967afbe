"""Muon agrees with torch's own, and its updates are what its name says."""

from __future__ import annotations

import copy

import torch
from torch import nn

from x2vkit.training.muon import Muon, orthogonal


def test_it_takes_the_steps_of_torchs_muon():
    torch.manual_seed(0)
    layers = nn.ModuleList([nn.Linear(24, 40, bias=False), nn.Linear(40, 24, bias=False)])
    layers.append(nn.Linear(24, 40, bias=False))
    ours, theirs = layers, copy.deepcopy(layers)
    mine = Muon(ours.parameters(), lr=0.01)
    reference = torch.optim.Muon(
        theirs.parameters(), lr=0.01, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"
    )
    before = [p.detach().clone() for p in ours.parameters()]
    for seed in range(4):
        for model in (ours, theirs):
            torch.manual_seed(seed)
            for p in model.parameters():
                p.grad = torch.randn_like(p)
        mine.step()
        reference.step()
    for start, p, q in zip(before, ours.parameters(), theirs.parameters(), strict=True):
        assert (p - q).norm() < 0.03 * (p - start).norm()  # torch's rounds to bfloat16


def test_every_direction_moves_at_about_the_same_pace():
    torch.manual_seed(0)
    steep = torch.randn(3, 16, 48) * torch.logspace(0, -1.5, 16)[:, None]
    for x in (steep, steep.mT):
        found = torch.linalg.svdvals(orthogonal(x))
        assert torch.linalg.cond(x).min() > 20 and 0.5 < found.min() and found.max() < 1.3
