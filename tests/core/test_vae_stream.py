"""Decoding part by part gives what decoding at once gives."""

from __future__ import annotations

import torch

from x2vkit.core.vae_stream import DecoderStream


def test_parts_are_the_whole(pipeline):
    latents = torch.randn(2, 24, 6, 4, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = pipeline.vae.decode_latents(latents)
    stream = DecoderStream(pipeline.vae)
    parts = [stream.decode(part) for part in latents.split((1, 2, 3), dim=2)]
    assert [part.shape[2] for part in parts] == [1, 8, 12]
    assert torch.allclose(torch.cat(parts, 2), whole, atol=1e-5)


def test_it_remembers_what_came_before(pipeline):
    latents = torch.randn(1, 24, 2, 4, 4, generator=torch.Generator().manual_seed(1))
    stream = DecoderStream(pipeline.vae)
    stream.decode(latents[:, :, :1])
    follows, alone = stream.decode(latents[:, :, 1:]), DecoderStream(pipeline.vae).decode(latents[:, :, 1:])
    assert (follows[:, :, -1] - alone[:, :, -1]).abs().max() > 1e-3
