"""Going on from trained weights: nothing changes but what is new, and what does not fit is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from tests.training.tiny_diffusion import recipe, task
from x2vkit.config import ModelConfig
from x2vkit.core.planner import Planner
from x2vkit.core.text import TextEncoder
from x2vkit.core.transformer import VideoTransformer
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.judge.frame import FrameModel
from x2vkit.judge.motion import MotionModel
from x2vkit.registry import WEIGHTS
from x2vkit.training.diffusion.task import DiffusionTask
from x2vkit.training.engine import Engine
from x2vkit.training.init_weights import init_weights, load_component


def test_training_goes_on_from_a_smaller_model(vae, folder, tmp_path):
    """Convolutions join a trained transformer without changing its answer; another size is refused."""
    first = Engine(task(vae, folder), tmp_path / "first", quiet=True)
    first.run()
    first.export()
    more = recipe(init_from=str(tmp_path / "first" / "pipeline"))
    larger = DiffusionTask(replace(more, model=more.model | {"conv_width": 8}), folder, vae, quiet=True)
    with torch.inference_mode():
        before = larger.evaluate(first.averaged())
        after = larger.evaluate(larger.build())
    assert after == pytest.approx(before, rel=2e-2)  # the export is bf16
    wider = replace(more, model=more.model | {"width": 64})
    with pytest.raises(X2VError, match="init_from"):
        DiffusionTask(wider, folder, vae, quiet=True).build()
    missing = recipe(init_from=str(tmp_path / "nowhere"))
    with pytest.raises(X2VError, match="nowhere"):
        DiffusionTask(missing, folder, vae, quiet=True).build()


def text_encoder(words, max_words=6):
    torch.manual_seed(len(words))
    return TextEncoder(words, {}, width=16, depth=1, max_words=max_words)


def test_new_words_are_appended_and_old_ones_keep_their_rows_wherever_they_stand(tmp_path):
    old = text_encoder(["cat", "red", "dog"])
    old.save_pretrained(tmp_path)
    new = text_encoder(["blue", "dog", "zebra", "cat", "red"], max_words=9)
    fresh = new.token_embed.weight.detach().clone()
    init_weights(new, tmp_path)
    for prompt in ("a red dog", "cat", "dog cat red"):
        with torch.no_grad():
            before, after = (part(part.batch([prompt])[0]) for part in (old, new))
        torch.testing.assert_close(after, before)
    row = new.id_of["zebra"]
    assert torch.equal(new.token_embed.weight[row], fresh[row])  # as an untrained model has it
    assert not torch.equal(new.pos_embed[7], torch.zeros(16))


@pytest.mark.parametrize("patch", [(1, 2, 2), (2, 2, 2)])
def test_new_channels_start_at_zero_so_that_old_inputs_get_the_old_answer(tmp_path, patch):
    config = ModelConfig(
        latent_channels=4, patch=patch, width=32, depth=2, heads=2, text_width=16, text_depth=1,
        control_channels=10, camera_channels=4, conv_width=8,
    )  # fmt: skip
    torch.manual_seed(0)
    old = VideoTransformer.from_model_config(config)
    for value in old.parameters():
        torch.nn.init.normal_(value, std=0.1)
    old.save_pretrained(tmp_path)
    new = VideoTransformer.from_model_config(replace(config, control_channels=13, camera_channels=6, depth=3))
    init_weights(new, tmp_path)
    latents, t, text = torch.randn(2, 4, 4, 4, 4), torch.rand(2, 1), torch.randn(2, 5, 16)
    control, camera = torch.randn(2, 10, 4, 4, 4), torch.randn(2, 4, 4)
    wide = torch.cat([control, torch.zeros(2, 3, 4, 4, 4)], 1), torch.cat([camera, torch.zeros(2, 4, 2)], 2)
    with torch.no_grad():
        before = old(latents, t, text, None, control, camera)
        torch.testing.assert_close(new(latents, t, text, None, *wide), before, rtol=1e-4, atol=1e-5)
        moved = new(latents, t, text, None, torch.cat([control, torch.randn(2, 3, 4, 4, 4)], 1), wide[1])
        torch.testing.assert_close(moved, before, rtol=1e-4, atol=1e-5)  # it has not learned them yet


def test_what_does_not_fit_is_refused_in_one_wording(tmp_path):
    text_encoder(["cat"]).save_pretrained(tmp_path)
    wider = TextEncoder(["cat"], {}, width=32, depth=1, max_words=6)
    with pytest.raises(X2VError, match="init_from .*cannot hold it: .* is .* there and .* here"):
        init_weights(wider, tmp_path)
    with pytest.raises(X2VError, match="cannot hold it: it has no blocks"):
        init_weights(TextEncoder(["cat"], {}, width=16, depth=0, max_words=6), tmp_path)
    with pytest.raises(X2VError, match="cannot hold it: blocks.* is not there"):
        init_weights(TextEncoder(["cat"], {}, width=16, depth=2, max_words=6), tmp_path)
    with pytest.raises(X2VError, match="cannot hold it: pos_embed is"):
        init_weights(text_encoder(["cat"], max_words=3), tmp_path)
    with pytest.raises(X2VError, match="no trained weights in this folder"):
        init_weights(wider, tmp_path / "nowhere")
    with pytest.raises(X2VError, match="no trained weights in this folder"):
        load_component(VideoVAE, tmp_path / "nowhere")
    (tmp_path / "diffusion_pytorch_model.safetensors").write_bytes(b"cut")
    with pytest.raises(X2VError, match="no trained weights in this folder"):
        init_weights(wider, tmp_path)


def test_weights_of_another_format_are_refused(tmp_path):
    part = text_encoder(["cat"])
    part.save_pretrained(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"format_version": 1', '"format_version": 99'))
    with pytest.raises(X2VError, match="format"):
        init_weights(part, tmp_path)


PARTS = {
    "small/vae": VideoVAE,
    "small/planner": Planner,
    "small/transformer": VideoTransformer,
    "small/text_encoder": TextEncoder,
    "judge/frame": FrameModel,
    "judge/motion": MotionModel,
}


@pytest.mark.parametrize("folder", PARTS)
def test_every_component_checks_its_format(folder):
    config = json.loads((WEIGHTS / folder / "config.json").read_text())
    assert PARTS[folder].from_config(config) is not None
    with pytest.raises(X2VError, match="format 99"):
        PARTS[folder].from_config(config | {"format_version": 99})
