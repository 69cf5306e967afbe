"""Training the autoencoder: what a batch shows, what is learned, what stays as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.training import vae
from x2vkit.training.engine import Engine
from x2vkit.training.init_weights import init_weights
from x2vkit.training.latent_cache import fingerprint
from x2vkit.training.recipe import EngineConfig, Recipe
from x2vkit.training.vae import VAETask
from x2vkit.world import Clip, World

MODEL = {
    "latent_channels": 8,
    "widths": [16, 16, 8],
    "encoder_depths": [1, 1],
    "decoder_depths": [1, 1, 1],
    "latent_noise": 0.02,
}
DATA = {
    "num_frames": 5,
    "size": 64,
    "crop": 32,
    "final_crop": 48,
    "pool": 6,
    "fresh": 0.5,
    "final_part": 0.25,
}


class SmallWorld:
    """Six clips, drawn once."""

    def __init__(self):
        self.clips: dict[int, Clip] = {}

    def sample(self, index, *shape, held_out=False) -> Clip:
        index %= 6
        if index not in self.clips:
            self.clips[index] = World(1).sample(index, *shape)
        return self.clips[index]


@pytest.fixture(scope="module")
def world() -> SmallWorld:
    return SmallWorld()


@pytest.fixture(autouse=True)
def no_clip_twice(monkeypatch):
    """There are six clips: what is measured on many of the world's is measured on these."""
    for name in ("LINEAR_CLIPS", "STATISTICS_CLIPS", "VALIDATION_CLIPS"):
        monkeypatch.setattr(vae, name, 6)


def recipe(**data) -> Recipe:
    engine = EngineConfig(
        steps=8, batch=4, warmup=2, ema=0.5, log_every=1, eval_every=8, sample_grid_every=8, save_every=4
    )
    return Recipe("vae", engine, seed=3, model=MODEL, data=DATA | data)


def test_a_batch_is_a_function_of_the_step_alone(world):
    one, other = VAETask(recipe(), world), VAETask(recipe(), world)
    one.batch(0)
    for step in (5, 2, 7):
        left, right = one.batch(step), other.batch(step)
        assert all(torch.equal(left[key], right[key]) for key in left)


def test_the_last_part_has_larger_crops_and_as_many_pixels(world):
    task = VAETask(recipe(), world)
    early, late = task.batch(5)["video"], task.batch(6)["video"]
    assert early.shape == (4, 3, 5, 32, 32) and late.shape == (2, 3, 5, 48, 48)


def test_crops_are_placed_over_subjects_and_their_mask_fits(world):
    often, never = (VAETask(recipe(subject_crops=share), world) for share in (1.0, 0.0))
    seen = [sum(task.batch(step)["subject"].mean() for step in range(6)) for task in (often, never)]
    assert seen[0] > seen[1]
    video, subject = often.batch(1).values()
    assert subject.shape == (4, 1, *video.shape[2:]) and set(subject.unique().tolist()) <= {0.0, 1.0}


def test_processes_share_a_batch(world):
    task = VAETask(recipe(), world)
    whole = task.batch(1)["video"]
    halves = [task.batch(1, rank, 2)["video"] for rank in (0, 1)]
    assert torch.equal(torch.stack(halves, 1).flatten(0, 1), whole)


def test_it_starts_at_the_linear_code_and_gets_better(world, tmp_path):
    """Before the first step the network adds nothing: the error is that of the best linear code."""
    plain = recipe(subject_weight=0.0, subject_crops=0.0)
    plain = replace(plain, model=MODEL | {"latent_noise": 0.0})
    plain = plain.with_engine(steps=90, eval_every=90, sample_grid_every=0, save_every=90)
    plain = plain.with_engine(muon_lr=0.01, adam_lr=0.01)
    task = VAETask(plain, world)
    with torch.inference_mode():
        before = task.evaluate(task.build().eval())["psnr_validation"]
    after = Engine(task, tmp_path, quiet=True).run()["psnr_validation"]
    assert before > 15 and after > before + 0.2


def test_a_run_writes_a_normalised_autoencoder(world, tmp_path):
    engine = Engine(VAETask(recipe(), world), tmp_path, quiet=True)
    engine.run()
    engine.export()
    assert (tmp_path / "samples" / "step-00000008.png").exists()
    vae = VideoVAE.from_pretrained(tmp_path / "vae")
    frames = np.stack([world.sample(i, 5, 64, 64).frames for i in range(6)])
    video = torch.from_numpy(frames).permute(0, 4, 1, 2, 3).float() / 127.5 - 1
    with torch.inference_mode():
        latents = vae.encode_video(video)
        rough, fine = vae.preview(latents), vae.decode_latents(latents)
    torch.testing.assert_close(latents.mean((0, 2, 3, 4)), torch.zeros(8), atol=0.1, rtol=0)
    torch.testing.assert_close(
        latents.std((0, 2, 3, 4)) / vae.latents_target_std, torch.ones(8), atol=0.1, rtol=0
    )
    errors = [(made - video).square().mean() for made in (rough, fine)]
    assert max(errors) < 0.15 * video.var()


def test_a_larger_decoder_starts_as_the_trained_one_and_leaves_the_latents(world, tmp_path):
    first = Engine(VAETask(recipe(), world), tmp_path / "first", quiet=True)
    first.run()
    first.export()
    trained = VideoVAE.from_pretrained(tmp_path / "first" / "vae")
    more = replace(
        recipe(init_from=str(tmp_path / "first" / "vae"), decoder_only=True),
        model=MODEL | {"decoder_depths": [1, 2, 3]},
    )
    clip = torch.rand(1, 3, 5, 32, 32) * 2 - 1
    task = VAETask(more, world)
    with torch.inference_mode():
        torch.testing.assert_close(task.build().vae(clip).sample, trained(clip).sample, rtol=1e-4, atol=1e-4)
    second = Engine(task, tmp_path / "second", quiet=True)
    second.run()
    second.export()
    after = VideoVAE.from_pretrained(tmp_path / "second" / "vae")
    with torch.inference_mode():
        assert torch.equal(after.encode_video(clip), trained.encode_video(clip))
        assert not torch.equal(after(clip).sample, trained(clip).sample)
    assert fingerprint(after) == fingerprint(trained)  # so cached latents still count


def test_going_on_from_another_autoencoder_is_refused(tmp_path):
    VideoVAE(**MODEL).save_pretrained(tmp_path)
    with pytest.raises(X2VError, match="cannot hold it"):
        init_weights(VideoVAE(**MODEL | {"widths": [24, 16, 8]}), tmp_path)
    with pytest.raises(X2VError, match="cannot hold it"):
        init_weights(VideoVAE(**MODEL | {"encoder_depths": [2, 1]}), tmp_path)
    with pytest.raises(X2VError, match="no trained weights"):
        init_weights(VideoVAE(**MODEL), tmp_path / "nothing")


def test_a_dataset_without_truth_trains_too(world):
    class Bare(SmallWorld):
        def sample(self, index, *shape, held_out=False):
            return replace(super().sample(index, *shape), ids=None, truth=None, spec=None)

    batch = VAETask(recipe(), Bare()).batch(0)
    assert not batch["subject"].any() and batch["video"].shape == (4, 3, 5, 32, 32)
