"""Latents on disk: made once, continued after a kill, made again for other weights, and whole or refused."""

from __future__ import annotations

import json
from importlib import import_module

import numpy as np
import pytest
import torch

from tests.training.tiny_diffusion import CLIP, STILL
from x2vkit.core.vae import VideoVAE
from x2vkit.errors import X2VError
from x2vkit.training.latent_cache import LatentCache, fill_latent_cache, latent_kinds
from x2vkit.world import World


def test_a_cache_holds_what_the_world_shows(vae, tmp_path):
    cache = fill_latent_cache(tmp_path, World(3), vae, CLIP, first=5, quiet=True)
    clip = World(3).sample(5 + 7, 9, 32, 48)
    video = torch.from_numpy(clip.frames).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    np.testing.assert_allclose(
        cache.latents[7], vae.encode_video(video)[0], rtol=1e-2, atol=1e-2
    )  # kept in float16
    known = clip.truth.boxes.shape[1]
    np.testing.assert_array_equal(cache.boxes[7][:, :known], clip.truth.boxes)
    np.testing.assert_array_equal(cache.camera[7], clip.truth.camera)
    assert len(cache) == 20 and np.isnan(cache.boxes[7][:, known:]).all()
    captions = {cache.caption(7, np.random.default_rng(seed)) for seed in range(20)}
    assert len(captions) > 3 and all(clip.spec.subject in text for text in captions if "face" not in text)


def test_a_cache_is_filled_once_and_continued_after_a_kill(vae, tmp_path):
    class Counting(World):
        drawn = 0
        limit = 1_000

        def sample(self, *args, **kwargs):
            if self.drawn == self.limit:
                raise KeyboardInterrupt
            self.drawn += 1
            return super().sample(*args, **kwargs)

    World.__name__, Counting.__name__ = "World", "World"
    whole = fill_latent_cache(tmp_path / "whole", World(3), vae, CLIP, quiet=True)
    world = Counting(3)
    world.limit = 18  # in the second chunk of 16
    with pytest.raises(KeyboardInterrupt):
        fill_latent_cache(tmp_path / "broken", world, vae, CLIP, quiet=True)
    world.limit, world.drawn = 1_000, 0
    continued = fill_latent_cache(tmp_path / "broken", world, vae, CLIP, quiet=True)
    assert world.drawn == 1 + 4  # the first clip once more, to see that the world still looks the same
    for field in LatentCache.FIELDS:
        np.testing.assert_array_equal(getattr(whole, field), getattr(continued, field))
    fill_latent_cache(tmp_path / "broken", world, vae, CLIP, quiet=True)
    assert world.drawn == 1 + 4 + 1


def test_latents_of_a_world_that_looks_otherwise_are_made_again(vae, tmp_path, monkeypatch):
    before = np.array(fill_latent_cache(tmp_path, World(3), vae, STILL, quiet=True).latents)
    monkeypatch.setattr(import_module("x2vkit.world.animate"), "EDGE", 4.0)
    after = fill_latent_cache(tmp_path, World(3), vae, STILL, quiet=True)
    assert not np.array_equal(before, after.latents)


def test_latents_of_other_weights_are_made_again(vae, tmp_path):
    before = np.array(fill_latent_cache(tmp_path, World(3), vae, STILL, quiet=True).latents)
    other = VideoVAE(latent_channels=4, widths=(8, 8, 8)).eval().requires_grad_(False)
    other.linear.components.normal_()
    after = fill_latent_cache(tmp_path, World(3), other, STILL, quiet=True)
    assert not np.allclose(before, after.latents)


def test_cell_ids_name_what_fills_most_of_a_cell():
    ids = np.zeros((5, 16, 16), np.uint8)
    ids[0, :8, :8] = 1
    ids[1:4, 8:, 8:] = 2  # three of the four frames of latent frame 1
    ids[4, :8, 8:] = 2  # one of them
    assert latent_kinds(ids).tolist() == [[[1, 0], [0, 0]], [[0, 0], [0, 2]]]


def test_cut_latents_are_told_with_the_folder_to_remove(vae, tmp_path):
    fill_latent_cache(tmp_path, World(3), vae, CLIP, quiet=True)
    path = tmp_path / "latents.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(X2VError, match="cut.*remove that folder"):
        fill_latent_cache(tmp_path, World(3), vae, CLIP, quiet=True)
    path.write_bytes(whole)
    lines = (tmp_path / "clips.jsonl").read_text().splitlines()
    for broken in (lines[:-1], [*lines[:-1], '{"spec": nu']):
        (tmp_path / "clips.jsonl").write_text("\n".join(broken) + "\n")
        with pytest.raises(X2VError, match="cut.*remove that folder"):
            fill_latent_cache(tmp_path, World(3), vae, CLIP, quiet=True)


def test_some_actions_can_be_dealt_more_often(vae, tmp_path):
    cache = fill_latent_cache(tmp_path, World(3), vae, CLIP, quiet=True)
    actions = [json.loads(line)["spec"]["action"] for line in (tmp_path / "clips.jsonl").open()]
    usual, more = (
        {name: probabilities[[a == name for a in actions]].sum() for name in set(actions)}
        for probabilities in (cache.balanced(), cache.balanced({actions[0]: 3.0}))
    )
    assert len(usual) > 2 and np.ptp(list(usual.values())) < 1e-9
    others = [more[name] for name in usual if name != actions[0]]
    assert np.ptp(others) < 1e-9 and more[actions[0]] == pytest.approx(3 * others[0])
