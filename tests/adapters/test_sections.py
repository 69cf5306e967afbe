"""Clips that are made in sections: a trace for each, with the pictures that its own latents stand for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.adapters.families_sections import FAMILIES
from tests.adapters.test_families import clip, state
from x2vkit.adapters.diffusers import attach
from x2vkit.adapters.grid import alike
from x2vkit.run.capture import AttentionCapture


@pytest.fixture(scope="module", params=FAMILIES)
def made(request):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    request.addfinalizer(lambda: torch.set_num_threads(threads))
    case = FAMILIES[request.param]()
    alone = case.run()
    before, decoded = state(case.pipe), []
    original = type(case.pipe.vae).decode

    def decode(vae, z, *args, **kwargs):
        decoded.append(z.clone())
        return original(vae, z, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patcher:
        patcher.setattr(type(case.pipe.vae), "decode", decode)
        with attach(case.pipe, AttentionCapture()) as recording:
            recorded = case.run()
    return case, alone, recorded, recording.traces, decoded, (before, state(case.pipe))


def test_the_clip_is_the_one_that_the_pipeline_makes_alone(made):
    _, alone, recorded, _, _, (before, after) = made
    assert np.array_equal(clip(alone), clip(recorded)) and before == after


def test_each_section_begins_from_noise_and_ends_as_what_is_decoded(made):
    *_, traces, decoded, _ = made
    assert len(traces) == len(decoded) > 1
    assert [trace.sections for trace in traces] == [(i, i) for i in range(len(traces))]
    for trace, z in zip(traces, decoded, strict=True):
        assert trace.t[0] > 0.9 and trace.t[-1] == 0
        f = trace.latents.shape[2]
        inside = [alike(trace.latents[-1], z[0, :, i : i + f].numpy()) for i in range(z.shape[2] - f + 1)]
        assert max(inside) > 0.99


def test_tokens_are_told_apart_in_every_section(made):
    case, _, _, traces, _, _ = made
    for i, trace in enumerate(traces):
        assert trace.geometry.token_kinds == case.kinds
        said = [one["said"] for one in trace.coverage["unseen"] if one["what"] == "other sections"]
        assert len(said) == 1 and f"section {i + 1} of {len(traces)}" in said[0]
        token = trace.geometry.span("video").start
        for site in trace.captured:
            if "video" in trace.reads(site[1]).queries:
                assert np.allclose(trace.attention(*site, token).sum(1), 1, atol=1e-5)
        whole = [layer for layer in trace.layers if {"history", "video"} <= set(layer.keys)]
        assert whole and len(trace.captured) == 2 * len(trace.layers)
