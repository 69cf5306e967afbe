"""A transformer in parts is the transformer, and a planted bug is that bug alone."""

from __future__ import annotations

import pytest
import torch

from x2vkit.course.parts import BUGS, Parts, planted, sampled, tiny_transformer


def test_the_parts_put_together_are_the_model():
    model = tiny_transformer()
    torch.manual_seed(1)
    latents, words = torch.randn(4, 2, 4, 4), torch.randn(3, 8)
    parts = Parts(model, (2, 4, 4), 3)
    patches = parts.cut(latents)
    assert torch.equal(parts.paste(patches), latents)
    c_in, c_skip, c_out = parts.scales(0.3)
    tokens = torch.cat([parts.read(words), parts.embed(patches * c_in) + parts.positions])
    for block in parts.blocks:
        tokens = block(tokens, 0.3)
    found = parts.paste(parts.last(tokens[3:], 0.3) * c_out + patches * c_skip)
    wanted = model(latents[None], torch.tensor([[0.3]]), words[None], return_dict=False)[0][0]
    assert torch.allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("bug", ["", *BUGS])
def test_a_planted_model_ignores_one_input_alone(bug):
    model = planted(bug)
    torch.manual_seed(2)
    latents, words = torch.randn(4, 2, 4, 4), torch.randn(3, 8)
    usual, last = model(latents, 0.7, words), latents.clone()
    last[:, 1] += 1
    answers = {
        "words": model(latents, 0.7, words + 1),
        "level": model(latents, 0.2, words),
        "neighbours": torch.cat([model(last, 0.7, words)[:, :1], usual[:, 1:]], dim=1),
    }
    same = {name for name, answer in answers.items() if torch.allclose(answer, usual, atol=1e-6)}
    assert same == ({bug} if bug else set())


def test_sampling_follows_the_velocity_to_the_clip():
    clip, noise = torch.randn(4, 2, 4, 4), torch.randn(4, 2, 4, 4)
    assert torch.allclose(sampled(lambda x, level: noise - clip, noise, 7), clip, atol=1e-5)
