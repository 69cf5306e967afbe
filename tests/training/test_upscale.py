"""Training the head that enlarges: what a batch shows, that it learns, and what it leaves alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from x2vkit.core.upscaler import Upscaler, bicubic
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.training.dataset import to_video
from x2vkit.training.engine import Engine
from x2vkit.training.latent_cache import fingerprint
from x2vkit.training.recipe import EngineConfig, Recipe
from x2vkit.training.upscale import UpscaleTask
from x2vkit.world import World

DATA = {
    "num_frames": 5,
    "size": 48,
    "crop": 32,
    "pool": 2,
    "fresh": 0.0,
    "validation": 1,
    "latent_noise": 0.0,
}


def task(vae: VideoVAE, steps: int = 6, **data) -> UpscaleTask:
    engine = EngineConfig(
        steps=steps,
        batch=2,
        warmup=2,
        ema=0.5,
        log_every=1,
        eval_every=steps,
        sample_grid_every=steps,
        save_every=3,
        muon_lr=5e-3,
    )
    model = {"widths": [16, 16, 8, 8], "depths": [1, 1, 1]}
    return UpscaleTask(Recipe("upscale", engine, seed=3, model=model, data=DATA | data), vae)


@pytest.fixture(scope="module")
def vae() -> VideoVAE:
    """Untrained but for its linear code."""
    torch.manual_seed(0)
    made = VideoVAE(latent_channels=8, widths=(16, 16, 8), decoder_depths=(1, 1, 1)).eval()
    made.linear.fit(to_video(np.stack([World(1).sample(i, 5, 48, 48).frames for i in range(4)])))
    return made


def test_the_world_draws_the_same_scene_at_both_sizes():
    small, large = (World(3).sample(5, 5, side, side) for side in (48, 96))
    np.testing.assert_array_equal(small.truth.boxes, large.truth.boxes)
    shrunk = large.frames.reshape(5, 48, 2, 48, 2, 3).mean(axis=(2, 4))
    assert np.abs(shrunk - small.frames).mean() < 2.5


def test_a_crop_shows_one_place_of_features_linear_clip_and_truth(vae):
    made = task(vae)
    clip = made._prepared(World(3), 0, 0.0)
    crop = clip.cut(1, 2, 3)
    whole = clip.whole()
    torch.testing.assert_close(crop["features"], whole["features"][..., 1:4, 2:5])
    torch.testing.assert_close(crop["linear"], whole["linear"][..., 8:32, 16:40])
    torch.testing.assert_close(crop["target"], whole["target"][..., 16:64, 32:80])
    torch.testing.assert_close(crop["subject"], whole["subject"][..., 16:64, 32:80])
    truth = World(3).sample(0, 5, 96, 96)
    torch.testing.assert_close(whole["target"], to_video(truth.frames[None])[0])
    np.testing.assert_array_equal(whole["subject"][0].numpy() > 0, np.isin(truth.ids, (1, 2)))


def test_a_batch_depends_on_seed_and_step_alone(vae):
    first, second = task(vae), task(vae)
    second.batch(4)
    for key, value in first.batch(2).items():
        assert torch.equal(value, second.batch(2)[key])
        halves = [second.batch(2, rank, 2)[key] for rank in (0, 1)]
        assert torch.equal(torch.cat(halves), value)


def test_it_learns_to_draw_more_than_bicubic_interpolation_and_leaves_the_autoencoder(tmp_path, vae):
    before = fingerprint(vae)
    made = task(vae, steps=30, pool=1, crop=48)  # one clip, whole: it can be learned by heart
    engine = Engine(made, tmp_path / "run", quiet=True)
    engine.run()
    rows = [json.loads(line) for line in engine.log.read_text().splitlines()]
    assert abs(rows[0]["gain"]) < 0.01  # untrained it is bicubic interpolation
    losses = [row["loss"] for row in rows if "loss" in row]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    assert fingerprint(vae) == before
    engine.export()
    folder = tmp_path / "run" / "upscaler"
    assert json.loads((folder / "training.json").read_text())["recipe"]["task"] == "upscale"
    exported = Upscaler.from_pretrained(folder, dtype=torch.float32)
    batch = {key: value[None] for key, value in made._validation_clips()[0][0].whole().items()}
    with torch.no_grad():
        drawn = exported(batch["features"].flatten(0, 1), batch["linear"])
        kept = engine.averaged().upscaler(batch["features"].flatten(0, 1), batch["linear"])
    torch.testing.assert_close(drawn, kept, atol=0.02, rtol=0)  # 16 bits
    assert not torch.allclose(drawn, bicubic(batch["linear"]), atol=0.02)


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path, vae):
    whole = Engine(task(vae), tmp_path / "whole", quiet=True)
    whole.run()
    part = Engine(task(vae), tmp_path / "part", quiet=True)
    part.on_step = _stop_at_4
    with pytest.raises(KeyboardInterrupt):
        part.run()
    again = Engine(task(vae), tmp_path / "part", resume=True, quiet=True)
    again.run()
    for name, value in whole.average.weights.items():
        assert torch.equal(value, again.average.weights[name]), name


def _stop_at_4(step: int) -> None:
    if step == 4:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("data", "told"),
    [({"crop": 96}, "crops lie inside"), ({"size": 50}, "multiple of 8"), ({"pool": 0}, "pool is 1 to")],
)
def test_a_recipe_that_cannot_be_is_refused(vae, data, told):
    with pytest.raises(X2VError, match=told):
        task(vae, **data)
